//! What models learn from: found data sets that may ship, and dialogues written for the project, in one shape.
//!
//! One file a data set; each cleans its rows by [`text`] and gives [`Document`]s.

mod authored;
mod counsel_chat;
mod persona_chat;
mod plain;
pub mod text;
mod topical_chat;
mod wiki;

use std::fs;
use std::path::{Path, PathBuf};

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::TrainingError;
use crate::dialogue::{Speaker, Turn};
use crate::files::with_extension;
use crate::persona::{Split, Splits};

/// The data sets that can be read, all under licences that let a trained model ship.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// google-research-datasets/Synthetic-Persona-Chat, CC BY 4.0.
    SyntheticPersonaChat,
    /// alexa/Topical-Chat, CDLA-Sharing 1.0.
    TopicalChat,
    /// nbertagnolli/counsel-chat, MIT.
    CounselChat,
    /// Character texts of Active_Passive_Constraint, MIT.
    Wiki,
    /// Dialogues between characters of the bank, written for this project.
    Authored,
    /// Short talks in simple words, written for this project.
    Plain,
}

impl Source {
    /// The name used in files and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SyntheticPersonaChat => "synthetic-persona-chat",
            Self::TopicalChat => "topical-chat",
            Self::CounselChat => "counsel-chat",
            Self::Wiki => "wiki",
            Self::Authored => "authored",
            Self::Plain => "plain",
        }
    }
}

/// A conversation of a seeker and a supporter.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    /// What the seeker is told it is; may be empty.
    pub seeker_statement: String,
    /// What the supporter is told it is; may be empty.
    pub supporter_statement: String,
    /// The utterances, each with the memory that it uses, if any.
    pub turns: Vec<Turn>,
}

impl Conversation {
    /// The statement of the one who speaks.
    pub fn statement(&self, speaker: Speaker) -> &str {
        match speaker {
            Speaker::Seeker => &self.seeker_statement,
            Speaker::Supporter => &self.supporter_statement,
        }
    }
}

/// What a document holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Two people talk.
    Conversation(Conversation),
    /// Running text, learnt as such.
    Passage(String),
}

/// One text; the unit of the split into train and valid.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Where it is from.
    pub source: Source,
    /// Texts of one group (one question with its answers, one pair of personas) go to the same side of the split.
    pub group: String,
    /// The side that the characters who speak decide; without one, the group does.
    pub split: Option<Split>,
    /// The text.
    pub content: Content,
}

/// A file that was read, for the record of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// The data set.
    pub source: Source,
    /// The path below the folder it was found in.
    pub name: String,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
}

/// Everything there is to learn from.
#[derive(Clone, Debug, Default)]
pub struct Corpus {
    /// The texts, in the order of the files.
    pub documents: Vec<Document>,
    /// How many texts were left out because characters of the test split speak in them.
    pub held_out: usize,
    /// The files they came from.
    pub files: Vec<DataFile>,
    /// Where those were looked for.
    pub places: Places,
}

/// Where to look for data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places {
    /// A folder with any of `synthetic-persona-chat/`, `topical-chat/`, `counsel-chat/`, `apc/wiki/`.
    pub data: Option<PathBuf>,
    /// A folder of authored dialogues, `*.jsonl`.
    pub dialogues: Option<PathBuf>,
    /// A folder of plain talks, `*.jsonl`.
    pub plain: Option<PathBuf>,
    /// The bank whose characters the authored dialogues name.
    pub bank: Option<PathBuf>,
    /// Which of those characters train, validate and test; without it, everybody trains.
    #[serde(default)]
    pub splits: Option<PathBuf>,
}

/// Share of the answers without a persona that are lent one.
const LENT: f64 = 0.67;

type Reader = fn(&Path) -> Result<Vec<Document>, TrainingError>;

const SETS: [(Source, &str, &str, Reader); 4] = [
    (Source::SyntheticPersonaChat, "synthetic-persona-chat", "csv", persona_chat::read),
    (Source::TopicalChat, "topical-chat", "json", topical_chat::read),
    (Source::CounselChat, "counsel-chat", "csv", counsel_chat::read),
    (Source::Wiki, "apc/wiki", "txt", wiki::read),
];

impl Corpus {
    /// Reads every data set that is there.
    ///
    /// # Errors
    /// A file that cannot be read, a row of the wrong shape (with file and line), or no data at all.
    pub fn read(places: &Places) -> Result<Self, TrainingError> {
        let mut corpus = Self { places: places.clone(), ..Self::default() };
        if let Some(data) = &places.data {
            for (source, folder, extension, read) in SETS {
                for path in files(&data.join(folder), extension)? {
                    corpus.add(source, &path, read(&path)?)?;
                }
            }
        }
        let splits = places.splits.as_deref().map(Splits::load).transpose()?.unwrap_or_default();
        let people = authored::People::read(places.bank.as_deref(), splits)?;
        corpus.lend_statements(&people.supporter_statements());
        if let Some(folder) = &places.dialogues {
            for path in files(folder, "jsonl")? {
                corpus.add(Source::Authored, &path, authored::read(&path, &people)?)?;
            }
        }
        if let Some(path) = &places.splits {
            corpus.add(Source::Authored, path, Vec::new())?;
        }
        if let Some(folder) = &places.plain {
            for path in files(folder, "jsonl")? {
                corpus.add(Source::Plain, &path, plain::read(&path)?)?;
            }
        }
        if corpus.documents.is_empty() {
            let folders = [&places.data, &places.dialogues, &places.plain].into_iter().flatten();
            return Err(TrainingError::NoData {
                folders: folders.map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(" and "),
                expected: SETS.map(|(_, folder, ..)| folder).join("/, ") + "/, *.jsonl dialogues",
            });
        }
        Ok(corpus)
    }

    /// Answers to people in need have no persona of their own; two in three are given a character's, or its beginning, so
    /// that a statement does not keep a model from answering to the point.
    fn lend_statements(&mut self, statements: &[String]) {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        for document in &mut self.documents {
            let (Source::CounselChat, Content::Conversation(talk)) = (document.source, &mut document.content) else {
                continue;
            };
            let Some(statement) = statements.choose(&mut rng).filter(|_| rng.random_bool(LENT)) else { continue };
            if talk.supporter_statement.is_empty() {
                let sentences = text::sentences(statement);
                let kept = rng.random_range(1..=sentences.len().max(1));
                talk.supporter_statement = sentences.into_iter().take(kept).collect::<Vec<_>>().join(" ");
            }
        }
    }

    fn add(&mut self, source: Source, path: &Path, documents: Vec<Document>) -> Result<(), TrainingError> {
        let bytes = fs::read(path).map_err(TrainingError::io(path))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.files.push(DataFile { source, name, sha256: hex(&Sha256::digest(&bytes)) });
        let (held_out, kept): (Vec<_>, Vec<_>) =
            documents.into_iter().partition(|document| document.split == Some(Split::Test));
        self.held_out += held_out.len();
        self.documents.extend(kept);
        Ok(())
    }

    /// Splits into (train, valid): as the characters say who speak, else by group, of which about `share` are kept for
    /// validation.
    ///
    /// A group's side hangs on its name and `seed` alone, so that data that is added later moves nobody across.
    pub fn split(self, share: f64, seed: u64) -> (Vec<Document>, Vec<Document>) {
        self.documents.into_iter().partition(|document| {
            if let Some(split) = document.split {
                return split == Split::Train;
            }
            let digest = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(&document.group).finalize();
            let draw = digest[..8].iter().fold(0, |number, &byte| number << 8 | u64::from(byte));
            draw as f64 >= share * u64::MAX as f64
        })
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The files of a folder with this extension, by name; none if the folder is not there.
pub(super) fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, TrainingError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    with_extension(folder, extension).map_err(TrainingError::io(folder))
}
