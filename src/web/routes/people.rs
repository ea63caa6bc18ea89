//! The bank: listed, searched, and one by one.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::answers::{Always, BadQuery, Limited, NoCharacter, NoMeaning, Working};
use super::danger::{help_for, with_help};
use super::failure::refusal;
use super::listed::{Characters, Listed};
use super::numbers::number;
use crate::agents::{MESSAGE_LIMIT, SEARCH_LIMIT};
use crate::web::directory::{Page, Part, Portrait};
use crate::web::facets::Wanted;
use crate::web::origin::Client;
use crate::web::problem::Problem;
use crate::web::state::State;

/// Most cards of one answer.
const MAX_PAGE: usize = 200;
/// Cards of an answer when nobody says how many.
const PAGE: usize = 48;
/// The highest age that can be asked for.
const OLDEST: u32 = 150;

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
    /// `words`: those of whom each word of `q` is told, or a longer one that begins with it, in order of index. `meaning`:
    /// all that fit the filters, in order of how near their nearest sentence lies to `q`, with that sentence.
    #[serde(default)]
    #[param(inline)]
    by: By,
    /// How many to leave out from the beginning; 0 unless told.
    #[serde(default)]
    #[param(value_type = Option<u32>)]
    offset: String,
    /// Most characters of the answer.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 48)]
    limit: String,
}

/// How `q` is understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum By {
    #[default]
    Words,
    Meaning,
}

pub(super) fn invalid(detail: impl ToString) -> Problem {
    Problem::bad_request("invalid-query", "The search cannot be understood", detail.to_string())
}

/// List and search the bank.
///
/// A search by meaning costs an embedding and is limited like `/api/match`, with which it shares the limit.
#[utoipa::path(
    get, path = "/api/characters", tag = "people", params(ListQuery),
    responses(
        (status = 200, description = "Those that fit: in order of index, or of how near they lie", body = Characters),
        BadQuery,
        Always, Working, Limited, NoMeaning,
    )
)]
pub(super) async fn list(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let help = danger_in(request.query_string());
    with_help(found(&state, &request, help.as_deref()).await, help.as_deref())
}

/// The help card, if what is looked for tells of danger; even if the rest of the query cannot be understood.
fn danger_in(query: &str) -> Option<String> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(query).ok()?.into_inner();
    // More than one is refused: a second one is read all the same, and not as many as an address can hold.
    pairs.into_iter().filter(|(name, _)| name == "q").take(2).find_map(|(_, text)| help_for(&text, MESSAGE_LIMIT))
}

async fn found(state: &State, request: &HttpRequest, help: Option<&str>) -> Result<HttpResponse, Problem> {
    let query = web::Query::<ListQuery>::from_query(request.query_string()).map_err(invalid)?.into_inner();
    let limit = number("limit", &query.limit, 1..=MAX_PAGE).map_err(invalid)?.unwrap_or(PAGE);
    let offset = number("offset", &query.offset, 0..=u32::MAX as usize).map_err(invalid)?.unwrap_or(0);
    let length = query.q.chars().count();
    if length > SEARCH_LIMIT {
        return Err(invalid(format!("q has {length} characters: expected at most {SEARCH_LIMIT}")));
    }
    let age = |name, given| number(name, given, 0..=OLDEST).map_err(invalid);
    let wanted = Wanted {
        mbti: &query.mbti,
        country: &query.country,
        gender: &query.gender,
        age_from: age("age_from", &query.age_from)?,
        age_to: age("age_to", &query.age_to)?,
    };
    let rooms = state.rooms()?;
    let filter = rooms.directory.filter(&wanted).map_err(invalid)?;
    let part = Part { offset, limit };
    if query.by == By::Words {
        let Page { total, cards, facets } = rooms.directory.find(&filter, &query.q, part);
        let characters = cards.into_iter().map(|(card, ())| Listed { card, fit: None }).collect();
        return Ok(HttpResponse::Ok().json(Characters { help, total, offset, characters, facets }));
    }
    if query.q.trim().is_empty() {
        return Err(invalid("by is meaning and q is empty: expected a few words to go by"));
    }
    if let Some(address) = Client::of(request).bucket() {
        state.limits.matches.check(&address)?;
    }
    let fits = rooms.kindred.search(&query.q).await.map_err(refusal)?;
    let Page { total, cards, facets } = rooms.directory.found(&filter, fits, |fit| fit.index, part);
    let characters = cards.into_iter().map(|(card, fit)| Listed { card, fit: Some(fit.into()) }).collect();
    Ok(HttpResponse::Ok().json(Characters { help, total, offset, characters, facets }))
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
