//! Failures as the API tells them: `application/problem+json` (RFC 9457) with a stable `code`.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde_json::{Value, json};

/// A failure a client can act on. `code` never changes its meaning; `title` and `detail` are for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    headers: Vec<(HeaderName, String)>,
    /// Members beside the standard ones: what a client may want to show or reckon with.
    members: Vec<(&'static str, Value)>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, title, detail: detail.into(), headers: Vec::new(), members: Vec::new() }
    }

    /// Tells the client when to come again, in seconds.
    pub(super) fn retry_after(self, seconds: u32) -> Self {
        self.header(RETRY_AFTER, seconds.to_string())
    }

    /// Adds a member to the body, beside those that every problem has.
    pub(super) fn with(mut self, member: &'static str, value: impl Into<Value>) -> Self {
        self.members.push((member, value.into()));
        self
    }

    fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
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

    pub(super) fn wrong_method(method: &str, allow: &str) -> Self {
        let shown: String = method.chars().take(20).collect();
        let detail = format!("this route answers {allow}, not {shown}");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", "Wrong method", detail).header(ALLOW, allow)
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

    /// The bucket of a limit is empty: `most` of what is `counted` may come.
    pub(super) fn too_many_requests(most: u32, counted: &str, wait: u32) -> Self {
        let detail = format!("at most {most} {counted} are taken; come again in {wait} seconds");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "That was too much at once", detail)
            .retry_after(wait)
    }

    /// Somebody holds all the event streams that one session may have.
    pub(super) fn too_many_streams(whose: &str, most: usize) -> Self {
        let detail = format!("{whose} followed by {most} event streams, which is the limit; close one");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-streams", "This conversation is open too often", detail)
            .retry_after(2)
    }

    /// So many long answers are on their way to one client.
    pub(super) fn too_many_reads(most: usize) -> Self {
        let detail = format!("{most} long answers are on their way to you, which is the limit; take one of them first");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "That was too much at once", detail)
            .retry_after(2)
    }

    /// Needs a visitor, and the request shows none that is known.
    pub(super) fn no_visitor() -> Self {
        let detail = "expected the cookie that POST /api/visitor sets; ask for one, and send it along";
        Self::new(StatusCode::UNAUTHORIZED, "no-visitor", "You are not known here", detail)
    }

    /// The key of a request is none.
    pub(super) fn invalid_key() -> Self {
        let detail = "the header Idempotency-Key may hold 1 to 64 printable ASCII characters without spaces";
        Self::bad_request("invalid-key", "The key of the request cannot be understood", detail)
    }

    /// The disk is full.
    pub(super) fn disk_full() -> Self {
        let detail = "the server's disk is full: nothing new can be kept, what was kept can be read";
        Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk-full", "Nothing more can be kept", detail)
    }

    /// Needs the operator's key, and got none.
    pub(super) fn no_key(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "no-key", "This is for whoever runs this server", detail)
            .header(WWW_AUTHENTICATE, "Bearer realm=\"kindred\"")
    }

    /// Got another key than the operator's.
    pub(super) fn wrong_key() -> Self {
        let detail = "the key in the header Authorization is not the one this server was started with";
        Self::new(StatusCode::FORBIDDEN, "wrong-key", "Not the operator's key", detail)
    }

    /// Another page's script sent this.
    pub(super) fn wrong_origin(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "wrong-origin", "Sent by another page", detail)
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

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        for (name, value) in &self.headers {
            response.insert_header((name.clone(), value.as_str()));
        }
        let mut body = json!({
            "type": format!("urn:kindred:problem:{}", self.code),
            "title": self.title,
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        for (member, value) in &self.members {
            body[*member] = value.clone();
        }
        response.content_type("application/problem+json").body(body.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::to_bytes;

    #[actix_web::test]
    async fn a_problem_tells_its_code_its_headers_and_what_else_there_is_to_know() {
        let problem = Problem::busy("three are before you").with("ahead", 3).with("wait_ms", 1500);
        let answer = problem.error_response();
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers().get("retry-after").unwrap(), "5");
        assert_eq!(answer.headers().get("content-type").unwrap(), "application/problem+json");
        let body: Value = serde_json::from_slice(&to_bytes(answer.into_body()).await.unwrap()).unwrap();
        assert_eq!(body["type"], "urn:kindred:problem:busy");
        assert_eq!((&body["code"], &body["status"]), (&json!("busy"), &json!(503)));
        assert_eq!((&body["ahead"], &body["wait_ms"]), (&json!(3), &json!(1500)));
    }

    #[test]
    fn who_may_not_is_told_how_they_could() {
        let answer = Problem::no_key("send it").error_response();
        assert_eq!(answer.status(), 401);
        assert!(answer.headers().contains_key("www-authenticate"));
        let answer = Problem::wrong_method("PATCH", "GET, HEAD").error_response();
        assert_eq!(answer.headers().get("allow").unwrap(), "GET, HEAD");
    }
}
