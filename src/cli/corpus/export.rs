//! `kindred corpus export`: conversations and facts as published rows, which need no bank.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::super::page::{print, print_json, wrap};
use super::Opened;
use crate::evaluation::corpus::export::{self, Export, Kind};
use crate::evaluation::counted;
use crate::persona::Split;

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
    #[arg(long, value_name = "SPLIT", value_parser = one_of(Split::ALL.map(|split| (split.as_str().into(), split))))]
    split: Option<Split>,
    /// Which rows
    #[arg(long, value_name = "KIND", default_value = "dialogues", value_parser = kinds())]
    kind: Kind,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
}

impl CorpusExport {
    pub(super) fn run(self, opened: &Opened) -> anyhow::Result<ExitCode> {
        let written =
            export::write(&opened.corpus, Export { kind: self.kind, split: self.split, force: self.force }, &self.out)?;
        if opened.json {
            print_json(&json!({"rows": written, "out": self.out}))?;
        } else {
            print(&wrap(&format!("{} rows written to {}", counted(written), self.out.display()), 0))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn kinds() -> impl TypedValueParser<Value = Kind> {
    one_of(Kind::ALL.map(|kind| (PossibleValue::new(kind.as_str()).help(kind.about()), kind)))
}

/// One of these, by its name.
fn one_of<T: Copy + Send + Sync + 'static, const N: usize>(
    named: [(PossibleValue, T); N],
) -> impl TypedValueParser<Value = T> {
    let names = named.clone().map(|(name, _)| name);
    PossibleValuesParser::new(names).try_map(move |given| {
        let chosen = named.iter().find(|(name, _)| name.get_name() == given).map(|(_, one)| *one);
        chosen.ok_or_else(|| format!("{given} is none of them"))
    })
}
