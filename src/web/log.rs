//! One log line a request: id, method, path template, status, milliseconds; and a span, so that every line written
//! on the way to the answer has the request's id. Never what was said, never a session's id.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest};
use tracing::Instrument as _;
use uuid::Uuid;

use super::metrics;
use super::origin::Client;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id that is taken from a proxy.
const LONGEST_ID: usize = 64;
/// The route of whatever is no route of the table: the page, its files, and what is not there.
const ELSEWHERE: &str = "(other)";

/// Writes the line, counts the request, and gives its id back as `x-request-id`.
pub(super) async fn requests(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let id = id(request.request());
    // At the level of errors, so that no filter shows a line without its id.
    let span = tracing::error_span!("request", %id);
    let mut response = answer(request, next).instrument(span).await?;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    Ok(response)
}

async fn answer<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let began = Instant::now();
    let method = request.method().clone();
    let answered = next.call(request).await;
    let (status, template) = match &answered {
        Ok(response) => (response.status(), response.request().match_pattern()),
        Err(error) => (error.as_response_error().status_code(), None),
    };
    // The template, not the path: a path holds a session's id.
    let path = template.as_deref().unwrap_or(ELSEWHERE);
    let took = began.elapsed();
    metrics::request(&method, path, status, took);
    let ms = (took.as_secs_f64() * 1e4).round() / 10.0;
    let (status, quiet) =
        (status.as_u16(), !path.starts_with("/api") || path.ends_with("/health") || path.ends_with("/ready"));
    if status >= 500 {
        tracing::warn!(%method, path, status, ms, "request");
    } else if quiet {
        tracing::debug!(%method, path, status, ms, "request");
    } else {
        tracing::info!(%method, path, status, ms, "request");
    }
    answered
}

/// The id that a trusted proxy gave the request, or a new one.
fn id(request: &HttpRequest) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    given
        .filter(|id| (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(plain))
        .filter(|_| Client::of(request).behind_proxy)
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::origin::Proxies;
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, call_service, init_service};
    use actix_web::web::{self, Data};
    use actix_web::{App, HttpResponse};
    use std::io;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[actix_web::test]
    async fn every_line_on_the_way_to_an_answer_has_the_requests_id() {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
        let _shown = tracing::subscriber::set_default(log);
        let inside = || async {
            tracing::info!("inside");
            tokio::task::yield_now().await;
            tracing::warn!("later");
            HttpResponse::Ok().finish()
        };
        let app = App::new().route("/api/talks/{id}", web::get().to(inside)).wrap(from_fn(requests));
        let app = init_service(app).await;
        let answer = call_service(&app, TestRequest::with_uri("/api/talks/secret-4711").to_request()).await;
        let id = answer.headers().get("x-request-id").unwrap().to_str().unwrap();
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.lines().all(|line| line.contains(&format!("\"id\":\"{id}\""))), "{text}");
        assert!(text.contains("/api/talks/{id}") && !text.contains("4711"), "{text}");
    }

    #[test]
    fn an_id_is_taken_from_a_trusted_proxy_and_only_if_it_is_plain() {
        let from = |peer: &str, given: &str| {
            let request = TestRequest::get()
                .app_data(Data::new(Proxies::new(&["10.0.0.0/8".parse().unwrap()])))
                .peer_addr(peer.parse().unwrap())
                .insert_header((REQUEST_ID, given));
            id(&request.to_http_request())
        };
        assert_eq!(from("10.0.0.1:9", "a-B_3.4"), "a-B_3.4");
        for (peer, given) in [
            ("203.0.113.9:9", "a-B_3.4"),
            ("10.0.0.1:9", ""),
            ("10.0.0.1:9", "two words"),
            ("10.0.0.1:9", "a\"b"),
            ("10.0.0.1:9", &"x".repeat(65)),
        ] {
            assert!(Uuid::parse_str(&from(peer, given)).is_ok(), "{given:?} from {peer}");
        }
    }
}
