//! Who of the bank may help.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use utoipa::ToSchema;

use super::answers::{Always, Limited, Reading, TooLong, Working, Writing};
use super::danger::{help_for, with_help};
use super::failure::refusal;
use super::listed::{Matches, Proposal};
use crate::agents::MESSAGE_LIMIT;
use crate::web::body::Body;
use crate::web::origin::Client;
use crate::web::problem::Problem;
use crate::web::state::State;

/// Most matches of one answer.
const MAX_MATCHES: usize = 16;

/// What moves somebody.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MatchBody {
    #[schema(min_length = 1, max_length = 8000, pattern = r"\S")]
    text: String,
    /// How many characters to propose.
    #[serde(default = "three")]
    #[schema(minimum = 1, maximum = 16, default = 3)]
    k: usize,
}

fn three() -> usize {
    3
}

/// Who may help somebody who writes this?
///
/// Nothing of it is kept.
#[utoipa::path(
    post, path = "/api/match", tag = "people", request_body = MatchBody,
    responses(
        (status = 200, description = "Who may", body = Matches),
        TooLong,
        Always, Working, Writing, Reading, Limited,
    )
)]
pub(super) async fn matches(
    state: web::Data<State>,
    request: HttpRequest,
    Body(body): Body<MatchBody>,
) -> Result<HttpResponse, Problem> {
    let most = state.opened().map_or(MESSAGE_LIMIT, |rooms| rooms.kindred.limits().message_chars);
    let help = help_for(&body.text, most);
    with_help(proposed(&state, &request, &body, help.as_deref()).await, help.as_deref())
}

async fn proposed(
    state: &State,
    request: &HttpRequest,
    body: &MatchBody,
    help: Option<&str>,
) -> Result<HttpResponse, Problem> {
    let rooms = state.rooms()?;
    if let Some(address) = Client::of(request).bucket() {
        state.limits.matches.check(&address)?;
    }
    if !(1..=MAX_MATCHES).contains(&body.k) {
        let detail = format!("k is {}: expected 1 to {MAX_MATCHES}", body.k);
        return Err(Problem::bad_request("invalid-k", "That many matches cannot be made", detail));
    }
    let found = rooms.kindred.matches(&body.text, body.k).await.map_err(refusal)?;
    let matches = found.into_iter().map(Proposal::from).collect();
    Ok(HttpResponse::Ok().json(Matches { help, matches }))
}
