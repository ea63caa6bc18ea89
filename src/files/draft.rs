//! A file that appears whole or not at all: written beside its place, then renamed into it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}: {source}")]
pub struct DraftError {
    /// The file as it was named.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// What is written and not yet in its place. Dropped before that, nothing of it is left.
///
/// A link is followed, and a file that is replaced keeps its permissions. What is no file, such as a pipe, `/dev/null` or
/// `/dev/stdout`, cannot be replaced: it is written straight into.
#[derive(Debug)]
#[must_use = "a draft that is not put in its place is thrown away"]
pub struct Draft {
    /// None once there is nothing to be put in place.
    partial: Option<PathBuf>,
    place: PathBuf,
}

/// Whether nothing stands at this place, not even a link to nothing.
pub fn is_free(place: &Path) -> bool {
    fs::symlink_metadata(place).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

impl Draft {
    /// Writes `content` beside `place`, down to the disk.
    ///
    /// # Errors
    /// A place that has no name, lies nowhere, is a folder or cannot be written.
    pub fn text(place: &Path, content: &str) -> Result<Self, DraftError> {
        Self::write(place, |file| file.write_all(content.as_bytes()))
    }

    /// Writes what `fill` writes beside `place`, down to the disk.
    ///
    /// # Errors
    /// As [`Self::text`], and those of `fill`.
    pub fn write(place: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<Self, DraftError> {
        Self::try_write(place, fill).map_err(|source| DraftError { path: place.to_owned(), source })
    }

    fn try_write(place: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<Self> {
        let (place, there) = match fs::symlink_metadata(place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => (place.to_owned(), None),
            Err(error) => return Err(error),
            Ok(_) => (fs::canonicalize(place)?, Some(fs::metadata(place)?)),
        };
        if there.as_ref().is_some_and(fs::Metadata::is_dir) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if there.as_ref().is_some_and(|there| !there.is_file()) {
            let mut file = BufWriter::new(OpenOptions::new().write(true).open(&place)?);
            fill(&mut file)?;
            file.flush()?;
            return Ok(Self { partial: None, place });
        }
        let name = place.file_name().ok_or_else(|| io::Error::other("this is no name of a file"))?;
        // No ending that anybody reads: what is left of it after a fall is no file of a bank.
        let partial = place.with_file_name(format!(".{}.{}.partial", name.to_string_lossy(), std::process::id()));
        // Something of the same name is from a process that fell; never written into, as it might be a link.
        let _ = fs::remove_file(&partial);
        let draft = Self { partial: Some(partial.clone()), place };
        let mut file = BufWriter::new(OpenOptions::new().write(true).create_new(true).open(&partial)?);
        fill(&mut file)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        if let Some(there) = there {
            fs::set_permissions(&partial, there.permissions())?;
        }
        Ok(draft)
    }

    /// Puts it into its place.
    ///
    /// # Errors
    /// A place that cannot be written any more.
    pub fn put(mut self) -> Result<(), DraftError> {
        let Some(partial) = &self.partial else { return Ok(()) };
        let put = fs::rename(partial, &self.place).and_then(|()| {
            let folder = self.place.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        });
        put.map_err(|source| DraftError { path: self.place.clone(), source })?;
        self.partial = None;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(partial) = &self.partial {
            // What could not be finished helps nobody; the reason was told.
            let _ = fs::remove_file(partial);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn appears_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("a.jsonl");
        drop(Draft::text(&place, "lost").unwrap());
        let broken =
            Draft::write(&place, |file| file.write_all(b"half").and(Err(io::Error::other("the disk is full"))));
        assert!(broken.unwrap_err().to_string().contains("a.jsonl: the disk is full"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        let draft = Draft::text(&place, "kept").unwrap();
        assert!(!place.exists());
        draft.put().unwrap();
        assert_eq!(fs::read_to_string(&place).unwrap(), "kept");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        let nowhere = dir.path().join("none/a.jsonl");
        assert!(Draft::text(&nowhere, "").unwrap_err().to_string().contains("none/a.jsonl"));
        assert!(Draft::text(dir.path(), "").unwrap_err().to_string().contains("is a directory"));
    }

    #[test]
    fn a_file_keeps_its_permissions_and_a_link_its_target() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&file, &link).unwrap();
        Draft::text(&link, "new").unwrap().put().unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        fs::remove_file(&file).unwrap();
        assert!(Draft::text(&link, "lost").is_err() && !is_free(&link), "a link to nothing is no new file");
    }

    #[test]
    fn what_is_no_file_is_written_into() {
        Draft::text(Path::new("/dev/null"), "gone").unwrap().put().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
