//! Whether the server lives, whether it is ready, what it is, and whom to call.

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::agents::MESSAGE_LIMIT;
use crate::safety::{Language, Risk, Serves, help_card, helplines_checked};
use crate::web::problem::Problem;
use crate::web::state::State;

/// Said on every page.
const NOTICE: &str = "The characters are software. They are not people, and talking with them is not therapy.";

pub(super) async fn health() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "alive"}))
}

pub(super) async fn ready(state: web::Data<State>) -> Result<HttpResponse, Problem> {
    state.rooms()?;
    Ok(HttpResponse::Ok().json(json!({"status": "ready"})))
}

pub(super) async fn about(state: web::Data<State>) -> Result<HttpResponse, Problem> {
    let rooms = state.rooms()?;
    let model = rooms.kindred.models().0;
    Ok(HttpResponse::Ok().json(json!({
        "name": "kindred",
        "version": env!("CARGO_PKG_VERSION"),
        "notice": NOTICE,
        "model": model,
        "device": model.device,
        "characters": rooms.directory.len(),
        "limits": {"message_chars": MESSAGE_LIMIT},
    })))
}

/// The helplines; they need no model and are told while the server still starts.
pub(super) async fn help() -> HttpResponse {
    let mut lines = help_card(Risk::BeingHarmed, Language::English).helplines;
    // A stable sort: those for any distress first, the table's order otherwise.
    lines.sort_by_key(|line| line.serves != Serves::Distress);
    let (version, checked) = helplines_checked();
    HttpResponse::Ok().json(json!({"helplines": lines, "version": version, "checked": checked}))
}
