//! Turns texts into numbers: embeddings of sentences and scores of pairs, batched across callers on one thread.

mod inputs;
mod kept;
mod local;
mod plan;
mod worker;

use std::time::Duration;

use async_trait::async_trait;

use crate::nn::inbox::Absence;

pub use crate::nn::keeper::Restarts;
pub use inputs::{HistoryCut, PairCompat};
pub use kept::{KeptEmbeddings, embed_all};
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
    /// The encoder's thread fell, and the encoder is being loaded again. The same call may succeed then.
    #[error("the encoder is being restarted: {reason}; try again in {} s", retry_after.as_secs().max(1))]
    Restarting {
        /// What is known of why it fell. For logs: not for people.
        reason: String,
        /// When it may be back.
        retry_after: Duration,
    },
    /// The encoder thread is gone for good.
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
    /// Its answer has another shape than it promised.
    #[error("the encoder answered {found} {what}; expected {expected}")]
    Shape {
        /// What was counted.
        what: &'static str,
        /// How many were expected.
        expected: usize,
        /// How many came.
        found: usize,
    },
}

impl From<Absence> for EncoderError {
    fn from(why: Absence) -> Self {
        match why {
            Absence::Restarting { reason, retry_after } => Self::Restarting { reason, retry_after },
            Absence::Gone { reason } => Self::Gone { reason },
        }
    }
}

/// Embeds sentences (mean pooling, unit length). Shared by every caller in the process.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// Names what answers: the same name, the same answers.
    fn identity(&self) -> &str;

    /// Length of an embedding.
    fn dimension(&self) -> usize;

    /// Whether it can be asked now; a full queue does not count.
    ///
    /// # Errors
    /// [`EncoderError::Restarting`] or [`EncoderError::Gone`].
    fn ready(&self) -> Result<(), EncoderError> {
        Ok(())
    }

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

/// The embeddings, checked for number and length, where a matrix relies on both.
///
/// # Errors
/// The encoder's.
pub async fn embed_checked(embedder: &dyn Embedder, texts: Vec<String>) -> Result<Vec<Embedding>, EncoderError> {
    let expected = texts.len();
    let embeddings = embedder.embed(texts).await?;
    if embeddings.len() != expected {
        return Err(EncoderError::Shape { what: "texts", expected, found: embeddings.len() });
    }
    match embeddings.iter().find(|embedding| embedding.len() != embedder.dimension()) {
        Some(odd) => Err(EncoderError::Shape { what: "dimensions", expected: embedder.dimension(), found: odd.len() }),
        None => Ok(embeddings),
    }
}

/// The embedding of one text.
///
/// # Errors
/// The encoder's.
pub async fn embed_one(embedder: &dyn Embedder, text: &str) -> Result<Embedding, EncoderError> {
    Ok(embed_checked(embedder, vec![text.to_owned()]).await?.swap_remove(0))
}

/// Sums that [`cosine`] keeps side by side. Floats are added in the order that is written, so that a single sum cannot be
/// spread over the lanes of SIMD registers; eight can, and take a seventh of the time (46 ns against 327 for 384 numbers).
/// Sixteen are no faster.
const LANES: usize = 8;

/// Cosine of two embeddings of unit length.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let both = a.len().min(b.len());
    let ((a, a_rest), (b, b_rest)) = (a[..both].as_chunks::<LANES>(), b[..both].as_chunks::<LANES>());
    let mut sums = [0.0_f32; LANES];
    for (a, b) in a.iter().zip(b) {
        for ((sum, x), y) in sums.iter_mut().zip(a).zip(b) {
            *sum += x * y;
        }
    }
    let rest = a_rest.iter().zip(b_rest).map(|(x, y)| x * y);
    sums.into_iter().chain(rest).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cosine_is_the_sum_of_the_products_whatever_the_length() {
        for length in [0, 3, LANES, 2 * LANES + 5, 384] {
            let a: Vec<f32> = (0..length).map(|at| at as f32 - 7.0).collect();
            let b: Vec<f32> = (0..length).map(|at| (at % 5) as f32).collect();
            let plain: f64 = a.iter().zip(&b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
            assert!((f64::from(cosine(&a, &b)) - plain).abs() <= plain.abs() * 1e-6, "{length}");
        }
        assert_eq!(cosine(&[1.0; 20], &[1.0; 18]), 18.0, "the shorter one tells how far they go");
    }
}
