//! The visitor: come in, be known, take everything along, be forgotten.

use actix_web::http::header::{CONTENT_DISPOSITION, SET_COOKIE};
use actix_web::{HttpRequest, HttpResponse, web};

use futures::StreamExt as _;

use super::answers::{Always, DiskFull, Known, Limited, Working, Writing};
use super::export;
use super::failure::problem;
use super::views::{VisitorAndSessions, VisitorView};
use crate::web::origin::Client;
use crate::web::problem::Problem;
use crate::web::state::State;
use crate::web::visitor::{Visitor, cookie, known, no_cookie};

/// Be known from now on.
///
/// Sets the cookie by which this server knows you again; no name is asked for. Who shows such a cookie already keeps it.
#[utoipa::path(
    post, path = "/api/visitor", tag = "visitor",
    responses(
        (status = 201, description = "You are known from now on", body = VisitorView,
            headers(("set-cookie" = String, description = "Your token: keep it, and send it along"))),
        (status = 200, description = "You were known already", body = VisitorView),
        DiskFull,
        Always, Working, Writing, Limited,
    )
)]
pub(super) async fn welcome(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let kindred = &state.rooms()?.kindred;
    let limits = kindred.limits();
    if let Some(visitor) = known(&request).await? {
        return Ok(HttpResponse::Ok().json(VisitorView::new(&visitor.record, limits)));
    }
    let client = Client::of(&request);
    if let Some(address) = client.bucket() {
        state.limits.new_visitors.check(&address)?;
    }
    let (record, token) = kindred.welcome().await.map_err(problem)?;
    let cookie = cookie(&client, &token.to_string(), limits.visitor_absolute.as_secs());
    Ok(HttpResponse::Created().insert_header((SET_COOKIE, cookie)).json(VisitorView::new(&record, limits)))
}

/// Who you are here.
#[utoipa::path(
    get, path = "/api/visitor", tag = "visitor", security(("visitor" = [])),
    responses((status = 200, description = "You are known", body = VisitorAndSessions), Always, Known, Working)
)]
pub(super) async fn show(state: web::Data<State>, visitor: Visitor) -> Result<HttpResponse, Problem> {
    let kindred = &state.rooms()?.kindred;
    let sessions = kindred.sessions_of(visitor.id()).await.map_err(problem)?;
    let visitor = VisitorView::new(&visitor.record, kindred.limits());
    Ok(HttpResponse::Ok().json(VisitorAndSessions { visitor, sessions }))
}

/// Be forgotten.
///
/// All your conversations are deleted from this server's database, and overwritten there. Copies that were made of it
/// (an export, the operator's backups) are not reached.
#[utoipa::path(
    delete, path = "/api/visitor", tag = "visitor", security(("visitor" = [])),
    responses(
        (status = 204, description = "You are forgotten"),
        DiskFull,
        Always, Known, Working, Writing,
    )
)]
pub(super) async fn forget(
    state: web::Data<State>,
    visitor: Visitor,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    state.rooms()?.kindred.forget_visitor(visitor.id()).await.map_err(problem)?;
    Ok(HttpResponse::NoContent().insert_header((SET_COOKIE, no_cookie(&Client::of(&request)))).finish())
}

/// Take everything along.
///
/// All your conversations with all versions of what was said, as one JSON file.
#[utoipa::path(
    get, path = "/api/visitor/export", tag = "visitor", security(("visitor" = [])),
    responses((status = 200, description = "Everything", body = export::Export), Always, Known, Working, Limited)
)]
pub(super) async fn export(state: web::Data<State>, visitor: Visitor) -> Result<HttpResponse, Problem> {
    let room = state.reads.begin(visitor.id(), visitor.network)?;
    // The first failure may still be told as such; later ones break the transfer off.
    let sessions = export::all(state.rooms()?, visitor).await?;
    let body = export::stream(state.clone(), visitor, sessions).map(move |piece| {
        let _held = &room;
        piece
    });
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"kindred-export.json\""))
        .streaming(body))
}
