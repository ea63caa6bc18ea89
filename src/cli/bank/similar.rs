//! `kindred bank similar`: who is like somebody, and in what.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::meaning;
use super::show::heading;
use crate::cli::page::{dim, print, print_json, wrap};
use crate::matching::{Alike, find};
use crate::persona::Bank;

/// Who is like a character, and in what
///
/// As a whole, characters are compared field by field, and told is in what they are nearer than others are.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kindred bank similar 9
  kindred bank similar baek --top 3 --json
  kindred bank similar baek --by recent_worry_or_anxiety      # who worries alike")]
pub(super) struct Similar {
    /// Index, name, a part of the name, or a type (the first of it)
    #[arg(value_name = "INDEX|NAME|TYPE", required = true, num_args = 1..)]
    who: Vec<String>,
    /// Compare by one field, such as hobby, job or recent_worry_or_anxiety, or by all of them
    #[arg(long, default_value = "whole", value_name = "ASPECT")]
    by: String,
    /// At most this many
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    top: u16,
    /// Sentence encoder all-MiniLM-L6-v2 [default: where `make setup` puts it]
    #[arg(long, value_name = "DIR")]
    encoder: Option<PathBuf>,
}

impl Similar {
    pub(super) fn run(self, bank: &Bank, encoder: Option<&Path>, json: bool) -> anyhow::Result<()> {
        let character = find(bank, &self.who.join(" "))?;
        let alike = meaning::ask(bank, self.encoder.as_deref().or(encoder), async |index| {
            Ok(index.similar(character.index, &index.nearness(&self.by)?, usize::from(self.top))?)
        })?;
        if json {
            let rows = alike.iter().map(|alike| {
                let name = bank.get(alike.index).map(|character| character.name());
                json!({"name": name, "similar": alike})
            });
            return print_json(&rows.collect::<Vec<_>>());
        }
        print(&told(bank, character.name(), &alike))
    }
}

fn told(bank: &Bank, name: &str, alike: &[Alike]) -> String {
    if alike.is_empty() {
        return wrap(&format!("Nobody else is told of in this way, so that nobody is like {name}."), 0);
    }
    let mut out = String::new();
    for alike in alike {
        let Some(character) = bank.get(alike.index) else { continue };
        out += &heading(character);
        if alike.common.is_empty() {
            out += &dim(&wrap(&format!("In nothing more like {name} than others are."), 6));
        }
        for common in &alike.common {
            out += &wrap(&format!("{} ({:.2}): {}", common.field.label(), common.cosine, common.quote), 6);
            out += &dim(&wrap(&format!("like {name}: {}", common.like), 8));
        }
    }
    out + &dim(&wrap("A number says how alike two sentences are, from -1 to 1, and no more.", 0))
}
