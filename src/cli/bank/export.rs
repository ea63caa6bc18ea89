//! `kindred bank export`: writes characters as published rows.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::{Value, json};

use crate::cli::page::{print, print_json, wrap};
use crate::files::{Draft, is_free};
use crate::matching::find;
use crate::persona::{Bank, Mbti, bank_files};

/// Write characters in the published row format
///
/// One JSON object a line, in order of index, with everything that the bank's files hold: `kindred bank import` takes them
/// back unchanged.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kindred bank export > bank.jsonl
  kindred bank export 4 \"Nomvula Dlamini\" --out two.jsonl
  kindred bank export --type INFJ --out infj.jsonl --force")]
pub(super) struct Export {
    /// Index or name, each as one word or in quotes [default: everybody]
    #[arg(value_name = "INDEX|NAME", conflicts_with = "mbti")]
    who: Vec<String>,
    /// Only this Myers–Briggs type
    #[arg(long = "type", value_name = "TYPE")]
    mbti: Option<Mbti>,
    /// A file that is not there yet [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Overwrite that file
    #[arg(long, requires = "out")]
    force: bool,
}

impl Export {
    /// `path` is the one that `bank` was loaded from.
    pub(super) fn run(self, bank: &Bank, path: &Path, json: bool) -> anyhow::Result<()> {
        if let Some(out) = self.out.as_deref().filter(|out| !self.force && !is_free(out)) {
            bail!("{} is there already; --force overwrites it", out.display());
        }
        let named = self.who.iter().map(|who| Ok(find(bank, who)?.index)).collect::<anyhow::Result<Vec<u32>>>()?;
        let wanted = |index: u32| {
            let mbti = bank.get(index).map(|character| character.mbti);
            (named.is_empty() || named.contains(&index)) && self.mbti.is_none_or(|wanted| mbti == Some(wanted))
        };
        let rows: BTreeMap<u32, String> = rows(path)?.into_iter().filter(|(index, _)| wanted(*index)).collect();
        if rows.is_empty() {
            bail!("nobody to export: the bank has no character of type {}", self.mbti.map_or("any", Mbti::as_str));
        }
        let text: String = rows.values().flat_map(|row| [row.as_str(), "\n"]).collect();
        let Some(out) = self.out else { return print(&text) };
        Draft::text(&out, &text)?.put()?;
        if json {
            return print_json(&json!({"characters": rows.len(), "file": out}));
        }
        print(&wrap(&format!("Wrote {} to {}.", counted(rows.len()), out.display()), 0))
    }
}

fn counted(count: usize) -> String {
    if count == 1 { "1 character".to_owned() } else { format!("{count} characters") }
}

/// Every row of the bank as its file has it, on one line: a field that Kindred does not know is part of it.
fn rows(path: &Path) -> anyhow::Result<BTreeMap<u32, String>> {
    let mut rows = BTreeMap::new();
    for file in bank_files(path)? {
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        for line in text.trim_start_matches('\u{feff}').lines().filter(|line| !line.trim().is_empty()) {
            let row: Value = serde_json::from_str(line).with_context(|| format!("cannot read {}", file.display()))?;
            let index = row["index"].as_u64().and_then(|index| u32::try_from(index).ok());
            let index = index.with_context(|| format!("a row of {} has no index", file.display()))?;
            rows.insert(index, row.to_string());
        }
    }
    Ok(rows)
}
