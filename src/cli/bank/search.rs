//! `kindred bank search`: characters by words, or by what is meant.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use serde_json::json;

use super::meaning;
use super::show::heading;
use crate::cli::page::{dim, print, print_json, wrap};
use crate::matching::{Fit, search_words};
use crate::persona::Bank;
use crate::safety;

/// Find characters by words, or by meaning
///
/// By words, those who hold most of them come first. By meaning, those of whom a sentence is told that says the nearest
/// thing, with that sentence. (Who would help somebody is another question: `kindred match`.)
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kindred bank search widow garden
  kindred bank search --meaning \"lost a job late in life\"
  kindred bank search --meaning --top 3 --json \"afraid of being found out\"")]
pub(super) struct Search {
    /// Words to look for in every field
    #[arg(required = true, num_args = 1..)]
    words: Vec<String>,
    /// By meaning (with the sentence encoder) instead of by words
    #[arg(long)]
    meaning: bool,
    /// At most this many
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    top: u16,
    /// Sentence encoder all-MiniLM-L6-v2 [default: where `make setup` puts it]
    #[arg(long, value_name = "DIR")]
    encoder: Option<PathBuf>,
}

impl Search {
    pub(super) fn run(self, bank: &Bank, encoder: Option<&Path>, json: bool) -> anyhow::Result<()> {
        let query = self.words.join(" ");
        let top = usize::from(self.top);
        if query.trim().is_empty() {
            bail!("there is nothing to look for: expected words{}", if self.meaning { ", or a sentence" } else { "" });
        }
        if !self.meaning {
            return by_words(bank, &query, top, json);
        }
        let assessment = safety::assess(&query);
        if let Some(risk) = assessment.risk {
            // On standard error, so that a pipe of JSON stays JSON and the card is still seen.
            eprintln!("{}\n", safety::help_card(risk, assessment.language));
        }
        let found =
            meaning::ask(bank, self.encoder.as_deref().or(encoder), async |index| Ok(index.search(&query).await?))?;
        print_fits(bank, found.get(..top).unwrap_or(&found), json)
    }
}

fn by_words(bank: &Bank, query: &str, top: usize, json: bool) -> anyhow::Result<()> {
    let found = search_words(bank, query);
    if json {
        let rows = found.iter().take(top).map(|found| {
            let name = bank.get(found.index).map(|character| character.name());
            json!({"name": name, "found": found})
        });
        return print_json(&rows.collect::<Vec<_>>());
    }
    if found.is_empty() {
        return print(&wrap(
            &format!(
                "No character mentions {query:?}. Fewer or shorter words find more; --meaning looks for what is meant."
            ),
            0,
        ));
    }
    let mut out = String::new();
    for found in found.iter().take(top) {
        if let Some(character) = bank.get(found.index) {
            out += &heading(character);
            out += &wrap(&format!("{}: {}", found.field, found.quote), 6);
        }
    }
    if found.len() > top {
        out += &dim(&format!("{} more; --top {} shows all.\n", found.len() - top, found.len()));
    }
    print(&out)
}

fn print_fits(bank: &Bank, found: &[Fit], json: bool) -> anyhow::Result<()> {
    if json {
        let rows = found.iter().map(|fit| {
            let name = bank.get(fit.index).map(|character| character.name());
            json!({"name": name, "found": fit})
        });
        return print_json(&rows.collect::<Vec<_>>());
    }
    let mut out = String::new();
    for fit in found {
        if let Some(character) = bank.get(fit.index) {
            out += &heading(character);
            out += &wrap(&format!("{} ({:.2}): {}", fit.field.label(), fit.cosine, fit.quote), 6);
        }
    }
    out += &dim(&wrap("A number says how alike a sentence is to what was asked, from -1 to 1, and no more.", 0));
    print(&out)
}
