//! What a run needs to go on as if it had never stopped: weights, moments, place. Written whole or not at all.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::TrainingError;
use super::optimizer::{Optimizer, fill};

const WEIGHTS: &str = "weights.safetensors";
const MOMENTS: &str = "moments.safetensors";
const PLACE: &str = "place.json";
const PREFIX: &str = "checkpoint-";

/// Where a run stands. Every draw of a run is made from its seed and these numbers, so that no generator's state needs
/// keeping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Steps done.
    pub step: u64,
    /// The epoch, from 0.
    pub epoch: u64,
    /// Batches of the epoch that are done.
    pub batch: usize,
    /// Tokens read.
    pub tokens: u64,
    /// Seconds spent, over all starts.
    pub seconds: f64,
}

/// Writes `checkpoint-STEP` into the run folder and removes older ones.
///
/// The folder is filled under another name, forced to disk and then renamed: a crash leaves the old one.
///
/// # Errors
/// A folder that cannot be written.
pub fn save(
    run: &Path,
    place: &Place,
    parameters: &[(String, Tensor)],
    optimizer: &Optimizer,
) -> Result<PathBuf, TrainingError> {
    let folder = run.join(format!("{PREFIX}{:08}", place.step));
    let unfinished = run.join("unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(TrainingError::io(&unfinished))?;
    }
    fs::create_dir_all(&unfinished).map_err(TrainingError::io(&unfinished))?;
    Tensor::write_safetensors(parameters, unfinished.join(WEIGHTS))?;
    Tensor::write_safetensors(&optimizer.state(), unfinished.join(MOMENTS))?;
    let text = serde_json::to_string_pretty(place).map_err(std::io::Error::from);
    let path = unfinished.join(PLACE);
    text.and_then(|text| fs::write(&path, text + "\n")).map_err(TrainingError::io(&path))?;
    for name in [WEIGHTS, MOMENTS, PLACE] {
        let path = unfinished.join(name);
        File::open(&path).and_then(|file| file.sync_all()).map_err(TrainingError::io(&path))?;
    }
    // Out of the way, but still a checkpoint: there is one at every moment.
    if folder.exists() {
        let before = folder.with_extension("before");
        fs::rename(&folder, &before).map_err(TrainingError::io(&before))?;
    }
    let older = list(run)?;
    fs::rename(&unfinished, &folder).map_err(TrainingError::io(&folder))?;
    File::open(run).and_then(|run| run.sync_all()).map_err(TrainingError::io(run))?;
    for old in older.iter().filter(|old| **old != folder) {
        fs::remove_dir_all(old).map_err(TrainingError::io(old))?;
    }
    Ok(folder)
}

/// The newest checkpoint of a run folder, if any.
///
/// # Errors
/// A folder that cannot be read.
pub fn newest(run: &Path) -> Result<Option<PathBuf>, TrainingError> {
    Ok(list(run)?.pop())
}

/// The checkpoints, oldest first.
fn list(run: &Path) -> Result<Vec<PathBuf>, TrainingError> {
    let mut out = Vec::new();
    for entry in fs::read_dir(run).map_err(TrainingError::io(run))? {
        let path = entry.map_err(TrainingError::io(run))?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX)) {
            out.push(path);
        }
    }
    out.sort();
    Ok(out)
}

/// Takes up a checkpoint into a model's weights and its optimizer.
///
/// # Errors
/// Files that are missing or damaged, or belong to another shape.
pub fn load(
    folder: &Path,
    parameters: &mut [(String, Tensor)],
    optimizer: &mut Optimizer,
) -> Result<Place, TrainingError> {
    let wrong = |reason: String| TrainingError::Checkpoint { path: folder.to_owned(), reason };
    let path = folder.join(PLACE);
    let text = fs::read_to_string(&path).map_err(TrainingError::io(&path))?;
    let place = serde_json::from_str(&text).map_err(|error| wrong(format!("{PLACE}: {error}")))?;
    let read =
        |name: &str| Tensor::read_safetensors(folder.join(name)).map_err(|error| wrong(format!("{name}: {error}")));
    let weights = read(WEIGHTS)?;
    for (name, weight) in parameters {
        let (_, kept) =
            weights.iter().find(|(key, _)| key == name).ok_or_else(|| wrong(format!("no tensor {name}")))?;
        fill(weight, kept, name).map_err(wrong)?;
    }
    optimizer.restore(&read(MOMENTS)?).map_err(wrong)?;
    Ok(place)
}
