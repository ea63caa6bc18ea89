//! `kindred bank`: read, search, bring in and take out characters. One file an action.

mod list;
mod meaning;
mod search;
mod show;
mod similar;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

pub(super) use self::show::heading;
use super::config::ConfigFlag;
use super::paths;
use crate::persona::{Bank, BankError};

/// List, show and search the characters.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kindred bank list --type INFJ
  kindred bank show 4
  kindred bank show baek
  kindred bank search bakery night
  kindred bank search --meaning \"somebody who knows what grief is\"
  kindred bank list --bank my_characters.jsonl --json | jq '.[].name'")]
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
}

/// The bank at this path, or the one that ships.
pub(super) fn open_bank(path: Option<&Path>) -> Result<Bank, BankError> {
    Bank::load(path.unwrap_or(&paths::bank()))
}

impl BankCommand {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let mut flags = self.config.flags();
        flags.set_path("--bank", "models.bank", self.bank.as_deref());
        let models = flags.settle()?.config.models;
        let open = || open_bank(models.bank.as_deref());
        match self.action {
            Action::List(list) => list.run(&open()?, self.json)?,
            Action::Show(show) => show.run(&open()?, self.json)?,
            Action::Search(search) => search.run(&open()?, &models, self.json)?,
            Action::Similar(similar) => similar.run(&open()?, &models, self.json)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
