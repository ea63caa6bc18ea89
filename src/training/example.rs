//! What one row teaches: token ids and how much each token's prediction counts.
//!
//! A conversation is cut, anew in every epoch, into windows of history and one reply, laid out by `dialogue::Layout`
//! and tokenized segment by segment as the published training does. The reply and its end count fully. Unlike there,
//! the history counts too, by half: this model starts from nothing and has its English to learn from the same text.
//! The memory is never predicted: it is chosen by another model.

use std::collections::HashMap;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tokenizers::Tokenizer;

use super::TrainingError;
use super::corpus::{Content, Conversation, Document, text};
use super::tokenizer::{EOS, special};
use crate::dialogue::Layout;

/// How much each kind of token counts in the loss.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Weights {
    /// The persona statement.
    pub statement: f32,
    /// Earlier turns, with their tags.
    pub history: f32,
    /// Running text.
    pub passage: f32,
}

impl Default for Weights {
    fn default() -> Self {
        Self { statement: 0.1, history: 0.5, passage: 0.5 }
    }
}

impl Weights {
    /// As published: only the reply and its end count.
    pub const REPLY_ONLY: Self = Self { statement: 0.0, history: 0.0, passage: 0.0 };
}

/// A row: `ids` and, for each, the weight of its prediction from the ids before it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Example {
    /// Token ids.
    pub ids: Vec<u32>,
    /// One weight a token; 0 is masked.
    pub weights: Vec<f32>,
}

impl Example {
    fn push(&mut self, ids: &[u32], weight: f32) {
        self.ids.extend_from_slice(ids);
        self.weights.resize(self.ids.len(), weight);
    }
}

/// Turns shorter than this are history only: a model that learns to reply "Me too!" helps nobody.
const FEWEST_REPLY_WORDS: usize = 4;
/// One window in this many holds as much of the history as fits, so that long prompts work too.
const LONG_WINDOW_EVERY: u32 = 8;
/// Share of the windows that are told only the beginning of the persona: a statement is as long as three replies, and read
/// in full each time it would leave a small model half as many replies to learn from.
const BRIEF: f64 = 0.5;
/// Otherwise at most this many turns of history.
const USUAL_HISTORY: usize = 6;

/// Makes examples of documents. Remembers the token ids of texts, which every epoch meets again.
pub struct Examples {
    tokenizer: Tokenizer,
    eos: u32,
    weights: Weights,
    longest: usize,
    known: HashMap<String, Box<[u32]>>,
}

impl Examples {
    /// Rows hold at most `longest` tokens.
    ///
    /// # Errors
    /// A tokenizer without an end-of-sequence token.
    pub fn new(tokenizer: Tokenizer, weights: Weights, longest: usize) -> Result<Self, TrainingError> {
        let eos = special(&tokenizer, EOS)?;
        Ok(Self { tokenizer, eos, weights, longest, known: HashMap::new() })
    }

    /// The windows of one document, drawn with `rng`.
    ///
    /// # Errors
    /// A text that the tokenizer refuses.
    pub fn of(&mut self, document: &Document, rng: &mut ChaCha8Rng) -> Result<Vec<Example>, TrainingError> {
        match &document.content {
            Content::Passage(text) => {
                let mut example = Example::default();
                example.push(&self.encode(text)?, self.weights.passage);
                example.push(&[self.eos], self.weights.passage);
                example.ids.truncate(self.longest);
                example.weights.truncate(self.longest);
                Ok(vec![example])
            }
            Content::Conversation(talk) => {
                let mut out = Vec::new();
                let mut start = 0;
                // The first reply of a talk, to its opening alone, is the one that every user sees.
                let mut history = if rng.random_bool(0.5) { 1 } else { rng.random_range(0..=USUAL_HISTORY) };
                while start + history < talk.turns.len() {
                    let reply = start + history;
                    let from = if rng.random_ratio(1, LONG_WINDOW_EVERY) { 0 } else { start };
                    let statement = talk.statement(talk.turns[reply].speaker);
                    let statement = if rng.random_bool(BRIEF) { beginning(statement) } else { statement };
                    if talk.turns[reply].text.split_whitespace().count() >= FEWEST_REPLY_WORDS {
                        out.extend(self.told(talk, statement, from, reply)?);
                    }
                    start = reply.max(start + 1);
                    history = rng.random_range(1..=USUAL_HISTORY);
                }
                Ok(out)
            }
        }
    }

    /// The example of one reply with the history from turn `from`; the oldest turns give way if it is too long, and
    /// there is none if the statement and the reply alone are.
    ///
    /// # Errors
    /// A text that the tokenizer refuses.
    pub fn window(&mut self, talk: &Conversation, from: usize, reply: usize) -> Result<Option<Example>, TrainingError> {
        self.told(talk, talk.statement(talk.turns[reply].speaker), from, reply)
    }

    /// As [`Self::window`], with this statement.
    fn told(
        &mut self,
        talk: &Conversation,
        statement: &str,
        from: usize,
        reply: usize,
    ) -> Result<Option<Example>, TrainingError> {
        let turn = &talk.turns[reply];
        let history = &talk.turns[from..reply];
        let prompt = Layout::default()
            .prompt(turn.speaker, statement, history, turn.memory.as_ref())
            .map_err(|error| TrainingError::Tokenizer(error.to_string()))?;
        let segments = prompt.segments.iter().map(|segment| self.encode(segment)).collect::<Result<Vec<_>, _>>()?;
        let said = self.encode(&turn.text)?;
        let [statement, past @ .., tag] = segments.as_slice() else { return Ok(None) };
        let fixed = statement.len() + tag.len() + said.len() + 1;
        let Some(mut room) = self.longest.checked_sub(fixed) else { return Ok(None) };
        let mut kept = past.len();
        while kept > 0 && past[kept - 1].len() <= room {
            kept -= 1;
            room -= past[kept].len();
        }
        let mut example = Example::default();
        example.push(statement, self.weights.statement);
        for segment in &past[kept..] {
            example.push(segment, self.weights.history);
        }
        example.push(tag, 0.0);
        example.push(&said, 1.0);
        example.push(&[self.eos], 1.0);
        Ok(Some(example))
    }

    fn encode(&mut self, text: &str) -> Result<Box<[u32]>, TrainingError> {
        if let Some(ids) = self.known.get(text) {
            return Ok(ids.clone());
        }
        let ids: Box<[u32]> = self.tokenizer.encode_fast(text, false)?.get_ids().into();
        self.known.insert(text.to_owned(), ids.clone());
        Ok(ids)
    }
}

/// The first sentence of a statement: who somebody is.
fn beginning(statement: &str) -> &str {
    text::sentences(statement).first().copied().unwrap_or(statement)
}
