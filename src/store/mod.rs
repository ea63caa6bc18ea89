//! Keeps what must survive: sessions and their append-only turns, behind one trait.

mod check;
mod folder;
mod sqlite;
mod volatile;
mod writer;

pub use check::{StoreCheck, check};
pub use sqlite::SqliteStore;
pub use volatile::VolatileStore;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::dialogue::{Speaker, Turn};

/// A live session between a person and a supporter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// Identity.
    pub id: Uuid,
    /// The supporter's index in the bank.
    pub supporter: u32,
    /// What the person wrote about themselves; may be empty.
    pub about: String,
    /// Milliseconds since 1970, UTC.
    pub created_ms: i64,
    /// When the session was ended, if it was.
    pub ended_ms: Option<i64>,
}

/// How a stored turn came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TurnEnd {
    /// Whole.
    Whole,
    /// Stopped before its end, by the person or by a new message; what was said so far is kept.
    CutOff,
    /// The fixed help card; no model was asked.
    HelpCard,
}

/// A turn as stored. `(session, seq)` is its key; a stored turn never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TurnRecord {
    /// Place in the session, from 0.
    pub seq: u64,
    /// What was said.
    #[serde(flatten)]
    pub turn: Turn,
    /// How it ended.
    pub end: TurnEnd,
    /// Name and version of the model that wrote it; none for people and help cards.
    pub model: Option<String>,
    /// Milliseconds since 1970, UTC.
    pub created_ms: i64,
}

/// A turn to be appended; the store gives it its place and time.
#[derive(Clone, Debug, PartialEq)]
pub struct NewTurn {
    /// What was said.
    pub turn: Turn,
    /// How it ended.
    pub end: TurnEnd,
    /// Name and version of the model that wrote it.
    pub model: Option<String>,
}

impl NewTurn {
    /// A person's turn.
    pub fn typed(text: impl Into<String>) -> Self {
        Self { turn: Turn::new(Speaker::Seeker, text), end: TurnEnd::Whole, model: None }
    }
}

/// Keeps sessions and turns.
#[async_trait]
pub trait Store: Send + Sync {
    /// Creates a session.
    async fn create_session(&self, supporter: u32, about: &str) -> Result<SessionRecord, StoreError>;

    /// The session, if there is one.
    async fn session(&self, id: Uuid) -> Result<Option<SessionRecord>, StoreError>;

    /// Newest first, at most `limit`.
    async fn sessions(&self, limit: u32) -> Result<Vec<SessionRecord>, StoreError>;

    /// Marks the session as ended; a second time changes nothing.
    async fn end_session(&self, id: Uuid) -> Result<(), StoreError>;

    /// Appends a turn in one transaction. When this returns, the turn is on disk.
    async fn append(&self, session: Uuid, turn: NewTurn) -> Result<TurnRecord, StoreError>;

    /// Sessions that are not ended and whose last turn is the seeker's: a crash came before the answer. Newest first,
    /// at most `limit`.
    async fn unanswered(&self, limit: u32) -> Result<Vec<SessionRecord>, StoreError>;

    /// The turns of a session, oldest first; [`StoreError::NoSession`] if there is no such session.
    async fn turns(&self, session: Uuid) -> Result<Vec<TurnRecord>, StoreError>;
}

/// Why something could not be kept or found.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The data folder or database cannot be used.
    #[error("cannot open the store at {path}: {reason}")]
    Open {
        /// The file or folder.
        path: String,
        /// What was wrong with it.
        reason: String,
    },
    /// Another process has the data folder.
    #[error(
        "the data folder {path} is in use by another Kindred{holder}; stop that one, or choose another folder with --data"
    )]
    InUse {
        /// The folder.
        path: String,
        /// " (process 123)" if the other one left its number, else empty.
        holder: String,
    },
    /// The disk is full; nothing was changed.
    #[error("the disk that holds {path} is full; free some space and try again")]
    Full {
        /// The database.
        path: String,
    },
    /// No such session.
    #[error("there is no session {id}")]
    NoSession {
        /// What was asked for.
        id: Uuid,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// A row of the database does not hold what this version wrote or reads.
    #[error("the store holds {found:?} as {column}: expected {expected}")]
    BadRow {
        /// The column.
        column: &'static str,
        /// What it may hold.
        expected: &'static str,
        /// What it holds.
        found: String,
    },
    /// The database failed.
    #[error("the store failed: {0}")]
    Database(#[from] sqlx::Error),
}

/// Milliseconds since 1970, UTC.
fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
