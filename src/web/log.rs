//! One log line a request: id, method, path template, status, milliseconds. Never what was said, never a session's id.

use std::io::IsTerminal as _;
use std::time::Instant;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use tracing_subscriber::EnvFilter;
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Starts logging to standard error: readable on a terminal, JSON otherwise. `KINDRED_LOG` sets what is shown.
pub fn start() {
    let filter = EnvFilter::try_from_env("KINDRED_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,actix_server=warn,actix_http=warn,sqlx=warn"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in the same process (tests) keeps the first.
    let _ = if std::io::stderr().is_terminal() {
        log.with_target(false).try_init()
    } else {
        log.json().flatten_event(true).with_current_span(false).try_init()
    };
}

/// Writes the line, and gives the request's id back as `x-request-id`.
pub(super) async fn requests(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let began = Instant::now();
    let id = Uuid::now_v7();
    let method = request.method().clone();
    let answered = next.call(request).await;
    let (status, template) = match &answered {
        Ok(response) => (response.status(), response.request().match_pattern()),
        Err(error) => (error.as_response_error().status_code(), None),
    };
    // The template, not the path: a path holds a session's id.
    let path = template.as_deref().unwrap_or("(other)");
    let ms = began.elapsed().as_secs_f64() * 1e3;
    let ms = (ms * 10.0).round() / 10.0;
    if status.is_server_error() {
        tracing::warn!(request = %id, %method, path, status = status.as_u16(), ms, "request");
    } else if path.starts_with("/api") && !path.ends_with("/health") && !path.ends_with("/ready") {
        tracing::info!(request = %id, %method, path, status = status.as_u16(), ms, "request");
    } else {
        tracing::debug!(request = %id, %method, path, status = status.as_u16(), ms, "request");
    }
    let mut response = answered?;
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    Ok(response)
}
