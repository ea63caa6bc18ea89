//! Embeds many texts, or reads what was kept of them.

use super::MatchError;
use super::kept::KeptEmbeddings;
use crate::encoder::{Embedder, Embedding};

/// How many texts are embedded in one request while the bank is read: small enough for the encoder's queue.
const BATCH: usize = 64;

/// Hears how many texts of how many are embedded.
pub(super) type Told<'a> = &'a mut (dyn FnMut(usize, usize) + Send);

/// The embeddings of these texts, `[texts, dimension]`, row by row: kept ones, else made now, and kept.
pub(super) async fn embed_all(
    texts: &[String],
    embedder: &dyn Embedder,
    kept: Option<&KeptEmbeddings>,
    told: Told<'_>,
) -> Result<Vec<f32>, MatchError> {
    let dimension = embedder.dimension();
    if let Some(matrix) = kept.and_then(|kept| kept.read(embedder.identity(), texts, dimension)) {
        return Ok(matrix);
    }
    let mut matrix = Vec::with_capacity(texts.len() * dimension);
    for batch in texts.chunks(BATCH) {
        told(matrix.len() / dimension.max(1), texts.len());
        matrix.extend(embed(embedder, batch.to_vec()).await?.concat());
    }
    if let Some(kept) = kept {
        kept.write(embedder.identity(), texts, dimension, &matrix);
    }
    Ok(matrix)
}

/// The embedding of one text.
pub(super) async fn embed_one(text: &str, embedder: &dyn Embedder) -> Result<Embedding, MatchError> {
    Ok(embed(embedder, vec![text.to_owned()]).await?.remove(0))
}

/// The embeddings, checked for number and length, as whoever compares them relies on both.
async fn embed(embedder: &dyn Embedder, texts: Vec<String>) -> Result<Vec<Embedding>, MatchError> {
    let expected = texts.len();
    let embeddings = embedder.embed(texts).await?;
    if embeddings.len() != expected {
        return Err(MatchError::Shape { what: "texts", expected, found: embeddings.len() });
    }
    match embeddings.iter().find(|embedding| embedding.len() != embedder.dimension()) {
        Some(odd) => Err(MatchError::Shape { what: "dimensions", expected: embedder.dimension(), found: odd.len() }),
        None => Ok(embeddings),
    }
}
