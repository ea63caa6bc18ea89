//! An encoder on this machine: loaded from a folder onto a thread of its own, which owns all its tensors.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tch::{Kind, Tensor};
use tokio::sync::oneshot;

use super::inputs::{HistoryCut, Inputs, PairCompat, Row};
use super::worker::{Answer, Job, Wanted, Worker};
use super::{Embedder, Embedding, EncoderError, PairScorer, Restarts};
use crate::nn::inbox::{Inbox, Refused};
use crate::nn::keeper::{Ended, Keeper, Kept, StartError, Station};
use crate::nn::{Bert, BertInput, DeviceChoice, LoadOptions, NnError, Number, Placement, device};

/// How an encoder is loaded and served.
#[derive(Clone, Debug)]
pub struct EncoderOptions {
    /// Where it runs.
    pub device: DeviceChoice,
    /// Number type it computes in. Float32 by default: similar sentences differ in the third digit.
    pub dtype: Number,
    /// Most tokens of a text to embed (all-MiniLM-L6-v2 was trained for 256).
    pub max_tokens: usize,
    /// Most tokens of a pair to score.
    pub max_pair_tokens: usize,
    /// How pairs are marked.
    pub compat: PairCompat,
    /// Which part of a long history is kept.
    pub cut: HistoryCut,
    /// Most texts that wait.
    pub max_waiting: usize,
    /// When an encoder that fell is loaded again.
    pub restarts: Restarts,
}

impl Default for EncoderOptions {
    fn default() -> Self {
        Self {
            device: DeviceChoice::default(),
            dtype: Number::Float32,
            max_tokens: 256,
            max_pair_tokens: 512,
            compat: PairCompat::default(),
            cut: HistoryCut::default(),
            max_waiting: 4096,
            restarts: Restarts::default(),
        }
    }
}

/// Why an encoder could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The weights or the device.
    #[error(transparent)]
    Model(#[from] NnError),
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
    /// The encoder's thread did not start or ended while it loaded.
    #[error("the thread of the encoder: {reason}")]
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

/// Loads the encoder in this folder with the options' defaults: what most callers want.
///
/// # Errors
/// See [`LoadError`].
pub fn open(folder: &Path) -> Result<Arc<LocalEncoder>, LoadError> {
    Ok(Arc::new(LocalEncoder::start(folder, EncoderOptions::default())?))
}

/// An encoder on this machine. It embeds; one with a classification head of one logit also scores pairs. Should its
/// thread fall, it is loaded again ([`EncoderOptions::restarts`]). Dropping it ends its thread, and every call on its
/// way with [`EncoderError::Gone`].
#[derive(Debug)]
pub struct LocalEncoder {
    inputs: Inputs,
    options: EncoderOptions,
    identity: String,
    shape: Shape,
    keeper: Keeper<Job>,
}

/// What the thread tells once the model is loaded.
#[derive(Clone, Copy, Debug)]
struct Shape {
    hidden: usize,
    /// Logits of the classification head, 0 without one.
    labels: usize,
    vocabulary: u32,
    longest: usize,
}

impl LocalEncoder {
    /// Loads the BERT in this Hugging Face folder. Blocks until it can be asked.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn start(folder: &Path, options: EncoderOptions) -> Result<Self, LoadError> {
        let placement = Placement::choose(options.device)?.with_dtype(Some(options.dtype));
        let inputs = Inputs::load(folder)?;
        let name = folder.file_name().map_or_else(|| "encoder".into(), |name| name.to_string_lossy().into_owned());
        let station = Station {
            kind: "encoder",
            name: name.clone(),
            folders: vec![folder.to_owned()],
            max_waiting: options.max_waiting,
            restarts: options.restarts,
        };
        let load = LoadOptions { device: placement.device, dtype: Some(placement.kind), adapter: None };
        let (keeper, shape) = Keeper::start(station, Workplace { folder: folder.to_owned(), load })?;
        let dtype = device::kind_name(placement.kind);
        tracing::info!(encoder = name, dtype, reason = placement.reason, "encoder loaded");
        let identity = format!("{name} {}", keeper.version());
        Ok(Self { inputs, options, identity, shape, keeper })
    }

    /// Whether it can score pairs: it has a classification head of one logit.
    pub fn scores_pairs(&self) -> bool {
        self.shape.labels == 1
    }

    async fn ask(&self, wanted: Wanted, rows: Vec<Row>) -> Answer {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(id) = rows.iter().flat_map(|row| &row.ids).find(|id| **id >= self.shape.vocabulary) {
            let reason = format!(
                "the tokenizer gave token {id}, the model knows {}: they are not of one model",
                self.shape.vocabulary
            );
            return Err(EncoderError::Failed { reason });
        }
        let (answer, answered) = oneshot::channel();
        let inbox = self.keeper.inbox();
        match inbox.push(Job::new(wanted, rows, answer)) {
            Ok(()) => {}
            Err(Refused::Full { waiting, .. }) => {
                return Err(EncoderError::Overloaded { waiting, limit: inbox.limit() });
            }
            Err(Refused::Absent { why, .. }) => return Err(why.into()),
        }
        let unanswered = |_| Err(EncoderError::Gone { reason: "its thread ended".into() });
        answered.await.unwrap_or_else(unanswered)
    }
}

/// What the thread is given.
struct Workplace {
    folder: PathBuf,
    load: LoadOptions,
}

impl Kept for Workplace {
    type Job = Job;
    type Model = Bert;
    type About = Shape;

    fn load(&self) -> Result<Bert, NnError> {
        let _no_grad = tch::no_grad_guard();
        Bert::load(&self.folder, self.load.clone())
    }

    fn about(&self, model: &Bert) -> Shape {
        let _no_grad = tch::no_grad_guard();
        let config = model.config();
        let size = |number: i64| usize::try_from(number).unwrap_or(0);
        Shape {
            hidden: size(config.hidden_size),
            labels: labels(model),
            vocabulary: u32::try_from(config.vocab_size).unwrap_or(u32::MAX),
            longest: size(config.max_position_embeddings),
        }
    }

    fn serve(&self, model: Bert, inbox: &Inbox<Job>, hand: &mut Vec<Job>) -> Ended {
        Worker::new(model).run(inbox, hand)
    }
}

/// Logits of the classification head, 0 without one: asked of the model itself, since a configuration may name labels
/// of a head that the file does not hold.
fn labels(model: &Bert) -> usize {
    let ids = Tensor::zeros([1, 1], (Kind::Int64, model.device()));
    let states = model.states(&BertInput { ids, types: None, mask: None });
    model.classify(&states).map_or(0, |logits| logits.size()[1] as usize)
}

#[async_trait]
impl Embedder for LocalEncoder {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn dimension(&self) -> usize {
        self.shape.hidden
    }

    fn ready(&self) -> Result<(), EncoderError> {
        self.keeper.inbox().absence().map_or(Ok(()), |why| Err(why.into()))
    }

    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Embedding>, EncoderError> {
        let most = self.options.max_tokens.min(self.shape.longest);
        let rows = texts.iter().map(|text| self.inputs.single(text, most)).collect::<Result<_, _>>()?;
        self.ask(Wanted::Embedding, rows).await
    }
}

#[async_trait]
impl PairScorer for LocalEncoder {
    fn identity(&self) -> &str {
        &self.identity
    }

    async fn score(&self, pairs: Vec<(String, String)>) -> Result<Vec<f32>, EncoderError> {
        if !self.scores_pairs() {
            let reason = format!(
                "pairs are scored by a classification head of one logit (num_labels = 1); this encoder has {}",
                self.shape.labels
            );
            return Err(EncoderError::Failed { reason });
        }
        let most = self.options.max_pair_tokens.min(self.shape.longest);
        let EncoderOptions { compat, cut, .. } = self.options;
        let row = |(history, memory): &(String, String)| self.inputs.pair((history, memory), most, compat, cut);
        let rows = pairs.iter().map(row).collect::<Result<_, _>>()?;
        Ok(self.ask(Wanted::Logits, rows).await?.into_iter().flatten().collect())
    }
}
