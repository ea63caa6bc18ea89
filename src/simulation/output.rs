//! The folder of a run: its manifest, the rows in order, the failures. Whatever happens, only whole lines count.

use std::fs::{self, File, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::summary::Tally;
use super::{Pairs, Simulation, SimulationError};
use crate::agents::Kindred;
use crate::dialogue::DialogueRow;
use crate::engine::{ModelIdentity, Sampling};

const MANIFEST: &str = "run.json";
const DIALOGUES: &str = "dialogues.jsonl";
const FAILURES: &str = "failures.jsonl";

/// What decides the rows of a run, apart from their number: two runs with equal manifests continue each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of Kindred.
    pub kindred: String,
    /// The seed.
    pub seed: u64,
    /// Utterances of a dialogue.
    pub turns: usize,
    /// How pairs are made.
    pub pairs: Pairs,
    /// SHA-256 of the bank's rows.
    pub bank: String,
    /// The model that speaks for supporters.
    pub supporter: ModelIdentity,
    /// The model that speaks for seekers.
    pub seeker: ModelIdentity,
    /// What chooses memories.
    pub selector: String,
    /// What chooses supporters, where they are matched.
    pub matcher: Option<String>,
    /// How tokens are drawn.
    pub sampling: Sampling,
}

impl Manifest {
    /// The manifest of this simulation with these agents.
    pub fn new(simulation: &Simulation, kindred: &Kindred) -> Self {
        use sha2::{Digest as _, Sha256};
        let mut hash = Sha256::new();
        for character in kindred.bank().iter() {
            // A character is strings and numbers under string keys, which JSON can always hold.
            hash.update(serde_json::to_vec(character.as_ref()).unwrap_or_default());
            hash.update(b"\n");
        }
        let (supporter, seeker) = kindred.models();
        Self {
            kindred: env!("CARGO_PKG_VERSION").to_owned(),
            seed: simulation.seed,
            turns: simulation.turns,
            pairs: simulation.pairs.clone(),
            bank: hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect(),
            supporter: supporter.clone(),
            seeker: seeker.clone(),
            selector: kindred.skills().selector.clone(),
            matcher: (simulation.pairs == Pairs::Matched).then(|| kindred.skills().matcher.clone()),
            sampling: kindred.sampling().clone(),
        }
    }

    /// What of a manifest found in a folder is different, in words.
    fn difference(&self, found: &Value) -> Option<String> {
        // Through text, as it was written: a float32 in memory has more digits than on paper.
        let own: Value = serde_json::from_str(&serde_json::to_string(self).unwrap_or_default()).unwrap_or_default();
        let own = own.as_object()?;
        let different = own.iter().find(|(key, value)| found.get(key.as_str()) != Some(value));
        different.map(|(key, value)| {
            let there = found.get(key).map_or_else(|| "nothing".to_owned(), Value::to_string);
            format!("holds another run: its {key} is {there}, asked for is {value}")
        })
    }
}

/// A dialogue that could not be simulated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its number.
    pub index: usize,
    /// The seeker's index in the bank, if it came so far.
    pub seeker: Option<u32>,
    /// The supporter's.
    pub supporter: Option<u32>,
    /// Why.
    pub error: String,
}

/// The files of a run, open for more rows, locked against other processes.
pub(super) struct Output {
    dialogues: Lines,
    failures: Lines,
    /// The number of the next dialogue.
    pub(super) next: usize,
    /// Counts of the rows that are there.
    pub(super) total: Tally,
    pub(super) failed: usize,
}

impl Output {
    /// Opens an empty folder, or one that holds the beginning of the same run.
    ///
    /// # Errors
    /// [`SimulationError::File`], [`SimulationError::Foreign`], [`SimulationError::InUse`].
    pub(super) fn open(folder: &Path, manifest: &Manifest) -> Result<Self, SimulationError> {
        let failed = |source| SimulationError::File { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        let path = folder.join(MANIFEST);
        match fs::read_to_string(&path) {
            Ok(text) => {
                let found: Value = serde_json::from_str(&text).unwrap_or_default();
                if let Some(found) = manifest.difference(&found) {
                    return Err(SimulationError::Foreign { path: folder.to_owned(), found });
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if let Some(entry) = fs::read_dir(folder).map_err(failed)?.next() {
                    let name = entry.map_err(failed)?.file_name();
                    let found = format!("is no folder of a run: it has no {MANIFEST}, but {}", name.to_string_lossy());
                    return Err(SimulationError::Foreign { path: folder.to_owned(), found });
                }
                write_whole(&path, &serde_json::to_string_pretty(manifest).unwrap_or_default())?;
            }
            Err(source) => return Err(SimulationError::File { path, source }),
        }
        let (dialogues, rows) = Lines::open::<DialogueRow>(folder.join(DIALOGUES))?;
        let (failures, failed) = Lines::open::<Failure>(folder.join(FAILURES))?;
        let mut total = Tally::default();
        rows.iter().for_each(|row| total.add(row));
        let mut done: Vec<usize> = rows.iter().map(|row| row.index).chain(failed.iter().map(|row| row.index)).collect();
        done.sort_unstable();
        let in_order = rows.is_sorted_by(|a, b| a.index < b.index);
        if !in_order || done.iter().enumerate().any(|(place, &index)| place != index) {
            let found = format!("holds rows that are not those of one run in order ({DIALOGUES}, {FAILURES})");
            return Err(SimulationError::Foreign { path: folder.to_owned(), found });
        }
        Ok(Self { dialogues, failures, next: done.len(), total, failed: failed.len() })
    }

    pub(super) fn row(&mut self, row: &DialogueRow) -> Result<(), SimulationError> {
        self.dialogues.push(row)?;
        self.total.add(row);
        self.next += 1;
        Ok(())
    }

    pub(super) fn failure(&mut self, failure: &Failure) -> Result<(), SimulationError> {
        self.failures.push(failure)?;
        self.failed += 1;
        self.next += 1;
        Ok(())
    }

    /// Brings everything to disk.
    pub(super) fn close(self) -> Result<(), SimulationError> {
        self.dialogues.sync()?;
        self.failures.sync()
    }
}

/// A JSONL file that grows by whole lines.
struct Lines {
    file: File,
    path: PathBuf,
    /// Bytes of whole lines.
    length: u64,
}

impl Lines {
    /// Opens and locks the file, reads its rows, and cuts off a line that was never finished.
    fn open<T: DeserializeOwned>(path: PathBuf) -> Result<(Self, Vec<T>), SimulationError> {
        let failed = |source| SimulationError::File { path: path.clone(), source };
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SimulationError::InUse { path }),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        // Bytes, not text: a line that was never finished may end within a character.
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let mut rows = Vec::new();
        for (number, line) in bytes[..whole].split_inclusive(|&byte| byte == b'\n').enumerate() {
            rows.push(serde_json::from_slice(line).map_err(|error| SimulationError::Foreign {
                path: path.clone(),
                found: format!("holds something else in line {}: {error}", number + 1),
            })?);
        }
        let mut lines = Self { file, path, length: whole as u64 };
        lines.cut()?;
        Ok((lines, rows))
    }

    fn push(&mut self, row: &impl Serialize) -> Result<(), SimulationError> {
        let mut line = serde_json::to_vec(row).map_err(std::io::Error::from).map_err(|error| self.failed(error))?;
        line.push(b'\n');
        if let Err(error) = self.file.write_all(&line) {
            // Half a line must not stay; should this fail as well, the next start cuts it off.
            let _ = self.cut();
            return Err(self.failed(error));
        }
        self.length += line.len() as u64;
        Ok(())
    }

    fn cut(&mut self) -> Result<(), SimulationError> {
        let cut = self.file.set_len(self.length).and_then(|()| self.file.seek(SeekFrom::Start(self.length)));
        cut.map(|_| ()).map_err(|error| self.failed(error))
    }

    fn sync(&self) -> Result<(), SimulationError> {
        self.file.sync_all().map_err(|error| self.failed(error))
    }

    fn failed(&self, source: std::io::Error) -> SimulationError {
        SimulationError::File { path: self.path.clone(), source }
    }
}

fn write_whole(path: &Path, text: &str) -> Result<(), SimulationError> {
    fs::write(path, format!("{text}\n")).map_err(|source| SimulationError::File { path: path.to_owned(), source })
}
