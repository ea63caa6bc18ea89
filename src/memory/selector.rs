//! Scores a character's memories against the newest history in one batch, and picks one or none.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::dialogue::{Speaker, Turn, last_chars};
use crate::encoder::{Embedder, Embedding, EncoderError, PairScorer, cosine};
use crate::persona::{Aspect, Memory};

/// Least cosine at which a memory is used while no trained selector is loaded.
///
/// Measured with all-MiniLM-L6-v2 and the first sixteen characters: the nearest memory to eight pieces of small talk
/// ("Hello", "Thanks, that helps.") reached 0.28 at most, to twenty messages of people in trouble 0.30 in 28 % of all
/// pairs, and in half of those with somebody who has lived the same.
pub const COSINE_THRESHOLD: f32 = 0.30;

/// A trained selector's score must be above this. Source: the published demo takes the best score if it is above zero.
pub const PAIR_THRESHOLD: f32 = 0.0;

/// How much of the history is embedded, in characters counted from the newest backwards (about 60 tokens): an embedding
/// of more than the last exchange blurs into the topic of the whole conversation.
const NEWEST_HISTORY: usize = 240;

/// How much of the history a cross-encoder is given, in characters from the newest backwards: many times the 512 tokens
/// that it reads, so that the encoder, which cuts by tokens, has the last word, and a talk of hours costs no more.
const PAIR_HISTORY: usize = 16_384;

/// Why no memory could be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    /// The encoder gave no answer.
    #[error("the memories could not be scored: {0}")]
    Encoder(#[from] EncoderError),
    /// The encoder gave a different number of answers than it was asked for.
    #[error("the encoder answered {found} of {expected} texts")]
    Count {
        /// How many were asked for.
        expected: usize,
        /// How many came.
        found: usize,
    },
}

/// How a cross-encoder was trained to read the history (formats.md, `info_selecter`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PairHistory {
    /// `seeker: … supporter: …`, as in the published dataset.
    #[default]
    Dataset,
    /// `<SEEKER>…<SUPPORTER>…`, as in the published demos.
    Demo,
}

/// A character's memories with what the selector's policy needs of them; made once a character and kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EmbeddedMemories {
    memories: Vec<Memory>,
    /// One a memory under the cosine policy; empty under a cross-encoder, which reads the texts themselves.
    embeddings: Vec<Embedding>,
}

impl EmbeddedMemories {
    /// The memories, in the order they were given.
    pub fn memories(&self) -> &[Memory] {
        &self.memories
    }
}

/// The memory chosen, and how well it fits.
#[derive(Clone, Debug, PartialEq)]
pub struct Selected {
    /// What is remembered.
    pub memory: Memory,
    /// The cosine (−1 to 1), or the trained selector's logit.
    pub score: f32,
}

#[derive(Clone)]
enum Policy {
    Cosine { embedder: Arc<dyn Embedder>, threshold: f32 },
    Pairs { scorer: Arc<dyn PairScorer>, history: PairHistory },
}

/// Picks the memory that helps now, or none. Cheap to clone; shared by all characters.
#[derive(Clone)]
pub struct MemorySelector {
    policy: Policy,
}

impl MemorySelector {
    /// Chooses by cosine between each memory and the newest history; none below [`COSINE_THRESHOLD`].
    pub fn by_cosine(embedder: Arc<dyn Embedder>) -> Self {
        Self { policy: Policy::Cosine { embedder, threshold: COSINE_THRESHOLD } }
    }

    /// Chooses by a trained cross-encoder (`info_selecter`): the best score if above [`PAIR_THRESHOLD`].
    pub fn by_pairs(scorer: Arc<dyn PairScorer>, history: PairHistory) -> Self {
        Self { policy: Policy::Pairs { scorer, history } }
    }

    /// Names what chooses: the same name, the same choices.
    pub fn identity(&self) -> String {
        match &self.policy {
            Policy::Cosine { embedder, threshold } => {
                format!("cosine of {}, {threshold} at least", embedder.identity())
            }
            Policy::Pairs { scorer, history } => format!("logit of {}, {history:?} history", scorer.identity()),
        }
    }

    /// Prepares a character's memories: once a character, whatever the number of conversations.
    ///
    /// # Errors
    /// The encoder's.
    pub async fn embed(&self, memories: Vec<Memory>) -> Result<EmbeddedMemories, MemoryError> {
        let embeddings = match &self.policy {
            Policy::Cosine { embedder, .. } if !memories.is_empty() => {
                let texts: Vec<String> = memories.iter().map(|memory| memory.content.clone()).collect();
                counted(embedder.embed(texts).await?, memories.len())?
            }
            _ => Vec::new(),
        };
        Ok(EmbeddedMemories { memories, embeddings })
    }

    /// The memory that fits the newest history best, if any fits; aspects in `resting` are left out. All candidates are
    /// scored in one batch. Equal scores go to the memory that comes first.
    ///
    /// # Errors
    /// The encoder's.
    pub async fn select(
        &self,
        memories: &EmbeddedMemories,
        history: &[Turn],
        resting: &[Aspect],
    ) -> Result<Option<Selected>, MemoryError> {
        let awake: Vec<usize> =
            (0..memories.memories.len()).filter(|&at| !resting.contains(&memories.memories[at].aspect)).collect();
        if awake.is_empty() || history.iter().all(|turn| turn.text.trim().is_empty()) {
            return Ok(None);
        }
        let (scores, passes): (Vec<f32>, fn(f32, f32) -> bool) = match &self.policy {
            Policy::Cosine { embedder, .. } => {
                // Memories prepared under another policy have no embeddings.
                if memories.embeddings.len() != memories.memories.len() {
                    let (expected, found) = (memories.memories.len(), memories.embeddings.len());
                    return Err(MemoryError::Count { expected, found });
                }
                let query = counted(embedder.embed(vec![newest(history)]).await?, 1)?;
                (awake.iter().map(|&at| cosine(&query[0], &memories.embeddings[at])).collect(), |s, t| s >= t)
            }
            Policy::Pairs { scorer, history: form } => {
                let told = pair_history(history, *form);
                let pairs = awake.iter().map(|&at| (told.clone(), memories.memories[at].content.clone())).collect();
                (counted(scorer.score(pairs).await?, awake.len())?, |s, t| s > t)
            }
        };
        let threshold = match &self.policy {
            Policy::Cosine { threshold, .. } => *threshold,
            Policy::Pairs { .. } => PAIR_THRESHOLD,
        };
        Ok(awake
            .iter()
            .zip(scores)
            .filter(|(_, score)| passes(*score, threshold))
            // `reduce` keeps the earlier of two equals.
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
            .map(|(&at, score)| Selected { memory: memories.memories[at].clone(), score }))
    }
}

fn counted<T>(answers: Vec<T>, expected: usize) -> Result<Vec<T>, MemoryError> {
    if answers.len() == expected { Ok(answers) } else { Err(MemoryError::Count { expected, found: answers.len() }) }
}

/// What was said last, without names: whole turns from the newest backwards while they fit, the newest at least in part.
fn newest(history: &[Turn]) -> String {
    let mut taken: Vec<&str> = Vec::new();
    let mut room = NEWEST_HISTORY;
    for turn in history.iter().rev() {
        let text = turn.text.trim();
        let length = text.chars().count();
        if length > room {
            if taken.is_empty() {
                taken.push(last_chars(text, NEWEST_HISTORY));
            }
            break;
        }
        room -= length;
        taken.push(text);
    }
    taken.reverse();
    taken.join(" ")
}

/// The history as the cross-encoder was trained to read it, the newest kept when it is too long.
fn pair_history(history: &[Turn], form: PairHistory) -> String {
    let mut told = String::new();
    for turn in history {
        match form {
            PairHistory::Dataset => {
                if !told.is_empty() {
                    told.push(' ');
                }
                let _ = write!(told, "{}: {}", turn.speaker.as_str(), turn.text);
            }
            PairHistory::Demo => {
                let tag = match turn.speaker {
                    Speaker::Seeker => "<SEEKER>",
                    Speaker::Supporter => "<SUPPORTER>",
                };
                let _ = write!(told, "{tag}{}", turn.text);
            }
        }
    }
    last_chars(&told, PAIR_HISTORY).to_owned()
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;

    /// Embeds by counting a few words, so that a test can reckon with it.
    struct Words;

    #[async_trait]
    impl Embedder for Words {
        fn identity(&self) -> &str {
            "words"
        }

        fn dimension(&self) -> usize {
            3
        }

        async fn embed(&self, texts: Vec<String>) -> Result<Vec<Embedding>, EncoderError> {
            Ok(texts
                .iter()
                .map(|text| {
                    let raw = ["sea", "work", "home"].map(|word| text.matches(word).count() as f32);
                    let length = raw.iter().map(|x| x * x).sum::<f32>().sqrt().max(1.0);
                    raw.iter().map(|x| x / length).collect()
                })
                .collect())
        }
    }

    /// Scores a pair by the length of the memory less ten.
    struct Lengths;

    #[async_trait]
    impl PairScorer for Lengths {
        fn identity(&self) -> &str {
            "lengths"
        }

        async fn score(&self, pairs: Vec<(String, String)>) -> Result<Vec<f32>, EncoderError> {
            Ok(pairs.iter().map(|(_, memory)| memory.len() as f32 - 10.0).collect())
        }
    }

    fn memory(aspect: Aspect, content: &str) -> Memory {
        Memory { aspect, content: content.into() }
    }

    fn memories() -> Vec<Memory> {
        vec![
            memory(Aspect::Hobby, "You row on the sea."),
            memory(Aspect::WorkingConditions, "Your work is loud work."),
            memory(Aspect::LivingConditions, "A home by the sea."),
        ]
    }

    #[tokio::test]
    async fn the_nearest_memory_wins_unless_it_rests_or_nothing_is_near() {
        let selector = MemorySelector::by_cosine(Arc::new(Words));
        let embedded = selector.embed(memories()).await.unwrap();
        let history = [Turn::new(Speaker::Seeker, "I miss the sea")];
        let chosen = selector.select(&embedded, &history, &[]).await.unwrap().unwrap();
        assert_eq!(chosen.memory.aspect, Aspect::Hobby);
        let chosen = selector.select(&embedded, &history, &[Aspect::Hobby]).await.unwrap().unwrap();
        assert_eq!(chosen.memory.aspect, Aspect::LivingConditions);
        let elsewhere = [Turn::new(Speaker::Seeker, "hello")];
        assert_eq!(selector.select(&embedded, &elsewhere, &[]).await.unwrap(), None);
        assert_eq!(selector.select(&embedded, &[], &[]).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_trained_selector_takes_the_best_score_above_zero() {
        let selector = MemorySelector::by_pairs(Arc::new(Lengths), PairHistory::Dataset);
        let history = [Turn::new(Speaker::Seeker, "hello")];
        let embedded = selector.embed(memories()).await.unwrap();
        let chosen = selector.select(&embedded, &history, &[]).await.unwrap().unwrap();
        assert_eq!((chosen.memory.aspect, chosen.score), (Aspect::WorkingConditions, 13.0));
        let short = selector.embed(vec![memory(Aspect::Hobby, "0123456789")]).await.unwrap();
        assert_eq!(selector.select(&short, &history, &[]).await.unwrap(), None, "zero is not above zero");
    }

    #[test]
    fn the_newest_of_a_long_history_is_kept() {
        let history =
            [Turn::new(Speaker::Seeker, "old ".repeat(PAIR_HISTORY)), Turn::new(Speaker::Supporter, "new 好")];
        assert_eq!(newest(&history), "new 好");
        assert!(newest(&history[..1]).chars().count() <= NEWEST_HISTORY);
        let told = pair_history(&history, PairHistory::Dataset);
        assert!(told.ends_with("supporter: new 好") && told.chars().count() == PAIR_HISTORY);
        assert_eq!(pair_history(&history[1..], PairHistory::Demo), "<SUPPORTER>new 好");
    }
}
