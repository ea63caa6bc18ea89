//! `kindred bank export`: writes characters as published rows.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use serde_json::json;

use crate::cli::page::{print, print_json, wrap};
use crate::files::{Draft, is_free};
use crate::matching::find;
use crate::persona::{Bank, Mbti, bank_files, read_bank_rows};

/// Write characters in the published row format
///
/// One JSON object a line, in order of index, each as the bank's files have it: `kindred bank import` takes them back
/// unchanged.
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
    /// A file that is not there yet, outside the bank [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Overwrite that file
    #[arg(long, requires = "out")]
    force: bool,
}

impl Export {
    /// `path` is the one that `bank` was loaded from.
    pub(super) fn run(self, bank: &Bank, path: &Path, json: bool) -> anyhow::Result<()> {
        if let Some(out) = self.out.as_deref() {
            outside(out, path)?;
            if !self.force && !is_free(out) {
                bail!("{} is there already; --force overwrites it", out.display());
            }
        }
        let named = self.who.iter().map(|who| one(bank, who)).collect::<anyhow::Result<Vec<u32>>>()?;
        let wanted = |index: u32| {
            let mbti = bank.get(index).map(|character| character.mbti);
            (named.is_empty() || named.contains(&index)) && self.mbti.is_none_or(|wanted| mbti == Some(wanted))
        };
        let mut rows = read_bank_rows(path)?;
        rows.retain(|index, _| wanted(*index));
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

/// Whom this index or name means. A type means many, of whom the first would be nobody's wish.
fn one(bank: &Bank, who: &str) -> anyhow::Result<u32> {
    if let Ok(mbti) = who.trim().parse::<Mbti>() {
        let count = bank.iter().filter(|character| character.mbti == mbti).count();
        bail!("{mbti} is a type: --type {mbti} exports all {count}");
    }
    Ok(find(bank, who)?.index)
}

/// Refuses a file in whose place the bank stands, or that would become a part of it.
fn outside(out: &Path, bank: &Path) -> anyhow::Result<()> {
    let real = |path: &Path| path.canonicalize().ok();
    let folder = out.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
    let folder = folder.and_then(real);
    if bank.is_dir() && folder.is_some() && folder == real(bank) {
        bail!("{} would lie in the bank that is exported; name a file outside of it", out.display());
    }
    // By its own name and by where a link leads: either may be a file of the bank.
    let places = [folder.zip(out.file_name()).map(|(folder, name)| folder.join(name)), real(out)];
    for file in bank_files(bank)? {
        if places.iter().flatten().any(|place| Some(place) == real(&file).as_ref()) {
            bail!("{} is a file of the bank that is exported; name another one", out.display());
        }
    }
    Ok(())
}
