//! Keeps what must survive: visitors, sessions and their append-only turns, behind one trait.

mod change;
mod check;
mod error;
mod folder;
mod record;
mod rows;
mod sqlite;
mod volatile;
mod writer;

pub use check::{StoreCheck, check};
pub use error::StoreError;
pub use record::{
    Cursor, NewSession, NewTurn, Owed, SessionRecord, Swept, TokenHash, TooOld, TurnEnd, TurnRecord, VisitorId,
    VisitorRecord, Whose,
};
pub use sqlite::SqliteStore;
pub use volatile::VolatileStore;

use async_trait::async_trait;
use uuid::Uuid;

/// Keeps visitors, sessions and turns. What a method that changes something has returned is on disk.
#[async_trait]
pub trait Store: Send + Sync {
    /// Adds a visitor who holds the token with this hash.
    async fn add_visitor(&self, token_hash: TokenHash) -> Result<VisitorRecord, StoreError>;

    /// The visitor who holds the token with this hash.
    async fn visitor(&self, token_hash: &TokenHash) -> Result<Option<VisitorRecord>, StoreError>;

    /// Notes that the visitor is here now. One who is unknown is no error.
    async fn note_visit(&self, id: VisitorId) -> Result<(), StoreError>;

    /// Deletes a visitor, their sessions, and every turn of those, truly. Gives the sessions that were deleted.
    async fn delete_visitor(&self, id: VisitorId) -> Result<Vec<Uuid>, StoreError>;

    /// Opens a session, or gives the one that the same owner opened with the same key.
    async fn open_session(&self, new: NewSession) -> Result<SessionRecord, StoreError>;

    /// The session, if there is one.
    async fn session(&self, id: Uuid) -> Result<Option<SessionRecord>, StoreError>;

    /// Last used first, at most `limit`, those that follow `after`.
    async fn sessions(&self, whose: Whose, after: Option<Cursor>, limit: u32)
    -> Result<Vec<SessionRecord>, StoreError>;

    /// How many sessions there are.
    async fn count_sessions(&self, whose: Whose) -> Result<u64, StoreError>;

    /// Marks the session as ended: no answer is owed any more. A second time changes nothing.
    async fn end_session(&self, id: Uuid) -> Result<(), StoreError>;

    /// Deletes a session and its turns, truly: nothing of them is left in the database's files.
    async fn delete_session(&self, id: Uuid) -> Result<(), StoreError>;

    /// Deletes what is too old, truly, as much as one change may hold; to be called again until it deletes nothing.
    async fn delete_old(&self, what: TooOld) -> Result<Swept, StoreError>;

    /// Appends a turn and makes it the head, in one transaction. A seeker's turn owes an answer from then on, a
    /// supporter's is one.
    async fn append(&self, session: Uuid, turn: NewTurn) -> Result<TurnRecord, StoreError>;

    /// Makes this message the head, and owes it an answer (another one, if it has one). If it is the head that awaits an
    /// answer already, counts one attempt more; falls are counted until somebody asks. `key` names the request for it;
    /// none leaves the one there is.
    async fn await_answer(
        &self,
        session: Uuid,
        message: u64,
        key: Option<String>,
        why: Owed,
    ) -> Result<SessionRecord, StoreError>;

    /// Makes this turn the head, as one who looks at another version; a message owes no answer by that.
    async fn show(&self, session: Uuid, head: u64) -> Result<SessionRecord, StoreError>;

    /// Sessions with a message whose answer is owed, in the order of their identities (which is that of their opening),
    /// those after `after`, at most `limit`.
    async fn unanswered(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<SessionRecord>, StoreError>;

    /// The turns of a session, in the order of storing; [`StoreError::NoSession`] if there is no such session.
    async fn turns(&self, session: Uuid) -> Result<Vec<TurnRecord>, StoreError>;

    /// Bytes that it takes on disk.
    async fn size(&self) -> Result<u64, StoreError>;
}

/// Milliseconds since 1970, UTC.
fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
