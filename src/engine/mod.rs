//! Generates text: the [`Generator`] trait, and the local model that implements it on a thread of its own.

mod detokenizer;
mod folder;
mod job;
mod local;
mod reply_text;
mod runner;
mod sampler;
mod stop;
mod tokens;
mod validate;

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;
use serde::{Deserialize, Serialize};

use crate::dialogue::{Layout, Prompt};
use crate::nn::inbox::Absence;

pub use crate::nn::inbox::Lane;
pub use crate::nn::keeper::Restarts;
pub use local::{LoadError, LocalEngine, LocalOptions, open};

/// How the next token is drawn. The order of the steps is that of `transformers`:
/// repetition penalty, minimum length, temperature, top-k, top-p, min-p.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sampling {
    /// Divides the logits; 0 decodes greedily.
    pub temperature: f32,
    /// Keep the k likeliest tokens; 0 keeps all.
    pub top_k: usize,
    /// Keep the likeliest tokens that together reach this probability; 1 keeps all.
    pub top_p: f32,
    /// Drop tokens less likely than this share of the likeliest; 0 drops none.
    pub min_p: f32,
    /// Divides positive and multiplies negative logits of tokens seen in prompt or reply; 1 leaves them.
    pub repetition_penalty: f32,
    /// End of sequence is impossible before this many tokens.
    pub min_new_tokens: usize,
    /// Generation stops after this many tokens.
    pub max_new_tokens: usize,
    /// Seed of this request's own random stream: the same request gives the same text.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 0.8,
            top_k: 0,
            top_p: 0.95,
            min_p: 0.0,
            repetition_penalty: 1.1,
            min_new_tokens: 1,
            max_new_tokens: 96,
            seed: 0,
        }
    }
}

/// One request for text.
#[derive(Clone, Debug, Default)]
pub struct GenerateRequest {
    /// What the model reads.
    pub prompt: Prompt,
    /// How tokens are drawn.
    pub sampling: Sampling,
    /// Texts at which the reply ends; they are not part of it.
    pub stop: Vec<String>,
    /// Whether somebody waits for it, which decides what is served first.
    pub lane: Lane,
}

/// Why a reply ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Finish {
    /// The model ended it.
    Eos,
    /// A stop string came.
    Stop,
    /// The limit of new tokens was reached.
    Length,
}

/// What is said of a finished reply.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// The whole reply, trimmed of nothing.
    pub text: String,
    /// Why it ended.
    pub finish: Finish,
    /// Tokens read.
    pub prompt_tokens: usize,
    /// Tokens drawn.
    pub completion_tokens: usize,
}

/// An item of a reply's stream. The last item of a reply that succeeds is `Done`.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// Text that follows what came before; always valid UTF-8, never part of a stop string.
    Text(String),
    /// The end.
    Done(Completion),
}

/// Why a reply could not be given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The queue of the request's lane is full; nothing was started. Try again later.
    #[error("the model is busy: {waiting} requests are waiting, the limit is {limit}")]
    Overloaded {
        /// Requests waiting now, in this lane.
        waiting: usize,
        /// The most that may wait, in this lane.
        limit: usize,
    },
    /// The model's thread fell, and the model is being loaded again. The same request may succeed then.
    #[error("the model is being restarted: {reason}; try again in {} s", retry_after.as_secs().max(1))]
    Restarting {
        /// What is known of why it fell. For logs: not for people.
        reason: String,
        /// When it may be back.
        retry_after: Duration,
    },
    /// The prompt and the least reply do not fit the model's context.
    #[error("the prompt has {tokens} tokens; the model reads at most {limit}")]
    PromptTooLong {
        /// Tokens of the prompt.
        tokens: usize,
        /// The most that fit.
        limit: usize,
    },
    /// A sampling parameter is out of its range.
    #[error("{name} is {found}: expected {expected}")]
    BadSampling {
        /// The parameter.
        name: &'static str,
        /// The range it must lie in.
        expected: &'static str,
        /// What came.
        found: String,
    },
    /// The model thread is gone for good.
    #[error("the model has stopped: {reason}")]
    Gone {
        /// What is known of why.
        reason: String,
    },
    /// The model or the tokenizer failed on this request.
    #[error("the model failed: {reason}")]
    Failed {
        /// What it said.
        reason: String,
    },
}

impl From<Absence> for EngineError {
    fn from(why: Absence) -> Self {
        match why {
            Absence::Restarting { reason, retry_after } => Self::Restarting { reason, retry_after },
            Absence::Gone { reason } => Self::Gone { reason },
        }
    }
}

/// What a loaded model is, as shown to people and stored with each turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelIdentity {
    /// Folder name or configured name.
    pub name: String,
    /// Short hash of weights and adapter.
    pub version: String,
    /// Model family, such as `llama`.
    pub family: String,
    /// Number of parameters.
    pub parameters: u64,
    /// Number type of the weights, such as `float32`.
    pub dtype: String,
    /// Device, such as `cpu`.
    pub device: String,
    /// Most tokens of prompt and reply together.
    pub context: usize,
}

/// A source of replies. Implementations are shared by every caller in the process.
pub trait Generator: Send + Sync {
    /// What is loaded.
    fn identity(&self) -> &ModelIdentity;

    /// How prompts for it are laid out.
    fn layout(&self) -> &Layout;

    /// How this model speaks best, as its folder says; the seed is the request's.
    fn sampling(&self) -> Sampling {
        Sampling::default()
    }

    /// How many tokens the prompt has, so that callers can drop old turns until it fits.
    ///
    /// # Errors
    /// The tokenizer's.
    fn count_tokens(&self, prompt: &Prompt) -> Result<usize, EngineError>;

    /// Whether it can be asked now; a full queue does not count.
    ///
    /// # Errors
    /// [`EngineError::Restarting`] or [`EngineError::Gone`].
    fn ready(&self) -> Result<(), EngineError> {
        Ok(())
    }

    /// Starts a reply. Returns at once; dropping the stream cancels the work.
    ///
    /// # Errors
    /// [`EngineError::Overloaded`], [`EngineError::PromptTooLong`], [`EngineError::BadSampling`],
    /// [`EngineError::Restarting`] or [`EngineError::Gone`]. The stream may end with [`EngineError::Restarting`] too.
    fn generate(&self, request: GenerateRequest) -> Result<Reply, EngineError>;
}

/// A reply on its way. Drop it to cancel.
pub struct Reply {
    pieces: Pin<Box<dyn Stream<Item = Result<Piece, EngineError>> + Send>>,
}

impl Reply {
    /// A reply made of these pieces.
    pub fn new(pieces: impl Stream<Item = Result<Piece, EngineError>> + Send + 'static) -> Self {
        Self { pieces: Box::pin(pieces) }
    }

    /// Waits for the whole reply.
    ///
    /// # Errors
    /// The first error of the stream; [`EngineError::Gone`] if it ends without an end.
    pub async fn complete(mut self) -> Result<Completion, EngineError> {
        use futures::StreamExt as _;
        while let Some(piece) = self.next().await {
            if let Piece::Done(completion) = piece? {
                return Ok(completion);
            }
        }
        Err(EngineError::Gone { reason: "the reply broke off".into() })
    }
}

impl Stream for Reply {
    type Item = Result<Piece, EngineError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.pieces.as_mut().poll_next(context)
    }
}
