//! `kindred corpus export`: the conversations as published rows, which need no bank.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::super::page::{print, print_json, wrap};
use super::Opened;
use crate::evaluation::corpus::export::{self, Export};
use crate::evaluation::counted;
use crate::persona::Split;

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Both people whole and what they said, as in CharacterChat's dial_output.json
    Dialogues,
    /// What was said as one text, and the three answers, as in its eval_dial_output.json
    Ratings,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Part {
    /// Learnt from
    Train,
    /// Looked at while learning
    Valid,
    /// Looked at in the end
    Test,
}

/// Write the conversations as self-contained rows in the published format
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kindred corpus export --out dialogues.jsonl
  kindred corpus export --split test --out test.jsonl
  kindred corpus export --kind ratings --out ratings.jsonl --force")]
pub(super) struct CorpusExport {
    /// The file to write, one row a line
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Only conversations of this split [default: all]
    #[arg(long, value_enum, value_name = "SPLIT")]
    split: Option<Part>,
    /// Which rows
    #[arg(long, value_enum, value_name = "KIND", default_value = "dialogues")]
    kind: Kind,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
}

impl CorpusExport {
    pub(super) fn run(self, opened: &Opened) -> anyhow::Result<ExitCode> {
        let kind = match self.kind {
            Kind::Dialogues => export::Kind::Dialogues,
            Kind::Ratings => export::Kind::Ratings,
        };
        let split = self.split.map(|part| match part {
            Part::Train => Split::Train,
            Part::Valid => Split::Valid,
            Part::Test => Split::Test,
        });
        let written = export::write(&opened.corpus, Export { kind, split, force: self.force }, &self.out)?;
        if opened.json {
            print_json(&json!({"rows": written, "out": self.out}))?;
        } else {
            print(&wrap(&format!("{} rows written to {}", counted(written), self.out.display()), 0))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
