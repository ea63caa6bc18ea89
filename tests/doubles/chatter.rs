//! A generator that needs no weights and whose every reply can be checked from its text alone.
#![allow(dead_code, reason = "each test file uses its share")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::StreamExt as _;
use kindred::dialogue::{Layout, Prompt};
use kindred::engine::{Completion, EngineError, Finish, GenerateRequest, Generator, ModelIdentity, Piece, Reply};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// How a chatter speaks. Every piece ends in a comma or full stop, so that the gate lets it through at once.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Speech {
    /// A few words that follow from the first one; between two of them up to this many milliseconds.
    Words { most_pause_ms: u64 },
    /// So many pieces, each with its number and the moment it was made at, this many milliseconds apart.
    Stamps { pieces: usize, pause_ms: u64 },
}

const WORDS: [&str; 16] = [
    "harbour", "lantern", "meadow", "kettle", "window", "garden", "letter", "bridge", "orchard", "pebble", "river",
    "blanket", "candle", "morning", "basket", "violin",
];
/// Stand for the sixteen hexadecimal digits; they make no words.
const LETTERS: [char; 16] = ['b', 'c', 'd', 'f', 'g', 'h', 'j', 'k', 'l', 'm', 'n', 'p', 'q', 'r', 's', 't'];
const LAST: &str = "and that is all.";

/// The number as letters; the same number always as the same letters.
pub fn letters(number: u64) -> String {
    (0..16).map(|digit| LETTERS[(number >> (4 * digit)) as usize & 15]).collect()
}

/// The reply that begins with these letters, piece by piece.
fn pieces(opening: &str) -> Vec<String> {
    let seed = opening.bytes().fold(7_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let words = random.random_range(3..=10);
    let mut pieces = vec![format!("{opening}, ")];
    pieces.extend((0..words).map(|_| format!("{}, ", WORDS[random.random_range(0..WORDS.len())])));
    pieces.push(LAST.to_owned());
    pieces
}

/// The whole reply of which this is the beginning; none if no chatter began one so.
pub fn whole_reply(beginning: &str) -> Option<String> {
    let opening = beginning.split(',').next()?;
    let known = opening.len() == 16 && opening.chars().all(|letter| LETTERS.contains(&letter));
    known.then(|| pieces(opening).concat())
}

/// The number of a stamped piece and how long ago it was made.
pub fn read_stamp(piece: &str) -> Option<(usize, Duration)> {
    let (number, made) = piece.trim().trim_end_matches('.').split_once(" at ")?;
    let age = since_1970().saturating_sub(Duration::from_micros(made.parse().ok()?));
    Some((number.parse().ok()?, age))
}

fn stamp(number: usize) -> String {
    format!("{number} at {}. ", since_1970().as_micros())
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The generator.
pub struct Chatter {
    speech: Speech,
    identity: ModelIdentity,
    layout: Layout,
}

impl Chatter {
    pub fn new(speech: Speech) -> Self {
        let [name, version, family, dtype, device] = ["chatter", "1", "none", "none", "none"].map(str::to_owned);
        let identity = ModelIdentity { name, version, family, parameters: 0, dtype, device, context: 4096 };
        Self { speech, identity, layout: Layout::default() }
    }
}

impl Generator for Chatter {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn count_tokens(&self, prompt: &Prompt) -> Result<usize, EngineError> {
        Ok(prompt.text().split_whitespace().count())
    }

    fn generate(&self, _: GenerateRequest) -> Result<Reply, EngineError> {
        let done = |tokens| {
            Piece::Done(Completion {
                text: String::new(),
                finish: Finish::Eos,
                prompt_tokens: 1,
                completion_tokens: tokens,
            })
        };
        Ok(match self.speech {
            Speech::Words { most_pause_ms } => {
                let pieces = pieces(&letters(rand::random()));
                let done = done(pieces.len());
                let pieces = pieces.into_iter().map(Piece::Text).chain([done]);
                Reply::new(futures::stream::iter(pieces).then(move |piece| async move {
                    tokio::time::sleep(Duration::from_millis(rand::random_range(0..=most_pause_ms))).await;
                    Ok(piece)
                }))
            }
            Speech::Stamps { pieces, pause_ms } => {
                let done = futures::stream::iter([done(pieces)]);
                // Paced from the start, so that a late piece does not make all later ones late.
                let mut pace = tokio::time::interval(Duration::from_millis(pause_ms.max(1)));
                pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
                let stamps = futures::stream::unfold((0, pace), move |(number, mut pace)| async move {
                    if number == pieces {
                        return None;
                    }
                    pace.tick().await;
                    Some((Piece::Text(stamp(number)), (number + 1, pace)))
                });
                Reply::new(stamps.chain(done).map(Ok))
            }
        })
    }
}
