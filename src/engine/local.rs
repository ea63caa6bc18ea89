//! A model on this machine: loaded from a folder onto a thread of its own, which owns all its tensors.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use tokio_stream::wrappers::UnboundedReceiverStream;

use super::job::{Job, Waiting};
use super::runner::Runner;
use super::tokens::Tokens;
use super::{EngineError, GenerateRequest, Generator, ModelIdentity, Reply, Restarts, Sampling, folder, validate};
use crate::dialogue::{Layout, Prompt, TemplateError};
use crate::nn::inbox::{Inbox, Refused};
use crate::nn::keeper::{Ended, Keeper, Kept, StartError, Station};
use crate::nn::{DeviceChoice, Llama, LoadOptions, NnError, Number, Placement, device};

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
    /// Most requests that wait besides the one being answered, in each lane.
    pub max_waiting: usize,
    /// Most tokens of prompt and reply together, if the model allows more: the cache for them is taken at once.
    pub max_context: usize,
    /// Whether a prompt that begins as the last one did is read from where they part. Replies are the same either way.
    pub reuse_prefix: bool,
    /// When a model that fell is loaded again.
    pub restarts: Restarts,
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
            restarts: Restarts::default(),
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

impl From<StartError> for LoadError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Model(error) => Self::Model(error),
            StartError::Thread { reason } => Self::Thread { reason },
        }
    }
}

/// Loads the model in this folder with the options' defaults: what most callers want.
///
/// # Errors
/// See [`LoadError`].
pub fn open(folder: &Path) -> Result<Arc<dyn Generator>, LoadError> {
    Ok(Arc::new(LocalEngine::start(folder, LocalOptions::default())?))
}

/// A model on this machine. Should its thread fall, it is loaded again ([`LocalOptions::restarts`]). Dropping it ends
/// its thread, and every reply on its way with [`EngineError::Gone`].
#[derive(Debug)]
pub struct LocalEngine {
    identity: ModelIdentity,
    layout: Layout,
    sampling: Sampling,
    tokens: Arc<Tokens>,
    vocabulary: u32,
    keeper: Keeper<Job>,
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
        let name = options.name.unwrap_or_else(|| folder_name(folder));
        let station = Station {
            kind: "engine",
            name: name.clone(),
            folders: std::iter::once(folder.to_owned()).chain(options.adapter.clone()).collect(),
            max_waiting: options.max_waiting,
            restarts: options.restarts,
        };
        let workplace = Workplace {
            folder: folder.to_owned(),
            load: LoadOptions { device: placement.device, dtype: Some(placement.kind), adapter: options.adapter },
            max_context: options.max_context,
            reuse: options.reuse_prefix,
            tokens: Arc::clone(&tokens),
        };
        let (keeper, Loaded { parameters, family, dtype, context, vocabulary }) = Keeper::start(station, workplace)?;
        let version = keeper.version().to_owned();
        let device = device::device_name(placement.device);
        tracing::info!(model = name, version, family, parameters, dtype, reason = placement.reason, "model loaded");
        let identity = ModelIdentity { name, version, family, parameters, dtype: dtype.into(), device, context };
        Ok(Self { identity, layout, sampling, tokens, vocabulary, keeper })
    }
}

/// What the thread is given.
struct Workplace {
    folder: PathBuf,
    load: LoadOptions,
    max_context: usize,
    reuse: bool,
    tokens: Arc<Tokens>,
}

impl Workplace {
    fn context(&self, model: &Llama) -> usize {
        self.max_context.min(model.config().max_position_embeddings.max(0) as usize)
    }
}

impl Kept for Workplace {
    type Job = Job;
    type Model = Llama;
    type About = Loaded;

    fn load(&self) -> Result<Llama, NnError> {
        Llama::load(&self.folder, self.load.clone())
    }

    fn about(&self, model: &Llama) -> Loaded {
        let config = model.config();
        Loaded {
            parameters: model.parameters().iter().map(|(_, tensor)| tensor.numel() as u64).sum(),
            family: config.model_type.clone(),
            dtype: device::kind_name(model.kind()),
            context: self.context(model),
            vocabulary: u32::try_from(config.vocab_size).unwrap_or(u32::MAX),
        }
    }

    fn serve(&self, model: Llama, inbox: &Inbox<Job>, hand: &mut Vec<Job>) -> Ended {
        let context = self.context(&model);
        let tokens = Arc::clone(&self.tokens);
        Runner::new(model, tokens, context, self.reuse).run(inbox, hand)
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

    fn ready(&self) -> Result<(), EngineError> {
        self.keeper.inbox().absence().map_or(Ok(()), |why| Err(why.into()))
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
        fail::fail_point!("engine::admit", |_| Err(EngineError::Overloaded { waiting: 0, limit: 0 }));
        let (pieces, stream) = tokio::sync::mpsc::unbounded_channel();
        let GenerateRequest { sampling, stop, lane, .. } = request;
        let job = Job { prompt, sampling, stop, admitted: Instant::now(), waiting: Waiting::new(lane), pieces };
        let inbox = self.keeper.inbox();
        match inbox.push(job) {
            Ok(()) => Ok(Reply::new(UnboundedReceiverStream::new(stream))),
            Err(Refused::Full { waiting, .. }) => Err(EngineError::Overloaded { waiting, limit: inbox.limit() }),
            Err(Refused::Absent { why, .. }) => Err(why.into()),
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
