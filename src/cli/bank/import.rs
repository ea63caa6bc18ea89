//! `kindred bank import`: brings published rows into a folder that is a bank.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::json;

use crate::cli::page::{dim, plain, print, print_json, wrap};
use crate::files::Draft;
use crate::persona::{Mbti, Merge, Row, RowError, bank_files, merge, read_rows};

/// The most that is read of one file, in bytes: some thirty thousand characters.
const LONGEST: u64 = 512 << 20;
/// The most that is told of what is wrong.
const TOLD: usize = 50;

/// Bring characters into a folder, in the published row format
///
/// Reads JSON Lines or one JSON array, and judges every row before anything is written. Rows that are there already stay
/// as they are; nobody's index is taken away.
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
    /// Give a new index to those whose index is taken
    #[arg(long)]
    renumber: bool,
}

impl Import {
    pub(super) fn run(self, json: bool) -> anyhow::Result<()> {
        let mut incoming = Vec::new();
        let mut errors = Vec::new();
        for file in &self.files {
            let (rows, wrong) = read(file)?;
            if rows.is_empty() && wrong.is_empty() {
                bail!("{} holds no character: expected JSON Lines or a JSON array of rows", name(file));
            }
            incoming.extend(rows);
            errors.extend(wrong);
        }
        if self.into.exists() && !self.into.is_dir() {
            bail!("--into names a folder, and {} is a file", self.into.display());
        }
        // A folder that is not there yet is made only once all rows are as they should be.
        if !errors.is_empty() {
            return refuse(errors);
        }
        let made = !self.into.exists();
        fs::create_dir_all(&self.into).with_context(|| format!("cannot make {}", self.into.display()))?;
        let brought = bring(&self.into, incoming, self.renumber);
        if brought.is_err() && made {
            // Empty, or it stays.
            let _ = fs::remove_dir(&self.into);
        }
        let (merge, files) = brought?;
        if json { print_json(&as_json(&merge, &files)) } else { print(&told(&merge, &self.into)) }
    }
}

/// Puts the rows into the folder; gives the files that were written.
fn bring(folder: &Path, incoming: Vec<Row>, renumber: bool) -> anyhow::Result<(Merge, Vec<PathBuf>)> {
    let lock = File::open(folder).with_context(|| format!("cannot open {}", folder.display()))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => bail!("another import into {} is running; wait for its end", folder.display()),
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock {}", folder.display()));
        }
    }
    let mut present = Vec::new();
    for file in bank_files(folder)? {
        let (rows, wrong) = read(&file)?;
        if !wrong.is_empty() {
            return refuse(wrong).with_context(|| format!("{} holds what is no character", folder.display()));
        }
        present.extend(rows);
    }
    let merged = match merge(&present, incoming, renumber) {
        Ok(merged) => merged,
        Err(errors) => return refuse(errors),
    };
    let mut by_type: BTreeMap<Mbti, String> = BTreeMap::new();
    for row in &merged.added {
        let lines = by_type.entry(row.mbti).or_default();
        lines.push_str(&serde_json::to_string(&row.fields)?);
        lines.push('\n');
    }
    let mut drafts = Vec::new();
    for (mbti, lines) in by_type {
        let place = folder.join(format!("{}.jsonl", mbti.as_str().to_lowercase()));
        let mut content = if place.exists() { text_of(&place)? } else { String::new() };
        if !content.is_empty() && !content.ends_with('\n') {
            content.push('\n');
        }
        drafts.push((Draft::text(&place, &(content + &lines))?, place));
    }
    // Each file appears whole. After a fall in between, the same import brings what is missing.
    let mut files = Vec::new();
    for (draft, place) in drafts {
        draft.put()?;
        files.push(place);
    }
    lock.sync_all().with_context(|| format!("cannot write {}", folder.display()))?;
    Ok((merged, files))
}

/// Rows of a file, and what is wrong with others.
fn read(file: &Path) -> anyhow::Result<(Vec<Row>, Vec<RowError>)> {
    Ok(read_rows(&name(file), &text_of(file)?))
}

fn name(file: &Path) -> String {
    if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() }
}

fn text_of(file: &Path) -> anyhow::Result<String> {
    let name = name(file);
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        io::stdin().lock().take(LONGEST + 1).read_to_end(&mut bytes)
    } else {
        File::open(file).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes))
    };
    read.with_context(|| format!("cannot read {name}"))?;
    if bytes.len() as u64 > LONGEST {
        bail!("{name} has more than {LONGEST} bytes; divide it");
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        anyhow::anyhow!("{name}:{line}: expected UTF-8, found bytes that are none")
    })
}

/// Tells what is wrong, and that nothing was written.
fn refuse<T>(errors: Vec<RowError>) -> anyhow::Result<T> {
    for error in errors.iter().take(TOLD) {
        eprintln!("{}", plain(&error.to_string()));
    }
    if errors.len() > TOLD {
        eprintln!("… and {} more", errors.len() - TOLD);
    }
    let taken = errors.iter().any(|error| matches!(error, RowError::Taken { .. }));
    let advice = if taken { "; --renumber gives new indices to those whose index is taken" } else { "" };
    bail!(
        "nothing was imported: {} to mend{advice}",
        if errors.len() == 1 { "one thing".into() } else { format!("{} things", errors.len()) }
    )
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
    out + &dim(&format!("kindred bank list --bank {folder}\n"))
}
