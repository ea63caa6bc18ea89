//! Names a checkpoint by its contents: the same weights have the same name wherever they lie.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::NnError;

/// What decides, besides the weights, what a checkpoint says: its shape and the scale of an adapter, its ends, its words,
/// its layout.
const BESIDES: [&str; 7] = [
    "config.json",
    "generation_config.json",
    "adapter_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "kindred.json",
];
/// A file is hashed whole up to this size, beyond it this many bytes at regular places: weights of 13 GB would take half
/// a minute.
const HASHED_BYTES: u64 = 64 << 20;
const HASHED_BLOCK: u64 = 1 << 20;
const DIGITS: usize = 12;

/// Twelve hexadecimal digits of the checkpoints in these folders (model, adapter): names, sizes and contents of the
/// weights and of the files that decide how they are used.
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
                path.extension().is_some_and(|extension| extension == "safetensors")
                    || BESIDES.iter().any(|name| path.ends_with(name))
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
    fn it_follows_the_weights_and_all_that_decides_how_they_are_used() {
        let folder = |files: &[(&str, &str)]| {
            let folder = tempfile::tempdir().unwrap();
            files.iter().for_each(|(name, text)| fs::write(folder.path().join(name), text).unwrap());
            folder
        };
        let of = |folders: &[&Path]| fingerprint(folders).unwrap();
        let base = folder(&[("model.safetensors", "a"), ("config.json", "{}")]);
        let other = folder(&[("model.safetensors", "b"), ("config.json", "{}")]);
        let same = folder(&[("model.safetensors", "a"), ("config.json", "{}"), ("README.md", "a card")]);
        let pinned = folder(&[("model.safetensors", "a"), ("config.json", "{}"), ("kindred.json", "{}")]);
        assert_eq!(of(&[base.path()]), of(&[same.path()]));
        assert_ne!(of(&[base.path()]), of(&[pinned.path()]));
        assert_eq!(of(&[base.path()]).len(), DIGITS);
        assert_ne!(of(&[base.path()]), of(&[other.path()]));
        assert_ne!(of(&[base.path()]), of(&[base.path(), other.path()]));
        let adapter = |config: &str| {
            let folder = folder(&[("adapter_model.safetensors", "c"), ("adapter_config.json", config)]);
            of(&[base.path(), folder.path()])
        };
        assert_ne!(adapter(r#"{"lora_alpha": 16}"#), adapter(r#"{"lora_alpha": 32}"#));
    }
}
