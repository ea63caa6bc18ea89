//! What an encoder tells of a corpus: utterances that say nearly the same in two dialogues.

use super::super::embedded::Embeddings;
use super::super::near::{NEAR, Text, near_groups};
use super::super::{EvaluationError, Finding};
use super::Corpus;

/// Shorter utterances ("Yes, that is true indeed.") may well be the same.
const WORDS: usize = 6;

/// What an encoder tells: replies that say nearly the same in two dialogues.
///
/// # Errors
/// The encoder's, and the tensor library's.
pub async fn check(corpus: &Corpus, embeddings: &mut Embeddings) -> Result<Vec<Finding>, EvaluationError> {
    let mut texts = Vec::new();
    for (owner, placed) in corpus.dialogues.rows.iter().enumerate() {
        for turn in &placed.row.dial {
            if turn.utterance.split_whitespace().count() >= WORDS {
                let place = format!("dialogue {}, turn {}", placed.row.index, turn.turn);
                texts.push(Text { owner, place, text: turn.utterance.clone() });
            }
        }
    }
    let near = near_groups("utterances", &texts, embeddings).await?;
    Ok(vec![near.finding(format!("near-duplicates (cosine {NEAR} and more)"), texts.len(), "utterances")])
}
