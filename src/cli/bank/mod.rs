//! `kindred bank`: read, search, bring in, take out, check and count characters. One file an action.

mod check;
mod export;
mod folder;
mod import;
mod input;
mod list;
mod meaning;
mod search;
mod show;
mod similar;
mod stats;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};

pub(super) use self::show::heading;
use super::config::{ConfigFlag, Models};
use super::paths;
use crate::persona::Bank;

/// List, show and search the characters, bring some in, take some out
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kindred bank list --type INFJ
  kindred bank show baek
  kindred bank search bakery night
  kindred bank search --meaning \"somebody who knows what grief is\"
  kindred bank similar baek --by recent_worry_or_anxiety
  kindred bank export 4 9 --out two.jsonl
  kindred bank import two.jsonl --into my_bank
  kindred bank check --bank my_bank
  kindred bank list --bank my_bank --json | jq '.[].name'")]
pub(super) struct BankCommand {
    #[command(subcommand)]
    action: Action,
    /// A JSONL file or a folder of them, in the published row format [default: the bank that ships]
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
    List(list::List),
    Show(show::Show),
    Search(search::Search),
    Similar(similar::Similar),
    Import(import::Import),
    Export(export::Export),
    Check(check::BankCheck),
    Stats(stats::BankStats),
}

/// The bank at this path, or the one that ships.
pub(super) fn open_bank(path: Option<&Path>) -> anyhow::Result<Bank> {
    Models { bank: path.map(Path::to_owned), ..Models::default() }.load_bank()
}

impl BankCommand {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let mut flags = self.config.flags();
        flags.set_path("--bank", "models.bank", self.bank.as_deref());
        let models = flags.settle()?.config.models;
        let path = models.bank.clone().unwrap_or_else(paths::bank);
        let open = || models.load_bank();
        let encoder = models.encoder.as_deref();
        let json = self.json;
        match self.action {
            Action::List(list) => list.run(&open()?, json)?,
            Action::Show(show) => show.run(&open()?, &path, json)?,
            Action::Search(search) => search.run(&open()?, encoder, json)?,
            Action::Similar(similar) => similar.run(&open()?, encoder, json)?,
            Action::Import(_) if self.bank.is_some() => {
                bail!("import reads FILE and writes --into; --bank says neither")
            }
            Action::Import(import) => import.run(json)?,
            Action::Export(export) => export.run(&open()?, &path, json)?,
            // Both read rows that make no bank, too, and say what is wrong with them.
            Action::Check(check) => return check.run(&path, encoder, json),
            Action::Stats(stats) => return stats.run(&path, encoder, json),
        }
        Ok(ExitCode::SUCCESS)
    }
}
