//! `kindred bank import`: brings published rows into a folder that is a bank.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use serde_json::json;

use super::folder::{BankFolder, Brought};
use super::input::{Input, name};
use crate::cli::admin_key::quoted;
use crate::cli::page::{dim, plain, print, print_json, wrap};
use crate::persona::{Merge, MergeError, RowError, RowErrors, read_rows};

/// Bring characters into a folder, in the published row format
///
/// Reads JSON Lines, one JSON array, or JSON objects one after the other, and judges every row before anything is
/// written. Rows that are there already stay as they are; nobody's index is taken away; numbers keep every digit.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kindred bank import profile_trans_output.json --into my_bank
  kindred bank export 4 9 | kindred bank import - --into my_bank --renumber
  kindred bank list --bank my_bank                  # and so with chat and serve")]
pub(super) struct Import {
    /// Files of rows; `-` reads standard input
    #[arg(value_name = "FILE", required = true, num_args = 1..)]
    files: Vec<PathBuf>,
    /// The folder that is, or becomes, a bank: one file a type, one character a line
    #[arg(long, value_name = "FOLDER")]
    into: PathBuf,
    /// Give a new index, one above all others, to those whose index is taken
    #[arg(long)]
    renumber: bool,
}

impl Import {
    pub(super) fn run(self, json: bool) -> anyhow::Result<()> {
        let Brought { merge, files } = match self.bring() {
            Ok(brought) => brought,
            Err(error) => return Err(self.refused(error)),
        };
        if json { print_json(&as_json(&merge, &files)) } else { print(&told(&merge, &self.into)) }
    }

    fn bring(&self) -> anyhow::Result<Brought> {
        let folder = BankFolder::new(&self.into)?;
        let mut input = Input::new();
        // All of them are read first: what is too much is known before any of it is parsed.
        let texts = self.files.iter().map(|file| input.read(file)).collect::<anyhow::Result<Vec<String>>>()?;
        let mut incoming = Vec::new();
        let mut errors = RowErrors::default();
        for (file, text) in self.files.iter().zip(texts) {
            let (rows, wrong) = read_rows(&name(file), &text);
            if rows.is_empty() && wrong.is_empty() {
                bail!("{} holds no character: expected JSON Lines or a JSON array of rows", name(file));
            }
            incoming.extend(rows);
            errors.append(wrong);
        }
        if !errors.is_empty() {
            return Err(errors.into());
        }
        folder.bring(incoming, self.renumber)
    }

    /// Tells what is wrong row by row, and that nothing was written.
    fn refused(&self, error: anyhow::Error) -> anyhow::Error {
        let merge = error.downcast_ref::<MergeError>();
        let Some(errors) = merge.map(MergeError::errors).or_else(|| error.downcast_ref()) else {
            return error;
        };
        for error in errors.first() {
            eprintln!("{}", plain(&error.to_string()));
        }
        let more = errors.count() - errors.first().len();
        if more > 0 {
            eprintln!("… and {more} more");
        }
        let taken = errors.first().iter().any(|error| matches!(error, RowError::Taken { .. }));
        if taken && matches!(merge, Some(MergeError::Incoming(_))) {
            let advice = "--renumber gives new indices to those whose index is taken";
            return anyhow::anyhow!("nothing was imported: {error}; {advice}");
        }
        error.context("nothing was imported")
    }
}

fn as_json(merge: &Merge, files: &[PathBuf]) -> serde_json::Value {
    let pairs = |pairs: &[(u32, u32)], names: [&str; 2]| {
        pairs.iter().map(|(one, other)| json!({names[0]: one, names[1]: other})).collect::<Vec<_>>()
    };
    json!({
        "added": merge.added.iter().map(|row| row.index).collect::<Vec<_>>(),
        "already": pairs(&merge.already, ["index", "there_as"]),
        "renumbered": pairs(&merge.renumbered, ["from", "to"]),
        "files": files,
    })
}

fn told(merge: &Merge, folder: &Path) -> String {
    let hint = format!("kindred bank list --bank {}\n", quoted(folder));
    let folder = folder.display();
    let characters = |count: usize| if count == 1 { "1 character".to_owned() } else { format!("{count} characters") };
    let mut out = String::new();
    if !merge.already.is_empty() {
        out += &wrap(&format!("{} of the rows are there already.", merge.already.len()), 0);
    }
    if merge.added.is_empty() {
        return out + &wrap(&format!("Nothing is new: {folder} stays as it is."), 0);
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &merge.added {
        *counts.entry(row.mbti.as_str()).or_default() += 1;
    }
    let counts: Vec<String> = counts.iter().map(|(mbti, count)| format!("{count} {mbti}")).collect();
    out += &wrap(&format!("Added {} to {folder}: {}.", characters(merge.added.len()), counts.join(", ")), 0);
    if !merge.renumbered.is_empty() {
        let pairs: Vec<String> = merge.renumbered.iter().map(|(from, to)| format!("{from}->{to}")).collect();
        out += &wrap(&format!("Their index was taken, so they have another (old->new): {}.", pairs.join(", ")), 0);
    }
    out + &dim(&hint)
}
