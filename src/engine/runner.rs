//! The loop of the thread that owns a model: takes one request after the other and streams its reply.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tch::{Kind, Tensor};
use tokio::sync::mpsc::UnboundedSender;

use super::detokenizer::Detokenizer;
use super::sampler::Sampler;
use super::stop::{Passed, StopGate};
use super::tokens::Tokens;
use super::{Completion, EngineError, Finish, Piece, Sampling};
use crate::nn::inbox::{self, Inbox};
use crate::nn::{KvCache, Llama, compute};

/// Prompts are read in pieces of this many tokens: between two of them others may compute and a request that was given
/// up ends. Pieces start at multiples of it, so that a prompt whose beginning is still in the cache is read by the very
/// same operations as without it, and gives the same logits to the last bit.
pub(super) const PREFILL_CHUNK: usize = 128;

/// A request on its way to the model. Its weight in the inbox is one.
#[derive(Debug)]
pub(super) struct Job {
    /// The prompt; at least one token.
    pub(super) prompt: Vec<u32>,
    /// How tokens are drawn.
    pub(super) sampling: Sampling,
    /// Texts at which the reply ends.
    pub(super) stop: Vec<String>,
    /// Where its pieces go. Closed when nobody listens any more. It needs no bound of its own: a reply has at most
    /// `max_new_tokens` pieces.
    pub(super) pieces: UnboundedSender<Result<Piece, EngineError>>,
}

impl inbox::Job for Job {
    fn weight(&self) -> usize {
        1
    }

    fn abandoned(&self) -> bool {
        self.pieces.is_closed()
    }

    fn dismiss(self, reason: &str) {
        // Whoever no longer listens needs no answer.
        let _ = self.pieces.send(Err(EngineError::Gone { reason: reason.into() }));
    }
}

/// Why a reply broke off.
enum Broken {
    /// Nobody listens any more.
    Abandoned,
    /// It cannot go on.
    Error(EngineError),
}

impl From<EngineError> for Broken {
    fn from(error: EngineError) -> Self {
        Self::Error(error)
    }
}

/// The owner of a model and of all its tensors.
pub(super) struct Runner {
    pub(super) model: Llama,
    pub(super) tokens: Arc<Tokens>,
    pub(super) inbox: Arc<Inbox<Job>>,
    pub(super) cache: KvCache,
    /// The tokens of the last prompt that the cache holds, whole pieces only.
    pub(super) held: Vec<u32>,
    /// Whether `held` is used.
    pub(super) reuse: bool,
    /// Most tokens of prompt and reply together.
    pub(super) context: usize,
    /// Logits of the last token, kept so that no step allocates them.
    pub(super) logits: Vec<f32>,
}

impl Runner {
    /// Serves requests until the inbox is closed. A request that fails or panics is answered, and the next one served.
    pub(super) fn run(mut self) {
        let _no_grad = tch::no_grad_guard();
        while let Some(job) = self.inbox.next() {
            let served = catch_unwind(AssertUnwindSafe(|| self.serve(&job)));
            let error = match served {
                Ok(Ok(())) | Ok(Err(Broken::Abandoned)) => continue,
                Ok(Err(Broken::Error(error))) => error,
                Err(panic) => {
                    // What it left in the cache is not to be trusted.
                    self.held.clear();
                    EngineError::Failed { reason: said(panic.as_ref()) }
                }
            };
            tracing::warn!(%error, "a reply broke off");
            // Nobody may be listening; then nobody needs to know.
            let _ = job.pieces.send(Err(error));
        }
    }

    fn serve(&mut self, job: &Job) -> Result<(), Broken> {
        let tokens = Arc::clone(&self.tokens);
        let most = job.sampling.max_new_tokens.min(self.context - job.prompt.len());
        let mut sampler = Sampler::new(job.sampling.clone(), &job.prompt, tokens.eos());
        let mut text = ReplyText::new(&tokens, job);
        self.read(job)?;
        let mut drawn = 0;
        let finish = loop {
            let token = sampler.next(&mut self.logits).ok_or_else(|| EngineError::Failed {
                reason: "the logits are not numbers; the weights may be damaged, or the number type too narrow".into(),
            })?;
            drawn += 1;
            if tokens.eos().contains(&token) {
                break Finish::Eos;
            }
            if text.push(token)? {
                break Finish::Stop;
            }
            if drawn >= most {
                break Finish::Length;
            }
            self.go_on(job)?;
            self.step(&[token]);
        };
        let stopped = finish != Finish::Stop && text.finish()?;
        let finish = if stopped { Finish::Stop } else { finish };
        let done = Completion { text: text.whole, finish, prompt_tokens: job.prompt.len(), completion_tokens: drawn };
        send(job, Piece::Done(done))
    }

    /// Reads the prompt into the cache, but for what is there already, and leaves the logits of its last token.
    fn read(&mut self, job: &Job) -> Result<(), Broken> {
        let prompt = &job.prompt;
        let shared = prompt.iter().zip(&self.held).take_while(|(a, b)| a == b).count();
        // The last piece is read anyway: its last token's logits are what the reply begins with.
        let usable = if self.reuse { shared.min(prompt.len() - 1) } else { 0 };
        let start = usable / PREFILL_CHUNK * PREFILL_CHUNK;
        self.held.truncate(start);
        self.cache.truncate(start as i64);
        let mut pieces = prompt[start..].chunks(PREFILL_CHUNK).peekable();
        while let Some(piece) = pieces.next() {
            self.go_on(job)?;
            if pieces.peek().is_none() {
                self.step(piece);
            } else {
                let _turn = compute::turn(self.model.device());
                let _ = self.model.hidden(&self.ids(piece), Some(&mut self.cache));
            }
            if piece.len() == PREFILL_CHUNK {
                self.held.extend_from_slice(piece);
            }
        }
        Ok(())
    }

    /// Adds tokens to the cache and leaves the logits of the last one.
    fn step(&mut self, tokens: &[u32]) {
        let _turn = compute::turn(self.model.device());
        let hidden = self.model.hidden(&self.ids(tokens), Some(&mut self.cache));
        let last = hidden.narrow(1, tokens.len() as i64 - 1, 1);
        let logits = self.model.head(&last).to_device(tch::Device::Cpu).to_kind(Kind::Float).view([-1]);
        self.logits.resize(logits.size()[0] as usize, 0.0);
        let length = self.logits.len();
        logits.copy_data(&mut self.logits, length);
    }

    fn ids(&self, tokens: &[u32]) -> Tensor {
        let ids: Vec<i64> = tokens.iter().map(|&id| i64::from(id)).collect();
        Tensor::from_slice(&ids).unsqueeze(0).to_device(self.model.device())
    }

    /// Whether someone listens and the model stays.
    fn go_on(&self, job: &Job) -> Result<(), Broken> {
        if job.pieces.is_closed() {
            return Err(Broken::Abandoned);
        }
        if !self.inbox.is_open() {
            return Err(EngineError::Gone { reason: "it was unloaded".into() }.into());
        }
        Ok(())
    }
}

/// The text of a reply: decoded, watched for stop strings, sent on.
struct ReplyText<'a> {
    tokens: &'a Tokens,
    job: &'a Job,
    detokenizer: Detokenizer,
    gate: StopGate,
    whole: String,
}

impl<'a> ReplyText<'a> {
    fn new(tokens: &'a Tokens, job: &'a Job) -> Self {
        let gate = StopGate::new(&job.stop);
        Self { tokens, job, detokenizer: Detokenizer::default(), gate, whole: String::new() }
    }

    /// Takes a token; whether a stop string came.
    fn push(&mut self, token: u32) -> Result<bool, Broken> {
        let text = self.detokenizer.push(self.tokens.decoder(), token)?;
        self.pass(&text)
    }

    /// Lets go what was held back; whether a stop string came.
    fn finish(&mut self) -> Result<bool, Broken> {
        let text = self.detokenizer.finish(self.tokens.decoder())?;
        if self.pass(&text)? {
            return Ok(true);
        }
        let rest = self.gate.finish();
        self.send(rest)?;
        Ok(false)
    }

    fn pass(&mut self, text: &str) -> Result<bool, Broken> {
        let (text, stopped) = match self.gate.push(text) {
            Passed::On(text) => (text, false),
            Passed::Stopped(text) => (text, true),
        };
        self.send(text)?;
        Ok(stopped)
    }

    fn send(&mut self, text: String) -> Result<(), Broken> {
        if text.is_empty() {
            return Ok(());
        }
        self.whole.push_str(&text);
        send(self.job, Piece::Text(text))
    }
}

fn send(job: &Job, piece: Piece) -> Result<(), Broken> {
    job.pieces.send(Ok(piece)).map_err(|_| Broken::Abandoned)
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked without a word").to_owned()
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::UnboundedReceiver;

    use super::*;
    use crate::nn::{LlamaConfig, RopeScaling};

    fn runner() -> (Runner, tempfile::TempDir) {
        let config = LlamaConfig {
            model_type: "llama".into(),
            vocab_size: 32,
            hidden_size: 16,
            intermediate_size: 16,
            num_hidden_layers: 1,
            num_attention_heads: 2,
            num_key_value_heads: 2,
            head_dim: 8,
            rms_norm_eps: 1e-5,
            rope_theta: 10_000.0,
            rope_scaling: RopeScaling::None,
            max_position_embeddings: 512,
            tie_word_embeddings: true,
            attention_bias: false,
            output_bias: false,
            bos_token_id: None,
            eos_token_ids: vec![31],
        };
        let folder = tempfile::tempdir().unwrap();
        let vocabulary: serde_json::Map<_, _> = (0..32).map(|id| (format!("w{id}"), id.into())).collect();
        let tokenizer = serde_json::json!({"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
            "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": null,
            "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "w0"}});
        std::fs::write(folder.path().join("tokenizer.json"), tokenizer.to_string()).unwrap();
        std::fs::write(folder.path().join("config.json"), r#"{"eos_token_id": 31}"#).unwrap();
        let model = Llama::init(config, 1, tch::Device::Cpu);
        let runner = Runner {
            cache: model.cache(1, 512),
            model,
            tokens: Arc::new(Tokens::load(folder.path()).unwrap()),
            inbox: Arc::new(Inbox::new(8)),
            held: Vec::new(),
            reuse: true,
            context: 512,
            logits: Vec::new(),
        };
        (runner, folder)
    }

    fn job(prompt: Vec<u32>) -> (Job, UnboundedReceiver<Result<Piece, EngineError>>) {
        let (pieces, stream) = tokio::sync::mpsc::unbounded_channel();
        let sampling = Sampling { min_new_tokens: 4, max_new_tokens: 4, ..Sampling::default() };
        (Job { prompt, sampling, stop: Vec::new(), pieces }, stream)
    }

    #[test]
    fn a_panic_in_one_request_is_its_own_answer_and_the_next_one_is_served() {
        let (runner, _folder) = runner();
        let inbox = Arc::clone(&runner.inbox);
        // No tokenizer of this model gives token 99: libtorch refuses it in the middle of a request.
        let (bad, mut bad_stream) = job(vec![1, 2, 99]);
        let (good, mut good_stream) = job(vec![1, 2, 3]);
        inbox.push(bad).unwrap();
        inbox.push(good).unwrap();
        let thread = std::thread::spawn(move || runner.run());
        assert!(matches!(bad_stream.blocking_recv(), Some(Err(EngineError::Failed { .. }))));
        let pieces: Vec<_> = std::iter::from_fn(|| good_stream.blocking_recv()).collect();
        assert!(matches!(pieces.last(), Some(Ok(Piece::Done(done))) if done.completion_tokens == 4), "{pieces:?}");
        inbox.close("the test is over");
        thread.join().unwrap();
    }

    #[test]
    fn a_prompt_nobody_waits_for_is_not_read_on() {
        let (mut runner, _folder) = runner();
        let (job, stream) = job(vec![1; 400]);
        drop(stream);
        assert!(matches!(runner.read(&job), Err(Broken::Abandoned)));
        assert_eq!(runner.cache.len(), 0);
    }

    #[test]
    fn only_whole_pieces_of_the_same_beginning_are_reused() {
        let (mut runner, _folder) = runner();
        let _no_grad = tch::no_grad_guard();
        let read = |runner: &mut Runner, prompt: Vec<u32>| {
            let (job, _stream) = job(prompt);
            assert!(runner.read(&job).is_ok());
            (runner.held.len(), runner.logits.clone())
        };
        let first: Vec<u32> = (0..300).map(|at| at % 31).collect();
        let (held, logits) = read(&mut runner, first.clone());
        assert_eq!(held, 2 * PREFILL_CHUNK);
        // The same again, and cut to whole pieces: the last piece is read again for its logits.
        assert_eq!(read(&mut runner, first.clone()), (2 * PREFILL_CHUNK, logits));
        assert_eq!(runner.cache.len(), 300);
        assert_eq!(read(&mut runner, first[..2 * PREFILL_CHUNK].to_vec()).0, 2 * PREFILL_CHUNK);
        assert_eq!(runner.cache.len(), 2 * PREFILL_CHUNK as i64);
        let mut other = first;
        other[PREFILL_CHUNK + 5] = 30;
        assert_eq!(read(&mut runner, other).0, 2 * PREFILL_CHUNK);
        assert_eq!(runner.cache.len(), 300);
    }
}
