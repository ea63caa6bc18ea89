//! Stand-ins for model, encoder and bank, shared by the tests of agents and simulation.
#![allow(dead_code, reason = "each test file uses its share")]

pub mod listen;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use kindred::agents::{Kindred, Limits, Parts};
use kindred::dialogue::{Layout, Prompt};
use kindred::encoder::{Embedder, Embedding, EncoderError};
use kindred::engine::{
    Completion, EngineError, Finish, GenerateRequest, Generator, ModelIdentity, Piece, Reply, Sampling,
};
use kindred::matching::Matcher;
use kindred::memory::MemorySelector;
use kindred::persona::{Bank, Character};
use kindred::store::Store;

type Script = dyn Fn(&GenerateRequest, usize) -> Result<String, EngineError> + Send + Sync;

/// Says what the script gives for a request (and its number), word by word.
pub struct Puppet {
    script: Box<Script>,
    pause: Duration,
    identity: ModelIdentity,
    layout: Layout,
    /// How often it was asked.
    pub asked: AtomicUsize,
}

impl Puppet {
    pub fn new(
        pause: Duration,
        script: impl Fn(&GenerateRequest, usize) -> Result<String, EngineError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        let identity = ModelIdentity {
            name: "puppet".into(),
            version: "1".into(),
            family: "none".into(),
            parameters: 0,
            dtype: "none".into(),
            device: "none".into(),
            context: 2048,
        };
        Arc::new(Self {
            script: Box::new(script),
            pause,
            identity,
            layout: Layout::default(),
            asked: AtomicUsize::new(0),
        })
    }

    /// Always says the same.
    pub fn saying(text: &str, pause: Duration) -> Arc<Self> {
        let text = text.to_owned();
        Self::new(pause, move |_, _| Ok(text.clone()))
    }
}

impl Generator for Puppet {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn count_tokens(&self, prompt: &Prompt) -> Result<usize, EngineError> {
        Ok(prompt.text().split_whitespace().count())
    }

    fn generate(&self, request: GenerateRequest) -> Result<Reply, EngineError> {
        let text = (self.script)(&request, self.asked.fetch_add(1, Ordering::SeqCst))?;
        let words: Vec<String> = text.split_inclusive(' ').map(str::to_owned).collect();
        let done = Completion { completion_tokens: words.len(), text, finish: Finish::Eos, prompt_tokens: 1 };
        let pause = self.pause;
        let pieces = words.into_iter().map(Piece::Text).chain([Piece::Done(done)]);
        Ok(Reply::new(futures::stream::iter(pieces).then(move |piece| async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            Ok(piece)
        })))
    }
}

/// Embeds a text as the letters of its words: alike texts are near, and the same text is always the same.
pub struct Letters;

#[async_trait]
impl Embedder for Letters {
    fn identity(&self) -> &str {
        "letters"
    }

    fn dimension(&self) -> usize {
        26
    }

    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Embedding>, EncoderError> {
        Ok(texts
            .iter()
            .map(|text| {
                let mut counts = vec![0.0_f32; 26];
                for letter in text.to_lowercase().bytes().filter(u8::is_ascii_lowercase) {
                    counts[usize::from(letter - b'a')] += 1.0;
                }
                let length = counts.iter().map(|x| x * x).sum::<f32>().sqrt().max(1.0);
                counts.iter_mut().for_each(|x| *x /= length);
                counts
            })
            .collect())
    }
}

/// Four characters who differ in what they have lived through.
pub fn bank() -> Bank {
    let lives = ["You sail small boats.", "You bake bread at night.", "You lost your work once.", "You paint walls."];
    let row = |(index, life): (usize, &&str)| {
        let character: Character = serde_json::from_value(serde_json::json!({
            "index": index, "mbti": "INFJ", "profile": {"name": format!("N{index}"), "age": 30},
            "profile_trans": {
                "tone": "You speak softly.", "hobby": life,
                "additional_information": format!("You own a dog called D{index}."),
                "recent_worry_or_anxiety": format!("You worry about w{index}."),
            },
            "seeker_statement": format!("You are N{index} and need help."),
            "supporter_statement": format!("You are N{index} and help."),
        }))
        .unwrap();
        Arc::new(character)
    };
    Bank::new(lives.iter().enumerate().map(row).collect())
}

/// Agents around one model for both roles.
pub async fn agents(model: Arc<Puppet>, store: Arc<dyn Store>, limits: Limits) -> Kindred {
    let bank = bank();
    let matcher = Arc::new(Matcher::new(&bank, Arc::new(Letters), None).await.unwrap());
    Kindred::start(Parts {
        bank,
        supporter: model.clone(),
        seeker: model,
        selector: MemorySelector::by_cosine(Arc::new(Letters)),
        matcher,
        meanings: None,
        store,
        sampling: Sampling::default(),
        limits,
    })
    .unwrap()
}
