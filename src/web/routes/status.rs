//! Whether the server lives, whether it is ready, what it is, how to talk to it, and whom to call.

use actix_web::{HttpResponse, web};

use super::answers::{Always, Working};
use super::views::{About, AboutLimits, Condition, Help, HelplineView};
use crate::safety::{Language, Risk, Serves, help_card, helplines_checked};
use crate::web::description::Description;
use crate::web::docs;
use crate::web::problem::Problem;
use crate::web::state::State;

/// Said on every page.
const NOTICE: &str = "The characters are software. They are not people, and talking with them is not therapy.";

/// Whether the server lives.
#[utoipa::path(
    get, path = "/api/health", tag = "server",
    responses((status = 200, description = "It lives", body = Condition), Always)
)]
pub(super) async fn health() -> HttpResponse {
    HttpResponse::Ok().json(Condition { status: "alive" })
}

/// Whether the server takes work.
#[utoipa::path(
    get, path = "/api/ready", tag = "server",
    responses((status = 200, description = "It does", body = Condition), Always, Working)
)]
pub(super) async fn ready(state: web::Data<State>) -> Result<HttpResponse, Problem> {
    state.rooms()?.kindred.check_models().map_err(super::failure::problem)?;
    Ok(HttpResponse::Ok().json(Condition { status: "ready" }))
}

/// What this server is.
#[utoipa::path(
    get, path = "/api/about", tag = "server",
    responses((status = 200, description = "What it is", body = About), Always, Working)
)]
pub(super) async fn about(state: web::Data<State>) -> Result<HttpResponse, Problem> {
    let rooms = state.rooms()?;
    let model = rooms.kindred.models().0;
    Ok(HttpResponse::Ok().json(About {
        name: "kindred",
        version: env!("CARGO_PKG_VERSION"),
        notice: NOTICE,
        model: model.into(),
        device: model.device.clone(),
        characters: rooms.directory.len(),
        limits: AboutLimits { message_chars: rooms.kindred.limits().message_chars },
    }))
}

/// Whom to call.
///
/// The helplines; they need no model and are told while the server still starts.
#[utoipa::path(
    get, path = "/api/help", tag = "server",
    responses((status = 200, description = "The helplines, those for any distress first", body = Help), Always)
)]
pub(super) async fn help() -> HttpResponse {
    let mut lines = help_card(Risk::BeingHarmed, Language::English).helplines;
    // A stable sort: those for any distress first, the table's order otherwise.
    lines.sort_by_key(|line| line.serves != Serves::Distress);
    let (version, checked) = helplines_checked();
    let helplines = lines.into_iter().map(HelplineView::from).collect();
    HttpResponse::Ok().json(Help { helplines, version, checked })
}

/// This description, for programs.
#[utoipa::path(
    get, path = "/api/openapi.json", tag = "server",
    responses((status = 200, description = "OpenAPI 3.1", body = Object), Always)
)]
pub(super) async fn openapi(description: web::Data<Description>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(description.json.clone())
}

/// This description, for people.
#[utoipa::path(
    get, path = "/api/docs", tag = "server",
    responses((status = 200, description = "A page", body = String, content_type = "text/html"), Always)
)]
pub(super) async fn docs(description: web::Data<Description>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(description.page.clone())
}

/// The style of that page.
#[utoipa::path(
    get, path = "/api/docs.css", tag = "server",
    responses((status = 200, description = "A style sheet", body = String, content_type = "text/css"), Always)
)]
pub(super) async fn docs_style() -> HttpResponse {
    HttpResponse::Ok().content_type("text/css; charset=utf-8").body(docs::STYLE)
}
