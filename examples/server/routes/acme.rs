//! As much of ACME as a client needs to revoke.

use super::{LONGEST_BODY, Shared, to_http};
use crate::{
    jws::{Problem, Signer, Verified},
    office::Office,
};
use annul::api::AcmeSigner;
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, State},
    http::{HeaderValue, Response, StatusCode, header},
    response::IntoResponse,
    routing::{get, post},
};
use serde_json::json;
use std::{sync::Arc, time::Instant};

pub fn of() -> Router<Arc<Office>> {
    Router::new()
        .route("/directory", get(directory))
        .route("/new-nonce", get(new_nonce))
        .route("/new-account", post(new_account))
        .route("/revoke-cert", post(revoke_cert))
        .layer(DefaultBodyLimit::max(2 * LONGEST_BODY))
}

async fn directory(State(office): Shared) -> impl IntoResponse {
    Json(office.jws.directory())
}

async fn new_nonce(State(office): Shared) -> Response<Body> {
    with_nonce(&office, StatusCode::NO_CONTENT.into_response())
}

async fn new_account(State(office): Shared, body: Bytes) -> Response<Body> {
    let made = office.jws.verify("new-account", &body);
    let response = match made.and_then(|verified| office.jws.account(&verified.signer)) {
        Ok((url, is_new)) => {
            let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
            let location = [(header::LOCATION, url)];
            (status, location, Json(json!({ "status": "valid" }))).into_response()
        }
        Err(problem) => problem.into_response(),
    };
    with_nonce(&office, response)
}

async fn revoke_cert(State(office): Shared, body: Bytes) -> Response<Body> {
    let Verified { signer, payload } = match office.jws.verify("revoke-cert", &body) {
        Ok(verified) => verified,
        Err(problem) => return with_nonce(&office, problem.into_response()),
    };
    let signer = match signer {
        // This front has no orders, and so no account that is authorized for a name.
        Signer::Account(account) => AcmeSigner::Account { account, authorized: Vec::new() },
        Signer::Key { public_key, .. } => AcmeSigner::CertificateKey { public_key },
    };
    let behind = Arc::clone(&office);
    let answered = tokio::task::spawn_blocking(move || {
        behind.counted(behind.acme.revoke(&signer, &payload, Instant::now()))
    });
    let response = match answered.await {
        Ok(response) => to_http(response),
        // Never without a body: some clients take that for success, whatever the status.
        Err(_) => FAILED.into_response(),
    };
    with_nonce(&office, response)
}

const FAILED: Problem = Problem {
    status: 500,
    kind: "serverInternal",
    detail: "the request has failed; it may be sent again",
};

/// RFC 8555 §6.5: a nonce with every answer.
fn with_nonce(office: &Office, mut response: Response<Body>) -> Response<Body> {
    let nonce = HeaderValue::from_str(&office.jws.nonce());
    response.headers_mut().extend(nonce.map(|nonce| (NONCE, nonce)));
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, no_store);
    response
}

const NONCE: header::HeaderName = header::HeaderName::from_static("replay-nonce");

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let kind = format!("urn:ietf:params:acme:error:{}", self.kind);
        let body = json!({ "type": kind, "detail": self.detail, "status": self.status });
        let content_type = [(header::CONTENT_TYPE, "application/problem+json")];
        (status, content_type, body.to_string()).into_response()
    }
}
