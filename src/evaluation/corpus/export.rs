//! The corpus as published rows, self-contained: what others can read without the bank.

use std::io::Write as _;
use std::path::Path;

use serde::Serialize;

use super::super::{EvaluationError, Placed, Rows};
use super::{Corpus, faithfulness};
use crate::dialogue::{AuthoredDialogue, DialogueRow, RatingRow};
use crate::faithfulness::{FactGroup, FactsError, nli_rows, passages, queries, relevance_rows};
use crate::files::{Draft, is_free};
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

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::Dialogues, Self::Ratings, Self::Statements, Self::Queries, Self::Relevance, Self::Nli];

    /// The name that commands know it by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dialogues => "dialogues",
            Self::Ratings => "ratings",
            Self::Statements => "statements",
            Self::Queries => "queries",
            Self::Relevance => "relevance",
            Self::Nli => "nli",
        }
    }

    /// What the rows hold, and the published file whose rows they are.
    pub fn about(self) -> &'static str {
        match self {
            Self::Dialogues => "Both people whole and what they said, as in CharacterChat's dial_output.json",
            Self::Ratings => "What was said as one text, and the three answers, as in its eval_dial_output.json",
            Self::Statements => "Facts, each with the memory it is from, as in APC's statement/NAME.json",
            Self::Queries => {
                "Facts, each with queries that ask for it, as in its NAME.query_relevant_to_statement.json"
            }
            Self::Relevance => "Whether a query asks for a fact, as in its NAME.relevance.json",
            Self::Nli => "What a reply says of a fact, as in its NAME.nli.v2.json",
        }
    }
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
/// A file that is there already or cannot be written, lines that are no rows of the corpus, no rows of the kind and split, no
/// split where one is asked for, a character or a memory that is not in the bank. Nothing is written then.
pub fn write(corpus: &Corpus, export: Export, out: &Path) -> Result<usize, EvaluationError> {
    if !export.force && !is_free(out) {
        return Err(EvaluationError::Exists { path: out.to_owned() });
    }
    let chosen = Chosen::new(corpus, export)?;
    match export.kind {
        Kind::Dialogues => {
            let rows = chosen.dialogues()?.into_iter().map(|placed| published(corpus, placed));
            chosen.lines(out, &rows.collect::<Result<Vec<DialogueRow>, _>>()?)
        }
        Kind::Ratings => {
            let rows = chosen.dialogues()?.into_iter().map(|placed| RatingRow::from(&placed.row));
            chosen.lines(out, &rows.collect::<Vec<_>>())
        }
        Kind::Statements => chosen.array(out, &passages(&chosen.facts()?, &corpus.bank).map_err(stray)?),
        Kind::Queries => chosen.array(out, &queries(&chosen.facts()?)),
        Kind::Relevance => chosen.array(out, &relevance_rows(&chosen.facts()?, &corpus.bank).map_err(stray)?),
        Kind::Nli => chosen.array(out, &nli_rows(&chosen.facts()?, &corpus.bank).map_err(stray)?),
    }
}

/// The rows of a split, or all.
struct Chosen<'a> {
    corpus: &'a Corpus,
    kind: Kind,
    split: Option<(Split, &'a Splits)>,
}

impl<'a> Chosen<'a> {
    fn new(corpus: &'a Corpus, Export { kind, split, .. }: Export) -> Result<Self, EvaluationError> {
        let split = match (split, &corpus.splits) {
            (None, _) => None,
            (Some(split), Some(Ok(splits))) => Some((split, splits)),
            (Some(_), Some(Err(found))) => return Err(wrong("splits.json", "each character in one split", found)),
            (Some(_), None) => return Err(wrong("splits.json", "a file that says who is in which split", "none")),
        };
        Ok(Self { corpus, kind, split })
    }

    fn dialogues(&self) -> Result<Vec<&'a Placed<AuthoredDialogue>>, EvaluationError> {
        let dialogues = &self.corpus.dialogues;
        whole(dialogues, "a dialogue of the corpus")?;
        let of = |row: &AuthoredDialogue| {
            self.split.is_none_or(|(split, of)| of.of_pair(row.seeker, row.supporter) == Some(split))
        };
        Ok(dialogues.rows.iter().filter(|placed| of(&placed.row)).collect())
    }

    /// Of the bank's people and their memories, whichever kind of row is made of them.
    fn facts(&self) -> Result<Vec<&'a FactGroup>, EvaluationError> {
        let facts = &self.corpus.faithfulness;
        whole(facts, "a group of facts")?;
        let of = |group: &FactGroup| self.split.is_none_or(|(split, of)| of.of(group.character) == Some(split));
        let chosen = facts.rows.iter().filter(|placed| of(&placed.row));
        chosen
            .map(|Placed { place, row }| match faithfulness::stray(&self.corpus.bank, row) {
                None => Ok(row),
                Some(found) => Err(wrong(place, "a character of the bank and a memory of theirs", &found)),
            })
            .collect()
    }

    fn lines<T: Serialize>(&self, out: &Path, rows: &[T]) -> Result<usize, EvaluationError> {
        self.some(rows)?;
        Draft::write(out, |file| {
            rows.iter().try_for_each(|row| {
                serde_json::to_writer(&mut *file, row)?;
                file.write_all(b"\n")
            })
        })?
        .put()?;
        Ok(rows.len())
    }

    /// An array of rows, each on a line of its own, which programs read as JSON and people compare line by line.
    fn array<T: Serialize>(&self, out: &Path, rows: &[T]) -> Result<usize, EvaluationError> {
        self.some(rows)?;
        Draft::write(out, |file| {
            for (at, row) in rows.iter().enumerate() {
                file.write_all(if at == 0 { b"[\n" } else { b",\n" })?;
                serde_json::to_writer(&mut *file, row)?;
            }
            file.write_all(b"\n]\n")
        })?
        .put()?;
        Ok(rows.len())
    }

    /// A file without rows would only be missed when somebody reads it.
    fn some<T>(&self, rows: &[T]) -> Result<(), EvaluationError> {
        if !rows.is_empty() {
            return Ok(());
        }
        let of = self.split.map_or("all splits".to_owned(), |(split, _)| format!("the split {split}"));
        Err(wrong(&format!("{} of {of}", self.kind.as_str()), "rows to write", "none"))
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
    row.published(seeker, supporter).map_err(|error| wrong(place, "memories of the one who speaks", &error.to_string()))
}

fn stray(error: FactsError) -> EvaluationError {
    wrong("faithfulness/", "characters and memories of the bank", &error.to_string())
}

fn wrong(place: &str, expected: &'static str, found: &str) -> EvaluationError {
    EvaluationError::Shape { place: place.to_owned(), expected, found: found.to_owned() }
}
