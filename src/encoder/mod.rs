//! Turns texts into numbers: embeddings of sentences and scores of pairs, batched across callers on one thread.

mod inputs;
mod local;
mod plan;
mod worker;

use async_trait::async_trait;

pub use inputs::{HistoryCut, PairCompat};
pub use local::{EncoderOptions, LoadError, LocalEncoder, open};

/// A sentence embedding of unit length.
pub type Embedding = Vec<f32>;

/// Why texts could not be encoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncoderError {
    /// Too many texts are waiting. Try again later.
    #[error("the encoder is busy: {waiting} texts are waiting, the limit is {limit}")]
    Overloaded {
        /// Texts waiting now.
        waiting: usize,
        /// The most that may wait.
        limit: usize,
    },
    /// The encoder thread is gone.
    #[error("the encoder has stopped: {reason}")]
    Gone {
        /// What is known of why.
        reason: String,
    },
    /// The model or the tokenizer failed.
    #[error("the encoder failed: {reason}")]
    Failed {
        /// What it said.
        reason: String,
    },
}

/// Embeds sentences (mean pooling, unit length). Shared by every caller in the process.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// Names what answers: the same name, the same answers.
    fn identity(&self) -> &str;

    /// Length of an embedding.
    fn dimension(&self) -> usize;

    /// The embeddings, in the order of the texts.
    ///
    /// # Errors
    /// See [`EncoderError`].
    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Embedding>, EncoderError>;
}

/// Scores pairs of texts with a cross-encoder of one logit (`info_selecter`).
#[async_trait]
pub trait PairScorer: Send + Sync {
    /// Names what answers: the same name, the same answers.
    fn identity(&self) -> &str;

    /// One score a pair, in order.
    ///
    /// # Errors
    /// See [`EncoderError`].
    async fn score(&self, pairs: Vec<(String, String)>) -> Result<Vec<f32>, EncoderError>;
}

/// Cosine of two embeddings of unit length.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
