//! A row of a file that is a character, kept as it was written; and what is wrong with a row that is none.

use std::fmt;
use std::sync::Arc;

use super::Mbti;
use super::raw::{self, Said};

/// So many errors are kept; of the others it is known how many they are.
const KEPT: usize = 50;

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// It is not what the published format has there.
    #[error("{place}: {field}: expected {expected}, found {found}")]
    Unexpected {
        /// Where.
        place: Place,
        /// The field, or `row`.
        field: String,
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// Its index belongs to somebody else.
    #[error("{place}: index: {index} is taken by {holder} ({at}); every character needs an index of its own")]
    Taken {
        /// Where.
        place: Place,
        /// The index.
        index: u32,
        /// The name of the character that has it.
        holder: String,
        /// Where that one stands.
        at: Place,
    },
    /// There is no index left to give.
    #[error("{place}: index: no index above {highest} is left to give", highest = u32::MAX)]
    NoneLeft {
        /// Where.
        place: Place,
    },
}

/// What is wrong with many rows: the first of it, and how much it is. A file of nothing but faults costs no memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowErrors {
    first: Vec<RowError>,
    count: usize,
}

impl RowErrors {
    /// The first fifty.
    pub fn first(&self) -> &[RowError] {
        &self.first
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// One more; it is made only if it is kept.
    pub(super) fn push(&mut self, error: impl FnOnce() -> RowError) {
        self.count += 1;
        if self.first.len() < KEPT {
            self.first.push(error());
        }
    }

    /// Those of another file as well.
    pub fn append(&mut self, others: Self) {
        self.count += others.count;
        let room = KEPT - self.first.len();
        self.first.extend(others.first.into_iter().take(room));
    }
}

impl fmt::Display for RowErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            1 => f.write_str("one thing to mend"),
            count => write!(f, "{count} things to mend"),
        }
    }
}

impl std::error::Error for RowErrors {}

/// A row that is a character.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Where it stands.
    pub place: Place,
    /// All of it on one line of JSON; otherwise as it came, digit by digit.
    pub json: String,
    /// Place in the bank.
    pub index: u32,
    /// Myers–Briggs type.
    pub mbti: Mbti,
    /// The character's name.
    pub name: String,
    /// What it says beside its index.
    pub(super) said: Said,
}

impl Row {
    /// Gives it another index; nothing else of it changes.
    pub(super) fn renumber(&mut self, index: u32) {
        self.json = raw::with_index(&self.json, index);
        self.index = index;
    }
}
