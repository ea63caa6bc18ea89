//! A look at a data folder that changes nothing: who holds it, which SQLite reads it, whether its database is sound.

use std::fs::{File, TryLockError};
use std::io::Read as _;
use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use super::StoreError;
use super::folder::LOCK;
use super::sqlite::DATABASE;

/// The first of what is wrong is enough to know that something is.
const MOST_FAULTS: u32 = 3;

/// What a look at a data folder found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreCheck {
    /// Version of the SQLite that this program holds.
    pub sqlite: String,
    /// Another process has the folder: its number if it left one, else an empty text.
    pub holder: Option<String>,
    /// Bytes of the database; none if there is none yet.
    pub database: Option<u64>,
    /// Whether the database was read through; a larger one than asked for was not.
    pub checked: bool,
    /// What SQLite's `quick_check` found wrong, at most three lines; empty if nothing.
    pub faults: Vec<String>,
}

/// Looks at a data folder, which need not be there. A database of up to `largest` bytes is read through.
///
/// # Errors
/// [`StoreError::Open`] if the lock or the database cannot be read.
pub async fn check(folder: &Path, largest: u64) -> Result<StoreCheck, StoreError> {
    let mut memory = SqliteConnectOptions::new().filename(":memory:").connect().await?;
    let sqlite: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut memory).await?;
    memory.close().await?;
    let path = folder.join(DATABASE);
    let database = std::fs::metadata(&path).ok().map(|file| file.len());
    let mut found = StoreCheck { sqlite, holder: holder(folder)?, database, checked: false, faults: Vec::new() };
    if database.is_some_and(|bytes| bytes <= largest) {
        let cannot =
            |error: sqlx::Error| StoreError::Open { path: path.display().to_string(), reason: error.to_string() };
        let options = SqliteConnectOptions::new().filename(&path).read_only(true).disable_statement_logging();
        let mut connection = options.connect().await.map_err(cannot)?;
        found.faults = quick_check(&mut connection).await.map_err(cannot)?;
        found.checked = true;
        // What was read is known; how the reader is closed changes nothing.
        let _ = connection.close().await;
    }
    Ok(found)
}

async fn quick_check(connection: &mut SqliteConnection) -> Result<Vec<String>, sqlx::Error> {
    let told: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("PRAGMA quick_check({MOST_FAULTS})")))
        .fetch_all(connection)
        .await?;
    Ok(told.into_iter().filter(|line| line != "ok").collect())
}

/// The other process that has the folder, if one has.
fn holder(folder: &Path) -> Result<Option<String>, StoreError> {
    let path = folder.join(LOCK);
    let cannot =
        |error: std::io::Error| StoreError::Open { path: path.display().to_string(), reason: error.to_string() };
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(cannot(error)),
    };
    // Shared, and let go of at once: two who look do not see each other.
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => {
            let mut number = String::new();
            // Only for the message: a lock whose holder wrote no number is still a lock.
            let _ = std::io::Read::by_ref(&mut file).take(32).read_to_string(&mut number);
            Ok(Some(number.trim().to_owned()))
        }
        Err(TryLockError::Error(error)) => Err(cannot(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{NewSession, SqliteStore, Store as _};
    use super::*;

    const LARGEST: u64 = 1 << 20;

    #[tokio::test]
    async fn a_folder_is_looked_at_and_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let found = check(&data, LARGEST).await.unwrap();
        assert!(found.sqlite.starts_with("3.") && !data.exists());
        assert_eq!((found.holder, found.database, found.checked), (None, None, false));
    }

    #[tokio::test]
    async fn a_store_is_seen_with_its_holder_and_again_without() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path()).await.unwrap();
        store.open_session(NewSession::local(1, "a worry")).await.unwrap();
        let found = check(folder.path(), LARGEST).await.unwrap();
        assert_eq!(found.holder, Some(std::process::id().to_string()));
        assert!(found.database > Some(0) && found.checked && found.faults.is_empty(), "{found:?}");
        store.close().await;
        assert_eq!(check(folder.path(), LARGEST).await.unwrap().holder, None);
        assert!(!check(folder.path(), 1).await.unwrap().checked);
    }

    #[tokio::test]
    async fn a_damaged_database_is_told_of() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(DATABASE), vec![b'x'; 8192]).unwrap();
        let told = check(folder.path(), LARGEST).await.unwrap_err().to_string();
        assert!(told.contains(DATABASE) && told.contains("not a database"), "{told}");
    }
}
