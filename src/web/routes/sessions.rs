//! Live sessions: open, read, say, stop, end.

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::answers::{Always, DiskFull, Ended, Limited, NoCharacter, NoSession, Reading, TooLong, Working, Writing};
use super::failure::problem;
use super::views::{Said, Session, Stopped, TurnView};
use crate::agents::{SessionView, Supporter};
use crate::web::body::Body;
use crate::web::origin::Client;
use crate::web::problem::Problem;
use crate::web::state::State;

/// The session that an address names. What is no identity names no session.
pub(super) fn session_id(text: &str) -> Result<Uuid, Problem> {
    // Hyphenated only: one session has one address.
    let id = Uuid::try_parse(text).ok().filter(|_| text.len() == uuid::fmt::Hyphenated::LENGTH);
    id.ok_or_else(|| Problem::no_session(text.chars().take(40).collect::<String>()))
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
    post, path = "/api/sessions", tag = "talks", request_body = OpenBody,
    responses(
        (status = 201, description = "It is open", body = Session,
            headers(("location" = String, description = "Its address"))),
        NoCharacter,
        TooLong,
        DiskFull,
        Always, Working, Writing, Reading, Limited,
    )
)]
pub(super) async fn open(
    state: web::Data<State>,
    request: HttpRequest,
    Body(body): Body<OpenBody>,
) -> Result<HttpResponse, Problem> {
    let rooms = state.rooms()?;
    if let Some(address) = Client::of(&request).bucket() {
        state.limits.sessions.check(&address)?;
    }
    let supporter = body.supporter.map_or(Supporter::Auto, Supporter::Character);
    let record = rooms.kindred.open_session(supporter, &body.about).await.map_err(problem)?;
    let view = SessionView { record, last_event: 0, replying: false };
    let place = format!("/api/sessions/{}", view.record.id);
    Ok(HttpResponse::Created().insert_header((LOCATION, place)).json(Session::new(rooms, &view, Vec::new())))
}

/// Read a conversation.
#[utoipa::path(
    get, path = "/api/sessions/{id}", tag = "talks",
    params(("id" = Uuid, Path, description = "The session's id")),
    responses(
        (status = 200, description = "All that was said", body = Session),
        NoSession,
        Always, Working,
    )
)]
pub(super) async fn show(state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let rooms = state.rooms()?;
    let id = session_id(&id)?;
    // First how it stands, then the turns: a turn stored in between is told again by the events, never missed.
    let view = rooms.kindred.session(id).await.map_err(problem)?;
    let turns = rooms.kindred.turns(id).await.map_err(problem)?;
    Ok(HttpResponse::Ok().json(Session::new(rooms, &view, turns)))
}

/// What the person says.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageBody {
    #[schema(min_length = 1, max_length = 8000, pattern = r"\S")]
    text: String,
}

/// Say something.
///
/// When this is answered, the message is kept, and its reply has begun: the session's events tell it.
#[utoipa::path(
    post, path = "/api/sessions/{id}/messages", tag = "talks", request_body = MessageBody,
    params(("id" = Uuid, Path, description = "The session's id")),
    responses(
        (status = 202, description = "It is kept", body = Said),
        NoSession,
        Ended,
        TooLong,
        DiskFull,
        Always, Working, Writing, Reading, Limited,
    )
)]
pub(super) async fn say(
    state: web::Data<State>,
    request: HttpRequest,
    id: web::Path<String>,
    Body(body): Body<MessageBody>,
) -> Result<HttpResponse, Problem> {
    let rooms = state.rooms()?;
    if let Some(address) = Client::of(&request).bucket() {
        state.limits.messages.check(&address)?;
    }
    let turn = rooms.kindred.say(session_id(&id)?, &body.text).await.map_err(problem)?;
    Ok(HttpResponse::Accepted().json(Said { seq: turn.seq }))
}

/// Stop the reply in the making.
#[utoipa::path(
    post, path = "/api/sessions/{id}/stop", tag = "talks",
    params(("id" = Uuid, Path, description = "The session's id")),
    responses(
        (status = 200, description = "What it had said is kept", body = Stopped),
        NoSession,
        Always, Working, Writing,
    )
)]
pub(super) async fn stop(state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let rooms = state.rooms()?;
    let turn = rooms.kindred.stop(session_id(&id)?).await.map_err(problem)?;
    Ok(HttpResponse::Ok().json(Stopped { turn: turn.map(TurnView::from) }))
}

/// End a conversation.
///
/// It stays readable. A second time changes nothing.
#[utoipa::path(
    post, path = "/api/sessions/{id}/end", tag = "talks",
    params(("id" = Uuid, Path, description = "The session's id")),
    responses(
        (status = 204, description = "It has ended"),
        NoSession,
        Always, Working, Writing,
    )
)]
pub(super) async fn end(state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let rooms = state.rooms()?;
    rooms.kindred.end(session_id(&id)?).await.map_err(problem)?;
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
}
