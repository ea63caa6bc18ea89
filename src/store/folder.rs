//! The data folder: made if absent, and locked so that two processes never share it.

use std::fs::{DirBuilder, File, Permissions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use super::StoreError;

pub(super) const LOCK: &str = "kindred.lock";

/// Only the user who runs Kindred may look into a folder it makes: it holds what people said in confidence.
const PRIVATE: u32 = 0o700;

/// Nor into its database: what SQLite lays beside it gets the same mode.
const PRIVATE_FILE: u32 = 0o600;

/// Makes the database's file, for this user alone, or takes others' right to read it.
pub(super) fn keep_private(database: &Path) -> std::io::Result<()> {
    let file = File::options().read(true).write(true).create(true).truncate(false).mode(PRIVATE_FILE).open(database)?;
    let beside = ["-wal", "-shm"].map(|end| {
        let mut name = database.as_os_str().to_owned();
        name.push(end);
        name
    });
    let beside = beside.iter().filter_map(|name| File::open(name).ok());
    for file in std::iter::once(file).chain(beside) {
        let open_to_others = file.metadata()?.permissions().mode() & 0o077 != 0;
        if open_to_others && let Err(error) = file.set_permissions(Permissions::from_mode(PRIVATE_FILE)) {
            // Another user's, who lets this one in: theirs to mend.
            tracing::warn!(%error, "others may read the database, and its mode cannot be changed");
        }
    }
    Ok(())
}

/// Holds the lock on a data folder. The system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Makes the folder, for this user alone, if there is none, and locks it.
    ///
    /// # Errors
    /// [`StoreError::Open`] if it cannot be made or written, [`StoreError::InUse`] if another process has it.
    pub(super) fn take(folder: &Path) -> Result<Self, StoreError> {
        let cannot = |what: &'static str| {
            move |error: std::io::Error| StoreError::Open {
                path: folder.display().to_string(),
                reason: format!("{what}: {error}; choose a folder you may write with --data"),
            }
        };
        DirBuilder::new()
            .recursive(true)
            .mode(PRIVATE)
            .create(folder)
            .map_err(cannot("cannot make the data folder"))?;
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join(LOCK))
            .map_err(cannot("cannot write in the data folder"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Only for the message: a lock whose holder wrote no number is still a lock.
                let _ = file.read_to_string(&mut holder);
                let holder = holder.trim();
                let holder = if holder.is_empty() { String::new() } else { format!(" (process {holder})") };
                return Err(StoreError::InUse { path: folder.display().to_string(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(cannot("cannot lock the data folder")(error)),
        }
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .and_then(|()| file.sync_all());
        written.map_err(cannot("cannot write in the data folder"))?;
        Ok(Self { _file: file })
    }
}
