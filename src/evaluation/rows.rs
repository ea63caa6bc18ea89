//! Rows of JSONL files with their places. A row that cannot be read is a fault with a place, not the end of reading.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Display;
use std::fs;
use std::hash::Hash;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::{EvaluationError, Finding};
use crate::files::with_extension;

/// A row and where it stands.
#[derive(Clone, Debug)]
pub struct Placed<T> {
    /// File and line, such as `infj.jsonl:4`.
    pub place: String,
    /// The row.
    pub row: T,
}

/// The rows of a file or a folder, and the lines that are none.
#[derive(Clone, Debug)]
pub struct Rows<T> {
    /// What could be read, in order of file name and line.
    pub rows: Vec<Placed<T>>,
    /// What could not, each with its place and what was expected.
    pub broken: Vec<String>,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), broken: Vec::new() }
    }
}

impl<T: DeserializeOwned> Rows<T> {
    /// Reads a JSONL file, or every `*.jsonl` of a folder in order of name.
    ///
    /// # Errors
    /// A file or folder that cannot be read.
    pub fn read(path: &Path) -> Result<Self, EvaluationError> {
        let mut read = Self::default();
        for file in with_extension(path, "jsonl").map_err(EvaluationError::read(path))? {
            let text = fs::read_to_string(&file).map_err(EvaluationError::read(&file))?;
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            // Some editors begin a file with a byte order mark, which is no part of its first row.
            for (at, line) in
                text.trim_start_matches('\u{feff}').lines().enumerate().filter(|(_, line)| !line.trim().is_empty())
            {
                let place = format!("{name}:{}", at + 1);
                match serde_json::from_str(line) {
                    Ok(row) => read.rows.push(Placed { place, row }),
                    Err(error) => read.broken.push(format!("{place}: {error}")),
                }
            }
        }
        Ok(read)
    }

    /// As [`Rows::read`], of a folder that must be there.
    ///
    /// # Errors
    /// A folder that is none, a file that cannot be read.
    pub fn read_folder(folder: &Path) -> Result<Self, EvaluationError> {
        // A name with a mistake in it must not pass for a file.
        fs::read_dir(folder).map_err(EvaluationError::read(folder))?;
        Self::read(folder)
    }

    /// As [`Rows::read`]; no rows where there is no such file or folder.
    ///
    /// # Errors
    /// As [`Rows::read`].
    pub fn read_if_there(path: &Path) -> Result<Self, EvaluationError> {
        if path.exists() { Self::read(path) } else { Ok(Self::default()) }
    }
}

impl<T> Rows<T> {
    /// Every line is a row of the format, and there is at least one.
    pub(super) fn schema(&self, what: &'static str, things: &str) -> Finding {
        let lines = self.rows.len() + self.broken.len();
        if lines == 0 {
            return Finding::bar(what, format!("no {things}"), "JSONL files with one a line", false);
        }
        Finding::nowhere(what, lines, "lines", self.broken.clone())
    }

    /// The rows without their places.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.rows.iter().map(|placed| &placed.row)
    }

    /// The places of the rows for which `wrong` has something to say.
    pub(super) fn faults(&self, wrong: impl Fn(&T) -> Option<String>) -> Vec<String> {
        self.rows.iter().filter_map(|Placed { place, row }| Some(format!("{place}: {}", wrong(row)?))).collect()
    }

    /// The places of rows whose key came before, each with the place that had it first.
    pub(super) fn repeated<K: Hash + Eq + Display>(&self, key: impl Fn(&T) -> K) -> Vec<String> {
        let mut first: HashMap<K, &str> = HashMap::new();
        let mut places = Vec::new();
        for Placed { place, row } in &self.rows {
            let key = key(row);
            let told = format!("{place}: {key} stands already in ");
            match first.entry(key) {
                Entry::Occupied(before) => places.push(told + *before.get()),
                Entry::Vacant(new) => {
                    new.insert(place);
                }
            }
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_row_is_told_with_its_place_and_the_others_are_read() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("b.jsonl"), "3\n\nx\n").unwrap();
        fs::write(dir.path().join("a.jsonl"), "3\n").unwrap();
        let rows: Rows<u32> = Rows::read(dir.path()).unwrap();
        assert_eq!(rows.rows.iter().map(|row| row.place.as_str()).collect::<Vec<_>>(), ["a.jsonl:1", "b.jsonl:1"]);
        assert!(rows.broken[0].starts_with("b.jsonl:3: "), "{:?}", rows.broken);
        assert_eq!(rows.repeated(|number| *number), ["b.jsonl:1: 3 stands already in a.jsonl:1"]);
        fs::write(dir.path().join("c.jsonl"), "\u{feff}3\n").unwrap();
        assert_eq!(Rows::<u32>::read(dir.path()).unwrap().broken.len(), 1, "a byte order mark is no fault");
        assert!(!rows.schema("rows", "rows").holds);
        assert!(!Rows::<u32>::default().schema("rows", "rows").holds, "nothing at all is a fault");
        assert!(Rows::<u32>::read(&dir.path().join("none")).unwrap_err().to_string().contains("none"));
    }
}
