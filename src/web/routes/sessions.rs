//! A visitor's sessions: list, open, read, say, say anew, stop, end, delete.

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::answers::{
    Always, BadMessage, BadOpening, BadQuery, DiskFull, KeyReused, Known, Limited, NoCharacter, NoSession, NoTurn,
    Over, Reading, TooManySessions, Working, Writing,
};
use super::failure::problem;
use super::numbers::number;
use super::views::{Head, Regenerated, Said, Session, SessionLine, Sessions, Stopped, TurnView};
use crate::agents::{Message, SessionView, Supporter, check_message};
use crate::store::{Cursor, TurnRecord};
use crate::web::body::{Body, parse};
use crate::web::key::Key;
use crate::web::problem::Problem;
use crate::web::reads::Held;
use crate::web::state::{Rooms, State};
use crate::web::visitor::Visitor;

/// The session that an address names. What is no identity names no session.
pub(super) fn session_id(text: &str) -> Result<Uuid, Problem> {
    // Hyphenated only: one session has one address.
    let id = Uuid::try_parse(text).ok().filter(|_| text.len() == uuid::fmt::Hyphenated::LENGTH);
    id.ok_or_else(|| Problem::no_session(text.chars().take(40).collect::<String>()))
}

/// Most sessions of one answer.
const MAX_PAGE: u32 = 100;
/// Sessions of an answer when nobody says how many.
const PAGE: u32 = 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    #[serde(default)]
    limit: String,
    cursor: Option<String>,
}

/// List your conversations.
///
/// Last used first.
#[utoipa::path(
    get, path = "/api/sessions", tag = "talks", security(("visitor" = [])),
    params(
        ("limit" = Option<u32>, Query, description = "How many, 20 unless told", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next` of the page before",
            pattern = r"^[0-9]{1,18}_[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"),
    ),
    responses(
        (status = 200, description = "Yours", body = Sessions),
        BadQuery,
        Always, Known, Working,
    )
)]
pub(super) async fn list(
    state: web::Data<State>,
    visitor: Visitor,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let bad = |detail: String| Problem::bad_request("invalid-query", "The list cannot be understood", detail);
    let query = web::Query::<ListQuery>::from_query(request.query_string()).map_err(|error| bad(error.to_string()))?;
    let limit = number("limit", &query.limit, 1..=MAX_PAGE).map_err(bad)?.unwrap_or(PAGE);
    let place = |text: &String| cursor(text).ok_or_else(|| bad("cursor: expected the `next` of a page".to_owned()));
    let after = query.cursor.as_ref().map(place).transpose()?;
    let rooms = state.rooms()?;
    // One more than asked for tells whether another page follows.
    let mut records = rooms.kindred.sessions(visitor.caller(), after, limit + 1).await.map_err(problem)?;
    let more = records.len() > limit as usize;
    records.truncate(limit as usize);
    let last = records.last().filter(|_| more);
    let next = last.map(|record| format!("{}_{}", record.used_ms, record.id));
    let sessions = records.into_iter().map(|record| SessionLine::new(rooms, record)).collect();
    Ok(HttpResponse::Ok().json(Sessions { sessions, next }))
}

fn cursor(text: &str) -> Option<Cursor> {
    let (used_ms, id) = text.split_once('_')?;
    Some(Cursor { used_ms: used_ms.parse().ok()?, id: session_id(id).ok()? })
}

/// With whom to talk.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OpenBody {
    /// A character's index. Without one, the matcher chooses by `about`.
    #[schema(maximum = 4294967295_u32)]
    supporter: Option<u32>,
    /// What the person writes about themselves.
    #[serde(default)]
    #[schema(max_length = 8000)]
    about: String,
}

/// Open a conversation.
#[utoipa::path(
    post, path = "/api/sessions", tag = "talks", request_body = OpenBody, security(("visitor" = [])),
    params(("idempotency-key" = Option<String>, Header, description = "The same request sent again opens nothing more",
        min_length = 1, max_length = 64, pattern = "^[!-~]+$")),
    responses(
        (status = 201, description = "It is open", body = Session,
            headers(("location" = String, description = "Its address"))),
        NoCharacter,
        TooManySessions,
        BadOpening,
        DiskFull,
        Always, Known, Working, Writing, Reading, Limited,
    )
)]
pub(super) async fn open(
    state: web::Data<State>,
    visitor: Visitor,
    Key(key): Key,
    Body(body): Body<OpenBody>,
) -> Result<HttpResponse, Problem> {
    let rooms = state.rooms()?;
    state.limits.sessions.check(&visitor.id())?;
    let supporter = body.supporter.map_or(Supporter::Auto, Supporter::Character);
    let opened = rooms.kindred.open_session(visitor.caller(), supporter, &body.about, key.as_ref()).await;
    let record = opened.map_err(problem)?;
    let place = format!("/api/sessions/{}", record.id);
    // One that the same request opened before may have turns by now.
    let (view, turns) = match record.turns {
        0 => (SessionView { record, last_event: 0, replying: false }, Vec::new()),
        _ => read(rooms, visitor, record.id).await?,
    };
    let body = serde_json::to_vec(&Session::new(rooms, &view, turns)).map_err(Problem::internal)?;
    let room = state.reads.hold(body.len(), &visitor)?;
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, place))
        .content_type("application/json")
        .body(Held::new(body, room)))
}

/// Read a conversation.
#[utoipa::path(
    get, path = "/api/sessions/{id}", tag = "talks", security(("visitor" = [])),
    params(("id" = Uuid, Path, description = "The session's id")),
    responses(
        (status = 200, description = "All that was said, all versions", body = Session),
        NoSession,
        Always, Known, Working, Limited,
    )
)]
pub(super) async fn show(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let rooms = state.rooms()?;
    let (view, turns) = read(rooms, visitor, session_id(&id)?).await?;
    let body = serde_json::to_vec(&Session::new(rooms, &view, turns)).map_err(Problem::internal)?;
    let room = state.reads.hold(body.len(), &visitor)?;
    Ok(HttpResponse::Ok().content_type("application/json").body(Held::new(body, room)))
}

async fn read(rooms: &Rooms, visitor: Visitor, id: Uuid) -> Result<(SessionView, Vec<TurnRecord>), Problem> {
    // First how it stands, then the turns: a turn stored in between is told again by the events, never missed.
    let view = rooms.kindred.session(visitor.caller(), id).await.map_err(problem)?;
    let turns = rooms.kindred.turns(visitor.caller(), id).await.map_err(problem)?;
    Ok((view, turns))
}

/// Delete a conversation.
///
/// It is deleted from this server's database, and overwritten there. Copies that were made of it (an export, the
/// operator's backups) are not reached.
#[utoipa::path(
    delete, path = "/api/sessions/{id}", tag = "talks", security(("visitor" = [])),
    params(("id" = Uuid, Path, description = "The session's id")),
    responses(
        (status = 204, description = "It is gone"),
        NoSession,
        DiskFull,
        Always, Known, Working, Writing,
    )
)]
pub(super) async fn delete(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let rooms = state.rooms()?;
    rooms.kindred.delete_session(visitor.caller(), session_id(&id)?).await.map_err(problem)?;
    Ok(HttpResponse::NoContent().finish())
}

/// What the person says.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageBody {
    #[schema(min_length = 1, max_length = 8000, pattern = r"\S")]
    text: String,
    /// An earlier message of yours that this is another version of: the talk goes on from there.
    replaces: Option<u64>,
}

/// Takes these bytes as the body of a message; whether it would be sent. For the fuzz target: it must not panic
/// whatever the bytes.
pub fn fuzz_message(bytes: &[u8]) -> bool {
    parse::<MessageBody>(bytes).is_ok_and(|body| check_message(&body.text).is_ok())
}

/// Say something.
///
/// When this is answered, the message is kept, and its reply has begun or waits its turn: the session's events tell it.
#[utoipa::path(
    post, path = "/api/sessions/{id}/messages", tag = "talks", request_body = MessageBody, security(("visitor" = [])),
    params(
        ("id" = Uuid, Path, description = "The session's id"),
        ("idempotency-key" = Option<String>, Header, description = "The same message sent again is not said twice",
            min_length = 1, max_length = 64, pattern = "^[!-~]+$"),
    ),
    responses(
        (status = 202, description = "It is kept", body = Said),
        NoTurn,
        Over,
        BadMessage,
        DiskFull,
        Always, Known, Working, Writing, Reading, Limited,
    )
)]
pub(super) async fn say(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    Key(key): Key,
    Body(body): Body<MessageBody>,
) -> Result<HttpResponse, Problem> {
    let rooms = state.rooms()?;
    let id = session_id(&id)?;
    let message = Message { text: body.text, replaces: body.replaces, key };
    // Before all limits: what was done is told again, however busy it is.
    if let Some(turn) = rooms.kindred.said_before(visitor.caller(), id, &message).await.map_err(problem)? {
        return Ok(HttpResponse::Accepted().json(Said { seq: turn.seq }));
    }
    state.limits.messages.check(&visitor.id())?;
    let turn = rooms.kindred.say(visitor.caller(), id, message).await.map_err(problem)?;
    Ok(HttpResponse::Accepted().json(Said { seq: turn.seq }))
}

/// Which reply to make anew.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RegenerateBody {
    /// The reply, or a message that has none; without it, where the talk stands.
    turn: Option<u64>,
}

/// Have a reply made anew.
///
/// The new one is another version of it; both are kept. When this is answered, the reply is owed: it comes even if the
/// server falls.
#[utoipa::path(
    post, path = "/api/sessions/{id}/regenerate", tag = "talks", request_body = RegenerateBody,
    security(("visitor" = [])),
    params(
        ("id" = Uuid, Path, description = "The session's id"),
        ("idempotency-key" = Option<String>, Header, description = "The same request sent again makes nothing more",
            min_length = 1, max_length = 64, pattern = "^[!-~]+$"),
    ),
    responses(
        (status = 202, description = "It is owed", body = Regenerated),
        NoTurn,
        Over,
        KeyReused,
        DiskFull,
        Always, Known, Working, Writing, Reading, Limited,
    )
)]
pub(super) async fn regenerate(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    Key(key): Key,
    Body(body): Body<RegenerateBody>,
) -> Result<HttpResponse, Problem> {
    let rooms = state.rooms()?;
    let id = session_id(&id)?;
    if let Some(seq) = rooms.kindred.asked_before(visitor.caller(), id, key.as_ref()).await.map_err(problem)? {
        return Ok(HttpResponse::Accepted().json(Regenerated { seq }));
    }
    state.limits.messages.check(&visitor.id())?;
    let seq = rooms.kindred.regenerate(visitor.caller(), id, body.turn, key).await.map_err(problem)?;
    Ok(HttpResponse::Accepted().json(Regenerated { seq }))
}

/// Which version to go over to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HeadBody {
    seq: u64,
}

/// Go over to another version.
///
/// The talk stands at the newest turn beneath it from then on.
#[utoipa::path(
    put, path = "/api/sessions/{id}/head", tag = "talks", request_body = HeadBody, security(("visitor" = [])),
    params(("id" = Uuid, Path, description = "The session's id")),
    responses(
        (status = 200, description = "Where the talk stands", body = Head),
        NoTurn,
        DiskFull,
        Always, Known, Working, Writing, Reading,
    )
)]
pub(super) async fn show_version(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    Body(body): Body<HeadBody>,
) -> Result<HttpResponse, Problem> {
    let rooms = state.rooms()?;
    let head = rooms.kindred.show_version(visitor.caller(), session_id(&id)?, body.seq).await.map_err(problem)?;
    Ok(HttpResponse::Ok().json(Head { head }))
}

/// Stop the reply in the making.
#[utoipa::path(
    post, path = "/api/sessions/{id}/stop", tag = "talks", security(("visitor" = [])),
    params(("id" = Uuid, Path, description = "The session's id")),
    responses(
        (status = 200, description = "What it had said is kept", body = Stopped),
        NoSession,
        DiskFull,
        Always, Known, Working, Writing,
    )
)]
pub(super) async fn stop(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let rooms = state.rooms()?;
    let turn = rooms.kindred.stop(visitor.caller(), session_id(&id)?).await.map_err(problem)?;
    Ok(HttpResponse::Ok().json(Stopped { turn: turn.map(TurnView::from) }))
}

/// End a conversation.
///
/// It stays readable. A second time changes nothing.
#[utoipa::path(
    post, path = "/api/sessions/{id}/end", tag = "talks", security(("visitor" = [])),
    params(("id" = Uuid, Path, description = "The session's id")),
    responses(
        (status = 204, description = "It has ended"),
        NoSession,
        DiskFull,
        Always, Known, Working, Writing,
    )
)]
pub(super) async fn end(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let rooms = state.rooms()?;
    rooms.kindred.end(visitor.caller(), session_id(&id)?).await.map_err(problem)?;
    Ok(HttpResponse::NoContent().finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_read_in_one_form_only() {
        let id = Uuid::now_v7();
        assert_eq!(session_id(&id.to_string()).unwrap(), id);
        for other in [id.simple().to_string(), id.urn().to_string(), "x".into(), String::new()] {
            assert!(session_id(&other).is_err(), "{other}");
        }
    }

    #[test]
    fn a_cursor_is_a_time_and_an_identity() {
        let id = Uuid::now_v7();
        assert_eq!(cursor(&format!("17_{id}")), Some(Cursor { used_ms: 17, id }));
        for other in ["", "17", "x_y", &format!("x_{id}"), &format!("17_{}", id.simple())] {
            assert_eq!(cursor(other), None, "{other}");
        }
    }
}
