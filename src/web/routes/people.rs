//! The bank, and who of it may help.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::answers::{Always, BadQuery, Limited, NoCharacter, NoEncoder, Reading, TooLong, Working, Writing};
use super::failure::problem;
use super::listed::{Characters, Listed, Matches, Proposal, SimilarCharacter, SimilarCharacters};
use crate::matching::{Alike, NEIGHBOURS};
use crate::safety;
use crate::web::body::Body;
use crate::web::directory::{Page, Part, Portrait};
use crate::web::facets::Wanted;
use crate::web::origin::Client;
use crate::web::problem::Problem;
use crate::web::state::State;

/// Most cards of one answer.
const MAX_PAGE: usize = 200;
/// Cards of an answer when nobody says how many.
const PAGE: usize = 48;
/// Longest search text, in characters.
const MAX_QUERY: usize = 200;
/// The highest age that can be asked for.
const OLDEST: u32 = 150;
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
    /// A country of the bank, such as `Finland`; empty for all. The facets list them.
    #[serde(default)]
    country: String,
    /// A gender of the bank, such as `female`; empty for all.
    #[serde(default)]
    gender: String,
    /// The lowest age.
    #[serde(default)]
    #[param(value_type = Option<u32>, maximum = 150)]
    age_from: String,
    /// The highest age.
    #[serde(default)]
    #[param(value_type = Option<u32>, maximum = 150)]
    age_to: String,
    /// What to look for.
    #[serde(default)]
    #[param(max_length = 200)]
    q: String,
    /// `words`: the profile must hold each word of `q`. `meaning`: all that fit the filters, in order of how near their
    /// nearest sentence lies to `q`, with that sentence.
    #[serde(default)]
    #[param(inline)]
    by: By,
    /// How many to leave out from the beginning.
    #[serde(default)]
    offset: usize,
    /// Most characters of the answer.
    #[serde(default = "page")]
    #[param(minimum = 1, maximum = 200, default = 48)]
    limit: usize,
}

/// How `q` is understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum By {
    #[default]
    Words,
    Meaning,
}

fn page() -> usize {
    PAGE
}

fn invalid(detail: impl ToString) -> Problem {
    Problem::bad_request("invalid-query", "The search cannot be understood", detail.to_string())
}

/// An age, if one is given.
fn age(name: &str, given: &str) -> Result<Option<u32>, Problem> {
    if given.is_empty() {
        return Ok(None);
    }
    let age = given.parse().ok().filter(|age| *age <= OLDEST);
    let shown: String = given.chars().take(20).collect();
    let detail = || invalid(format!("{name} is {shown:?}: expected whole years from 0 to {OLDEST}"));
    age.map(Some).ok_or_else(detail)
}

/// List and search the bank.
///
/// A search by meaning costs an embedding and is limited like `/api/match`, with which it shares the limit.
#[utoipa::path(
    get, path = "/api/characters", tag = "people", params(ListQuery),
    responses(
        (status = 200, description = "Those that fit: in order of index, or of how near they lie", body = Characters),
        BadQuery,
        Always, Working, Limited, NoEncoder,
    )
)]
pub(super) async fn list(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let query = web::Query::<ListQuery>::from_query(request.query_string()).map_err(invalid)?.into_inner();
    if !(1..=MAX_PAGE).contains(&query.limit) {
        return Err(invalid(format!("limit is {}: expected 1 to {MAX_PAGE}", query.limit)));
    }
    if query.q.chars().count() > MAX_QUERY {
        return Err(invalid(format!("q is longer than {MAX_QUERY} characters")));
    }
    let wanted = Wanted {
        mbti: &query.mbti,
        country: &query.country,
        gender: &query.gender,
        age_from: age("age_from", &query.age_from)?,
        age_to: age("age_to", &query.age_to)?,
    };
    let rooms = state.rooms()?;
    let filter = rooms.directory.filter(&wanted).map_err(invalid)?;
    let part = Part { offset: query.offset, limit: query.limit };
    if query.by == By::Words {
        let Page { total, cards, facets } = rooms.directory.find(&filter, &query.q, part);
        let characters = cards.into_iter().map(|(card, ())| Listed { card, fit: None }).collect();
        return Ok(HttpResponse::Ok().json(Characters { total, offset: query.offset, characters, facets, help: None }));
    }
    if query.q.trim().is_empty() {
        return Err(invalid("by is meaning and q is empty: expected a few words to go by"));
    }
    if let Some(address) = Client::of(&request).bucket() {
        state.limits.matches.check(&address)?;
    }
    let fits = rooms.kindred.search(&query.q).await.map_err(problem)?;
    let Page { total, cards, facets } = rooms.directory.found(&filter, fits, |fit| fit.index, part);
    let characters = cards.into_iter().map(|(card, fit)| Listed { card, fit: Some(fit.into()) }).collect();
    let help = help_for(&query.q);
    Ok(HttpResponse::Ok().json(Characters { total, offset: query.offset, characters, facets, help }))
}

/// The help card, if this tells of danger: whoever does so here must not have to find a character and tell it again before
/// they hear of help.
fn help_for(text: &str) -> Option<String> {
    let assessment = safety::assess(text);
    assessment.risk.map(|risk| safety::help_card(risk, assessment.language).to_string())
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

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SimilarQuery {
    /// Most characters of the answer.
    #[serde(default = "six")]
    #[param(minimum = 1, maximum = 24, default = 6)]
    limit: usize,
}

fn six() -> usize {
    6
}

/// Who is like this character, and in what?
///
/// Reckoned once for each character, from what was embedded at the start.
#[utoipa::path(
    get, path = "/api/characters/{index}/similar", tag = "people",
    params(("index" = u32, Path, description = "The character's index"), SimilarQuery),
    responses(
        (status = 200, description = "Those who are", body = SimilarCharacters),
        BadQuery, NoCharacter,
        Always, Working, NoEncoder,
    )
)]
pub(super) async fn similar(
    state: web::Data<State>,
    index: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let query = web::Query::<SimilarQuery>::from_query(request.query_string()).map_err(invalid)?;
    if !(1..=NEIGHBOURS).contains(&query.limit) {
        return Err(invalid(format!("limit is {}: expected 1 to {NEIGHBOURS}", query.limit)));
    }
    let rooms = state.rooms()?;
    let unknown = || Problem::no_character(index.chars().take(20).collect::<String>());
    let card = index.parse().ok().and_then(|index| rooms.directory.card(index)).ok_or_else(unknown)?;
    let alike = rooms.kindred.similar(card.index).await.map_err(problem)?;
    let similar = |alike: Alike| Some(SimilarCharacter::new(rooms.directory.card(alike.index)?, alike));
    let characters = alike.into_iter().filter_map(similar).take(query.limit).collect();
    Ok(HttpResponse::Ok().json(SimilarCharacters { characters }))
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
    let help = help_for(&body.text);
    Ok(HttpResponse::Ok().json(Matches { help, matches }))
}
