//! `kindred corpus export`: conversations and facts as published rows, which need no bank.

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
    /// Facts, each with the memory it is from, as in APC's statement/NAME.json
    Statements,
    /// Facts, each with queries that ask for it, as in its NAME.query_relevant_to_statement.json
    Queries,
    /// Whether a query asks for a fact, as in its NAME.relevance.json
    Relevance,
    /// What a reply says of a fact, as in its NAME.nli.v2.json
    Nli,
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

/// Write the conversations, or the facts of their people, as self-contained rows in the published formats
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kindred corpus export --out dialogues.jsonl
  kindred corpus export --split test --out test.jsonl
  kindred corpus export --kind ratings --out ratings.jsonl --force
  kindred corpus export --kind nli --split train --out train.nli.v2.json")]
pub(super) struct CorpusExport {
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Only what is of this split [default: all]
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
            Kind::Statements => export::Kind::Statements,
            Kind::Queries => export::Kind::Queries,
            Kind::Relevance => export::Kind::Relevance,
            Kind::Nli => export::Kind::Nli,
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
