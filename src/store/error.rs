//! Why something could not be kept or found.

use uuid::Uuid;

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
    /// The disk can be read, not written; nothing was changed.
    #[error("the disk that holds {path} can be read but not written; make it writable and try again")]
    ReadOnly {
        /// The database.
        path: String,
    },
    /// No such session.
    #[error("there is no session {id}")]
    NoSession {
        /// What was asked for.
        id: Uuid,
    },
    /// The session has no such turn.
    #[error("the session has no turn {seq}")]
    NoTurn {
        /// What was asked for.
        seq: u64,
    },
    /// The session has another turn under this key.
    #[error("turn {seq} was stored under this key, with other words")]
    KeyTaken {
        /// That turn.
        seq: u64,
    },
    /// The owner has as many sessions as they may.
    #[error("{limit} conversations are kept, which is the limit; delete one first")]
    TooManySessions {
        /// The most there may be.
        limit: u64,
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
