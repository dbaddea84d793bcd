//! As much of ACME as a client needs to revoke.

use super::{LONGEST_BODY, Shared, to_http};
use crate::{
    jws::{BAD_ALGORITHM, Problem, Signer, Verified, malformed},
    key::ALGORITHMS,
    office::Office,
};
use annul::api::AcmeSigner;
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderValue, Response, StatusCode, header},
    response::IntoResponse,
    routing::{get, post},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Instant};

pub fn of() -> Router<Arc<Office>> {
    Router::new()
        .route("/directory", get(directory))
        // RFC 8555 §7.2: with 200 for HEAD, and 204 for GET.
        .route("/new-nonce", get(new_nonce).head(new_nonce_of_head))
        .route("/new-account", post(new_account))
        .route("/account/{thumbprint}", post(account))
        .route("/revoke-cert", post(revoke_cert))
        .fallback(
            |State(office): Shared| async move { with_nonce(&office, NOWHERE.into_response()) },
        )
        .method_not_allowed_fallback(|State(office): Shared| async move {
            with_nonce(&office, ANOTHER_METHOD.into_response())
        })
        .layer(DefaultBodyLimit::max(2 * LONGEST_BODY))
}

async fn directory(State(office): Shared) -> impl IntoResponse {
    Json(office.jws.directory())
}

async fn new_nonce(State(office): Shared) -> Response<Body> {
    with_nonce(&office, StatusCode::NO_CONTENT.into_response())
}

async fn new_nonce_of_head(State(office): Shared) -> Response<Body> {
    with_nonce(&office, StatusCode::OK.into_response())
}

async fn new_account(State(office): Shared, body: Bytes) -> Response<Body> {
    let made = office.jws.verify("new-account", &body);
    let response = match made.and_then(|verified| office.jws.account(verified)) {
        Ok((url, is_new)) => {
            let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
            (status, [(header::LOCATION, url)], Json(valid())).into_response()
        }
        Err(problem) => problem.into_response(),
    };
    with_nonce(&office, response)
}

/// RFC 8555 §7.3.2 and §7.3.3: an account as its own client asks for it, or what that client would have
/// changed. There is nothing that it could change.
async fn account(State(office): Shared, Path(asked): Path<String>, body: Bytes) -> Response<Body> {
    let response = match office.jws.verify(&format!("account/{asked}"), &body) {
        Ok(Verified { signer: Signer::Account { thumbprint, .. }, payload })
            if thumbprint == asked =>
        {
            if payload.is_empty() || is_without_status(&payload) {
                Json(valid()).into_response()
            } else {
                malformed("accounts are neither changed nor deactivated").into_response()
            }
        }
        Ok(_) => ANOTHERS_ACCOUNT.into_response(),
        Err(problem) => problem.into_response(),
    };
    with_nonce(&office, response)
}

/// RFC 8555 §7.1.2: no account is ever in another state.
fn valid() -> Value {
    json!({ "status": "valid" })
}

fn is_without_status(payload: &[u8]) -> bool {
    matches!(serde_json::from_slice(payload), Ok(Value::Object(it)) if !it.contains_key("status"))
}

async fn revoke_cert(State(office): Shared, body: Bytes) -> Response<Body> {
    let Verified { signer, payload } = match office.jws.verify("revoke-cert", &body) {
        Ok(verified) => verified,
        Err(problem) => return with_nonce(&office, problem.into_response()),
    };
    let signer = match signer {
        // This front has no orders, and so no account that is authorized for a name.
        Signer::Account { name, .. } => {
            AcmeSigner::Account { account: name, authorized: Vec::new() }
        }
        Signer::Key(key) => match key.to_der() {
            Some(public_key) => AcmeSigner::CertificateKey { public_key },
            None => return with_nonce(&office, FAILED.into_response()),
        },
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

const NOWHERE: Problem =
    Problem { status: 404, kind: "malformed", detail: "there is no such resource" };

/// RFC 8555 §6.3: all but the directory and nonces is had by POST.
const ANOTHER_METHOD: Problem =
    Problem { status: 405, kind: "malformed", detail: "the resource is had by another method" };

const ANOTHERS_ACCOUNT: Problem =
    Problem { status: 403, kind: "unauthorized", detail: "the account is another one's" };

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
        let mut body = json!({ "type": kind, "detail": self.detail, "status": self.status });
        if self.kind == BAD_ALGORITHM {
            body["algorithms"] = json!(ALGORITHMS);
        }
        let content_type = [(header::CONTENT_TYPE, "application/problem+json")];
        (status, content_type, body.to_string()).into_response()
    }
}
