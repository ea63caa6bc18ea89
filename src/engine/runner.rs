//! The loop of the thread that owns a model: takes one request after the other and streams its reply.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tch::{Kind, Tensor};

use super::job::{Broken, Job};
use super::reply_text::ReplyText;
use super::sampler::Sampler;
use super::tokens::Tokens;
use super::{Completion, EngineError, Finish, Piece};
use crate::nn::inbox::Inbox;
use crate::nn::keeper::{Ended, said};
use crate::nn::{KvCache, Llama, compute};

/// Prompts are read in pieces of this many tokens: between two of them others may compute and a request that was given
/// up ends. Pieces start at multiples of it, so that a prompt whose beginning is still in the cache is read by the very
/// same operations as without it, and gives the same logits to the last bit.
pub(super) const PREFILL_CHUNK: usize = 128;

/// After this many requests in a row that panicked it is the model that is at fault, not they.
const MOST_PANICS: usize = 3;

/// The owner of a model and of all its tensors.
pub(super) struct Runner {
    model: Llama,
    tokens: Arc<Tokens>,
    cache: KvCache,
    /// The tokens of the last prompt that the cache holds, whole pieces only.
    held: Vec<u32>,
    /// Whether `held` is used.
    reuse: bool,
    /// Most tokens of prompt and reply together.
    context: usize,
    /// Logits of the last token, kept so that no step allocates them.
    logits: Vec<f32>,
}

/// A reply in the making.
struct Draft<'a> {
    job: &'a Job,
    tokens: &'a Tokens,
    sampler: Sampler,
    text: ReplyText<'a>,
    /// Tokens drawn.
    drawn: usize,
    /// Most tokens that may be.
    most: usize,
}

impl Drop for Draft<'_> {
    /// However a reply ends, what it took is counted, once.
    fn drop(&mut self) {
        metrics::counter!("kindred_reply_tokens_total").increment(self.drawn as u64);
    }
}

impl Runner {
    /// A model that has read nothing yet.
    pub(super) fn new(model: Llama, tokens: Arc<Tokens>, context: usize, reuse: bool) -> Self {
        let cache = model.cache(1, context as i64);
        Self { model, tokens, cache, held: Vec::new(), reuse, context, logits: Vec::new() }
    }

    /// Serves requests until the inbox is closed. A request that fails or panics is answered, and the next one
    /// served, unless one after the other panics. The request being served lies in `hand`.
    pub(super) fn run(mut self, inbox: &Inbox<Job>, hand: &mut Vec<Job>) -> Ended {
        let _no_grad = tch::no_grad_guard();
        let mut panics = 0;
        while let Some(mut job) = inbox.next() {
            job.waiting.end();
            hand.push(job);
            let served = hand.last().map_or(Ok(()), |job| self.serve(job, inbox));
            let error = match served {
                Ok(()) => {
                    panics = 0;
                    hand.clear();
                    continue;
                }
                Err(Broken::Abandoned) => {
                    hand.clear();
                    continue;
                }
                Err(Broken::Error(error)) => {
                    // Numbers that are none may come from what lies in the cache.
                    self.forget();
                    error
                }
                Err(Broken::Panicked(reason)) => {
                    panics += 1;
                    if panics == MOST_PANICS {
                        let reason = format!("{panics} requests in a row panicked, the last one saying: {reason}");
                        return Ended::Distrusted { reason };
                    }
                    // What it left there is not to be trusted.
                    self.forget();
                    EngineError::Failed { reason }
                }
            };
            tracing::warn!(%error, "a reply broke off");
            for job in hand.drain(..) {
                // Nobody may be listening; then nobody needs to know.
                let _ = job.pieces.send(Err(error.clone()));
            }
        }
        Ended::Closed
    }

    fn serve(&mut self, job: &Job, inbox: &Inbox<Job>) -> Result<(), Broken> {
        let tokens = Arc::clone(&self.tokens);
        let mut draft = caught(|| self.begin(job, &tokens, inbox))?;
        loop {
            fail::fail_point!("engine::thread");
            if caught(|| self.go_on(&mut draft, inbox))? {
                return Ok(());
            }
        }
    }

    /// Reads the prompt.
    fn begin<'a>(&mut self, job: &'a Job, tokens: &'a Tokens, inbox: &Inbox<Job>) -> Result<Draft<'a>, Broken> {
        let sampler = Sampler::new(job.sampling.clone(), &job.prompt, tokens.eos());
        let most = job.sampling.max_new_tokens.min(self.context - job.prompt.len());
        self.read(job, inbox)?;
        Ok(Draft { job, tokens, sampler, text: ReplyText::new(tokens, job), drawn: 0, most })
    }

    /// Draws a token; whether it was the last.
    fn go_on(&mut self, draft: &mut Draft<'_>, inbox: &Inbox<Job>) -> Result<bool, Broken> {
        let token = draft.sampler.next(&mut self.logits).ok_or_else(|| EngineError::Failed {
            reason: "the logits are not numbers; the weights may be damaged, or the number type too narrow".into(),
        })?;
        draft.drawn += 1;
        if draft.drawn == 1 {
            let waited = draft.job.admitted.elapsed();
            metrics::histogram!("kindred_time_to_first_token_seconds").record(waited);
        }
        let finish = if draft.tokens.eos().contains(&token) {
            Finish::Eos
        } else if draft.text.push(token)? {
            Finish::Stop
        } else if draft.drawn >= draft.most {
            Finish::Length
        } else {
            listened_to(draft.job, inbox)?;
            self.step(&[token]);
            return Ok(false);
        };
        let stopped = finish != Finish::Stop && draft.text.finish()?;
        draft.job.send(Piece::Done(Completion {
            text: std::mem::take(&mut draft.text.whole),
            finish: if stopped { Finish::Stop } else { finish },
            prompt_tokens: draft.job.prompt.len(),
            completion_tokens: draft.drawn,
        }))?;
        Ok(true)
    }

    /// Reads the prompt into the cache, but for what is there already, and leaves the logits of its last token.
    fn read(&mut self, job: &Job, inbox: &Inbox<Job>) -> Result<(), Broken> {
        let prompt = &job.prompt;
        let shared = prompt.iter().zip(&self.held).take_while(|(a, b)| a == b).count();
        // The last piece is read anyway: its last token's logits are what the reply begins with.
        let usable = if self.reuse { shared.min(prompt.len() - 1) } else { 0 };
        let start = usable / PREFILL_CHUNK * PREFILL_CHUNK;
        self.held.truncate(start);
        self.cache.truncate(start as i64);
        let mut pieces = prompt[start..].chunks(PREFILL_CHUNK).peekable();
        while let Some(piece) = pieces.next() {
            listened_to(job, inbox)?;
            fail::fail_point!("engine::prefill");
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
        let count = |result, tokens: usize| {
            metrics::counter!("kindred_prefix_cache_tokens_total", "result" => result).increment(tokens as u64);
        };
        count("hit", start);
        count("miss", prompt.len() - start);
        metrics::counter!("kindred_prompt_tokens_total").increment(prompt.len() as u64);
        Ok(())
    }

    /// Adds tokens to the cache and leaves the logits of the last one.
    fn step(&mut self, tokens: &[u32]) {
        fail::fail_point!("engine::step");
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

    /// Forgets all that was read: every key and value is written anew before it is read again.
    fn forget(&mut self) {
        self.held.clear();
        self.cache.truncate(0);
        self.logits.clear();
    }
}

/// Whether someone listens and the model stays.
fn listened_to(job: &Job, inbox: &Inbox<Job>) -> Result<(), Broken> {
    if job.pieces.is_closed() {
        return Err(Broken::Abandoned);
    }
    inbox.absence().map_or(Ok(()), |why| Err(EngineError::from(why).into()))
}

/// A panic in one request is that request's failure.
fn caught<T>(work: impl FnOnce() -> Result<T, Broken>) -> Result<T, Broken> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(Broken::Panicked(said(panic.as_ref()))))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::sync::mpsc::UnboundedReceiver;

    use super::*;
    use crate::engine::job::Waiting;
    use crate::engine::{Lane, Sampling};
    use crate::nn::{LlamaConfig, RopeScaling};

    fn runner() -> (Runner, Inbox<Job>, tempfile::TempDir) {
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
        let tokens = Arc::new(Tokens::load(folder.path()).unwrap());
        (Runner::new(model, tokens, 512, true), Inbox::new(8), folder)
    }

    fn job(prompt: Vec<u32>) -> (Job, UnboundedReceiver<Result<Piece, EngineError>>) {
        let (pieces, stream) = tokio::sync::mpsc::unbounded_channel();
        let sampling = Sampling { min_new_tokens: 4, max_new_tokens: 4, ..Sampling::default() };
        let waiting = Waiting::new(Lane::Live);
        (Job { prompt, sampling, stop: Vec::new(), admitted: Instant::now(), waiting, pieces }, stream)
    }

    /// No tokenizer of this model gives token 99: libtorch refuses it in the middle of a request.
    const BAD: [u32; 3] = [1, 2, 99];
    const GOOD: [u32; 3] = [1, 2, 3];

    #[test]
    fn a_panic_in_one_request_is_its_own_answer_and_the_next_one_is_served() {
        let (runner, inbox, _folder) = runner();
        // Never three bad ones in a row.
        let prompts = [BAD, BAD, GOOD, BAD, BAD, GOOD];
        let mut streams = Vec::new();
        for prompt in prompts {
            let (job, stream) = job(prompt.to_vec());
            inbox.push(job).unwrap();
            streams.push(stream);
        }
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| runner.run(&inbox, &mut Vec::new()));
            for (prompt, mut stream) in prompts.into_iter().zip(streams) {
                let pieces: Vec<_> = std::iter::from_fn(|| stream.blocking_recv()).collect();
                match pieces.last() {
                    Some(Ok(Piece::Done(done))) if prompt == GOOD => assert_eq!(done.completion_tokens, 4),
                    Some(Err(EngineError::Failed { .. })) if prompt == BAD => {}
                    _ => panic!("{prompt:?}: {pieces:?}"),
                }
            }
            inbox.close("the test is over");
            assert_eq!(thread.join().unwrap(), Ended::Closed);
        });
    }

    #[test]
    fn after_three_panics_in_a_row_the_model_is_not_trusted_and_the_last_request_is_left_in_hand() {
        let (runner, inbox, _folder) = runner();
        let mut streams = Vec::new();
        for prompt in [BAD, BAD, BAD, GOOD] {
            let (job, stream) = job(prompt.to_vec());
            inbox.push(job).unwrap();
            streams.push(stream);
        }
        let mut hand = Vec::new();
        let ended = runner.run(&inbox, &mut hand);
        assert!(matches!(ended, Ended::Distrusted { reason } if reason.starts_with("3 requests in a row panicked")));
        assert_eq!((hand.len(), inbox.take_all().len()), (1, 1));
        let failed =
            |stream: &mut UnboundedReceiver<_>| matches!(stream.try_recv(), Ok(Err(EngineError::Failed { .. })));
        assert!(failed(&mut streams[0]) && failed(&mut streams[1]));
        assert!(streams[2].try_recv().is_err());
    }

    #[test]
    fn a_prompt_nobody_waits_for_is_not_read_on() {
        let (mut runner, inbox, _folder) = runner();
        let (job, stream) = job(vec![1; 400]);
        drop(stream);
        assert!(matches!(runner.read(&job, &inbox), Err(Broken::Abandoned)));
        assert_eq!(runner.cache.len(), 0);
    }

    #[test]
    fn only_whole_pieces_of_the_same_beginning_are_reused() {
        let (mut runner, inbox, _folder) = runner();
        let _no_grad = tch::no_grad_guard();
        let read = |runner: &mut Runner, prompt: Vec<u32>| {
            let (job, _stream) = job(prompt);
            assert!(runner.read(&job, &inbox).is_ok());
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
