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
    /// The help card, if `q` tells of danger, however it is searched: show it before all else. Null otherwise.
    #[schema(required)]
    pub(super) help: Option<&'a str>,
    /// How many characters fit the search. By meaning, all that fit the filters and of whom anything is told that can be
    /// compared: somebody of whom nothing is told is not among them.
    pub(super) total: usize,
    /// Where this page begins.
    pub(super) offset: usize,
    pub(super) characters: Vec<Listed<'a>>,
    pub(super) facets: Facets,
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
    /// In what they are nearer than others usually are, two things at most; empty where they are so in nothing.
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
pub(super) struct Matches<'a> {
    /// The help card, if what was written tells of danger: show it before all else. Null otherwise.
    #[schema(required)]
    pub(super) help: Option<&'a str>,
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
