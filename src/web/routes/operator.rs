//! For whoever runs the server: how it does, and what it counted. Never what anybody said.

use actix_web::{HttpResponse, web};

use super::answers::{Always, Locked};
use super::views::{Model, OperatorStatus};
use crate::web::metrics as counted;
use crate::web::state::State;

/// Prometheus' text format.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How the server does.
///
/// Answers while the server still starts, and while it stops.
#[utoipa::path(
    get, path = "/api/operator/status", tag = "operator", security((), ("operator" = [])),
    responses((status = 200, description = "How it does", body = OperatorStatus), Always, Locked)
)]
pub(super) async fn status(state: web::Data<State>) -> HttpResponse {
    let kindred = state.opened().map(|rooms| &rooms.kindred);
    let (supporter, seeker) = kindred.map(|kindred| kindred.models()).unzip();
    let stored = match kindred {
        Some(kindred) => kindred.stored_in_all().await.ok(),
        None => None,
    };
    let queue = kindred.map(|kindred| kindred.queue());
    HttpResponse::Ok().json(OperatorStatus {
        phase: state.phase(),
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: counted::uptime().as_secs(),
        resident_bytes: counted::resident_bytes(),
        event_streams: state.streams.count(),
        live_sessions: kindred.map(|kindred| kindred.live_sessions()),
        stored_sessions: stored.map(|(sessions, _)| sessions),
        store_bytes: stored.map(|(_, bytes)| bytes),
        replies_admitted: queue.map(|(_, admitted)| admitted),
        replies_waiting: queue.map(|(queue, _)| queue.ahead),
        supporter_model: supporter.map(Model::from),
        seeker_model: seeker.map(Model::from),
    })
}

/// What the server counted, for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "operator", security((), ("operator" = [])),
    responses(
        (status = 200, description = "Prometheus' text format", body = String, content_type = "text/plain"),
        Always, Locked,
    )
)]
pub(super) async fn metrics() -> HttpResponse {
    HttpResponse::Ok().content_type(PROMETHEUS).body(counted::render())
}
