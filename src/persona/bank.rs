//! The bank: every character, read from JSONL files and found by index.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Character;
use super::reading::BYTE_ORDER_MARK;

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
    /// The file is one JSON array, as published files are.
    #[error(
        "{path} is one JSON array, and a bank has one character a line: `kindred bank import FILE --into FOLDER` makes a bank of it"
    )]
    Array {
        /// The file.
        path: PathBuf,
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
        let mut characters = Vec::new();
        for_each_row(path, |character, _| characters.push(Arc::new(character)))?;
        Ok(Self::new(characters))
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

/// Every row of a bank by its index, as its file has it: with what Kindred does not know, and every digit.
///
/// # Errors
/// [`Bank::load`]'s.
pub fn read_bank_rows(path: &Path) -> Result<BTreeMap<u32, String>, BankError> {
    let mut rows = BTreeMap::new();
    for_each_row(path, |character, row| {
        rows.insert(character.index, row.trim().to_owned());
    })?;
    Ok(rows)
}

/// Whether files of these names and texts would load as one bank.
///
/// # Errors
/// What [`Bank::load`] would say.
pub fn check_bank<'a>(files: impl IntoIterator<Item = (&'a Path, &'a str)>) -> Result<(), BankError> {
    let mut loading = Loading::default();
    files.into_iter().try_for_each(|(file, text)| loading.file(file, text, |_, _| {}))
}

fn for_each_row(path: &Path, mut take: impl FnMut(Character, &str)) -> Result<(), BankError> {
    let mut loading = Loading::default();
    for file in bank_files(path)? {
        let text = fs::read_to_string(&file).map_err(|source| BankError::Read { path: file.clone(), source })?;
        loading.file(&file, &text, &mut take)?;
    }
    if loading.holders.is_empty() {
        return Err(BankError::Empty { path: path.to_owned() });
    }
    Ok(())
}

/// A bank while its files are read, one after the other.
#[derive(Default)]
struct Loading {
    /// Who has which index.
    holders: HashMap<u32, String>,
}

impl Loading {
    fn file(&mut self, path: &Path, text: &str, mut take: impl FnMut(Character, &str)) -> Result<(), BankError> {
        // Some editors begin a file with a byte order mark.
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        if text.trim_start().starts_with('[') {
            return Err(BankError::Array { path: path.to_owned() });
        }
        for (number, row) in text.lines().enumerate().filter(|(_, row)| !row.trim().is_empty()) {
            let (path, line) = (path.to_owned(), number + 1);
            let character: Character = match serde_json::from_str(row) {
                Ok(character) => character,
                Err(source) => return Err(BankError::Row { path, line, source }),
            };
            let index = character.index;
            if let Some(holder) = self.holders.insert(index, character.name().to_owned()) {
                return Err(BankError::DuplicateIndex { path, line, index, holder });
            }
            take(character, row);
        }
        Ok(())
    }
}

/// The files of a bank: the one file, or every `*.jsonl` of a folder in order of name. Hidden ones are none: editors
/// keep their locks and drafts there.
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
        let hidden = file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && file.extension().is_some_and(|ext| ext == "jsonl") {
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

    #[test]
    fn an_array_is_told_what_makes_a_bank_of_it() {
        let dir = write(&[format!("\u{feff} [{}]", row(1, "Ada"))]);
        let message = Bank::load(dir.path()).unwrap_err().to_string();
        assert!(message.contains("a.jsonl is one JSON array") && message.contains("kindred bank import"), "{message}");
    }

    #[cfg(unix)]
    #[test]
    fn the_lock_of_an_editor_is_no_file_of_the_bank() {
        let dir = write(&[row(1, "Ada")]);
        std::os::unix::fs::symlink("somebody@somewhere.1:2", dir.path().join(".#a.jsonl")).unwrap();
        assert_eq!(Bank::load(dir.path()).unwrap().len(), 1);
    }

    #[test]
    fn rows_are_given_as_their_file_has_them_and_texts_are_checked_as_files_are_read() {
        let exact = row(7, "Bo").replace("\"age\": \"20\"", "\"age\": \"20\", \"x\": 0.10");
        let dir = write(&[exact.clone() + "\r", row(2, "Ada")]);
        let rows = read_bank_rows(dir.path()).unwrap();
        assert_eq!((rows[&7].as_str(), rows.len()), (exact.as_str(), 2));
        let (a, b) = (Path::new("a"), Path::new("b"));
        assert!(check_bank([(a, exact.as_str()), (b, "\n")]).is_ok());
        let twice = check_bank([(a, exact.as_str()), (b, exact.as_str())]).unwrap_err().to_string();
        assert!(twice.starts_with("b:1: index 7 is already taken by Bo"), "{twice}");
    }
}
