//! Reads a request's JSON body: bounded in size and time, UTF-8, and exactly the shape that is expected.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use futures::StreamExt as _;
use serde::de::DeserializeOwned;

use super::problem::Problem;
use super::settings::Settings;
use super::state::State;

/// A body past the limit is read and thrown away up to this size, so that the client reads its 413 rather than a
/// broken connection.
const MAX_DRAINED: usize = 4 * 1024 * 1024;

/// A JSON body of type `T`.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let kind = request.content_type().to_owned();
        let named = request.headers().contains_key(CONTENT_TYPE);
        let announced = request.headers().get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
        let payload = payload.take();
        let state = request.app_data::<web::Data<State>>();
        let (most, patience) = state.map_or_else(
            || (Settings::default().body_bytes, Settings::default().body_timeout),
            |state| (state.settings.body_bytes, state.settings.body_timeout),
        );
        Box::pin(async move {
            let bytes = tokio::time::timeout(patience, collect(payload, announced, most)).await.map_err(|_| {
                let detail = format!("the body did not arrive within {} seconds", patience.as_secs());
                Problem::new(StatusCode::REQUEST_TIMEOUT, "too-slow", "The request took too long", detail)
            })??;
            if kind != "application/json" {
                let came = if named { format!("{kind:?}") } else { "none".to_owned() };
                let detail = format!("expected the content type application/json, found {came}");
                return Err(Problem::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "not-json",
                    "The body must be JSON",
                    detail,
                ));
            }
            parse(&bytes).map(Body)
        })
    }
}

async fn collect(mut payload: Payload, announced: Option<usize>, most: usize) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::with_capacity(announced.unwrap_or_default().min(most));
    let mut seen = 0;
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| {
            Problem::bad_request("broken-body", "The body could not be read", format!("the transfer failed: {error}"))
        })?;
        seen += chunk.len();
        if seen <= most {
            bytes.extend_from_slice(&chunk);
        } else if seen > most.max(MAX_DRAINED) {
            break;
        }
    }
    if seen > most {
        let detail = format!("a request may hold at most {most} bytes");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The request is too large", detail));
    }
    Ok(bytes)
}

/// Reads a whole body.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let detail = format!("byte {} is not part of valid UTF-8", error.valid_up_to());
        Problem::bad_request("invalid-utf8", "The body is not UTF-8", detail)
    })?;
    if text.trim().is_empty() {
        return Err(Problem::bad_request("empty-body", "The body is empty", "expected a JSON object"));
    }
    serde_json::from_str(text)
        .map_err(|error| Problem::bad_request("invalid-json", "The body is not what was expected", error.to_string()))
}
