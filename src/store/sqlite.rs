//! The embedded store: SQLite in WAL mode, one writer task, pooled readers, a locked data folder.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::change::{Change, Outcome};
use super::folder::{FolderLock, keep_private};
use super::rows::{session_columns, session_of, turn_of, visitor_of};
use super::writer::{self, Order};
use super::{
    Cursor, NewSession, NewTurn, Owed, SessionRecord, Store, StoreError, Swept, TokenHash, TooOld, TurnRecord,
    VisitorId, VisitorRecord, Whose,
};

pub(super) const DATABASE: &str = "kindred.sqlite";
const READERS: u32 = 4;
pub(super) const BUSY: Duration = Duration::from_secs(5);
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
    orders: mpsc::Sender<Order>,
    path: PathBuf,
    writer: tokio::task::JoinHandle<()>,
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
        keep_private(&path).map_err(|error| StoreError::Open {
            path: path.display().to_string(),
            reason: format!("cannot make or open it for this user alone: {error}"),
        })?;
        let options = adjust(
            SqliteConnectOptions::new()
                .filename(&path)
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                // What is deleted is overwritten, not only let go.
                .pragma("secure_delete", "ON")
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
        let (orders, waiting) = mpsc::channel(WAITING_CHANGES);
        let writer = tokio::spawn(writer::run(connection, waiting, path.clone()));
        Ok(Self { readers, orders, path, writer, _lock: lock })
    }

    /// Waits until every change that was begun is on disk, then closes the database.
    pub async fn close(self) {
        drop(self.orders);
        self.readers.close().await;
        // It ends when nothing waits any more; one that panicked has ended too.
        let _ = self.writer.await;
    }

    async fn change(&self, change: Change) -> Result<Outcome, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.orders.send(Order { change, answer }).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    async fn change_session(&self, change: Change) -> Result<SessionRecord, StoreError> {
        match self.change(change).await? {
            Outcome::Session(record) => Ok(record),
            _ => Err(StoreError::Closed),
        }
    }

    fn failed(&self, error: sqlx::Error) -> StoreError {
        explain(error, &self.path)
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn add_visitor(&self, token_hash: TokenHash) -> Result<VisitorRecord, StoreError> {
        match self.change(Change::AddVisitor(token_hash)).await? {
            Outcome::Visitor(record) => Ok(record),
            _ => Err(StoreError::Closed),
        }
    }

    async fn visitor(&self, token_hash: &TokenHash) -> Result<Option<VisitorRecord>, StoreError> {
        let row = sqlx::query("SELECT id, created_ms, seen_ms FROM visitors WHERE token_hash = ?")
            .bind(token_hash.as_slice())
            .fetch_optional(&self.readers)
            .await
            .map_err(|error| self.failed(error))?;
        row.map(|row| visitor_of(&row)).transpose()
    }

    async fn note_visit(&self, id: VisitorId) -> Result<(), StoreError> {
        self.change(Change::NoteVisit(id)).await.map(drop)
    }

    async fn delete_visitor(&self, id: VisitorId) -> Result<Vec<Uuid>, StoreError> {
        match self.change(Change::DeleteVisitor(id)).await? {
            Outcome::Deleted(sessions) => Ok(sessions),
            _ => Err(StoreError::Closed),
        }
    }

    async fn open_session(&self, new: NewSession) -> Result<SessionRecord, StoreError> {
        self.change_session(Change::Open(new)).await
    }

    async fn session(&self, id: Uuid) -> Result<Option<SessionRecord>, StoreError> {
        let row = sqlx::query(concat!("SELECT ", session_columns!(), " FROM sessions WHERE id = ?"))
            .bind(id.as_bytes().as_slice())
            .fetch_optional(&self.readers)
            .await
            .map_err(|error| self.failed(error))?;
        row.map(|row| session_of(&row)).transpose()
    }

    async fn sessions(
        &self,
        whose: Whose,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<SessionRecord>, StoreError> {
        let (used_ms, id) = after.map_or((i64::MAX, [0xff; 16]), |cursor| (cursor.used_ms, *cursor.id.as_bytes()));
        // Two statements, as an index serves only a condition that is there.
        let query = match whose {
            Whose::All => sqlx::query(concat!(
                "SELECT ",
                session_columns!(),
                " FROM sessions WHERE (used_ms, id) < (?, ?) ORDER BY used_ms DESC, id DESC LIMIT ?"
            )),
            Whose::Visitor(owner) => sqlx::query(concat!(
                "SELECT ",
                session_columns!(),
                " FROM sessions WHERE owner = ? AND (used_ms, id) < (?, ?) ORDER BY used_ms DESC, id DESC LIMIT ?"
            ))
            .bind(owner.0.as_bytes().to_vec()),
        };
        let query = query.bind(used_ms).bind(id.to_vec()).bind(limit);
        let rows = query.fetch_all(&self.readers).await.map_err(|error| self.failed(error))?;
        rows.iter().map(session_of).collect()
    }

    async fn count_sessions(&self, whose: Whose) -> Result<u64, StoreError> {
        let query = match whose {
            Whose::All => sqlx::query_scalar("SELECT count(*) FROM sessions"),
            Whose::Visitor(owner) => {
                sqlx::query_scalar("SELECT count(*) FROM sessions WHERE owner = ?").bind(owner.0.as_bytes().to_vec())
            }
        };
        let count: i64 = query.fetch_one(&self.readers).await.map_err(|error| self.failed(error))?;
        Ok(count.unsigned_abs())
    }

    async fn end_session(&self, id: Uuid) -> Result<(), StoreError> {
        self.change(Change::End(id)).await.map(drop)
    }

    async fn delete_session(&self, id: Uuid) -> Result<(), StoreError> {
        self.change(Change::Delete(id)).await.map(drop)
    }

    async fn delete_old(&self, what: TooOld) -> Result<Swept, StoreError> {
        match self.change(Change::DeleteOld(what)).await? {
            Outcome::Swept(swept) => Ok(swept),
            _ => Err(StoreError::Closed),
        }
    }

    async fn append(&self, session: Uuid, turn: NewTurn) -> Result<TurnRecord, StoreError> {
        match self.change(Change::Append { session, turn }).await? {
            Outcome::Turn(record) => Ok(record),
            _ => Err(StoreError::Closed),
        }
    }

    async fn await_answer(
        &self,
        session: Uuid,
        message: u64,
        key: Option<String>,
        why: Owed,
    ) -> Result<SessionRecord, StoreError> {
        self.change_session(Change::AwaitAnswer { session, message, key, why }).await
    }

    async fn show(&self, session: Uuid, head: u64) -> Result<SessionRecord, StoreError> {
        self.change_session(Change::Show { session, head }).await
    }

    async fn unanswered(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<SessionRecord>, StoreError> {
        let rows = sqlx::query(concat!(
            "SELECT ",
            session_columns!(),
            " FROM sessions WHERE awaits = 1 AND id > ? ORDER BY id LIMIT ?"
        ))
        .bind(after.map_or_else(Vec::new, |id| id.as_bytes().to_vec()))
        .bind(limit)
        .fetch_all(&self.readers)
        .await
        .map_err(|error| self.failed(error))?;
        rows.iter().map(session_of).collect()
    }

    async fn turns(&self, session: Uuid) -> Result<Vec<TurnRecord>, StoreError> {
        let rows = sqlx::query("SELECT * FROM turns WHERE session = ? ORDER BY seq")
            .bind(session.as_bytes().as_slice())
            .fetch_all(&self.readers)
            .await
            .map_err(|error| self.failed(error))?;
        if rows.is_empty() && self.session(session).await?.is_none() {
            return Err(StoreError::NoSession { id: session });
        }
        rows.iter().map(turn_of).collect()
    }

    async fn size(&self) -> Result<u64, StoreError> {
        let log = self.path.with_extension("sqlite-wal");
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        Ok(size(&self.path) + size(&log))
    }
}

/// Says what a database error means to the one who has to mend it.
pub(super) fn explain(error: sqlx::Error, path: &Path) -> StoreError {
    // SQLITE_READONLY and SQLITE_FULL; the extended codes keep the primary one in their low byte.
    const READ_ONLY: u32 = 8;
    const FULL: u32 = 13;
    match primary_code(&error) {
        Some(FULL) => StoreError::Full { path: path.display().to_string() },
        Some(READ_ONLY) => StoreError::ReadOnly { path: path.display().to_string() },
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
    let (major, minor, patch) = LEAST_SQLITE;
    Err(StoreError::Open {
        path: path.display().to_string(),
        reason: format!(
            "this build has SQLite {found}, which can lose turns when its log is reset; {major}.{minor}.{patch} or later is needed"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_disk_is_named_and_loses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store =
            SqliteStore::open_with(folder.path(), |options| options.pragma("max_page_count", "40")).await.unwrap();
        let session = store.open_session(NewSession::local(1, "")).await.unwrap();
        let first = store.append(session.id, NewTurn::typed(None, "kept")).await.unwrap();
        let error = store.append(session.id, NewTurn::typed(Some(0), "x".repeat(200_000))).await.unwrap_err();
        assert!(matches!(error, StoreError::Full { .. }), "{error}");
        assert_eq!(store.turns(session.id).await.unwrap(), [first]);
        let after = store.append(session.id, NewTurn::typed(Some(0), "small")).await.unwrap();
        assert_eq!(after.seq, 1);
    }

    #[tokio::test]
    async fn a_disk_that_cannot_be_written_is_named_and_reads_on() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path()).await.unwrap();
        let session = store.open_session(NewSession::local(1, "")).await.unwrap();
        store.close().await;
        let open = SqliteStore::open_with(folder.path(), |options| options.pragma("query_only", "ON"));
        let store = open.await.unwrap();
        let error = store.append(session.id, NewTurn::typed(None, "lost")).await.unwrap_err();
        assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
        assert_eq!(store.turns(session.id).await.unwrap(), []);
    }

    #[tokio::test]
    async fn what_the_first_version_kept_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new().filename(folder.path().join(DATABASE)).create_if_missing(true);
        let mut database = options.connect().await.unwrap();
        let first = sqlx::migrate::Migrator {
            migrations: MIGRATIONS.migrations.iter().take(1).cloned().collect::<Vec<_>>().into(),
            ..sqlx::migrate::Migrator::DEFAULT
        };
        first.run(&mut database).await.unwrap();
        for (id, turns) in [(1_u128, 1), (2, 2)] {
            let id = Uuid::from_u128(id);
            let insert = "INSERT INTO sessions (id, supporter, about, created_ms) VALUES (?, 3, 'about', 5)";
            sqlx::query(insert).bind(id.as_bytes().as_slice()).execute(&mut database).await.unwrap();
            for seq in 0..turns {
                let speaker = if seq == 0 { "seeker" } else { "supporter" };
                sqlx::query("INSERT INTO turns VALUES (?, ?, ?, 'words', NULL, NULL, 'whole', NULL, 6)")
                    .bind(id.as_bytes().as_slice())
                    .bind(seq)
                    .bind(speaker)
                    .execute(&mut database)
                    .await
                    .unwrap();
            }
        }
        sqlx::Connection::close(database).await.unwrap();

        let store = SqliteStore::open(folder.path()).await.unwrap();
        let waiting = store.unanswered(None, 9).await.unwrap();
        assert_eq!(waiting.iter().map(|record| record.id.as_u128()).collect::<Vec<_>>(), [1]);
        let answered = store.session(Uuid::from_u128(2)).await.unwrap().unwrap();
        assert_eq!((answered.head, answered.turns, answered.used_ms, answered.owner), (Some(1), 2, 6, None));
        let turns = store.turns(answered.id).await.unwrap();
        assert_eq!(turns.iter().map(|turn| turn.parent).collect::<Vec<_>>(), [None, Some(0)]);
    }

    #[tokio::test]
    async fn turns_keep_their_order_when_the_clock_jumps_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path()).await.unwrap();
        let session = store.open_session(NewSession::local(1, "")).await.unwrap();
        let first = store.append(session.id, NewTurn::typed(None, "first")).await.unwrap();
        store.close().await;
        // As if all that is stored were from tomorrow.
        let options = SqliteConnectOptions::new().filename(folder.path().join(DATABASE));
        let mut database = options.connect().await.unwrap();
        let jump = "DROP TRIGGER turns_never_change; UPDATE turns SET created_ms = created_ms + 86400000;
            UPDATE sessions SET created_ms = created_ms + 86400000, used_ms = used_ms + 86400000";
        sqlx::raw_sql(jump).execute(&mut database).await.unwrap();
        sqlx::Connection::close(database).await.unwrap();

        let store = SqliteStore::open(folder.path()).await.unwrap();
        let second = store.append(session.id, NewTurn::typed(Some(0), "second")).await.unwrap();
        assert!(second.created_ms < first.created_ms + 86_400_000, "the clock went back");
        let turns = store.turns(session.id).await.unwrap();
        assert_eq!(turns.iter().map(|turn| turn.turn.text.as_str()).collect::<Vec<_>>(), ["first", "second"]);
        let record = store.session(session.id).await.unwrap().unwrap();
        assert_eq!((record.head, record.turns, record.awaits), (Some(1), 2, true));
    }
}
