//! `kindred corpus check`: whether the conversations are whole, true to their people, and varied.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::super::findings::{embeddings, report, same_place};
use super::super::{open, paths};
use super::Opened;
use crate::evaluation::corpus::{self, Scope};

/// Check the form of the conversations and, of those that ship, their quotas; exit code 1 if anything is at fault
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kindred corpus check
  kindred corpus check --quick
  kindred corpus check --corpus my_corpus --bank my_characters.jsonl --json")]
pub(super) struct CorpusCheck {
    /// Leave out what needs the sentence encoder: near-duplicates
    #[arg(long)]
    quick: bool,
    /// Also ask another corpus for what the one that ships must have: 1,200 dialogues, every character seeking …
    #[arg(long)]
    quotas: bool,
    /// Sentence encoder all-MiniLM-L6-v2 [default: where `make setup` puts it]
    #[arg(long, value_name = "DIR")]
    encoder: Option<PathBuf>,
}

impl CorpusCheck {
    pub(super) fn run(self, opened: &Opened) -> anyhow::Result<ExitCode> {
        let scope = Scope { quotas: self.quotas || same_place(&opened.folder, &paths::corpus()) };
        let encoder = self.encoder.as_deref().or(opened.encoder.as_deref());
        // A missing encoder is told before minutes are spent.
        let embeddings = (!self.quick).then(|| embeddings(encoder)).transpose()?;
        let mut findings = corpus::check(&opened.corpus, scope);
        if let Some(mut embeddings) = embeddings {
            let meaning = async { Ok(corpus::check_meaning(&opened.corpus, &mut embeddings).await?) };
            findings.extend(open::block_on(meaning)?);
        }
        report(&findings, opened.json)
    }
}
