//! `kindred corpus`: check, measure and export the conversations.

mod check;
mod export;
mod stats;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::bank::open_bank;
use super::config::ConfigFlag;
use super::paths;
use crate::evaluation::corpus::Corpus;

/// Check, measure and export the conversations written for the project.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kindred corpus check --quick
  kindred corpus stats --svg corpus.svg
  kindred corpus export --split test --out test.jsonl")]
pub(super) struct CorpusCommand {
    #[command(subcommand)]
    action: Action,
    /// Folder with dialogues/ and, where there are any, safety/, plain/ and splits.json [default: the corpus that ships]
    #[arg(long, global = true, value_name = "FOLDER")]
    corpus: Option<PathBuf>,
    /// The bank whose characters talk [default: the bank that ships]
    #[arg(long, global = true, value_name = "PATH")]
    bank: Option<PathBuf>,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    config: ConfigFlag,
}

#[derive(Debug, Subcommand)]
enum Action {
    Check(check::CorpusCheck),
    Stats(stats::CorpusStats),
    Export(export::CorpusExport),
}

/// What every action is given.
struct Opened {
    folder: PathBuf,
    corpus: Corpus,
    encoder: Option<PathBuf>,
    json: bool,
}

impl CorpusCommand {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let mut flags = self.config.flags();
        flags.set_path("--bank", "models.bank", self.bank.as_deref());
        let models = flags.settle()?.config.models;
        let folder = self.corpus.unwrap_or_else(paths::corpus);
        let corpus = Corpus::read(&folder, open_bank(models.bank.as_deref())?)?;
        let opened = Opened { folder, corpus, encoder: models.encoder, json: self.json };
        match self.action {
            Action::Check(check) => check.run(&opened),
            Action::Stats(stats) => stats.run(&opened),
            Action::Export(export) => export.run(&opened),
        }
    }
}
