//! Opens what most commands need: the bank, the models, the encoder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;

use super::paths;
use crate::agents::{Kindred, Limits, Parts};
use crate::encoder::{self, Embedder};
use crate::engine::{self, Generator, Sampling};
use crate::matching::Matcher;
use crate::memory::MemorySelector;
use crate::persona::Bank;
use crate::store::Store;

/// Which people and models to use.
#[derive(Debug, Args)]
#[command(next_help_heading = "People and models")]
pub(super) struct Opening {
    /// Folder or JSONL file of characters [default: the bank that ships]
    #[arg(long, value_name = "PATH", env = "KINDRED_BANK")]
    pub(super) bank: Option<PathBuf>,
    /// Folder of the model that speaks for supporters [default: the stand-in that ships]
    #[arg(long, value_name = "DIR", env = "KINDRED_MODEL")]
    pub(super) model: Option<PathBuf>,
    /// Folder of the sentence encoder [default: all-MiniLM-L6-v2 in the user's cache]
    #[arg(long, value_name = "DIR", env = "KINDRED_ENCODER")]
    pub(super) encoder: Option<PathBuf>,
}

impl Opening {
    /// Loads everything and starts the agents. Takes seconds: models are read from disk and the bank is embedded.
    pub(super) async fn kindred(&self, store: Arc<dyn Store>) -> anyhow::Result<Kindred> {
        let bank = bank(self.bank.as_deref())?;
        let (model, encoder) = (self.model.clone(), self.encoder.clone());
        // Loading blocks, and the runtime that waits here also serves the store.
        let (supporter, embedder) = tokio::task::spawn_blocking(move || {
            anyhow::Ok((generator(model.as_deref())?, embedder(encoder.as_deref())?))
        })
        .await
        .context("loading broke off")??;
        let matcher = Matcher::new(&bank, embedder.clone(), None).await.context("cannot read the bank for matching")?;
        let parts = Parts {
            bank,
            seeker: supporter.clone(),
            supporter,
            selector: MemorySelector::by_cosine(embedder),
            matcher: Arc::new(matcher),
            store,
            sampling: Sampling::default(),
            limits: Limits::default(),
        };
        Ok(Kindred::start(parts)?)
    }
}

/// The characters at `path`, or those that ship.
pub(super) fn bank(path: Option<&Path>) -> anyhow::Result<Bank> {
    Bank::load(&path.map_or_else(paths::bank, Path::to_owned)).context("cannot load the bank")
}

/// The model at `path`, or the one that ships. Blocks.
pub(super) fn generator(path: Option<&Path>) -> anyhow::Result<Arc<dyn Generator>> {
    let folder = path.map_or_else(paths::model, Path::to_owned);
    present(&folder, "model", "--model DIR names another")?;
    Ok(engine::open(&folder).with_context(|| format!("cannot load the model in {}", folder.display()))?)
}

/// The sentence encoder at `path`, or the one that `make setup` fetched. Blocks.
pub(super) fn embedder(path: Option<&Path>) -> anyhow::Result<Arc<dyn Embedder>> {
    let folder = path.map_or_else(paths::encoder, Path::to_owned);
    present(&folder, "sentence encoder", "`make setup` fetches it, --encoder DIR names another")?;
    Ok(encoder::open(&folder).with_context(|| format!("cannot load the encoder in {}", folder.display()))?)
}

fn present(folder: &Path, what: &str, hint: &str) -> anyhow::Result<()> {
    if !folder.join("config.json").is_file() {
        bail!("no {what} in {}: expected a folder with config.json; {hint}", folder.display());
    }
    Ok(())
}
