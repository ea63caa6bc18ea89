//! The dialogues as published rows, self-contained: what others can read without the bank.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use serde::Serialize;

use super::super::{EvaluationError, Placed};
use super::Corpus;
use crate::dialogue::{AuthoredDialogue, RatingRow};
use crate::persona::Split;

/// Which rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Two people whole, and what they said ([`crate::dialogue::DialogueRow`]).
    Dialogues,
    /// What was said as one text, and how it was rated ([`RatingRow`]).
    Ratings,
}

/// What is written.
#[derive(Clone, Copy, Debug)]
pub struct Export {
    /// Which rows.
    pub kind: Kind,
    /// The dialogues of this split only; all without one.
    pub split: Option<Split>,
    /// Whether a file that is there is replaced.
    pub force: bool,
}

/// Writes the rows, one a line, and tells how many; whole or not at all, as the file is renamed into place.
///
/// # Errors
/// A file that is there already or cannot be written, lines that are no dialogues, no split where one is asked for, a
/// character or a memory that is not in the bank. Nothing is written then.
pub fn write(corpus: &Corpus, export: Export, out: &Path) -> Result<usize, EvaluationError> {
    if !export.force && out.exists() {
        return Err(EvaluationError::Exists { path: out.to_owned() });
    }
    if let Some(broken) = corpus.dialogues.broken.first() {
        let (place, found) = broken.split_once(": ").unwrap_or((broken, ""));
        return Err(wrong(place, "a dialogue of the corpus", found));
    }
    let splits = match (export.split, &corpus.splits) {
        (None, _) => None,
        (Some(split), Some(Ok(splits))) => Some((split, splits)),
        (Some(_), Some(Err(found))) => return Err(wrong("splits.json", "each character in one split", found)),
        (Some(split), None) => {
            return Err(wrong("splits.json", "a file that says who is in which split", split.as_str()));
        }
    };
    let partial = out.with_extension(format!("{}.partial", std::process::id()));
    let written = File::create(&partial).map_err(EvaluationError::write(out)).and_then(|file| {
        let mut file = BufWriter::new(file);
        let mut count = 0;
        for Placed { place, row } in &corpus.dialogues.rows {
            if splits.is_some_and(|(split, splits)| splits.of_pair(row.seeker, row.supporter) != Some(split)) {
                continue;
            }
            match export.kind {
                Kind::Dialogues => line(&mut file, out, &published(corpus, place, row)?)?,
                Kind::Ratings => line(&mut file, out, &RatingRow::from(row))?,
            }
            count += 1;
        }
        let file = file.into_inner().map_err(|error| error.into_error()).map_err(EvaluationError::write(out))?;
        file.sync_all().map_err(EvaluationError::write(out))?;
        fs::rename(&partial, out).map_err(EvaluationError::write(out))?;
        Ok(count)
    });
    if written.is_err() {
        // What could not be finished helps nobody; the reason is told.
        let _ = fs::remove_file(&partial);
    }
    written
}

fn published(
    corpus: &Corpus,
    place: &str,
    dialogue: &AuthoredDialogue,
) -> Result<crate::dialogue::DialogueRow, EvaluationError> {
    let person = |index: u32| {
        let character = corpus.bank.get(index);
        character.ok_or_else(|| wrong(place, "characters of the bank", &format!("{index}, which it has not")))
    };
    let (seeker, supporter) = (person(dialogue.seeker)?, person(dialogue.supporter)?);
    let untold = |turn| wrong(place, "memories of the one who speaks", &format!("another at turn {turn}"));
    dialogue.published(seeker, supporter).map_err(untold)
}

fn line(file: &mut impl std::io::Write, path: &Path, row: &impl Serialize) -> Result<(), EvaluationError> {
    serde_json::to_writer(&mut *file, row)
        .map_err(Into::into)
        .and_then(|()| file.write_all(b"\n"))
        .map_err(EvaluationError::write(path))
}

fn wrong(place: &str, expected: &'static str, found: &str) -> EvaluationError {
    EvaluationError::Shape { place: place.to_owned(), expected, found: found.to_owned() }
}
