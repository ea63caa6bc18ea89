//! Looks at a finished model: what it says to given messages, and figures of its replies as `docs/training.md` defines
//! them.

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

use super::TrainingError;
use super::corpus::text;
use crate::dialogue::{Speaker, Turn};
use crate::encoder::{Embedder, EncoderError, cosine};
use crate::engine::{EngineError, Finish, GenerateRequest, Generator, Sampling};
use crate::persona::{Bank, Character, Memory};

/// Messages of fewer words say too little to be answered to the point.
const FEWEST_WORDS: usize = 8;
/// A reply's message is ranked among this many, itself included.
const CANDIDATES: usize = 10;
/// Variety is counted over this many words, so that samples compare.
const VARIETY_WORDS: usize = 2_000;
/// As many words in a row of the message are a copy.
const COPY_WORDS: usize = 6;

/// Why a model could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The messages could not be read.
    #[error(transparent)]
    Training(#[from] TrainingError),
    /// The model did not answer.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The encoder did not answer.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
}

/// A message and what the model said.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// Who answered.
    pub supporter: String,
    /// What was written to them.
    pub message: String,
    /// The memory they were given.
    pub memory: Option<String>,
    /// What they said.
    pub reply: String,
    /// Whether they ended by themselves.
    pub ended: bool,
}

/// Figures of many exchanges.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// Exchanges counted.
    pub count: usize,
    /// Share of replies that ended by themselves.
    pub ended: f64,
    /// Mean words a reply.
    pub words: f64,
    /// Share of replies nearest to their own message among ten; only with an encoder.
    pub relevance: Option<f64>,
    /// Mean cosine of reply and message; only with an encoder.
    pub cosine: Option<f64>,
    /// Content words of the message, as a share of the reply's words.
    pub reused: f64,
    /// Share of replies that copy six words in a row.
    pub copied: f64,
    /// Different pairs of words, as a share of all pairs, over the first 2,000 words.
    pub distinct2: f64,
    /// Share of replies that say a content word of their memory which the message does not; of those with a memory.
    pub memory_used: Option<f64>,
}

/// The lines of a file.
///
/// # Errors
/// A file that cannot be read.
pub fn messages(path: &Path) -> Result<Vec<String>, TrainingError> {
    let text = fs::read_to_string(path).map_err(TrainingError::io(path))?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// `count` seekers' turns of at least eight words from an ESConv file (JSONL), drawn with `seed`.
///
/// # Errors
/// A file that cannot be read, a row of another shape.
pub fn esconv(path: &Path, count: usize, seed: u64) -> Result<Vec<String>, TrainingError> {
    #[derive(Deserialize)]
    struct Row {
        dialog: Vec<Said>,
    }
    #[derive(Deserialize)]
    struct Said {
        text: String,
        speaker: String,
    }
    let mut all = Vec::new();
    let file = fs::File::open(path).map_err(TrainingError::io(path))?;
    for (at, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(TrainingError::io(path))?;
        let row: Row = serde_json::from_str(&line).map_err(|error| {
            TrainingError::row(path, at as u64 + 1, format!("expected an ESConv dialogue: {error}"))
        })?;
        let said =
            row.dialog.into_iter().filter(|said| said.speaker == "usr" && text::words(&said.text) >= FEWEST_WORDS);
        all.extend(said.map(|said| said.text.trim().to_owned()));
    }
    all.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    all.truncate(count);
    Ok(all)
}

/// Lets the bank's supporters, in turn, answer one message each; every second one is given a memory.
///
/// # Errors
/// See [`LookError`].
pub async fn exchanges(
    generator: &dyn Generator,
    bank: &Bank,
    messages: &[String],
    sampling: &Sampling,
) -> Result<Vec<Exchange>, LookError> {
    let people: Vec<_> = bank.iter().collect();
    let mut rng = ChaCha8Rng::seed_from_u64(sampling.seed);
    let mut out = Vec::with_capacity(messages.len());
    for (at, message) in messages.iter().enumerate() {
        let supporter: &Character = people[at % people.len()];
        let memories = supporter.supporter_memories();
        let memory =
            (at % 2 == 1 && !memories.is_empty()).then(|| memories[rng.random_range(0..memories.len())].clone());
        let history = [Turn::new(Speaker::Seeker, message.as_str())];
        let sampling = Sampling { seed: sampling.seed.wrapping_add(at as u64), ..sampling.clone() };
        let reply = answer(generator, supporter, &history, memory.as_ref(), sampling).await?;
        out.push(Exchange {
            supporter: supporter.name().to_owned(),
            message: message.clone(),
            memory: memory.map(|memory| memory.content),
            reply: reply.0,
            ended: reply.1,
        });
    }
    Ok(out)
}

async fn answer(
    generator: &dyn Generator,
    supporter: &Character,
    history: &[Turn],
    memory: Option<&Memory>,
    sampling: Sampling,
) -> Result<(String, bool), LookError> {
    let layout = generator.layout();
    let prompt = layout
        .prompt(Speaker::Supporter, &supporter.supporter_statement, history, memory)
        .map_err(|error| EngineError::Failed { reason: error.to_string() })?;
    let request = GenerateRequest { prompt, sampling, stop: layout.stop_strings(), ..GenerateRequest::default() };
    let done = generator.generate(request)?.complete().await?;
    Ok((done.text.trim().to_owned(), done.finish != Finish::Length))
}

/// The figures of exchanges; with an encoder also how near replies are to their messages. Candidates are drawn with
/// `seed`.
///
/// # Errors
/// The encoder's.
pub async fn figures(exchanges: &[Exchange], embedder: Option<&dyn Embedder>, seed: u64) -> Result<Figures, LookError> {
    let share = |count: usize| count as f64 / exchanges.len().max(1) as f64;
    let words: usize = exchanges.iter().map(|exchange| text::words(&exchange.reply)).sum();
    let with_memory: Vec<&Exchange> = exchanges.iter().filter(|exchange| exchange.memory.is_some()).collect();
    let used = with_memory.iter().filter(|exchange| says_memory(exchange)).count();
    let near = match embedder {
        Some(embedder) => Some(nearness(exchanges, embedder, seed).await?),
        None => None,
    };
    Ok(Figures {
        count: exchanges.len(),
        ended: share(exchanges.iter().filter(|exchange| exchange.ended).count()),
        words: share(words),
        relevance: near.map(|near| near.0),
        cosine: near.map(|near| near.1),
        reused: exchanges.iter().map(reused).sum::<usize>() as f64 / words.max(1) as f64,
        copied: share(exchanges.iter().filter(|exchange| copies(exchange)).count()),
        distinct2: distinct2(exchanges.iter().map(|exchange| exchange.reply.as_str())),
        memory_used: (!with_memory.is_empty()).then(|| used as f64 / with_memory.len() as f64),
    })
}

/// Share of replies nearest to their own message among ten, and the mean cosine.
async fn nearness(exchanges: &[Exchange], embedder: &dyn Embedder, seed: u64) -> Result<(f64, f64), EncoderError> {
    let replies = embedder.embed(exchanges.iter().map(|exchange| exchange.reply.clone()).collect()).await?;
    let messages = embedder.embed(exchanges.iter().map(|exchange| exchange.message.clone()).collect()).await?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut first, mut total) = (0usize, 0.0);
    let mut others: Vec<usize> = (0..messages.len()).collect();
    for (at, reply) in replies.iter().enumerate() {
        let own = cosine(reply, &messages[at]);
        total += f64::from(own);
        others.shuffle(&mut rng);
        let rivals = others.iter().filter(|&&other| other != at).take(CANDIDATES - 1);
        first += usize::from(rivals.into_iter().all(|&other| cosine(reply, &messages[other]) < own));
    }
    let count = replies.len().max(1) as f64;
    Ok((first as f64 / count, total / count))
}

fn lower_words(said: &str) -> Vec<String> {
    said.split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

fn reused(exchange: &Exchange) -> usize {
    let message = text::content_words(&exchange.message);
    text::content_words(&exchange.reply).intersection(&message).count()
}

fn copies(exchange: &Exchange) -> bool {
    let (reply, message) = (lower_words(&exchange.reply), lower_words(&exchange.message));
    let known: HashSet<&[String]> = message.windows(COPY_WORDS).collect();
    reply.windows(COPY_WORDS).any(|run| known.contains(run))
}

fn says_memory(exchange: &Exchange) -> bool {
    let memory = text::content_words(exchange.memory.as_deref().unwrap_or_default());
    let message = text::content_words(&exchange.message);
    text::content_words(&exchange.reply).iter().any(|word| memory.contains(word) && !message.contains(word))
}

fn distinct2<'a>(replies: impl Iterator<Item = &'a str>) -> f64 {
    let (mut seen, mut pairs, mut words) = (HashSet::new(), 0usize, 0usize);
    for reply in replies {
        let reply = lower_words(reply);
        words += reply.len();
        for pair in reply.windows(2) {
            pairs += 1;
            seen.insert((pair[0].clone(), pair[1].clone()));
        }
        if words >= VARIETY_WORDS {
            break;
        }
    }
    seen.len() as f64 / pairs.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(message: &str, memory: Option<&str>, reply: &str) -> Exchange {
        Exchange {
            supporter: "Ada".into(),
            message: message.into(),
            memory: memory.map(str::to_owned),
            reply: reply.into(),
            ended: true,
        }
    }

    #[tokio::test]
    async fn figures_count_what_they_say() {
        let said = [
            exchange(
                "My garden is dead and I am so tired of it.",
                Some("You sail on the lake."),
                "When I sail, it gets lighter.",
            ),
            exchange("My cat ran away on a rainy day.", Some("You bake bread."), "My cat ran away on a sunny day."),
        ];
        let figures = figures(&said, None, 1).await.unwrap();
        assert_eq!((figures.count, figures.ended, figures.words), (2, 1.0, 7.0));
        assert_eq!(figures.copied, 0.5);
        assert_eq!(figures.memory_used, Some(0.5));
        assert_eq!(figures.relevance, None);
        // "cat ran away day" of the second message, over 14 words.
        assert!((figures.reused - 4.0 / 14.0).abs() < 1e-9, "{}", figures.reused);
        assert_eq!(figures.distinct2, 1.0);
    }
}
