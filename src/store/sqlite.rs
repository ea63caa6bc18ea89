//! The embedded store: SQLite in WAL mode, one writer task, pooled readers, a locked data folder.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::folder::FolderLock;
use super::writer::{self, Change};
use super::{NewTurn, SessionRecord, Store, StoreError, TurnEnd, TurnRecord};
use crate::dialogue::{Speaker, Turn};
use crate::persona::Memory;

const DATABASE: &str = "kindred.sqlite";
const READERS: u32 = 4;
const BUSY: Duration = Duration::from_secs(5);
/// How many changes may wait for the writer; callers past it wait for a place.
const WAITING_CHANGES: usize = 1024;
/// Older ones can lose committed turns when a WAL is reset while another connection checkpoints.
const LEAST_SQLITE: (u32, u32, u32) = (3, 51, 3);

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// Sessions and turns in one SQLite file of a data folder. Cheap to share behind an `Arc`.
///
/// Must be opened on the tokio runtime that it is to live on: its writer is a task there.
#[derive(Debug)]
pub struct SqliteStore {
    readers: SqlitePool,
    changes: mpsc::Sender<Change>,
    path: PathBuf,
    // Let go only after the connections above.
    _lock: FolderLock,
}

impl SqliteStore {
    /// Opens the store of this data folder, which is made if absent.
    ///
    /// # Errors
    /// [`StoreError::Open`] names the folder or file and what is wrong with it; [`StoreError::InUse`] if another
    /// process has the folder.
    pub async fn open(folder: &Path) -> Result<Self, StoreError> {
        Self::open_with(folder, |options| options).await
    }

    async fn open_with(
        folder: &Path,
        adjust: impl FnOnce(SqliteConnectOptions) -> SqliteConnectOptions,
    ) -> Result<Self, StoreError> {
        let lock = FolderLock::take(folder)?;
        let path = folder.join(DATABASE);
        let options = adjust(
            SqliteConnectOptions::new()
                .filename(&path)
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(BUSY)
                .disable_statement_logging(),
        );
        let mut connection = options.connect().await.map_err(|error| cannot_open(&path, &error))?;
        check_version(&mut connection, &path).await?;
        MIGRATIONS.run(&mut connection).await.map_err(|error| StoreError::Open {
            path: path.display().to_string(),
            reason: match error {
                sqlx::migrate::MigrateError::VersionMissing(version) => {
                    format!("it was written by a newer Kindred (its schema has version {version}); use that one")
                }
                other => other.to_string(),
            },
        })?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.create_if_missing(false).pragma("query_only", "ON"))
            .await
            .map_err(|error| cannot_open(&path, &error))?;
        let (changes, waiting) = mpsc::channel(WAITING_CHANGES);
        tokio::spawn(writer::run(connection, waiting, path.clone()));
        Ok(Self { readers, changes, path, _lock: lock })
    }

    /// Waits until every change that was begun is on disk, then closes the database.
    pub async fn close(self) {
        drop(self.changes);
        self.readers.close().await;
    }

    async fn change<T>(
        &self,
        make: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Change,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.changes.send(make(answer)).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    fn failed(&self, error: sqlx::Error) -> StoreError {
        explain(error, &self.path)
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn create_session(&self, supporter: u32, about: &str) -> Result<SessionRecord, StoreError> {
        let about = about.to_owned();
        self.change(|answer| Change::Create { supporter, about, answer }).await
    }

    async fn session(&self, id: Uuid) -> Result<Option<SessionRecord>, StoreError> {
        let row = sqlx::query("SELECT id, supporter, about, created_ms, ended_ms FROM sessions WHERE id = ?")
            .bind(id.as_bytes().as_slice())
            .fetch_optional(&self.readers)
            .await
            .map_err(|error| self.failed(error))?;
        row.map(|row| session_of(&row)).transpose()
    }

    async fn sessions(&self, limit: u32) -> Result<Vec<SessionRecord>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, supporter, about, created_ms, ended_ms FROM sessions ORDER BY created_ms DESC, id DESC LIMIT ?",
        )
        .bind(limit)
        .fetch_all(&self.readers)
        .await
        .map_err(|error| self.failed(error))?;
        rows.iter().map(session_of).collect()
    }

    async fn end_session(&self, id: Uuid) -> Result<(), StoreError> {
        self.change(|answer| Change::End { id, answer }).await
    }

    async fn append(&self, session: Uuid, turn: NewTurn) -> Result<TurnRecord, StoreError> {
        self.change(|answer| Change::Append { session, turn, answer }).await
    }

    async fn unanswered(&self, limit: u32) -> Result<Vec<SessionRecord>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, supporter, about, created_ms, ended_ms FROM sessions AS s
             WHERE ended_ms IS NULL AND 'seeker' =
                 (SELECT speaker FROM turns WHERE session = s.id ORDER BY seq DESC LIMIT 1)
             ORDER BY created_ms DESC, id DESC LIMIT ?",
        )
        .bind(limit)
        .fetch_all(&self.readers)
        .await
        .map_err(|error| self.failed(error))?;
        rows.iter().map(session_of).collect()
    }

    async fn turns(&self, session: Uuid) -> Result<Vec<TurnRecord>, StoreError> {
        let rows = sqlx::query(
            "SELECT seq, speaker, text, memory_aspect, memory_content, ending, model, created_ms
             FROM turns WHERE session = ? ORDER BY seq",
        )
        .bind(session.as_bytes().as_slice())
        .fetch_all(&self.readers)
        .await
        .map_err(|error| self.failed(error))?;
        if rows.is_empty() && self.session(session).await?.is_none() {
            return Err(StoreError::NoSession { id: session });
        }
        rows.iter().map(turn_of).collect()
    }
}

/// Says what a database error means to the one who has to mend it.
pub(super) fn explain(error: sqlx::Error, path: &Path) -> StoreError {
    // SQLITE_FULL; the extended codes keep the primary one in their low byte.
    const FULL: u32 = 13;
    match primary_code(&error) {
        Some(FULL) => StoreError::Full { path: path.display().to_string() },
        _ => StoreError::Database(error),
    }
}

fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?.parse::<u32>().ok()?;
    Some(code & 0xff)
}

fn cannot_open(path: &Path, error: &sqlx::Error) -> StoreError {
    const READ_ONLY: u32 = 8;
    const CANNOT_OPEN: u32 = 14;
    const NOT_A_DATABASE: u32 = 26;
    let reason = match primary_code(error) {
        Some(NOT_A_DATABASE) => {
            "the file is not a Kindred database; move it away, or choose another folder with --data".to_owned()
        }
        Some(READ_ONLY | CANNOT_OPEN) => {
            format!("{error}; the file and its folder must be writable")
        }
        _ => error.to_string(),
    };
    StoreError::Open { path: path.display().to_string(), reason }
}

async fn check_version(connection: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    let found: String = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(&mut *connection)
        .await
        .map_err(|error| cannot_open(path, &error))?;
    let mut parts = found.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let mut part = || parts.next().unwrap_or(0);
    let version = (part(), part(), part());
    if version >= LEAST_SQLITE {
        return Ok(());
    }
    // The connection is of no more use; an error while closing changes nothing about the answer.
    let _ = connection.ping().await;
    let (major, minor, patch) = LEAST_SQLITE;
    Err(StoreError::Open {
        path: path.display().to_string(),
        reason: format!(
            "this build has SQLite {found}, which can lose turns when its log is reset; {major}.{minor}.{patch} or later is needed"
        ),
    })
}

fn session_of(row: &SqliteRow) -> Result<SessionRecord, StoreError> {
    let id: Vec<u8> = row.try_get("id")?;
    let id = Uuid::from_slice(&id).map_err(|_| StoreError::BadRow {
        column: "id",
        expected: "sixteen bytes",
        found: format!("{} bytes", id.len()),
    })?;
    Ok(SessionRecord {
        id,
        supporter: row.try_get("supporter")?,
        about: row.try_get("about")?,
        created_ms: row.try_get("created_ms")?,
        ended_ms: row.try_get("ended_ms")?,
    })
}

fn turn_of(row: &SqliteRow) -> Result<TurnRecord, StoreError> {
    let speaker: String = row.try_get("speaker")?;
    let speaker = match speaker.as_str() {
        "seeker" => Speaker::Seeker,
        "supporter" => Speaker::Supporter,
        _ => return Err(StoreError::BadRow { column: "speaker", expected: "seeker or supporter", found: speaker }),
    };
    let ending: String = row.try_get("ending")?;
    let end = ending_of(&ending).ok_or(StoreError::BadRow {
        column: "ending",
        expected: "whole, cutoff or helpcard",
        found: ending,
    })?;
    let aspect: Option<String> = row.try_get("memory_aspect")?;
    let content: Option<String> = row.try_get("memory_content")?;
    let memory = aspect.zip(content).map(|(aspect, content)| Memory { aspect: aspect.into(), content });
    Ok(TurnRecord {
        seq: row.try_get::<i64, _>("seq")?.unsigned_abs(),
        turn: Turn { speaker, text: row.try_get("text")?, memory },
        end,
        model: row.try_get("model")?,
        created_ms: row.try_get("created_ms")?,
    })
}

/// The word for an ending in the database.
pub(super) fn ending_word(end: TurnEnd) -> &'static str {
    match end {
        TurnEnd::Whole => "whole",
        TurnEnd::CutOff => "cutoff",
        TurnEnd::HelpCard => "helpcard",
    }
}

fn ending_of(word: &str) -> Option<TurnEnd> {
    [TurnEnd::Whole, TurnEnd::CutOff, TurnEnd::HelpCard].into_iter().find(|&end| ending_word(end) == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_disk_is_named_and_loses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store =
            SqliteStore::open_with(folder.path(), |options| options.pragma("max_page_count", "20")).await.unwrap();
        let session = store.create_session(1, "").await.unwrap();
        let first = store.append(session.id, NewTurn::typed("kept")).await.unwrap();
        let error = store.append(session.id, NewTurn::typed("x".repeat(200_000))).await.unwrap_err();
        assert!(matches!(error, StoreError::Full { .. }), "{error}");
        assert_eq!(store.turns(session.id).await.unwrap(), [first]);
        let after = store.append(session.id, NewTurn::typed("small")).await.unwrap();
        assert_eq!(after.seq, 1);
    }
}
