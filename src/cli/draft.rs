//! A file that appears whole or not at all: written beside its place, then renamed into it.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// What is written and not yet in its place. Dropped before that, nothing of it is left.
pub(super) struct Draft {
    partial: PathBuf,
    place: PathBuf,
}

impl Draft {
    /// Writes `content` beside `place`, down to the disk.
    pub(super) fn write(place: &Path, content: &str) -> anyhow::Result<Self> {
        let name = place.file_name().with_context(|| format!("{} is no name of a file", place.display()))?;
        // No `.jsonl` at its end: what is left of it after a fall is no file of a bank.
        let partial = format!(".{}.{}.partial", name.to_string_lossy(), std::process::id());
        let draft = Self { partial: place.with_file_name(partial), place: place.to_owned() };
        let written = File::create(&draft.partial)
            .and_then(|mut file| file.write_all(content.as_bytes()).and_then(|()| file.sync_all()));
        written.with_context(|| format!("cannot write {}", draft.place.display()))?;
        Ok(draft)
    }

    /// Puts it into its place.
    pub(super) fn put(self) -> anyhow::Result<()> {
        fs::rename(&self.partial, &self.place).with_context(|| format!("cannot write {}", self.place.display()))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone already where it was put into its place.
        let _ = fs::remove_file(&self.partial);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appears_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("a.jsonl");
        drop(Draft::write(&place, "lost").unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        let draft = Draft::write(&place, "kept").unwrap();
        assert!(!place.exists());
        draft.put().unwrap();
        assert_eq!(fs::read_to_string(&place).unwrap(), "kept");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        let nowhere = dir.path().join("none/a.jsonl");
        assert!(Draft::write(&nowhere, "").err().unwrap().to_string().contains("none/a.jsonl"));
    }
}
