//! Failures as the API tells them: `application/problem+json` (RFC 9457) with a stable `code`.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;

/// A failure a client can act on. `code` never changes its meaning; `title` and `detail` are for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    retry_after: Option<u32>,
    allow: Option<&'static str>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, title, detail: detail.into(), retry_after: None, allow: None }
    }

    /// Tells the client when to come again, in seconds.
    pub(super) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    pub(super) fn bad_request(code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, title, detail)
    }

    pub(super) fn not_found(code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, title, detail)
    }

    pub(super) fn no_route(path: &str) -> Self {
        let shown: String = path.chars().take(80).collect();
        Self::not_found("no-such-route", "There is no such route", format!("{shown} is not part of this API"))
    }

    pub(super) fn wrong_method(method: &str, allow: &'static str) -> Self {
        let detail = format!("this route answers {allow}, not {method}");
        let mut problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", "Wrong method", detail);
        problem.allow = Some(allow);
        problem
    }

    pub(super) fn no_session(id: impl fmt::Display) -> Self {
        Self::not_found("no-such-session", "There is no such conversation", format!("no session has the id {id}"))
    }

    pub(super) fn no_character(index: impl fmt::Display) -> Self {
        Self::not_found(
            "no-such-character",
            "There is no such character",
            format!("no character has the index {index}"),
        )
    }

    pub(super) fn busy(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Too many people are talking right now", detail)
            .retry_after(5)
    }

    /// For what is nobody's fault outside. The reason goes to the log, not to the client.
    pub(super) fn internal(reason: impl fmt::Display) -> Self {
        tracing::error!(%reason, "a request failed inside");
        let detail = "the server's log says why; what was stored before is kept";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something failed inside Kindred", detail)
    }

    #[cfg(test)]
    pub(super) fn code(&self) -> &'static str {
        self.code
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.code, self.title, self.status.as_u16())
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some(seconds) = self.retry_after {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        if let Some(methods) = self.allow {
            response.insert_header((ALLOW, methods));
        }
        let body = json!({
            "type": format!("urn:kindred:problem:{}", self.code),
            "title": self.title,
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        response.content_type("application/problem+json").body(body.to_string())
    }
}
