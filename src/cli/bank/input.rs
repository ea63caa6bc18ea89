//! What is read at once is bounded over all files together: the memory it takes is known before any of it is parsed.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use anyhow::{Context as _, bail};

/// The most that is read at once, in bytes: ten times the bank that ships.
const LONGEST: u64 = 64 << 20;

/// Reads files until they are too much together.
pub(super) struct Input {
    left: u64,
}

impl Input {
    pub(super) fn new() -> Self {
        Self { left: LONGEST }
    }

    /// The text of a file, or of standard input for `-`.
    pub(super) fn read(&mut self, file: &Path) -> anyhow::Result<String> {
        let name = name(file);
        let mut bytes = Vec::new();
        let read = if file == Path::new("-") {
            io::stdin().lock().take(self.left + 1).read_to_end(&mut bytes)
        } else {
            File::open(file).and_then(|file| file.take(self.left + 1).read_to_end(&mut bytes))
        };
        let read = read.with_context(|| format!("cannot read {name}"))? as u64;
        self.left = match self.left.checked_sub(read) {
            Some(left) => left,
            None => bail!("no more than {} MiB are read at once, and {name} goes beyond", LONGEST >> 20),
        };
        String::from_utf8(bytes).map_err(|error| {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
            anyhow::anyhow!("{name}:{line}: expected UTF-8, found bytes that are none")
        })
    }
}

/// Whether so many bytes could be read again.
pub(super) fn fits(bytes: usize) -> bool {
    bytes as u64 <= LONGEST
}

/// A file as it is told of.
pub(super) fn name(file: &Path) -> String {
    if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_until_they_are_too_much_together() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a");
        std::fs::write(&file, "12345").unwrap();
        let mut input = Input { left: 10 };
        assert_eq!(input.read(&file).unwrap(), "12345");
        assert_eq!(input.read(&file).unwrap(), "12345", "as much as there may be");
        let said = input.read(&file).unwrap_err().to_string();
        assert!(said.starts_with("no more than 64 MiB") && said.contains(&*file.to_string_lossy()), "{said}");
    }
}
