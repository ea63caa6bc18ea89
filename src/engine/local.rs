//! A model on this machine: loaded from a folder onto a thread of its own, which owns all its tensors.

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use tokio_stream::wrappers::UnboundedReceiverStream;

use super::runner::{Job, Runner};
use super::tokens::Tokens;
use super::{EngineError, GenerateRequest, Generator, ModelIdentity, Reply, Sampling, folder, validate};
use crate::dialogue::{Layout, Prompt, TemplateError};
use crate::nn::inbox::{ClosedAtEnd, Inbox, Refused};
use crate::nn::{DeviceChoice, Llama, LoadOptions, NnError, Number, Placement, device, fingerprint};

/// No vocabulary in use has a token of more bytes (the longest are runs of spaces).
const LONGEST_TOKEN: usize = 512;

/// How a model is loaded and served.
#[derive(Clone, Debug)]
pub struct LocalOptions {
    /// Where it runs.
    pub device: DeviceChoice,
    /// Number type of its weights; `None` takes the fastest of the device.
    pub dtype: Option<Number>,
    /// Folder of a PEFT LoRA adapter.
    pub adapter: Option<PathBuf>,
    /// How it is called; `None` takes the folder's name.
    pub name: Option<String>,
    /// How prompts are laid out; `None` asks the folder.
    pub layout: Option<Layout>,
    /// Most requests that wait besides the one being answered.
    pub max_waiting: usize,
    /// Most tokens of prompt and reply together, if the model allows more: the cache for them is taken at once.
    pub max_context: usize,
    /// Whether a prompt that begins as the last one did is read from where they part. Replies are the same either way.
    pub reuse_prefix: bool,
}

impl Default for LocalOptions {
    fn default() -> Self {
        Self {
            device: DeviceChoice::default(),
            dtype: None,
            adapter: None,
            name: None,
            layout: None,
            max_waiting: 64,
            max_context: 4096,
            reuse_prefix: true,
        }
    }
}

/// Why a model could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The weights or the device.
    #[error(transparent)]
    Model(#[from] NnError),
    /// The chat template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A file is not what it should be.
    #[error("{}: expected {expected}, found {found}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// What it holds.
        found: String,
    },
    /// A file could not be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The model's thread did not start or ended while it loaded.
    #[error("the thread of the model: {reason}")]
    Thread {
        /// What is known of why.
        reason: String,
    },
}

/// Loads the model in this folder with the options' defaults: what most callers want.
///
/// # Errors
/// See [`LoadError`].
pub fn open(folder: &Path) -> Result<Arc<dyn Generator>, LoadError> {
    Ok(Arc::new(LocalEngine::start(folder, LocalOptions::default())?))
}

/// A model on this machine. Dropping it ends its thread, and every reply on its way with [`EngineError::Gone`].
#[derive(Debug)]
pub struct LocalEngine {
    identity: ModelIdentity,
    layout: Layout,
    sampling: Sampling,
    tokens: Arc<Tokens>,
    inbox: Arc<Inbox<Job>>,
    vocabulary: u32,
    thread: Option<JoinHandle<()>>,
}

/// What the thread tells once the model is loaded.
struct Loaded {
    parameters: u64,
    family: String,
    dtype: &'static str,
    context: usize,
    vocabulary: u32,
}

impl LocalEngine {
    /// Loads the model in this Hugging Face folder. Blocks until it can be asked (seconds for a large one).
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn start(folder: &Path, options: LocalOptions) -> Result<Self, LoadError> {
        let placement = Placement::choose(options.device)?.with_dtype(options.dtype);
        // The cheap files first, so that a mistake there does not wait for the weights.
        let tokens = Arc::new(Tokens::load(folder)?);
        let layout = match options.layout {
            Some(layout) => layout,
            None => folder::layout(folder)?,
        };
        let sampling = folder::sampling(folder)?;
        // Before the thread is there: should it fail, nothing is left behind that holds a model.
        let version =
            fingerprint(&[Some(folder), options.adapter.as_deref()].into_iter().flatten().collect::<Vec<_>>())?;
        let name = options.name.unwrap_or_else(|| folder_name(folder));
        let inbox = Arc::new(Inbox::new(options.max_waiting));
        let load =
            LoadOptions { device: placement.device, dtype: Some(placement.kind), adapter: options.adapter.clone() };
        let workplace = Workplace {
            folder: folder.to_owned(),
            load,
            max_context: options.max_context,
            reuse: options.reuse_prefix,
            tokens: Arc::clone(&tokens),
            inbox: Arc::clone(&inbox),
        };
        let (ready, loaded) = mpsc::sync_channel(1);
        let thread = std::thread::Builder::new()
            .name(format!("engine-{name}"))
            .spawn(move || workplace.work(&ready))
            .map_err(|error| LoadError::Thread { reason: error.to_string() })?;
        let Loaded { parameters, family, dtype, context, vocabulary } = loaded
            .recv()
            .unwrap_or_else(|_| Err(LoadError::Thread { reason: "it ended while it loaded the model".into() }))?;
        let device = device::device_name(placement.device);
        tracing::info!(model = name, version, family, parameters, dtype, reason = placement.reason, "model loaded");
        let identity = ModelIdentity { name, version, family, parameters, dtype: dtype.into(), device, context };
        Ok(Self { identity, layout, sampling, tokens, inbox, vocabulary, thread: Some(thread) })
    }
}

/// What the thread is given.
struct Workplace {
    folder: PathBuf,
    load: LoadOptions,
    max_context: usize,
    reuse: bool,
    tokens: Arc<Tokens>,
    inbox: Arc<Inbox<Job>>,
}

impl Workplace {
    fn work(self, ready: &mpsc::SyncSender<Result<Loaded, LoadError>>) {
        let model = match Llama::load(&self.folder, self.load) {
            Ok(model) => model,
            Err(error) => {
                // `start` waits for this; if it is gone, so is the reason to tell it.
                let _ = ready.send(Err(error.into()));
                return;
            }
        };
        let config = model.config();
        let context = self.max_context.min(config.max_position_embeddings.max(0) as usize);
        let loaded = Loaded {
            parameters: model.parameters().iter().map(|(_, tensor)| tensor.numel() as u64).sum(),
            family: config.model_type.clone(),
            dtype: device::kind_name(model.kind()),
            context,
            vocabulary: u32::try_from(config.vocab_size).unwrap_or(u32::MAX),
        };
        let cache = model.cache(1, context as i64);
        let _closing = ClosedAtEnd(Arc::clone(&self.inbox));
        let runner = Runner {
            model,
            tokens: self.tokens,
            inbox: self.inbox,
            cache,
            held: Vec::new(),
            reuse: self.reuse,
            context,
            logits: Vec::new(),
        };
        let _ = ready.send(Ok(loaded));
        runner.run();
    }
}

impl Drop for LocalEngine {
    fn drop(&mut self) {
        self.inbox.close("it was unloaded");
        if let Some(thread) = self.thread.take() {
            // It ends after the step it is in. A panic outside a request was reported by the panic hook.
            let _ = thread.join();
        }
    }
}

impl Generator for LocalEngine {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn sampling(&self) -> Sampling {
        self.sampling.clone()
    }

    fn count_tokens(&self, prompt: &Prompt) -> Result<usize, EngineError> {
        match least_tokens(prompt) {
            least if least > self.identity.context => Ok(least),
            _ => Ok(self.tokens.encode(prompt)?.len()),
        }
    }

    fn generate(&self, request: GenerateRequest) -> Result<Reply, EngineError> {
        validate::validate(&request)?;
        let limit = self.identity.context.saturating_sub(request.sampling.min_new_tokens.max(1));
        let least = least_tokens(&request.prompt);
        if least > limit {
            return Err(EngineError::PromptTooLong { tokens: least, limit });
        }
        let prompt = self.tokens.encode(&request.prompt)?;
        if prompt.len() > limit {
            return Err(EngineError::PromptTooLong { tokens: prompt.len(), limit });
        }
        if prompt.is_empty() {
            return Err(EngineError::Failed { reason: "the prompt is empty".into() });
        }
        if let Some(id) = prompt.iter().find(|id| **id >= self.vocabulary) {
            let reason = format!(
                "the tokenizer gave token {id}, the model knows {}: they are not of one model",
                self.vocabulary
            );
            return Err(EngineError::Failed { reason });
        }
        let (pieces, stream) = tokio::sync::mpsc::unbounded_channel();
        let job = Job { prompt, sampling: request.sampling, stop: request.stop, pieces };
        match self.inbox.push(job) {
            Ok(()) => Ok(Reply::new(UnboundedReceiverStream::new(stream))),
            Err(Refused::Full { waiting, .. }) => Err(EngineError::Overloaded { waiting, limit: self.inbox.limit() }),
            Err(Refused::Closed(_)) => Err(EngineError::Gone { reason: "its thread ended".into() }),
        }
    }
}

/// A number of tokens that the prompt has at least, without tokenizing it: megabytes are refused for the price of a look.
fn least_tokens(prompt: &Prompt) -> usize {
    prompt.segments.iter().map(String::len).sum::<usize>() / LONGEST_TOKEN
}

fn folder_name(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    whole.file_name().map_or_else(|| "model".into(), |name| name.to_string_lossy().into_owned())
}
