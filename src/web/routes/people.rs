//! The bank, and who of it may help.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::answers::{Always, BadQuery, Limited, NoCharacter, Reading, TooLong, Working, Writing};
use super::failure::problem;
use super::views::{Characters, Matches, Proposal};
use crate::persona::Mbti;
use crate::safety;
use crate::web::body::Body;
use crate::web::directory::Portrait;
use crate::web::origin::Client;
use crate::web::problem::Problem;
use crate::web::state::State;

/// Most cards of one answer.
const MAX_PAGE: usize = 200;
/// Cards of an answer when nobody says how many.
const PAGE: usize = 48;
/// Longest search text, in characters.
const MAX_QUERY: usize = 200;
/// Most matches of one answer.
const MAX_MATCHES: usize = 16;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// One of the sixteen types, such as `INFP`; empty for all.
    #[serde(default, rename = "type")]
    #[param(pattern = "^([EeIi][NnSs][FfTt][JjPp])?$")]
    mbti: String,
    /// Words that the profile must hold, each of them.
    #[serde(default)]
    #[param(max_length = 200)]
    q: String,
    /// How many to leave out from the beginning.
    #[serde(default)]
    offset: usize,
    /// Most characters of the answer.
    #[serde(default = "page")]
    #[param(minimum = 1, maximum = 200, default = 48)]
    limit: usize,
}

fn page() -> usize {
    PAGE
}

/// List and search the bank.
#[utoipa::path(
    get, path = "/api/characters", tag = "people", params(ListQuery),
    responses(
        (status = 200, description = "Those that fit, in order of index", body = Characters),
        BadQuery,
        Always, Working,
    )
)]
pub(super) async fn list(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let bad = |detail: String| Problem::bad_request("invalid-query", "The search cannot be understood", detail);
    let query = web::Query::<ListQuery>::from_query(request.query_string()).map_err(|error| bad(error.to_string()))?;
    let mbti = match query.mbti.as_str() {
        "" => None,
        name => Some(name.parse::<Mbti>().map_err(|error| bad(error.to_string()))?),
    };
    if !(1..=MAX_PAGE).contains(&query.limit) {
        return Err(bad(format!("limit is {}: expected 1 to {MAX_PAGE}", query.limit)));
    }
    if query.q.chars().count() > MAX_QUERY {
        return Err(bad(format!("q is longer than {MAX_QUERY} characters")));
    }
    let directory = &state.rooms()?.directory;
    let (total, characters) = directory.find(mbti, &query.q, query.offset, query.limit);
    Ok(HttpResponse::Ok().json(Characters { total, offset: query.offset, characters }))
}

/// Read one character's profile.
#[utoipa::path(
    get, path = "/api/characters/{index}", tag = "people",
    params(("index" = u32, Path, description = "The character's index")),
    responses(
        (status = 200, description = "Who they are", body = Portrait),
        NoCharacter,
        Always, Working,
    )
)]
pub(super) async fn show(state: web::Data<State>, index: web::Path<String>) -> Result<HttpResponse, Problem> {
    let rooms = state.rooms()?;
    let character = index.parse().ok().and_then(|index| rooms.kindred.bank().get(index));
    let unknown = || Problem::no_character(index.chars().take(20).collect::<String>());
    Ok(HttpResponse::Ok().json(Portrait::new(character.ok_or_else(unknown)?)))
}

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
    let rooms = state.rooms()?;
    if let Some(address) = Client::of(&request).bucket() {
        state.limits.matches.check(&address)?;
    }
    if !(1..=MAX_MATCHES).contains(&body.k) {
        let detail = format!("k is {}: expected 1 to {MAX_MATCHES}", body.k);
        return Err(Problem::bad_request("invalid-k", "That many matches cannot be made", detail));
    }
    let found = rooms.kindred.matches(&body.text, body.k).await.map_err(problem)?;
    let matches = found.into_iter().map(Proposal::from).collect();
    // Whoever tells of danger here must not have to find a character and tell it again before they hear of help.
    let assessment = safety::assess(&body.text);
    let help = assessment.risk.map(|risk| safety::help_card(risk, assessment.language).to_string());
    Ok(HttpResponse::Ok().json(Matches { help, matches }))
}
