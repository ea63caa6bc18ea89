//! A run's folder: what was asked (`run.json`), what happened (`metrics.jsonl`), checkpoints, and the model so far
//! (`model/`).

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::TrainingError;
use super::corpus::{DataFile, Places, hex};
use super::settings::LmSettings;

const SETTINGS: &str = "run.json";
const METRICS: &str = "metrics.jsonl";
const LOCK: &str = "run.lock";

/// What a run was started with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The settings.
    pub settings: LmSettings,
    /// SHA-256 of `tokenizer.json`.
    pub tokenizer_sha256: String,
    /// The data that was read.
    pub files: Vec<DataFile>,
    /// Where it was looked for.
    #[serde(default)]
    pub places: Places,
}

/// An open run folder, locked against other processes.
#[derive(Debug)]
pub struct Run {
    folder: PathBuf,
    /// The system lets go of it when the process ends, however it ends.
    _lock: File,
}

impl Run {
    /// A new folder for a run, with its record.
    ///
    /// # Errors
    /// A folder that holds a run already, or cannot be written.
    pub fn create(folder: &Path, record: &Record) -> Result<Self, TrainingError> {
        if folder.join(SETTINGS).exists() {
            let reason = "a run is here already; go on with --resume, or choose another --out".to_owned();
            return Err(TrainingError::Run { path: folder.to_owned(), reason });
        }
        fs::create_dir_all(folder).map_err(TrainingError::io(folder))?;
        let run = Self { folder: folder.to_owned(), _lock: lock(folder)? };
        run.write_record(record)?;
        Ok(run)
    }

    /// Opens a run that was started before.
    ///
    /// # Errors
    /// A folder without a readable record.
    pub fn open(folder: &Path) -> Result<(Self, Record), TrainingError> {
        let record = read_record(folder)?;
        Ok((Self { folder: folder.to_owned(), _lock: lock(folder)? }, record))
    }

    /// Replaces the record, after data or settings were changed on purpose.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn write_record(&self, record: &Record) -> Result<(), TrainingError> {
        let path = self.folder.join(SETTINGS);
        let text = serde_json::to_string_pretty(record).map_err(std::io::Error::from);
        text.and_then(|text| fs::write(&path, text + "\n")).map_err(TrainingError::io(&path))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the model so far is written.
    pub fn model(&self) -> PathBuf {
        self.folder.join("model")
    }

    /// Adds a line to `metrics.jsonl`.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn note(&self, line: &Value) -> Result<(), TrainingError> {
        let path = self.folder.join(METRICS);
        let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(TrainingError::io(&path))?;
        writeln!(file, "{line}").map_err(TrainingError::io(&path))
    }
}

/// Where the run in this folder read its data.
///
/// # Errors
/// A folder without a readable record.
pub fn places(folder: &Path) -> Result<Places, TrainingError> {
    Ok(read_record(folder)?.places)
}

fn read_record(folder: &Path) -> Result<Record, TrainingError> {
    let path = folder.join(SETTINGS);
    let text = fs::read_to_string(&path).map_err(TrainingError::io(&path))?;
    serde_json::from_str(&text)
        .map_err(|error| TrainingError::Run { path: folder.to_owned(), reason: format!("{SETTINGS}: {error}") })
}

fn lock(folder: &Path) -> Result<File, TrainingError> {
    let path = folder.join(LOCK);
    let file =
        File::options().write(true).create(true).truncate(false).open(&path).map_err(TrainingError::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let reason = "another Kindred is training here; wait for it, or choose another --out".to_owned();
            Err(TrainingError::Run { path: folder.to_owned(), reason })
        }
        Err(TryLockError::Error(source)) => Err(TrainingError::Io { path, source }),
    }
}

/// SHA-256 of a file, hexadecimal.
///
/// # Errors
/// A file that cannot be read.
pub fn checksum(path: &Path) -> Result<String, TrainingError> {
    Ok(hex(&Sha256::digest(fs::read(path).map_err(TrainingError::io(path))?)))
}
