//! Texts as embeddings, made once and kept in pieces, and which of them lie near each other.

use std::sync::Arc;

use super::EvaluationError;
use crate::encoder::{Embedder, KeptEmbeddings, cosine, embed_all};
use crate::nn::near_rows;

/// Texts that are kept in one file. A text that is put in another's place costs the embedding of its piece again, which
/// takes seconds; one that is put in or taken out moves all behind it, and the rest of its kind is embedded again.
const PIECE: usize = 1024;

/// Hears what is embedded, and how many texts of how many are done.
pub type Told = dyn FnMut(&str, usize, usize) + Send;

/// Makes embeddings, or finds those kept.
pub struct Embeddings {
    embedder: Arc<dyn Embedder>,
    kept: KeptEmbeddings,
    told: Box<Told>,
}

impl Embeddings {
    /// By this encoder, kept there.
    pub fn new(embedder: Arc<dyn Embedder>, kept: KeptEmbeddings, told: Box<Told>) -> Self {
        Self { embedder, kept, told }
    }

    /// The embeddings of the texts; `what` they are is told to whoever waits.
    ///
    /// # Errors
    /// The encoder's.
    pub async fn of(&mut self, what: &str, texts: &[String]) -> Result<Embedded, EvaluationError> {
        let dimension = self.embedder.dimension();
        let mut numbers = Vec::with_capacity(texts.len() * dimension);
        for piece in texts.chunks(PIECE) {
            let before = numbers.len() / dimension.max(1);
            let mut told = |done, _| (self.told)(what, before + done, texts.len());
            numbers.extend(embed_all(self.embedder.as_ref(), piece, Some(&self.kept), &mut told).await?);
        }
        Ok(Embedded { numbers, dimension })
    }
}

/// Embeddings of unit length, `[texts, dimension]` row by row.
#[derive(Clone, Debug)]
pub struct Embedded {
    numbers: Vec<f32>,
    dimension: usize,
}

impl Embedded {
    /// The embedding of one text.
    pub fn row(&self, at: usize) -> &[f32] {
        &self.numbers[at * self.dimension..][..self.dimension]
    }

    /// The cosine of a text and one of others.
    pub fn cosine_to(&self, at: usize, others: &Self, other: usize) -> f32 {
        cosine(self.row(at), others.row(other))
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.numbers.len() / self.dimension.max(1)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tells `found` every pair of texts with a cosine of at least `least`, the earlier one first, in no order of pairs.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn near(&self, least: f32, found: impl FnMut(usize, usize, f32)) -> Result<(), EvaluationError> {
        Ok(near_rows(&self.numbers, self.dimension, least, found)?)
    }
}
