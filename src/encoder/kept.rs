//! Keeps embeddings on disk, so that a bank is embedded once and not at every start.

use std::fs::{self, File, Metadata};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use sha2::{Digest as _, Sha256};

use super::{Embedder, EncoderError, embed_checked};
use crate::files::Draft;

/// Changes when the way texts are laid out in the matrix changes.
const LAYOUT: &str = "kindred bank embeddings 1";
const TENSOR: &str = "embeddings";
/// How many texts are embedded in one request: enough to fill the encoder's batches, few beside its queue.
const EMBED_BATCH: usize = 256;
/// Room for the file's header.
const HEADER_ROOM: u64 = 4096;

/// What nobody read or wrote for so long is of texts that changed since: every edit makes new files and leaves the old.
const KEPT_FOR: Duration = Duration::from_hours(30 * 24);
/// A file read within this time is not marked as read again, which saves a write at each start.
const MARKED_FOR: Duration = Duration::from_hours(24);

/// Where embeddings are kept. What is kept is a copy: a file that is missing, damaged or of
/// other texts is made anew, and one that can not be written is done without. Whenever a file is written, those of the
/// folder that nobody read or wrote for thirty days are deleted, of the names given here only; reading one sets its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptEmbeddings {
    folder: PathBuf,
}

impl KeptEmbeddings {
    /// Kept in `folder`.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The file for these texts: named by what it depends on, so that it never has to be invalidated.
    fn file(&self, encoder: &str, texts: &[String], dimension: usize) -> PathBuf {
        let mut hash = Sha256::new();
        for part in [LAYOUT, encoder, &dimension.to_string()].into_iter().chain(texts.iter().map(String::as_str)) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let name: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(name + ".safetensors")
    }

    /// `[texts, dimension]`, row by row, if kept for the encoder of this identity.
    fn read(&self, encoder: &str, texts: &[String], dimension: usize) -> Option<Vec<f32>> {
        let path = self.file(encoder, texts, dimension);
        let expected = (texts.len() * dimension * size_of::<f32>()) as u64;
        let metadata = fs::metadata(&path).ok()?;
        if metadata.len() > expected + HEADER_ROOM {
            return None;
        }
        let bytes = fs::read(&path).ok()?;
        let file = SafeTensors::deserialize(&bytes).ok()?;
        let tensor = file.tensor(TENSOR).ok()?;
        if tensor.dtype() != Dtype::F32 || tensor.shape() != [texts.len(), dimension] {
            return None;
        }
        let (numbers, _) = tensor.data().as_chunks::<4>();
        let matrix: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        if !matrix.iter().all(|number| number.is_finite()) {
            return None;
        }
        if older(&metadata, MARKED_FOR) {
            // Where this is refused, the file is at worst made anew one day.
            let _ = File::options().append(true).open(&path).and_then(|file| file.set_modified(SystemTime::now()));
        }
        Some(matrix)
    }

    /// Keeps the matrix; whole or not at all, as it is renamed into place.
    fn write(&self, encoder: &str, texts: &[String], dimension: usize, matrix: &[f32]) {
        let path = self.file(encoder, texts, dimension);
        if let Err(reason) = self.try_write(&path, [texts.len(), dimension], matrix) {
            tracing::warn!(path = %path.display(), reason, "embeddings are not kept");
        }
        self.forget_old();
    }

    /// Deletes what nobody read or wrote for [`KEPT_FOR`]. What cannot be deleted stays.
    fn forget_old(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten().filter(|entry| is_ours(&entry.file_name().to_string_lossy())) {
            // Of the entry itself: what a link leads to is not ours.
            if entry.metadata().is_ok_and(|metadata| metadata.is_file() && older(&metadata, KEPT_FOR)) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn try_write(&self, path: &Path, shape: [usize; 2], matrix: &[f32]) -> Result<(), String> {
        let bytes: Vec<u8> = matrix.iter().flat_map(|number| number.to_le_bytes()).collect();
        let view = TensorView::new(Dtype::F32, shape.to_vec(), &bytes).map_err(|error| error.to_string())?;
        fs::create_dir_all(&self.folder).map_err(|error| error.to_string())?;
        // Two processes may write the same file at once: each writes its own, the last rename wins with equal content.
        let file = safetensors::serialize([(TENSOR, view)], None).map_err(|error| error.to_string())?;
        let draft = Draft::write(path, |draft| draft.write_all(&file)).map_err(|error| error.to_string())?;
        draft.put().map_err(|error| error.to_string())
    }
}

/// Whether a file has been left alone for longer than this.
fn older(metadata: &Metadata, than: Duration) -> bool {
    let age = metadata.modified().ok().and_then(|time| time.elapsed().ok());
    age.is_some_and(|age| age > than)
}

/// "0123456789abcdef0123456789abcdef.safetensors", or with a process in between a partial one that somebody left.
fn is_ours(name: &str) -> bool {
    let drafted = || name.strip_prefix('.')?.strip_suffix(".partial")?.rsplit_once('.');
    let (hash, end) = match drafted() {
        Some((name, process)) if process.parse::<u32>().is_ok() => name,
        _ => name,
    }
    .split_once('.')
    .unwrap_or_default();
    let hash = hash.len() == 32 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    hash && end == "safetensors"
}

/// The embeddings of the texts, `[texts, dimension]` row by row: those in `kept`, else made now, and kept. Making them takes
/// minutes for tens of thousands: `told` hears how many of how many are done.
///
/// # Errors
/// The encoder's.
pub async fn embed_all(
    embedder: &dyn Embedder,
    texts: &[String],
    kept: Option<&KeptEmbeddings>,
    told: &mut (dyn FnMut(usize, usize) + Send),
) -> Result<Vec<f32>, EncoderError> {
    let (identity, dimension) = (embedder.identity(), embedder.dimension());
    if let Some(matrix) = kept.and_then(|kept| kept.read(identity, texts, dimension)) {
        return Ok(matrix);
    }
    let mut matrix = Vec::with_capacity(texts.len() * dimension);
    for batch in texts.chunks(EMBED_BATCH) {
        told(matrix.len() / dimension.max(1), texts.len());
        matrix.extend(embed_checked(embedder, batch.to_vec()).await?.concat());
    }
    if let Some(kept) = kept {
        kept.write(identity, texts, dimension, &matrix);
    }
    Ok(matrix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_was_kept_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let kept = KeptEmbeddings::new(dir.path().join("new"));
        let texts = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(kept.read("one", &texts, 2), None);
        kept.write("one", &texts, 2, &[1.0, 0.0, 0.6, 0.8]);
        assert_eq!(kept.read("one", &texts, 2), Some(vec![1.0, 0.0, 0.6, 0.8]));
        assert_eq!(kept.read("one", &["ab".to_owned(), String::new()], 2), None, "other texts");
        assert_eq!(kept.read("another", &texts, 2), None, "another encoder");
        fs::write(kept.file("one", &texts, 2), b"damaged").unwrap();
        assert_eq!(kept.read("one", &texts, 2), None);
    }

    #[test]
    fn a_folder_that_can_not_be_written_is_done_without() {
        let dir = tempfile::tempdir().unwrap();
        // What stands in a file's place for good: a folder.
        let kept = KeptEmbeddings::new(dir.path().join("new"));
        let place = kept.file("one", &["a".to_owned()], 1);
        fs::create_dir_all(&place).unwrap();
        kept.write("one", &["a".to_owned()], 1, &[1.0]);
        let left: Vec<_> = fs::read_dir(dir.path().join("new")).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left, [place], "nothing half-written stays");
        fs::write(dir.path().join("file"), b"").unwrap();
        let kept = KeptEmbeddings::new(dir.path().join("file"));
        kept.write("one", &["a".to_owned()], 1, &[1.0]);
        assert_eq!(kept.read("one", &["a".to_owned()], 1), None);
    }

    #[test]
    fn what_nobody_used_for_a_month_goes_when_something_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let kept = KeptEmbeddings::new(dir.path().to_owned());
        let texts = |text: &str| vec![text.to_owned()];
        let age = |path: &Path, days: u64| {
            let time = SystemTime::now() - Duration::from_hours(24 * days);
            File::options().append(true).open(path).unwrap().set_modified(time).unwrap();
        };
        for text in ["read", "old", "fresh"] {
            kept.write("one", &texts(text), 1, &[1.0]);
        }
        age(&kept.file("one", &texts("fresh"), 1), 29);
        let old = kept.file("one", &texts("old"), 1);
        let name = old.file_name().unwrap().to_string_lossy();
        let partial = dir.path().join(format!(".{name}.77.partial"));
        let theirs = dir.path().join("notes.safetensors");
        fs::write(&partial, b"half").unwrap();
        fs::write(&theirs, b"somebody's").unwrap();
        for path in [&old, &partial, &theirs, &kept.file("one", &texts("read"), 1)] {
            age(path, 31);
        }
        assert!(kept.read("one", &texts("read"), 1).is_some());
        kept.write("one", &texts("new"), 1, &[1.0]);
        assert!(!old.exists() && !partial.exists(), "of texts that changed, and of a process that fell");
        assert!(theirs.exists(), "a file of another name is somebody's");
        for text in ["read", "fresh", "new"] {
            assert!(kept.read("one", &texts(text), 1).is_some(), "{text}");
        }
    }
}
