//! Live sessions: open, read, say, stop, end.

use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::failure::problem;
use crate::agents::{SessionView, Supporter, check_message};
use crate::store::TurnRecord;
use crate::web::body::{Body, parse};
use crate::web::directory::Card;
use crate::web::problem::Problem;
use crate::web::state::{Rooms, State};

/// The session that an address names. What is no identity names no session.
pub(super) fn session_id(text: &str) -> Result<Uuid, Problem> {
    // Hyphenated only: one session has one address.
    let id = Uuid::try_parse(text).ok().filter(|_| text.len() == uuid::fmt::Hyphenated::LENGTH);
    id.ok_or_else(|| Problem::no_session(text.chars().take(40).collect::<String>()))
}

#[derive(Serialize)]
struct Session<'a> {
    id: Uuid,
    /// None if the bank no longer has this character.
    supporter: Option<&'a Card>,
    about: &'a str,
    created_ms: i64,
    ended_ms: Option<i64>,
    replying: bool,
    /// Whoever has read these turns listens after this; text, as an event's id is.
    last_event: String,
    turns: Vec<TurnRecord>,
}

impl<'a> Session<'a> {
    fn new(rooms: &'a Rooms, view: &'a SessionView, turns: Vec<TurnRecord>) -> Self {
        Self {
            id: view.record.id,
            supporter: rooms.directory.card(view.record.supporter),
            about: &view.record.about,
            created_ms: view.record.created_ms,
            ended_ms: view.record.ended_ms,
            replying: view.replying,
            last_event: view.last_event.to_string(),
            turns,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OpenBody {
    /// Without one, the matcher chooses by `about`.
    supporter: Option<u32>,
    #[serde(default)]
    about: String,
}

pub(super) async fn open(state: web::Data<State>, Body(body): Body<OpenBody>) -> Result<HttpResponse, Problem> {
    let rooms = state.rooms()?;
    let supporter = body.supporter.map_or(Supporter::Auto, Supporter::Character);
    let record = rooms.kindred.open_session(supporter, &body.about).await.map_err(problem)?;
    let view = SessionView { record, last_event: 0, replying: false };
    let place = format!("/api/sessions/{}", view.record.id);
    Ok(HttpResponse::Created().insert_header((LOCATION, place)).json(Session::new(rooms, &view, Vec::new())))
}

pub(super) async fn show(state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let rooms = state.rooms()?;
    let id = session_id(&id)?;
    // First how it stands, then the turns: a turn stored in between is told again by the events, never missed.
    let view = rooms.kindred.session(id).await.map_err(problem)?;
    let turns = rooms.kindred.turns(id).await.map_err(problem)?;
    Ok(HttpResponse::Ok().json(Session::new(rooms, &view, turns)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageBody {
    text: String,
}

/// Takes these bytes as the body of a message; whether it would be sent. For the fuzz target: it must not panic
/// whatever the bytes.
pub fn fuzz_message(bytes: &[u8]) -> bool {
    parse::<MessageBody>(bytes).is_ok_and(|body| check_message(&body.text).is_ok())
}

pub(super) async fn say(
    state: web::Data<State>,
    id: web::Path<String>,
    Body(body): Body<MessageBody>,
) -> Result<HttpResponse, Problem> {
    let rooms = state.rooms()?;
    let turn = rooms.kindred.say(session_id(&id)?, &body.text).await.map_err(problem)?;
    Ok(HttpResponse::Accepted().json(json!({"seq": turn.seq})))
}

pub(super) async fn stop(state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let rooms = state.rooms()?;
    let turn = rooms.kindred.stop(session_id(&id)?).await.map_err(problem)?;
    Ok(HttpResponse::Ok().json(json!({"turn": turn})))
}

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
