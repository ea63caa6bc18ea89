//! Writes a trained model as a Hugging Face folder: weights in bfloat16, configuration, tokenizer.

use std::fs;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;
use serde_json::{Map, Value, json};
use tch::{Kind, Tensor};
use tokenizers::Tokenizer;

use super::tokenizer::{self, PAD, special};
use super::{TrainingError, probe};
use crate::nn::{Llama, weights};

/// Largest file of weights, in bytes: what ships lies in git, where the house allows 15 MiB a file.
const LARGEST_FILE: usize = 14 << 20;
const BYTES_A_NUMBER: usize = 2;

/// Writes the folder; readers find the old one or the new one whole, at every moment where the file system can exchange two
/// names (network ones often cannot).
///
/// # Errors
/// A folder that cannot be written.
pub fn write(model: &Llama, tokenizer: &Tokenizer, folder: &Path) -> Result<(), TrainingError> {
    let fresh = folder.with_extension("new");
    if fresh.exists() {
        fs::remove_dir_all(&fresh).map_err(TrainingError::io(&fresh))?;
    }
    fs::create_dir_all(&fresh).map_err(TrainingError::io(&fresh))?;
    write_weights(model.parameters(), &fresh)?;
    model.config().save(&fresh)?;
    tokenizer::save(tokenizer, &fresh)?;
    let config = model.config();
    let generation = json!({
        "pad_token_id": special(tokenizer, PAD)?, "bos_token_id": config.bos_token_id,
        "eos_token_id": config.eos_token_ids.first(),
        "do_sample": true, "temperature": probe::TEMPERATURE, "top_p": probe::TOP_P,
        "repetition_penalty": probe::REPETITION_PENALTY,
    });
    write_json(&fresh.join("generation_config.json"), &generation)?;
    if folder.exists() {
        // The two change names in one step; what lies under the new name then is the old one.
        match rustix::fs::renameat_with(CWD, &fresh, CWD, folder, RenameFlags::EXCHANGE) {
            Ok(()) => fs::remove_dir_all(&fresh).map_err(TrainingError::io(&fresh))?,
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                fs::remove_dir_all(folder).map_err(TrainingError::io(folder))?;
                fs::rename(&fresh, folder).map_err(TrainingError::io(folder))?;
            }
            Err(error) => return Err(TrainingError::Io { path: folder.to_owned(), source: error.into() }),
        }
    } else {
        fs::rename(&fresh, folder).map_err(TrainingError::io(folder))?;
    }
    Ok(())
}

/// One file, or shards with an index if it were too large. A tensor is never split.
fn write_weights(tensors: Vec<(String, Tensor)>, folder: &Path) -> Result<(), TrainingError> {
    let bytes = |tensor: &Tensor| tensor.numel() * BYTES_A_NUMBER;
    let total: usize = tensors.iter().map(|(_, tensor)| bytes(tensor)).sum();
    let mut shards: Vec<Vec<(String, Tensor)>> = vec![Vec::new()];
    let mut size = 0;
    for (name, tensor) in tensors {
        if size > 0 && size + bytes(&tensor) > LARGEST_FILE {
            shards.push(Vec::new());
            size = 0;
        }
        size += bytes(&tensor);
        if let Some(shard) = shards.last_mut() {
            shard.push((name, tensor));
        }
    }
    let count = shards.len();
    if count == 1 {
        return Ok(weights::write(&folder.join("model.safetensors"), &shards[0], Kind::BFloat16)?);
    }
    let mut places = Map::new();
    for (number, shard) in shards.iter().enumerate() {
        let file = format!("model-{:05}-of-{count:05}.safetensors", number + 1);
        weights::write(&folder.join(&file), shard, Kind::BFloat16)?;
        places.extend(shard.iter().map(|(name, _)| (name.clone(), Value::from(file.as_str()))));
    }
    let index = json!({"metadata": {"total_size": total}, "weight_map": places});
    write_json(&folder.join("model.safetensors.index.json"), &index)
}

fn write_json(path: &Path, value: &Value) -> Result<(), TrainingError> {
    fs::write(path, format!("{value:#}\n")).map_err(TrainingError::io(path))
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    #[test]
    fn large_weights_are_sharded_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let rows = LARGEST_FILE as i64 / 2 / 1024;
        let tensor = |rows: i64| Tensor::rand([rows, 1024], (Kind::Float, Device::Cpu)).to_kind(Kind::BFloat16);
        let all = vec![("a".to_owned(), tensor(rows)), ("b".to_owned(), tensor(1)), ("c".to_owned(), tensor(rows - 1))];
        let copies: Vec<_> = all.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect();
        write_weights(all, folder.path()).unwrap();
        assert!(folder.path().join("model-00002-of-00002.safetensors").is_file());
        let read = weights::Weights::open(folder.path()).unwrap();
        for (name, tensor) in copies {
            let back = read.tensor(&name, &tensor.size(), Kind::BFloat16, Device::Cpu).unwrap();
            assert!(back.equal(&tensor), "{name}");
        }
    }
}
