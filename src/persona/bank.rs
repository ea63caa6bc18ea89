//! The bank: every character, read from JSONL files and found by index.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Character;

/// Why a bank could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BankError {
    /// The file or folder could not be opened.
    #[error("cannot read {path}: {source}")]
    Read {
        /// What was opened.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line is not a character row.
    #[error("{path}:{line}: not a character row: {source}")]
    Row {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What was wrong with it.
        source: serde_json::Error,
    },
    /// Two rows have the same index.
    #[error("{path}:{line}: index {index} is already taken by {holder}; every character needs an index of its own")]
    DuplicateIndex {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The index that came twice.
        index: u32,
        /// The name of the character that has it.
        holder: String,
    },
    /// No file held a character.
    #[error("{path} holds no character: expected JSONL files with one character a line")]
    Empty {
        /// What was read.
        path: PathBuf,
    },
}

/// All characters, in order of index. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Bank {
    characters: Arc<[Arc<Character>]>,
    by_index: Arc<HashMap<u32, usize>>,
}

impl Bank {
    /// Reads a JSONL file, or every `*.jsonl` of a folder in order of name.
    ///
    /// # Errors
    /// [`BankError`] names the file and line, what was expected and what came.
    pub fn load(path: &Path) -> Result<Self, BankError> {
        let files = bank_files(path)?;
        let mut rows: Vec<(Arc<Character>, PathBuf, usize)> = Vec::new();
        for file in files {
            let text = fs::read_to_string(&file).map_err(|source| BankError::Read { path: file.clone(), source })?;
            // Some editors begin a file with a byte order mark.
            let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
            for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                let line_number = number + 1;
                let character: Character = serde_json::from_str(line).map_err(|source| BankError::Row {
                    path: file.clone(),
                    line: line_number,
                    source,
                })?;
                rows.push((Arc::new(character), file.clone(), line_number));
            }
        }
        if rows.is_empty() {
            return Err(BankError::Empty { path: path.to_owned() });
        }
        let mut by_file_order: HashMap<u32, Arc<Character>> = HashMap::new();
        for (character, path, line) in &rows {
            if let Some(holder) = by_file_order.insert(character.index, character.clone()) {
                return Err(BankError::DuplicateIndex {
                    path: path.clone(),
                    line: *line,
                    index: character.index,
                    holder: holder.name().to_owned(),
                });
            }
        }
        Ok(Self::new(rows.into_iter().map(|(character, ..)| character).collect()))
    }

    /// A bank of the given characters, whose indices are distinct.
    pub fn new(mut characters: Vec<Arc<Character>>) -> Self {
        characters.sort_by_key(|character| character.index);
        let by_index = characters.iter().enumerate().map(|(at, character)| (character.index, at)).collect();
        Self { characters: characters.into(), by_index: Arc::new(by_index) }
    }

    /// A bank of those whom `keep` names.
    pub fn only(&self, keep: impl Fn(&Character) -> bool) -> Self {
        Self::new(self.iter().filter(|character| keep(character)).cloned().collect())
    }

    /// The character with this index.
    pub fn get(&self, index: u32) -> Option<&Arc<Character>> {
        self.by_index.get(&index).map(|&at| &self.characters[at])
    }

    /// All characters, in order of index.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Character>> {
        self.characters.iter()
    }

    /// How many characters there are; never zero when loaded from a file.
    pub fn len(&self) -> usize {
        self.characters.len()
    }

    /// Whether there is no character at all.
    pub fn is_empty(&self) -> bool {
        self.characters.is_empty()
    }
}

/// The files of a bank: the one file, or every `*.jsonl` of a folder in order of name.
///
/// # Errors
/// [`BankError::Read`] if the folder cannot be read.
pub fn bank_files(path: &Path) -> Result<Vec<PathBuf>, BankError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let read_error = |source| BankError::Read { path: path.to_owned(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(read_error)? {
        let file = entry.map_err(read_error)?.path();
        if file.extension().is_some_and(|ext| ext == "jsonl") {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(index: u32, name: &str) -> String {
        format!(
            r#"{{"index": {index}, "mbti": "INTJ", "profile": {{"name": "{name}", "age": "20"}}, "profile_trans": {{"dream": "You fly.", "tone": "You whisper.", "recent_worry_or_anxiety": "You worry."}}, "seeker_statement": "a", "supporter_statement": "b"}}"#
        )
    }

    fn write(rows: &[String]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.jsonl"), rows.join("\n")).unwrap();
        dir
    }

    #[test]
    fn keeps_extra_aspects_and_sorts_by_index() {
        let dir = write(&[row(7, "B"), row(2, "A")]);
        let bank = Bank::load(dir.path()).unwrap();
        assert_eq!(bank.iter().map(|c| c.name()).collect::<Vec<_>>(), ["A", "B"]);
        let character = bank.get(7).unwrap();
        assert_eq!(character.profile.age.years(), Some(20));
        assert_eq!(character.supporter_memories().len(), 1);
        assert_eq!(character.seeker_memories().len(), 2);
    }

    #[test]
    fn names_file_line_and_holder() {
        let dir = write(&[row(1, "Ada"), row(1, "Bo")]);
        let message = Bank::load(dir.path()).unwrap_err().to_string();
        assert!(message.contains("a.jsonl:2") && message.contains("Ada"), "{message}");
        let dir = write(&[row(1, "Ada"), "{\"index\": }".into()]);
        let message = Bank::load(dir.path()).unwrap_err().to_string();
        assert!(message.contains("a.jsonl:2"), "{message}");
    }

    #[test]
    fn an_empty_folder_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(Bank::load(dir.path()), Err(BankError::Empty { .. })));
    }
}
