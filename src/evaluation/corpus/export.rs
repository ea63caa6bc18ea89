//! The corpus as published rows, self-contained: what others can read without the bank.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;

use super::super::{EvaluationError, Placed, Rows};
use super::Corpus;
use crate::dialogue::{AuthoredDialogue, DialogueRow, RatingRow};
use crate::faithfulness::{FactGroup, FactsError, nli_rows, passages, queries, relevance_rows};
use crate::persona::{Split, Splits};

/// Which rows are written, and how: CharacterChat's files hold a row a line, APC's are arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Two people whole, and what they said ([`DialogueRow`]).
    Dialogues,
    /// What was said as one text, and how it was rated ([`RatingRow`]).
    Ratings,
    /// Facts, each with the memory it is from ([`crate::faithfulness::Passage`]).
    Statements,
    /// Facts, each with the queries that ask for it ([`crate::faithfulness::StatementQueries`]).
    Queries,
    /// Whether a query asks for a fact ([`crate::faithfulness::RelevanceRow`]).
    Relevance,
    /// What a reply says of a fact ([`crate::faithfulness::NliRow`]).
    Nli,
}

/// What is written.
#[derive(Clone, Copy, Debug)]
pub struct Export {
    /// Which rows.
    pub kind: Kind,
    /// Of this split only; of all without one.
    pub split: Option<Split>,
    /// Whether a file that is there is replaced.
    pub force: bool,
}

/// Writes the rows and tells how many; whole or not at all, as the file is renamed into place.
///
/// # Errors
/// A file that is there already or cannot be written, lines that are no rows of the corpus, no rows of the kind, no split
/// where one is asked for, a character or a memory that is not in the bank. Nothing is written then.
pub fn write(corpus: &Corpus, export: Export, out: &Path) -> Result<usize, EvaluationError> {
    if !export.force && out.exists() {
        return Err(EvaluationError::Exists { path: out.to_owned() });
    }
    let chosen = Chosen::new(corpus, export.split)?;
    match export.kind {
        Kind::Dialogues => {
            let rows = chosen.dialogues(corpus)?.into_iter().map(|placed| published(corpus, placed));
            lines(out, &rows.collect::<Result<Vec<DialogueRow>, _>>()?)
        }
        Kind::Ratings => {
            let rows = chosen.dialogues(corpus)?.into_iter().map(|placed| RatingRow::from(&placed.row));
            lines(out, &rows.collect::<Vec<_>>())
        }
        Kind::Statements => array(out, &passages(&chosen.facts(corpus)?, &corpus.bank).map_err(stray)?),
        Kind::Queries => array(out, &queries(&chosen.facts(corpus)?)),
        Kind::Relevance => array(out, &relevance_rows(&chosen.facts(corpus)?, &corpus.bank).map_err(stray)?),
        Kind::Nli => array(out, &nli_rows(&chosen.facts(corpus)?, &corpus.bank).map_err(stray)?),
    }
}

/// The rows of a split, or all.
struct Chosen<'a>(Option<(Split, &'a Splits)>);

impl<'a> Chosen<'a> {
    fn new(corpus: &'a Corpus, split: Option<Split>) -> Result<Self, EvaluationError> {
        Ok(Self(match (split, &corpus.splits) {
            (None, _) => None,
            (Some(split), Some(Ok(splits))) => Some((split, splits)),
            (Some(_), Some(Err(found))) => return Err(wrong("splits.json", "each character in one split", found)),
            (Some(split), None) => {
                return Err(wrong("splits.json", "a file that says who is in which split", split.as_str()));
            }
        }))
    }

    fn dialogues<'c>(&self, corpus: &'c Corpus) -> Result<Vec<&'c Placed<AuthoredDialogue>>, EvaluationError> {
        whole(&corpus.dialogues, "a dialogue of the corpus")?;
        let of = |row: &AuthoredDialogue| {
            self.0.is_none_or(|(split, of)| of.of_pair(row.seeker, row.supporter) == Some(split))
        };
        Ok(corpus.dialogues.rows.iter().filter(|placed| of(&placed.row)).collect())
    }

    fn facts(&self, corpus: &Corpus) -> Result<Vec<FactGroup>, EvaluationError> {
        whole(&corpus.faithfulness, "a group of facts")?;
        if corpus.faithfulness.rows.is_empty() {
            return Err(wrong("faithfulness/", "groups of facts", "none"));
        }
        let of = |group: &&FactGroup| self.0.is_none_or(|(split, of)| of.of(group.character) == Some(split));
        Ok(corpus.faithfulness.iter().filter(of).cloned().collect())
    }
}

fn whole<T>(rows: &Rows<T>, expected: &'static str) -> Result<(), EvaluationError> {
    match rows.broken.first() {
        None => Ok(()),
        Some(broken) => {
            let (place, found) = broken.split_once(": ").unwrap_or((broken, ""));
            Err(wrong(place, expected, found))
        }
    }
}

fn published(
    corpus: &Corpus,
    Placed { place, row }: &Placed<AuthoredDialogue>,
) -> Result<DialogueRow, EvaluationError> {
    let person = |index: u32| {
        let character = corpus.bank.get(index);
        character.ok_or_else(|| wrong(place, "characters of the bank", &format!("{index}, which it has not")))
    };
    let (seeker, supporter) = (person(row.seeker)?, person(row.supporter)?);
    let untold = |turn| wrong(place, "memories of the one who speaks", &format!("another at turn {turn}"));
    row.published(seeker, supporter).map_err(untold)
}

fn lines<T: Serialize>(out: &Path, rows: &[T]) -> Result<usize, EvaluationError> {
    in_place(out, |file| {
        rows.iter().try_for_each(|row| {
            serde_json::to_writer(&mut *file, row)?;
            file.write_all(b"\n")
        })
    })?;
    Ok(rows.len())
}

/// An array of rows, each on a line of its own, which programs read as JSON and people compare line by line.
fn array<T: Serialize>(out: &Path, rows: &[T]) -> Result<usize, EvaluationError> {
    in_place(out, |file| {
        for (at, row) in rows.iter().enumerate() {
            file.write_all(if at == 0 { b"[\n" } else { b",\n" })?;
            serde_json::to_writer(&mut *file, row)?;
        }
        file.write_all(if rows.is_empty() { b"[]\n" } else { b"\n]\n" })
    })?;
    Ok(rows.len())
}

/// Writes beside the file and renames into place.
fn in_place(out: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<(), EvaluationError> {
    let partial = out.with_extension(format!("{}.partial", std::process::id()));
    let written = File::create(&partial).and_then(|file| {
        let mut file = BufWriter::new(file);
        write(&mut file)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&partial, out)
    });
    if written.is_err() {
        // What could not be finished helps nobody; the reason is told.
        let _ = fs::remove_file(&partial);
    }
    written.map_err(EvaluationError::write(out))
}

fn stray(error: FactsError) -> EvaluationError {
    wrong("faithfulness/", "characters and memories of the bank", &error.to_string())
}

fn wrong(place: &str, expected: &'static str, found: &str) -> EvaluationError {
    EvaluationError::Shape { place: place.to_owned(), expected, found: found.to_owned() }
}
