//! The dialogues of the corpus: the published turns with the characters named by their index, the mood and emotion of the
//! seeker, the strategy of the supporter, and how the talk was rated.
//!
//! Sources of the labels: mood 0 to 5 and the three ratings 1 to 5, CharacterChat (arXiv 2308.10278); strategies, ESConv
//! (Liu et al., ACL 2021); emotions, the seven of Ekman and neutral that AI Friend's classifier tells.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{DialogueRow, Speaker, Turn};
use crate::persona::{Aspect, Character, Memory};

/// One of the seven emotions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the seven names say what they are")]
pub enum Emotion {
    Anger,
    Disgust,
    Fear,
    Joy,
    Neutral,
    Sadness,
    Surprise,
}

/// One of the eight support strategies of ESConv.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Strategy {
    /// Asks.
    Question,
    /// Says back what was told.
    #[serde(rename = "Restatement or Paraphrasing")]
    Restatement,
    /// Names what the seeker feels.
    #[serde(rename = "Reflection of feelings")]
    Reflection,
    /// Tells of oneself.
    #[serde(rename = "Self-disclosure")]
    SelfDisclosure,
    /// Encourages.
    #[serde(rename = "Affirmation and Reassurance")]
    Affirmation,
    /// Suggests something to do.
    #[serde(rename = "Providing Suggestions")]
    Suggestion,
    /// Tells a fact.
    Information,
    /// Anything else, such as a greeting.
    Others,
}

/// The kind of memory that a turn uses, as in the published turns; empty for none. Its content stands in the bank.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChosenAspect {
    /// A key of `profile_trans`, or empty.
    pub aspect: String,
}

impl ChosenAspect {
    fn is_none(&self) -> bool {
        self.aspect.is_empty()
    }
}

/// One utterance, with its labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthoredTurn {
    /// From 0.
    pub turn: usize,
    /// Who spoke.
    pub speaker: Speaker,
    /// The memory used; left out where there is none.
    #[serde(default, skip_serializing_if = "ChosenAspect::is_none")]
    pub choose_info: ChosenAspect,
    /// What was said.
    pub utterance: String,
    /// Of a seeker's turn: 0 (desperate) to 5 (well).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mood: Option<u8>,
    /// Of a seeker's turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emotion: Option<Emotion>,
    /// Of a supporter's turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
}

/// How a talk went: the three published questions, 1 to 5 each, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rating {
    /// Did the seeker's mood improve?
    pub mood: u8,
    /// Did what was suggested solve the problem?
    pub solved: u8,
    /// Did the seeker take an active part?
    pub active: u8,
    /// Why these.
    pub reason: String,
}

impl Rating {
    /// The mean of the three, 1 to 5: the published target of matching.
    pub fn mean(&self) -> f64 {
        (f64::from(self.mood) + f64::from(self.solved) + f64::from(self.active)) / 3.0
    }
}

/// A dialogue of the corpus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthoredDialogue {
    /// Place in the corpus; unique.
    pub index: usize,
    /// Place of the one in need in the bank.
    pub seeker: u32,
    /// Place of the one who listens in the bank.
    pub supporter: u32,
    /// The utterances, oldest first.
    pub dial: Vec<AuthoredTurn>,
    /// How it went.
    pub rating: Rating,
}

/// Why dialogues could not be read.
#[derive(Debug, thiserror::Error)]
pub enum AuthoredError {
    /// The file or folder could not be opened.
    #[error("cannot read {path}: {source}")]
    Read {
        /// What was opened.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line is no dialogue.
    #[error("{path}:{line}: not a dialogue of the corpus: {source}")]
    Row {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What was wrong with it.
        source: serde_json::Error,
    },
    /// No file held a dialogue.
    #[error("{path} holds no dialogue: expected JSONL files with one dialogue a line")]
    Empty {
        /// What was read.
        path: PathBuf,
    },
}

impl AuthoredDialogue {
    /// Reads every `*.jsonl` of a folder, in order of name.
    ///
    /// # Errors
    /// [`AuthoredError`] names the file and line, what was expected and what came.
    pub fn read(folder: &Path) -> Result<Vec<Self>, AuthoredError> {
        let read_error = |source| AuthoredError::Read { path: folder.to_owned(), source };
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).map_err(read_error)? {
            let path = entry.map_err(read_error)?.path();
            if path.extension().is_some_and(|end| end == "jsonl") {
                files.push(path);
            }
        }
        files.sort();
        let mut dialogues = Vec::new();
        for path in files {
            let text =
                fs::read_to_string(&path).map_err(|source| AuthoredError::Read { path: path.clone(), source })?;
            for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                let dialogue = serde_json::from_str(line).map_err(|source| AuthoredError::Row {
                    path: path.clone(),
                    line: at + 1,
                    source,
                })?;
                dialogues.push(dialogue);
            }
        }
        if dialogues.is_empty() {
            return Err(AuthoredError::Empty { path: folder.to_owned() });
        }
        Ok(dialogues)
    }

    /// What was said, with the memories looked up in the two characters. `Err` holds the turn whose memory its speaker does
    /// not have.
    ///
    /// # Errors
    /// The number of the first turn that uses an aspect which its speaker has not.
    pub fn transcript(&self, seeker: &Character, supporter: &Character) -> Result<Vec<Turn>, usize> {
        self.dial
            .iter()
            .map(|said| {
                let mut turn = Turn::new(said.speaker, said.utterance.clone());
                if !said.choose_info.is_none() {
                    let who = if said.speaker == Speaker::Seeker { seeker } else { supporter };
                    let aspect = said.choose_info.aspect.as_str();
                    let content = who.profile_trans.get(aspect).and_then(|text| text.as_str()).ok_or(said.turn)?;
                    turn.memory = Some(Memory { aspect: Aspect::from(aspect), content: content.to_owned() });
                }
                Ok(turn)
            })
            .collect()
    }

    /// The dialogue as a published row, self-contained. The labels of the turns and the rating have no place in it.
    ///
    /// # Errors
    /// As [`AuthoredDialogue::transcript`].
    pub fn published(&self, seeker: &Character, supporter: &Character) -> Result<DialogueRow, usize> {
        Ok(DialogueRow::new(self.index, seeker, supporter, &self.transcript(seeker, supporter)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = r#"{"index":3,"seeker":1,"supporter":2,"dial":[{"turn":0,"speaker":"seeker","utterance":"It is late.","mood":1,"emotion":"fear"},{"turn":1,"speaker":"supporter","choose_info":{"aspect":"hobby"},"utterance":"I bowl when it is.","strategy":"Self-disclosure"}],"rating":{"mood":4,"solved":2,"active":3,"reason":"Plain speech."}}"#;

    fn character(index: u32) -> Character {
        let row = serde_json::json!({"index": index, "mbti": "INFP", "profile": {"name": "A"},
            "profile_trans": {"hobby": format!("You bowl, {index}.")}, "seeker_statement": "s", "supporter_statement": "t"});
        serde_json::from_value(row).unwrap()
    }

    #[test]
    fn reads_what_it_writes_and_looks_memories_up() {
        let dialogue: AuthoredDialogue = serde_json::from_str(ROW).unwrap();
        assert_eq!(serde_json::to_string(&dialogue).unwrap(), ROW);
        assert_eq!(dialogue.rating.mean(), 3.0);
        let row = dialogue.published(&character(1), &character(2)).unwrap();
        assert_eq!(
            (row.dial[0].choose_info.content.as_str(), row.dial[1].choose_info.content.as_str()),
            ("", "You bowl, 2.")
        );
        assert_eq!((row.index, row.seeker_info.index, row.supporter_info.index), (3, 1, 2));
    }

    #[test]
    fn a_memory_that_nobody_has_is_named_by_its_turn() {
        let mut dialogue: AuthoredDialogue = serde_json::from_str(ROW).unwrap();
        dialogue.dial[1].choose_info.aspect = "dream".into();
        assert_eq!(dialogue.transcript(&character(1), &character(2)), Err(1));
    }

    #[test]
    fn a_wrong_row_is_named_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.jsonl"), format!("{ROW}\n\n{}", ROW.replace("fear", "dread"))).unwrap();
        let told = AuthoredDialogue::read(dir.path()).unwrap_err().to_string();
        assert!(told.contains("a.jsonl:3") && told.contains("dread"), "{told}");
        fs::write(dir.path().join("a.jsonl"), "").unwrap();
        assert!(matches!(AuthoredDialogue::read(dir.path()), Err(AuthoredError::Empty { .. })));
    }
}
