//! Names a checkpoint by its contents: the same weights have the same name wherever they lie.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::NnError;

/// What scales an adapter's weights.
const ADAPTER_CONFIG: &str = "adapter_config.json";
/// A file is hashed whole up to this size, beyond it this many bytes at regular places: weights of 13 GB would take half
/// a minute.
const HASHED_BYTES: u64 = 64 << 20;
const HASHED_BLOCK: u64 = 1 << 20;
const DIGITS: usize = 12;

/// Twelve hexadecimal digits of the weights in these folders (model, adapter) and of how an adapter is scaled: names,
/// sizes and contents.
///
/// # Errors
/// [`NnError::Io`].
pub fn fingerprint(folders: &[&Path]) -> Result<String, NnError> {
    let mut hash = Sha256::new();
    for folder in folders {
        let mut files: Vec<PathBuf> = fs::read_dir(folder)
            .map_err(NnError::io(folder))?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| {
                path.extension().is_some_and(|extension| extension == "safetensors") || path.ends_with(ADAPTER_CONFIG)
            })
            .collect();
        files.sort();
        for path in files {
            add(&mut hash, &path).map_err(NnError::io(&path))?;
        }
    }
    let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(digits[..DIGITS].to_owned())
}

fn add(hash: &mut Sha256, path: &Path) -> io::Result<()> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    hash.update(path.file_name().unwrap_or_default().as_encoded_bytes());
    hash.update(length.to_le_bytes());
    let blocks = HASHED_BYTES / HASHED_BLOCK;
    let stride = if length <= HASHED_BYTES { HASHED_BLOCK } else { length / blocks };
    let mut block = Vec::new();
    let mut at = 0;
    while at < length {
        file.seek(SeekFrom::Start(at))?;
        block.clear();
        io::Read::by_ref(&mut file).take(HASHED_BLOCK).read_to_end(&mut block)?;
        hash.update(&block);
        at += stride;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_the_weights_the_adapter_and_its_scale() {
        let folder = |files: &[(&str, &str)]| {
            let folder = tempfile::tempdir().unwrap();
            files.iter().for_each(|(name, text)| fs::write(folder.path().join(name), text).unwrap());
            folder
        };
        let of = |folders: &[&Path]| fingerprint(folders).unwrap();
        let base = folder(&[("model.safetensors", "a"), ("config.json", "{}")]);
        let other = folder(&[("model.safetensors", "b")]);
        assert_eq!(of(&[base.path()]).len(), DIGITS);
        assert_eq!(of(&[base.path()]), of(&[base.path()]));
        assert_ne!(of(&[base.path()]), of(&[other.path()]));
        assert_ne!(of(&[base.path()]), of(&[base.path(), other.path()]));
        let adapter = |config: &str| {
            let folder = folder(&[("adapter_model.safetensors", "c"), (ADAPTER_CONFIG, config)]);
            of(&[base.path(), folder.path()])
        };
        assert_ne!(adapter(r#"{"lora_alpha": 16}"#), adapter(r#"{"lora_alpha": 32}"#));
    }
}
