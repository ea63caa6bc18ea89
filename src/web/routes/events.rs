//! A session's events as a stream (SSE): `id` is the event's number, `Last-Event-ID` or `?after=` resumes after it.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::http::header::{ContentEncoding, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use serde::Deserialize;

use super::answers::{Always, BadEventId, Known, Limited, NoSession, Working};
use super::failure::problem;
use super::sessions::session_id;
use crate::agents::SessionEvent;
use crate::web::problem::Problem;
use crate::web::reads::Room;
use crate::web::state::State;
use crate::web::visitor::Visitor;

/// A comment this often tells both ends that the line is still there.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a browser waits before it connects again, in milliseconds.
const RETRY_MS: u32 = 1000;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

#[derive(Deserialize)]
pub(super) struct After {
    after: Option<String>,
}

/// Follow a conversation.
///
/// A stream of server-sent events (`text/event-stream`), without an end: what happened after the given number, then what
/// happens. Each event's `data` is JSON with a `type`.
#[utoipa::path(
    get, path = "/api/sessions/{id}/events", tag = "talks", security(("visitor" = [])),
    params(
        ("id" = Uuid, Path, description = "The session's id"),
        ("after" = Option<u64>, Query, description = "The number of the last event that was seen"),
        ("last-event-id" = Option<u64>, Header, description = "The same; wins over the query"),
    ),
    responses(
        (status = 200, description = "The events", body = String, content_type = "text/event-stream"),
        BadEventId,
        NoSession,
        Always, Known, Working, Limited,
    )
)]
pub(super) async fn stream(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let rooms = state.rooms()?;
    let id = session_id(&id)?;
    let after = after(&request)?;
    // A place first; one for a session that is not there is given back.
    let place = state.streams.open(id, visitor.network)?;
    let events = rooms.kindred.events(visitor.caller(), id, after).await.map_err(problem)?;
    // What was missed stays in memory until the client has it.
    let room = state.reads.hold(events.missed_bytes(), &visitor)?;
    let body = lines(events, room, state.closed()).map(move |line| {
        let _held = &place;
        line
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        // A compressor would hold events back until its buffer is full; so would a proxy.
        .insert_header(ContentEncoding::Identity)
        .insert_header((HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")))
        .streaming(body))
}

/// The last number the client has seen. The header is newer than the address: the browser sets it when it reconnects.
fn after(request: &HttpRequest) -> Result<Option<u64>, Problem> {
    let bad = |found: &str| {
        let found: String = found.chars().take(40).collect();
        Problem::bad_request(
            "invalid-event-id",
            "The place to resume from is unclear",
            format!("expected an event's number, found {found:?}"),
        )
    };
    if let Some(header) = request.headers().get(LAST_EVENT_ID) {
        let text = header.to_str().map_err(|_| bad("unreadable bytes"))?;
        return text.parse().map(Some).map_err(|_| bad(text));
    }
    let query = web::Query::<After>::from_query(request.query_string()).map_err(|_| bad(request.query_string()))?;
    query.after.as_deref().map(|text| text.parse().map_err(|_| bad(text))).transpose()
}

/// The events as lines, with heartbeats, until the events end or the server closes.
fn lines(
    events: impl Stream<Item = SessionEvent>,
    room: Option<Room>,
    closed: impl Future<Output = ()>,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let heartbeat = tokio::time::interval_at(tokio::time::Instant::now() + HEARTBEAT, HEARTBEAT);
    let first = futures::stream::iter([Bytes::from(format!("retry: {RETRY_MS}\n\n"))]);
    let state = (Box::pin(events), room, heartbeat, Box::pin(closed));
    let rest = futures::stream::unfold(state, |(mut events, mut room, mut heartbeat, mut closed)| async move {
        let line = tokio::select! {
            // Events first: a closing server still tells what has happened.
            biased;
            event = events.next() => {
                let event = event?;
                // How things stand is told when all that was missed is.
                if event.id.is_none() {
                    room = None;
                }
                line(&event)?
            }
            () = &mut closed => return None,
            _ = heartbeat.tick() => Bytes::from_static(b":\n\n"),
        };
        Some((line, (events, room, heartbeat, closed)))
    });
    first.chain(rest).map(Ok)
}

/// One event. JSON holds no line breaks, so that one `data:` line is enough.
fn line(event: &SessionEvent) -> Option<Bytes> {
    let data = match serde_json::to_string(&event.kind) {
        Ok(data) => data,
        Err(error) => {
            tracing::error!(%error, "an event could not be written");
            return None;
        }
    };
    Some(Bytes::from(match event.id {
        Some(id) => format!("id: {id}\ndata: {data}\n\n"),
        None => format!("data: {data}\n\n"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::EventKind;
    use actix_web::test::TestRequest;

    #[test]
    fn the_header_wins_over_the_address_and_nonsense_is_refused() {
        let at = |uri: &str| TestRequest::with_uri(uri);
        assert_eq!(after(&at("/").to_http_request()).unwrap(), None);
        assert_eq!(after(&at("/?after=7").to_http_request()).unwrap(), Some(7));
        let both = at("/?after=7").insert_header(("Last-Event-ID", "9")).to_http_request();
        assert_eq!(after(&both).unwrap(), Some(9));
        assert!(after(&at("/?after=x").to_http_request()).is_err());
    }

    #[actix_web::test]
    async fn events_become_numbered_lines_that_hold_no_line_break() {
        let event = SessionEvent { id: Some(12), kind: EventKind::Text { seq: 1, text: "a\nb".into() } };
        let lines: Vec<_> = lines(futures::stream::iter([event]), None, std::future::pending()).collect().await;
        let text: String = lines.into_iter().map(|line| String::from_utf8(line.unwrap().to_vec()).unwrap()).collect();
        assert_eq!(text, "retry: 1000\n\nid: 12\ndata: {\"type\":\"text\",\"seq\":1,\"text\":\"a\\nb\"}\n\n");
    }

    #[actix_web::test]
    async fn a_closing_server_ends_the_stream() {
        let lines: Vec<_> = lines(futures::stream::pending(), None, std::future::ready(())).collect().await;
        assert_eq!(lines.len(), 1, "only the first line");
    }
}
