//! Who is like a character.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;

use super::answers::{Always, BadQuery, Limited, NoCharacter, NoMeaning, Working};
use super::failure::refusal;
use super::listed::{SimilarCharacter, SimilarCharacters};
use super::numbers::number;
use super::people::invalid;
use crate::matching::{Alike, NEIGHBOURS};
use crate::web::origin::Client;
use crate::web::problem::Problem;
use crate::web::state::State;

/// Characters of an answer when nobody says how many.
const SHOWN: usize = 6;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SimilarQuery {
    /// Most characters of the answer.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 24, default = 6)]
    limit: String,
}

/// Who is like this character, and in what?
///
/// Reckoned when somebody asks first for a character, from what was embedded at the start; that counts as a search by
/// meaning does, and is done one at a time. From then on it is only read.
#[utoipa::path(
    get, path = "/api/characters/{index}/similar", tag = "people",
    params(("index" = u32, Path, description = "The character's index"), SimilarQuery),
    responses(
        (status = 200, description = "Those who are", body = SimilarCharacters),
        BadQuery, NoCharacter,
        Always, Working, Limited, NoMeaning,
    )
)]
pub(super) async fn similar(
    state: web::Data<State>,
    index: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let query = web::Query::<SimilarQuery>::from_query(request.query_string()).map_err(invalid)?;
    let limit = number("limit", &query.limit, 1..=NEIGHBOURS).map_err(invalid)?.unwrap_or(SHOWN);
    let rooms = state.rooms()?;
    let unknown = || Problem::no_character(index.chars().take(20).collect::<String>());
    let card = index.parse().ok().and_then(|index| rooms.directory.card(index)).ok_or_else(unknown)?;
    let alike = match rooms.kindred.known_similar(card.index).map_err(refusal)? {
        Some(known) => known,
        None => {
            if let Some(address) = Client::of(&request).bucket() {
                state.limits.matches.check(&address)?;
            }
            rooms.kindred.similar(card.index).await.map_err(refusal)?
        }
    };
    let similar = |alike: &Alike| Some(SimilarCharacter::new(rooms.directory.card(alike.index)?, alike.clone()));
    let characters = alike.iter().filter_map(similar).take(limit).collect();
    Ok(HttpResponse::Ok().json(SimilarCharacters { characters }))
}
