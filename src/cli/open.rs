//! Opens what most commands need: bank, models, encoder, skills, store; the place where all floors are put together.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use indicatif::ProgressBar;

use super::config::{Compat, ConfigFlag, Device, Dtype, Flags, Models};
use super::paths;
use crate::agents::{Kindred, Limits, Parts};
use crate::encoder::{Embedder, EncoderOptions, KeptEmbeddings, LocalEncoder, PairCompat};
use crate::engine::{Generator, LocalEngine, LocalOptions};
use crate::matching::{HEAD_FILE, Matcher, Meanings, PersonaScoreHead};
use crate::memory::{MemorySelector, PairHistory};
use crate::nn::{DeviceChoice, Number};
use crate::persona::Bank;
use crate::store::{SqliteStore, Store, VolatileStore};

/// Which models speak, and where they run; the configuration answers for what is not given.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Models")]
pub(super) struct ModelArgs {
    /// Model for both roles: a Hugging Face folder [env: KINDRED_MODEL] [default: the one that ships]
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Model for supporters, if another
    #[arg(long, value_name = "DIR")]
    supporter: Option<PathBuf>,
    /// Model for seekers, if another
    #[arg(long, value_name = "DIR")]
    seeker: Option<PathBuf>,
    /// LoRA adapter (PEFT folder) for the supporters' model, and for the seekers' if it is the same
    #[arg(long, value_name = "DIR")]
    adapter: Option<PathBuf>,
    /// Trained memory selector (`info_selecter`, safetensors) [default: nearest embedding]
    #[arg(long, value_name = "DIR")]
    selector: Option<PathBuf>,
    /// How that selector reads histories and pairs [default: dataset]
    #[arg(long, value_enum, requires = "selector")]
    selector_compat: Option<Compat>,
    /// Trained matcher (`persona_score` head): a folder with model.safetensors, or such a file [default: the one that
    /// ships, if one does, else similarity]
    #[arg(long, value_name = "DIR")]
    matcher: Option<PathBuf>,
    /// Sentence encoder all-MiniLM-L6-v2 [default: where `make setup` puts it]
    #[arg(long, value_name = "DIR")]
    encoder: Option<PathBuf>,
    /// Where models run [default: auto]
    #[arg(long, value_enum)]
    device: Option<Device>,
    /// Number type of the speaking models' weights [default: auto]
    #[arg(long, value_enum)]
    dtype: Option<Dtype>,
    /// Bank of characters: a JSONL file or a folder of them [default: the one that ships]
    #[arg(long, value_name = "PATH")]
    bank: Option<PathBuf>,
    #[command(flatten)]
    pub(super) config: ConfigFlag,
}

/// What becomes of what people say.
#[derive(Clone, Debug)]
pub(super) enum Keep {
    /// Kept in this data folder.
    In(PathBuf),
    /// Forgotten at the end of the process.
    Nothing,
}

/// Whether people will search the bank by what is meant, for which more of it is embedded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Searched {
    /// They will.
    ByMeaning,
    /// Nobody will.
    No,
}

impl From<Device> for DeviceChoice {
    fn from(device: Device) -> Self {
        match device {
            Device::Auto => Self::Auto,
            Device::Cpu => Self::Cpu,
            Device::Cuda => Self::Cuda,
        }
    }
}

impl From<Dtype> for Option<Number> {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::Auto => None,
            Dtype::Float32 => Some(Number::Float32),
            Dtype::Bfloat16 => Some(Number::BFloat16),
        }
    }
}

impl ModelArgs {
    /// These flags, for the configuration.
    pub(super) fn flags(&self) -> Flags {
        let mut flags = self.config.flags();
        let paths = [
            ("--model", "models.model", &self.model),
            ("--supporter", "models.supporter", &self.supporter),
            ("--seeker", "models.seeker", &self.seeker),
            ("--adapter", "models.adapter", &self.adapter),
            ("--selector", "models.selector", &self.selector),
            ("--matcher", "models.matcher", &self.matcher),
            ("--encoder", "models.encoder", &self.encoder),
            ("--bank", "models.bank", &self.bank),
        ];
        for (flag, key, path) in paths {
            flags.set_path(flag, key, path.as_deref());
        }
        flags.set("--selector-compat", "models.selector_compat", self.selector_compat.as_ref().map(named));
        flags.set("--device", "models.device", self.device.as_ref().map(named));
        flags.set("--dtype", "models.dtype", self.dtype.as_ref().map(named));
        flags
    }

    /// The bank.
    pub(super) fn load_bank(&self) -> anyhow::Result<Bank> {
        self.flags().settle()?.config.models.load_bank()
    }

    /// Loads everything and starts the agents. Takes seconds; to be awaited on the runtime that lives longest.
    pub(super) async fn open(&self, keep: Keep) -> anyhow::Result<Kindred> {
        let config = self.flags().settle()?.config;
        config.models.open(keep, Searched::No, config.limits()).await
    }
}

/// A choice as it is written.
fn named(choice: &impl ValueEnum) -> String {
    choice.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

impl Models {
    /// The bank.
    pub(super) fn load_bank(&self) -> anyhow::Result<Bank> {
        let path = self.bank.clone().unwrap_or_else(paths::bank);
        Bank::load(&path).context(
            "cannot open the bank; --bank names another one, KINDRED_HOME the folder that holds bank/ and models/",
        )
    }

    /// Loads everything and starts the agents. Takes seconds; to be awaited on the runtime that lives longest.
    pub(super) async fn open(&self, keep: Keep, searched: Searched, limits: Limits) -> anyhow::Result<Kindred> {
        let spinner = waiting_for("loading the models");
        let opened = self.open_all(keep, searched, limits, &spinner).await;
        spinner.finish_and_clear();
        opened
    }

    async fn open_all(
        &self,
        keep: Keep,
        searched: Searched,
        limits: Limits,
        spinner: &ProgressBar,
    ) -> anyhow::Result<Kindred> {
        let bank = self.load_bank()?;
        let head = load_head(self.matcher.as_deref())?;
        // The store first: a folder in use is known at once, a model takes seconds.
        let store: Arc<dyn Store> = match &keep {
            Keep::In(folder) => Arc::new(SqliteStore::open(folder).await?),
            Keep::Nothing => Arc::new(VolatileStore::default()),
        };
        let arguments = self.clone();
        let loaded =
            tokio::task::spawn_blocking(move || arguments.load()).await.context("loading the models broke off")?;
        let Loaded { supporter, seeker, encoder, selector } = loaded?;
        let kept = KeptEmbeddings::new(paths::embeddings());
        let mut told = first_reading(spinner);
        let matcher = Matcher::new_kept(&bank, encoder, head, &kept, &mut told);
        let matcher = Arc::new(matcher.await.context("cannot embed the bank")?);
        let meanings = match searched {
            Searched::No => None,
            Searched::ByMeaning => {
                let meanings = Meanings::new_kept(&bank, matcher.clone(), &kept, &mut told);
                Some(Arc::new(meanings.await.context("cannot embed the bank")?))
            }
        };
        let parts = Parts {
            bank,
            sampling: supporter.sampling(),
            supporter,
            seeker,
            selector,
            matcher,
            meanings,
            store,
            limits,
        };
        Ok(Kindred::start(parts)?)
    }

    fn load(&self) -> anyhow::Result<Loaded> {
        let encoder = self.load_encoder()?;
        let (supporter, seeker) = self.load_engines()?;
        let selector = match &self.selector {
            None => MemorySelector::by_cosine(encoder.clone()),
            Some(folder) => {
                let (compat, history) = match self.selector_compat {
                    Compat::Dataset => (PairCompat::Dataset, PairHistory::Dataset),
                    Compat::Demo => (PairCompat::Demo, PairHistory::Demo),
                };
                let scorer = start_encoder(folder, self.device, compat)
                    .with_context(|| format!("cannot load the memory selector {}", folder.display()))?;
                if !scorer.scores_pairs() {
                    bail!("{} is no memory selector: expected a BERT with a head of one logit", folder.display());
                }
                MemorySelector::by_pairs(scorer, history)
            }
        };
        Ok(Loaded { supporter, seeker, encoder, selector })
    }

    /// The sentence encoder.
    pub(super) fn load_encoder(&self) -> anyhow::Result<Arc<dyn Embedder>> {
        let folder = self.encoder.clone().unwrap_or_else(paths::encoder);
        if !folder.join("config.json").is_file() {
            bail!(
                "there is no sentence encoder at {}: run `make setup`, or name the folder of all-MiniLM-L6-v2 with --encoder",
                folder.display()
            );
        }
        let encoder = start_encoder(&folder, self.device, PairCompat::default())
            .with_context(|| format!("cannot load the sentence encoder {}", folder.display()))?;
        Ok(encoder)
    }

    /// The models for supporters and for seekers; one and the same if their folders are.
    fn load_engines(&self) -> anyhow::Result<(Arc<dyn Generator>, Arc<dyn Generator>)> {
        let both = self.model.clone().unwrap_or_else(paths::model);
        let supporter = self.supporter.as_ref().unwrap_or(&both);
        let seeker = self.seeker.as_ref().unwrap_or(&both);
        let first = self.load_engine(supporter, self.adapter.as_deref())?;
        // Two names of one folder are one folder.
        let same = supporter == seeker || std::fs::canonicalize(supporter).ok() == std::fs::canonicalize(seeker).ok();
        let second = if same { first.clone() } else { self.load_engine(seeker, None)? };
        Ok((first, second))
    }

    fn load_engine(&self, folder: &Path, adapter: Option<&Path>) -> anyhow::Result<Arc<dyn Generator>> {
        if !folder.join("config.json").is_file() {
            bail!(
                "there is no model at {}: expected a Hugging Face folder with config.json, tokenizer.json and safetensors; --model names another one",
                folder.display()
            );
        }
        let options = LocalOptions {
            device: self.device.into(),
            dtype: self.dtype.into(),
            adapter: adapter.map(Path::to_owned),
            ..LocalOptions::default()
        };
        let engine = LocalEngine::start(folder, options)
            .with_context(|| format!("cannot load the model {}", folder.display()))?;
        Ok(Arc::new(engine))
    }
}

struct Loaded {
    supporter: Arc<dyn Generator>,
    seeker: Arc<dyn Generator>,
    encoder: Arc<dyn Embedder>,
    selector: MemorySelector,
}

fn start_encoder(folder: &Path, device: Device, compat: PairCompat) -> anyhow::Result<Arc<LocalEncoder>> {
    let options = EncoderOptions { device: device.into(), compat, ..EncoderOptions::default() };
    Ok(Arc::new(LocalEncoder::start(folder, options)?))
}

/// The head in this folder or file; else the one that ships, if one does. Without any, similarity decides.
pub(super) fn load_head(named: Option<&Path>) -> anyhow::Result<Option<PersonaScoreHead>> {
    let place = named.map_or_else(paths::matcher, Path::to_owned);
    if named.is_none() && !place.exists() {
        return Ok(None);
    }
    let file = if place.is_dir() { place.join(HEAD_FILE) } else { place };
    let head = PersonaScoreHead::load(&file).context("cannot load the trained matcher; --matcher names another one")?;
    Ok(Some(head))
}

/// Runs a command's future on a runtime of its own.
pub(super) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")?;
    let outcome = runtime.block_on(work);
    // A line of standard input that is waited for must not hold the process back.
    runtime.shutdown_background();
    outcome
}

/// Errors go to standard error even where logs are not wanted; `KINDRED_LOG` asks for more.
pub(super) fn quiet_logs() {
    let asked = ["KINDRED_LOG", "KINDRED_LOG_FILTER"].into_iter().find_map(|name| std::env::var(name).ok());
    let filter = asked.and_then(|asked| tracing_subscriber::EnvFilter::try_new(asked).ok());
    let filter = filter.unwrap_or_else(|| tracing_subscriber::EnvFilter::new("error"));
    // A second call keeps the first one's settings.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}

/// Tells how far the first reading of a bank is.
pub(super) fn first_reading(spinner: &ProgressBar) -> impl FnMut(usize, usize) + Send {
    move |done, of| {
        if done == 0 {
            tracing::info!(
                texts = of,
                "the bank is read for the first time, which takes minutes; it is kept, and quick from then on"
            );
        }
        spinner.set_message(format!("reading the bank for the first time, {} %", done * 100 / of.max(1)));
    }
}

/// Shows that something takes a while, where somebody looks.
pub(super) fn waiting_for(what: &str) -> ProgressBar {
    let spinner = ProgressBar::new_spinner();
    spinner.set_message(what.to_owned());
    spinner.enable_steady_tick(std::time::Duration::from_millis(120));
    spinner
}
