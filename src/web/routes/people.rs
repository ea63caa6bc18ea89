//! The bank, and who of it may help.

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::failure::problem;
use crate::agents::Match;
use crate::matching::Reason;
use crate::persona::Mbti;
use crate::safety;
use crate::web::body::Body;
use crate::web::directory::{Card, Portrait};
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    #[serde(default, rename = "type")]
    mbti: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    offset: usize,
    #[serde(default = "page")]
    limit: usize,
}

fn page() -> usize {
    PAGE
}

pub(super) async fn list(state: web::Data<State>, request: actix_web::HttpRequest) -> Result<HttpResponse, Problem> {
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
    Ok(HttpResponse::Ok().json(json!({"total": total, "offset": query.offset, "characters": characters})))
}

pub(super) async fn show(state: web::Data<State>, index: web::Path<String>) -> Result<HttpResponse, Problem> {
    let rooms = state.rooms()?;
    let character = index.parse().ok().and_then(|index| rooms.kindred.bank().get(index));
    let unknown = || Problem::no_character(index.chars().take(20).collect::<String>());
    Ok(HttpResponse::Ok().json(Portrait::new(character.ok_or_else(unknown)?)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MatchBody {
    text: String,
    #[serde(default = "three")]
    k: usize,
}

fn three() -> usize {
    3
}

#[derive(Serialize)]
struct Proposal {
    character: Card,
    score: f32,
    reasons: Vec<Reason>,
}

pub(super) async fn matches(state: web::Data<State>, Body(body): Body<MatchBody>) -> Result<HttpResponse, Problem> {
    let rooms = state.rooms()?;
    if !(1..=MAX_MATCHES).contains(&body.k) {
        let detail = format!("k is {}: expected 1 to {MAX_MATCHES}", body.k);
        return Err(Problem::bad_request("invalid-k", "That many matches cannot be made", detail));
    }
    let found = rooms.kindred.matches(&body.text, body.k).await.map_err(problem)?;
    let propose =
        |found: Match| Proposal { character: Card::new(&found.character), score: found.score, reasons: found.reasons };
    let matches: Vec<Proposal> = found.into_iter().map(propose).collect();
    // Whoever tells of danger here must not have to find a character and tell it again before they hear of help.
    let assessment = safety::assess(&body.text);
    let help = assessment.risk.map(|risk| safety::help_card(risk, assessment.language).to_string());
    Ok(HttpResponse::Ok().json(json!({"help": help, "matches": matches})))
}
