//! What is served: the APIs at `/`, CRLs, and what operators look at.

mod acme;

use crate::office::Office;
use annul::{
    CertificateList, IssuerId, Retry,
    api::{ApiRequest, ApiResponse},
};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Path, Request, State},
    http::{HeaderValue, Response, StatusCode, header},
    response::IntoResponse,
    routing::{get, post},
};
use std::{
    sync::{Arc, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

pub type Shared = State<Arc<Office>>;

pub fn of(office: Arc<Office>) -> Router {
    let waking = Arc::clone(&office);
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(200));
        loop {
            ticks.tick().await;
            waking.wake();
        }
    });
    Router::new()
        .route("/", get(api).post(api))
        .route("/crl/{name}", get(crl))
        .nest("/acme", acme::of())
        .route("/healthz", get(healthz))
        .route("/metrics", get(metrics))
        .route("/confirm/{certificate}/{token}", post(confirm))
        .route("/demo/outbox", get(outbox))
        .route("/demo/trouble/{kind}", post(trouble))
        .with_state(office)
}

/// The longest body that any API reads.
const LONGEST_BODY: usize = 64 * 1024;

/// One place for two APIs, as their clients want it: those of AWS say so in a header.
async fn api(State(office): Shared, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LONGEST_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    // The record blocks: a thread that may wait for the disk answers.
    let answered = tokio::task::spawn_blocking(move || {
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let mut headers: Vec<(&str, &[u8])> =
            parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        // Over HTTP/2 it is `:authority` (RFC 9113 §8.3.1), and signed as `host` all the same.
        if let (false, Some(authority)) =
            (parts.headers.contains_key(header::HOST), parts.uri.authority())
        {
            headers.push(("host", authority.as_str().as_bytes()));
        }
        let request =
            ApiRequest { method: parts.method.as_str(), target, headers: &headers, body: &body };
        let now = Instant::now();
        office.counted(match request.header("x-amz-target") {
            Some(_) => office.aws.handle(&request, now),
            None => office.alibaba.handle(&request, now),
        })
    });
    match answered.await {
        Ok(response) => to_http(response),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn to_http(ApiResponse { status, headers, body }: ApiResponse) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// A CRL, to be kept by caches until the next one is due (RFC 5019 §6 of OCSP says it of answers: no
/// longer than nextUpdate).
async fn crl(State(office): Shared, Path(name): Path<String>) -> Response<Body> {
    let issuer = name.strip_suffix(".crl").and_then(|name| {
        office.issuers.get(name).copied().or_else(|| name.parse::<IssuerId>().ok())
    });
    let Some(issuer) = issuer else { return StatusCode::NOT_FOUND.into_response() };
    let read = Arc::clone(&office);
    let read = tokio::task::spawn_blocking(move || read.crl(issuer)).await;
    let der = match read {
        Ok(Ok(Some(der))) => der,
        Ok(Ok(None)) => return StatusCode::NOT_FOUND.into_response(),
        _ => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    let (tag, until) = match CertificateList::from_der(&der) {
        Ok(crl) => (crl.number().map(|it| it.to_string()), crl.next_update()),
        Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    // A minute at most: who looks after a revocation is to find it.
    let left = until.map_or(0, |until| until.unix() - office.now().unix()).clamp(0, 60);
    let mut response = der.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/pkix-crl"));
    let cache = format!("max-age={left},public,no-transform,must-revalidate");
    headers.extend(HeaderValue::from_str(&cache).map(|it| (header::CACHE_CONTROL, it)));
    let tag = format!("\"{}\"", tag.unwrap_or_default());
    headers.extend(HeaderValue::from_str(&tag).map(|it| (header::ETAG, it)));
    response
}

async fn healthz(State(office): Shared) -> StatusCode {
    let read = tokio::task::spawn_blocking(move || office.authority.issuers().is_ok()).await;
    if matches!(read, Ok(true)) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn metrics(State(office): Shared) -> impl IntoResponse {
    let counts = &office.counts;
    let of = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
    let text = format!(
        "# TYPE annul_requests_total counter\nannul_requests_total {}\n\
         # TYPE annul_requests_refused_total counter\nannul_requests_refused_total {}\n\
         # TYPE annul_crls_released_total counter\nannul_crls_released_total {}\n\
         # TYPE annul_crl_failures_total counter\nannul_crl_failures_total {}\n",
        of(&counts.requests),
        of(&counts.refused),
        of(&counts.crls),
        of(&counts.failures),
    );
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

async fn trouble(State(office): Shared, Path(kind): Path<String>) -> StatusCode {
    match &office.trouble {
        Some(trouble) if trouble.set(&kind) => StatusCode::NO_CONTENT,
        _ => StatusCode::NOT_FOUND,
    }
}

/// Where a contact ends up who follows the link in the mail, and presses the button there.
async fn confirm(
    State(office): Shared,
    Path((certificate, token)): Path<(String, String)>,
) -> StatusCode {
    let (Ok(certificate), Ok(token)) = (certificate.parse(), token.parse()) else {
        return StatusCode::NOT_FOUND;
    };
    let confirmed = tokio::task::spawn_blocking(move || {
        let confirmed = office.service.confirm(certificate, &token, Instant::now());
        office.stir();
        confirmed
    });
    match confirmed.await {
        Ok(Ok(_)) => StatusCode::NO_CONTENT,
        Ok(Err(error)) if error.retry() == Retry::Never => StatusCode::FORBIDDEN,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// What the demo would have mailed.
async fn outbox(State(office): Shared) -> Response<Body> {
    if office.trouble.is_none() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let outbox = office.outbox.lock().unwrap_or_else(PoisonError::into_inner);
    let mails = outbox.iter().map(|(certificate, token)| {
        serde_json::json!({ "certificate": certificate.to_string(), "token": token })
    });
    axum::Json(mails.collect::<Vec<_>>()).into_response()
}
