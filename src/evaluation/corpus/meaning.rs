//! What an encoder tells of a corpus: utterances that say nearly the same in two dialogues.

use super::super::embedded::Embeddings;
use super::super::near::{NEAR, Text, near_duplicates};
use super::super::{EvaluationError, Finding, counted};
use super::Corpus;

/// Shorter utterances ("Yes, that is true indeed.") may well be the same.
const WORDS: usize = 6;

pub(super) async fn check(corpus: &Corpus, embeddings: &mut Embeddings) -> Result<Vec<Finding>, EvaluationError> {
    let mut texts = Vec::new();
    for (owner, placed) in corpus.dialogues.rows.iter().enumerate() {
        for turn in &placed.row.dial {
            if turn.utterance.split_whitespace().count() >= WORDS {
                let place = format!("dialogue {}, turn {}", placed.row.index, turn.turn);
                texts.push(Text { owner, place, text: turn.utterance.clone() });
            }
        }
    }
    let pairs = near_duplicates("utterances", &texts, embeddings).await?;
    let found = format!("{} among {} utterances", counted(pairs.len()), counted(texts.len()));
    let expected = format!("none with a cosine of {NEAR} and more");
    Ok(vec![Finding::bar("near-duplicates", found, expected, pairs.is_empty()).at(pairs)])
}
