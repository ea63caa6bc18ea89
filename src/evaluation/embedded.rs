//! Texts as embeddings, made once and kept in pieces, and which of them lie near each other.

use std::sync::Arc;

use super::EvaluationError;
use crate::encoder::{Embedder, KeptEmbeddings, cosine, embed_all};
use crate::nn::near_rows;

/// Texts that are kept in one file. A text that changes costs the embedding of its piece again, which takes seconds.
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

    /// Every pair of texts with a cosine of at least `least`, the nearest first.
    ///
    /// # Errors
    /// The tensor library's.
    pub fn near(&self, least: f32) -> Result<Vec<(usize, usize, f32)>, EvaluationError> {
        let mut near = near_rows(&self.numbers, self.dimension, least)?;
        near.sort_by(|a, b| b.2.total_cmp(&a.2));
        Ok(near)
    }
}
