//! `kindred bank check`: whether a bank is whole, varied and nobody's copy.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::super::findings::{embeddings, report, same_place};
use super::super::{open, paths};
use crate::evaluation::{Rows, Scope, bank};

/// Check the form of a bank and, of the one that ships, its quotas; exit code 1 if anything is at fault
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kindred bank check
  kindred bank check --quick
  kindred bank check --bank my_characters.jsonl
  kindred bank check --bank my_bank --quotas --json")]
pub(super) struct BankCheck {
    /// Leave out what needs the sentence encoder: near-duplicates, personalities, worries in a supporter's statement
    #[arg(long)]
    quick: bool,
    /// Also ask another bank for what the one that ships must have: 1,024 characters, 64 a type, 60 countries …
    #[arg(long)]
    quotas: bool,
    /// Sentence encoder all-MiniLM-L6-v2 [default: where `make setup` puts it]
    #[arg(long, value_name = "DIR")]
    encoder: Option<PathBuf>,
}

impl BankCheck {
    pub(super) fn run(self, path: &Path, encoder: Option<&Path>, json: bool) -> anyhow::Result<ExitCode> {
        let scope = Scope { quotas: self.quotas || same_place(path, &paths::bank()) };
        let rows = Rows::read(path)?;
        // A missing encoder is told before minutes are spent.
        let embeddings = (!self.quick).then(|| embeddings(self.encoder.as_deref().or(encoder))).transpose()?;
        let mut findings = bank::check(&rows, scope);
        if let Some(mut embeddings) = embeddings {
            findings.extend(open::block_on(async { Ok(bank::check_meaning(&rows, scope, &mut embeddings).await?) })?);
        }
        report(&findings, json)
    }
}
