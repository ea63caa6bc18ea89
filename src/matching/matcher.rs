//! Ranks the bank for a person: one encoder pass, one matrix–vector product, then a head.

use std::sync::Arc;

use serde::Serialize;

use super::head::PersonaScoreHead;
use super::told::experiences;
use crate::encoder::{Embedder, EncoderError, KeptEmbeddings, cosine, embed_all, embed_one};
use crate::persona::{Aspect, Bank};

/// Share of the nearest experience in the similarity; the supporter's statement has the rest.
///
/// A statement says how somebody talks and listens; what a troubled person writes is about events ("my father died",
/// "I was let go"), and lies nearer to what somebody has lived through. The statement keeps a share so that of two who
/// lived the same, the one whose manner is nearer comes first. An experience is compared sentence by sentence: a whole
/// memory holds several things, and its embedding blurs them.
///
/// Measured on twenty hand-written messages and the first sixteen characters: somebody who lived it is among the first
/// three for 18 of 20 with this share (17 with 0.6, 18 with 0.8, 7 with the statement alone, 11 with whole memories).
/// The published model compares statements alone: a trained head ([`PersonaScoreHead`]) is given just that.
pub const EXPERIENCE_SHARE: f32 = 0.7;

/// Why no match could be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MatchError {
    /// Nothing was said to match on.
    #[error("there is nothing to match on: expected a few words about what troubles you, found an empty text")]
    NothingSaid,
    /// The encoder gave no answer.
    #[error("the characters could not be compared: {0}")]
    Encoder(#[from] EncoderError),
}

/// What the number of a match is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// A similarity from −1 to 1. It says how alike two texts are, not how well a talk will go.
    Similarity,
    /// A rating as a trained head predicts it, on the scale of its training (published: 1 to 5).
    Rating,
}

/// Why this character: what was measured, and nothing else.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// What the character has lived that lies nearest to what was said.
    SharedExperience {
        /// The kind of memory.
        aspect: Aspect,
        /// The nearest sentence: of the profile, which tells the memory in the third person; of the memory itself (second
        /// person, addressed to the character) where the profile is silent.
        quote: String,
        /// Cosine of that sentence and what was said.
        cosine: f32,
    },
    /// How near the character's way of supporting (its statement) lies to what was said.
    Statement {
        /// Cosine of the statement and what was said.
        cosine: f32,
    },
    /// What the characters were ranked by.
    Score {
        /// The number.
        score: f32,
        /// What it is.
        scale: Scale,
    },
}

/// A character proposed to a person.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Match {
    /// The character's index in the bank.
    pub index: u32,
    /// What the ranking went by; see [`Matcher::scale`].
    pub score: f32,
    /// Why: shared experience first (when the character has any), then statement, then score.
    pub reasons: Vec<Reason>,
}

/// The rows of the embedding matrix that belong to one character.
struct Rows {
    index: u32,
    /// Row of the statement; the experiences follow it in order.
    first: usize,
    /// What can be quoted: the kind of memory and a sentence of it.
    experiences: Vec<(Aspect, String)>,
}

/// The bank, embedded once, ready to be ranked.
pub struct Matcher {
    embedder: Arc<dyn Embedder>,
    head: Option<PersonaScoreHead>,
    rows: Vec<Rows>,
    /// `[statements and sentences, dimension]`, row by row, unit length.
    matrix: Vec<f32>,
    dimension: usize,
}

impl Matcher {
    /// Embeds every supporter statement and experience of the bank.
    ///
    /// # Errors
    /// The encoder's.
    pub async fn new(
        bank: &Bank,
        embedder: Arc<dyn Embedder>,
        head: Option<PersonaScoreHead>,
    ) -> Result<Self, MatchError> {
        Self::build(bank, embedder, head, None, &mut |_, _| ()).await
    }

    /// As [`Self::new`], but embeds a bank only once: the embeddings are read from and written to `kept`. The once takes
    /// two to three minutes for a thousand characters on two cores: `told` hears how many texts of how many are done.
    ///
    /// # Errors
    /// The encoder's.
    pub async fn new_kept(
        bank: &Bank,
        embedder: Arc<dyn Embedder>,
        head: Option<PersonaScoreHead>,
        kept: &KeptEmbeddings,
        told: &mut (dyn FnMut(usize, usize) + Send),
    ) -> Result<Self, MatchError> {
        Self::build(bank, embedder, head, Some(kept), told).await
    }

    async fn build(
        bank: &Bank,
        embedder: Arc<dyn Embedder>,
        head: Option<PersonaScoreHead>,
        kept: Option<&KeptEmbeddings>,
        told: &mut (dyn FnMut(usize, usize) + Send),
    ) -> Result<Self, MatchError> {
        let dimension = embedder.dimension();
        let mut rows = Vec::with_capacity(bank.len());
        let mut texts = Vec::new();
        for character in bank.iter() {
            let experiences = experiences(character);
            let first = texts.len();
            texts.push(character.supporter_statement.clone());
            texts.extend(experiences.iter().map(|(_, sentence)| sentence.clone()));
            rows.push(Rows { index: character.index, first, experiences });
        }
        let matrix = embed_all(embedder.as_ref(), &texts, kept, told).await?;
        Ok(Self { embedder, head, rows, matrix, dimension })
    }

    /// Names what ranks: the same name and bank, the same ranking.
    pub fn identity(&self) -> String {
        let by =
            self.head.as_ref().map_or_else(|| format!("experience {EXPERIENCE_SHARE}"), |head| format!("{head:?}"));
        format!("{}, {by}", self.embedder.identity())
    }

    /// What [`Match::score`] is.
    pub fn scale(&self) -> Scale {
        if self.head.is_some() { Scale::Rating } else { Scale::Similarity }
    }

    /// What embeds, for whoever compares other texts with these.
    pub(super) fn embedder(&self) -> &Arc<dyn Embedder> {
        &self.embedder
    }

    /// Every sentence of experience that is embedded here: whose, of what kind, its text, its row (see [`Self::row`]).
    pub(super) fn sentences(&self) -> impl Iterator<Item = (u32, &Aspect, &str, usize)> {
        self.rows.iter().flat_map(|rows| {
            let lived = rows.experiences.iter().enumerate();
            lived.map(|(at, (aspect, text))| (rows.index, aspect, text.as_str(), rows.first + 1 + at))
        })
    }

    /// An embedding by its row.
    pub(super) fn row(&self, row: usize) -> &[f32] {
        &self.matrix[row * self.dimension..][..self.dimension]
    }

    /// How many embeddings there are.
    pub(super) fn row_count(&self) -> usize {
        self.matrix.len() / self.dimension.max(1)
    }

    /// How many characters can be matched.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is nobody to match with.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The `k` characters most likely to help somebody who says `about`, best first, with reasons. Equal scores are
    /// ordered by index, so that the same text always gives the same list.
    ///
    /// # Errors
    /// [`MatchError::NothingSaid`] for an empty text; the encoder's.
    pub async fn rank(&self, about: &str, k: usize) -> Result<Vec<Match>, MatchError> {
        let about = about.trim();
        if about.is_empty() {
            return Err(MatchError::NothingSaid);
        }
        let query = embed_one(self.embedder.as_ref(), about).await?;
        let cosines: Vec<f32> =
            self.matrix.chunks_exact(self.dimension.max(1)).map(|row| cosine(row, &query)).collect();

        let mut ranked: Vec<Candidate<'_>> = self.rows.iter().map(|rows| self.candidate(rows, &cosines)).collect();
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.rows.index.cmp(&b.rows.index)));
        Ok(ranked.into_iter().take(k).map(|candidate| candidate.explained(self.scale())).collect())
    }

    fn candidate<'a>(&self, rows: &'a Rows, cosines: &[f32]) -> Candidate<'a> {
        let statement = cosines[rows.first];
        let experiences = cosines[rows.first + 1..][..rows.experiences.len()].iter().copied().enumerate();
        // `reduce` keeps the earlier of two equals.
        let nearest = experiences.reduce(|best, next| if next.1 > best.1 { next } else { best });
        let score = match (self.head, nearest) {
            (Some(head), _) => head.rating(statement),
            (None, Some((_, lived))) => EXPERIENCE_SHARE * lived + (1.0 - EXPERIENCE_SHARE) * statement,
            (None, None) => statement,
        };
        Candidate { rows, score, statement, nearest }
    }
}

struct Candidate<'a> {
    rows: &'a Rows,
    score: f32,
    statement: f32,
    /// Place and cosine of the nearest experience.
    nearest: Option<(usize, f32)>,
}

impl Candidate<'_> {
    fn explained(&self, scale: Scale) -> Match {
        let shared = self.nearest.map(|(at, cosine)| {
            let (aspect, quote) = self.rows.experiences[at].clone();
            Reason::SharedExperience { aspect, quote, cosine }
        });
        let statement = Reason::Statement { cosine: self.statement };
        let score = Reason::Score { score: self.score, scale };
        let reasons = shared.into_iter().chain([statement, score]).collect();
        Match { index: self.rows.index, score: self.score, reasons }
    }
}
