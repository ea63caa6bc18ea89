//! Characters as answers list them, each with why it is there.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use crate::agents::Match;
use crate::matching::{Alike, Common, Fit, Reason};
use crate::persona::Aspect;
use crate::web::directory::Card;
use crate::web::facets::Facets;

/// A page of the bank.
#[derive(Serialize, ToSchema)]
pub(super) struct Characters<'a> {
    /// How many characters fit the search.
    pub(super) total: usize,
    /// Where this page begins.
    pub(super) offset: usize,
    pub(super) characters: Vec<Listed<'a>>,
    pub(super) facets: Facets,
    /// The help card, if a search by meaning tells of danger: show it before all else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) help: Option<String>,
}

/// A character in a list.
#[derive(Serialize, ToSchema)]
pub(super) struct Listed<'a> {
    #[serde(flatten)]
    #[schema(value_type = Card)]
    pub(super) card: &'a Card,
    /// By what a search by meaning found it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fit: Option<FitView>,
}

/// The sentence that says the nearest thing to what was asked.
#[derive(Serialize, ToSchema)]
#[schema(as = Fit)]
pub(super) struct FitView {
    /// What it is about: a kind of memory, or `job` or `personality`.
    #[schema(value_type = String)]
    field: Aspect,
    #[schema(value_type = String)]
    quote: Arc<str>,
    /// How alike it is to what was asked, from -1 to 1.
    cosine: f32,
}

impl From<Fit> for FitView {
    fn from(Fit { index: _, score: _, field, quote, cosine }: Fit) -> Self {
        Self { field, quote, cosine }
    }
}

/// Who is like a character.
#[derive(Serialize, ToSchema)]
pub(super) struct SimilarCharacters<'a> {
    /// The most alike first.
    pub(super) characters: Vec<SimilarCharacter<'a>>,
}

/// A character like another, and in what.
#[derive(Serialize, ToSchema)]
pub(super) struct SimilarCharacter<'a> {
    #[serde(flatten)]
    #[schema(value_type = Card)]
    card: &'a Card,
    /// How alike the two are, on average over what is told of the one asked about.
    score: f32,
    /// In what they are nearer than others are.
    common: Vec<CommonView>,
}

impl<'a> SimilarCharacter<'a> {
    pub(super) fn new(card: &'a Card, alike: Alike) -> Self {
        let Alike { index: _, score, common } = alike;
        Self { card, score, common: common.into_iter().map(CommonView::from).collect() }
    }
}

/// What two characters have in common.
#[derive(Serialize, ToSchema)]
#[schema(as = Common)]
pub(super) struct CommonView {
    /// What both sentences are about: a kind of memory, or `job` or `personality`.
    #[schema(value_type = String)]
    field: Aspect,
    /// What is told of this one.
    #[schema(value_type = String)]
    quote: Arc<str>,
    /// What is told of the one asked about.
    #[schema(value_type = String)]
    like: Arc<str>,
    /// How alike the two sentences are, from -1 to 1.
    cosine: f32,
}

impl From<Common> for CommonView {
    fn from(Common { field, quote, like, cosine }: Common) -> Self {
        Self { field, quote, like, cosine }
    }
}

/// Who may help.
#[derive(Serialize, ToSchema)]
pub(super) struct Matches {
    /// The help card, if what was written tells of danger: show it before all else.
    #[schema(required)]
    pub(super) help: Option<String>,
    /// Best first.
    pub(super) matches: Vec<Proposal>,
}

/// A character who may help, and why.
#[derive(Serialize, ToSchema)]
pub(super) struct Proposal {
    character: Card,
    /// Higher is better.
    score: f32,
    /// What was measured; each has a `kind`: `shared_experience` (`aspect`, `quote`, `cosine`), `statement` (`cosine`),
    /// `score` (`score`, `scale`).
    #[schema(value_type = Vec<Object>)]
    reasons: Vec<Reason>,
}

impl From<Match> for Proposal {
    fn from(found: Match) -> Self {
        Self { character: Card::new(&found.character), score: found.score, reasons: found.reasons }
    }
}
