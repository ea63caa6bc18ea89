//! Which characters train, which validate, which test: decided once, so that no evaluation meets a person again that a
//! model has learnt from.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What a character is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Learnt from.
    Train,
    /// Looked at while learning.
    Valid,
    /// Looked at in the end.
    Test,
}

impl Split {
    /// All three, in the order of use.
    pub const ALL: [Self; 3] = [Self::Train, Self::Valid, Self::Test];

    /// The name in files: `train`, `valid` or `test`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Valid => "valid",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why the splits could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    /// The file could not be opened.
    #[error("cannot read {path}: {source}")]
    Read {
        /// What was opened.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no object of three lists of indices.
    #[error("{path}: expected {{\"train\": [index, …], \"valid\": […], \"test\": […]}}: {source}")]
    Shape {
        /// The file.
        path: PathBuf,
        /// What was wrong with it.
        source: serde_json::Error,
    },
    /// A character is in two splits, or twice in one.
    #[error("{path}: character {index} is in {first} and again in {second}; expected each in one split, once")]
    Twice {
        /// The file.
        path: PathBuf,
        /// Whose place it is.
        index: u32,
        /// The split that named it first.
        first: Split,
        /// The split that named it again.
        second: Split,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    train: Vec<u32>,
    valid: Vec<u32>,
    test: Vec<u32>,
}

/// The split of each character, by its index in the bank.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Splits(HashMap<u32, Split>);

impl Splits {
    /// Reads `{"train": […], "valid": […], "test": […]}`, lists of places in the bank.
    ///
    /// # Errors
    /// [`SplitError`] names the file, what was expected and what came.
    pub fn load(path: &Path) -> Result<Self, SplitError> {
        let text = fs::read_to_string(path).map_err(|source| SplitError::Read { path: path.to_owned(), source })?;
        let lists: Lists =
            serde_json::from_str(&text).map_err(|source| SplitError::Shape { path: path.to_owned(), source })?;
        let mut of = HashMap::new();
        for (split, indices) in [(Split::Train, lists.train), (Split::Valid, lists.valid), (Split::Test, lists.test)] {
            for index in indices {
                if let Some(first) = of.insert(index, split) {
                    return Err(SplitError::Twice { path: path.to_owned(), index, first, second: split });
                }
            }
        }
        Ok(Self(of))
    }

    /// The split of the character with this index; none for one that no list names.
    pub fn of(&self, index: u32) -> Option<Split> {
        self.0.get(&index).copied()
    }

    /// The split of a conversation of these two; none where they are in two, or one of them in none.
    pub fn of_pair(&self, seeker: u32, supporter: u32) -> Option<Split> {
        self.of(seeker).filter(|split| self.of(supporter) == Some(*split))
    }

    /// The characters of a split, in order of index.
    pub fn members(&self, split: Split) -> Vec<u32> {
        let mut members: Vec<u32> = self.0.iter().filter(|(_, of)| **of == split).map(|(index, _)| *index).collect();
        members.sort_unstable();
        members
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Splits, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("splits.json");
        fs::write(&path, text).unwrap();
        Splits::load(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn a_conversation_belongs_where_both_are() {
        let splits = read(r#"{"train": [4, 1], "valid": [2], "test": [7]}"#).unwrap();
        assert_eq!(splits.of(2), Some(Split::Valid));
        assert_eq!(
            (splits.of_pair(1, 4), splits.of_pair(1, 7), splits.of_pair(1, 9)),
            (Some(Split::Train), None, None)
        );
        assert_eq!(splits.members(Split::Train), [1, 4]);
    }

    #[test]
    fn nobody_is_in_two() {
        let twice = read(r#"{"train": [4, 1], "valid": [], "test": [4]}"#).unwrap_err();
        assert!(twice.contains("character 4 is in train and again in test"), "{twice}");
        assert!(read(r#"{"train": []}"#).unwrap_err().contains("missing field `valid`"));
        assert!(
            Splits::load(Path::new("/nowhere/splits.json")).unwrap_err().to_string().contains("/nowhere/splits.json")
        );
    }
}
