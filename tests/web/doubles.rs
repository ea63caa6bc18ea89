//! A generator and an encoder that need no weights, and a Kindred made of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use kindred::agents::{Kindred, Limits, Parts};
use kindred::dialogue::{Layout, Prompt};
use kindred::encoder::{Embedder, Embedding, EncoderError};
use kindred::engine::{
    Completion, EngineError, Finish, GenerateRequest, Generator, ModelIdentity, Piece, Reply, Sampling,
};
use kindred::matching::{Matcher, Meanings};
use kindred::memory::MemorySelector;
use kindred::persona::Bank;
use kindred::store::VolatileStore;

pub const REPLY: &str = "I hear you. That sounds hard, and I am glad you told me. What happened then?";
pub const SLOW_REPLY: &str = "One thing after the other, slowly. Then the next thing, and the one after that. \
    There is more, and it takes its time. Nothing here is in a hurry. And still there is more to be said, in peace.";

/// Says [`REPLY`], or [`SLOW_REPLY`] to whoever asks for slowness, word by word, and remembers what it read.
pub struct Talker {
    identity: ModelIdentity,
    layout: Layout,
    prompts: Mutex<Vec<Vec<String>>>,
}

impl Talker {
    pub fn new() -> Self {
        let identity = ModelIdentity {
            name: "talker".into(),
            version: "1".into(),
            family: "none".into(),
            parameters: 0,
            dtype: "none".into(),
            device: "none".into(),
            context: 4096,
        };
        Self { identity, layout: Layout::default(), prompts: Mutex::default() }
    }

    pub fn prompts(&self) -> Vec<Vec<String>> {
        self.prompts.lock().unwrap().clone()
    }
}

impl Generator for Talker {
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
        let slow = request.prompt.text().contains("slowly");
        let (reply, pause) = if slow { (SLOW_REPLY, 100) } else { (REPLY, 5) };
        self.prompts.lock().unwrap().push(request.prompt.segments);
        let words: Vec<String> = reply.split_inclusive(' ').map(str::to_owned).collect();
        let done = Completion {
            text: reply.to_owned(),
            finish: Finish::Eos,
            prompt_tokens: 1,
            completion_tokens: words.len(),
        };
        let pieces = words.into_iter().map(Piece::Text).chain([Piece::Done(done)]);
        Ok(Reply::new(futures::stream::iter(pieces).then(move |piece| async move {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            Ok(piece)
        })))
    }
}

/// Counts words into buckets: texts that share words lie near each other.
struct Words;

const BUCKETS: usize = 128;

#[async_trait]
impl Embedder for Words {
    fn identity(&self) -> &str {
        "words"
    }

    fn dimension(&self) -> usize {
        BUCKETS
    }

    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Embedding>, EncoderError> {
        Ok(texts.iter().map(|text| bag(text)).collect())
    }
}

fn bag(text: &str) -> Embedding {
    let mut counts = vec![0.0_f32; BUCKETS];
    for word in text.to_lowercase().split(|letter: char| !letter.is_alphanumeric()) {
        let hash = word.bytes().fold(17_usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(usize::from(byte)));
        counts[hash % BUCKETS] += 1.0;
    }
    let length = counts.iter().map(|count| count * count).sum::<f32>().sqrt();
    counts.iter().map(|count| count / length).collect()
}

/// The shipped bank with these doubles behind it; nothing is written to disk.
pub async fn kindred(talker: Arc<Talker>, limits: Limits) -> Kindred {
    let skills = SKILLS.get_or_init(|| Skills::new(shipped(), Arc::new(Words))).await;
    start(talker, limits, skills, Some(skills.meanings.clone()))
}

/// As [`kindred`], without an index of meanings.
pub async fn kindred_without_meanings() -> Kindred {
    let skills = SKILLS.get_or_init(|| Skills::new(shipped(), Arc::new(Words))).await;
    start(Arc::new(Talker::new()), Limits::default(), skills, None)
}

/// As [`kindred`], with three characters and an encoder that fell once they were read.
pub async fn kindred_with_fallen_encoder() -> Kindred {
    let encoder = Arc::new(Falls::default());
    let three = Bank::new(shipped().iter().take(3).cloned().collect());
    let skills = Skills::new(three, encoder.clone()).await;
    encoder.down.store(true, Ordering::Relaxed);
    start(Arc::new(Talker::new()), Limits::default(), &skills, Some(skills.meanings.clone()))
}

fn shipped() -> Bank {
    Bank::load(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("bank")).unwrap()
}

/// What is the same for every server: read once, as it is most of what a start takes.
struct Skills {
    bank: Bank,
    embedder: Arc<dyn Embedder>,
    matcher: Arc<Matcher>,
    meanings: Arc<Meanings>,
}

static SKILLS: tokio::sync::OnceCell<Skills> = tokio::sync::OnceCell::const_new();

impl Skills {
    async fn new(bank: Bank, embedder: Arc<dyn Embedder>) -> Self {
        let matcher = Arc::new(Matcher::new(&bank, embedder.clone(), None).await.unwrap());
        let meanings = Arc::new(Meanings::new(&bank, matcher.clone()).await.unwrap());
        Self { bank, embedder, matcher, meanings }
    }
}

/// Embeds like [`Words`] until it is down.
#[derive(Default)]
struct Falls {
    down: AtomicBool,
}

#[async_trait]
impl Embedder for Falls {
    fn identity(&self) -> &str {
        "falls"
    }

    fn dimension(&self) -> usize {
        BUCKETS
    }

    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Embedding>, EncoderError> {
        if self.down.load(Ordering::Relaxed) {
            return Err(EncoderError::Restarting { reason: "it fell".into(), retry_after: Duration::from_secs(2) });
        }
        Ok(texts.iter().map(|text| bag(text)).collect())
    }
}

fn start(talker: Arc<Talker>, limits: Limits, skills: &Skills, meanings: Option<Arc<Meanings>>) -> Kindred {
    Kindred::start(Parts {
        bank: skills.bank.clone(),
        supporter: talker.clone(),
        seeker: talker,
        selector: MemorySelector::by_cosine(skills.embedder.clone()),
        matcher: skills.matcher.clone(),
        meanings,
        store: Arc::new(VolatileStore::default()),
        sampling: Sampling::default(),
        limits,
    })
    .unwrap()
}
