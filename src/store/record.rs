//! What is kept: visitors, sessions, turns.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::dialogue::{Speaker, Turn};

/// Names a visitor inside; never shown outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VisitorId(pub Uuid);

/// SHA-256 of a visitor's token. The token itself is kept by the visitor alone.
pub type TokenHash = [u8; 32];

/// Somebody without a name: whoever holds the token owns the sessions that were opened with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VisitorRecord {
    /// Identity.
    pub id: VisitorId,
    /// Milliseconds since 1970, UTC.
    pub created_ms: i64,
    /// When they were here last, to the hour or so; milliseconds since 1970, UTC.
    pub seen_ms: i64,
}

/// A live session between a person and a supporter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Identity.
    pub id: Uuid,
    /// Whose it is; none: this machine's own user's.
    pub owner: Option<VisitorId>,
    /// The supporter's index in the bank.
    pub supporter: u32,
    /// What the person wrote about themselves; may be empty.
    pub about: String,
    /// Milliseconds since 1970, UTC.
    pub created_ms: i64,
    /// When the last turn was stored, else when it was opened.
    pub used_ms: i64,
    /// When the session was ended, if it was.
    pub ended_ms: Option<i64>,
    /// The turn where the talk stands; what was said is the path from it to the root. None before the first turn.
    pub head: Option<u64>,
    /// Turns stored, all versions.
    pub turns: u64,
    /// Whether the head is a message whose answer is owed.
    pub awaits: bool,
    /// Answers to the head that were begun after the first one and never came to an end, whyever.
    pub attempts: u32,
    /// Of them, those that nobody asked for: something fell while the answer was owed.
    pub falls: u32,
    /// The key of the request for another version of a reply, while that is on its way.
    pub pending_key: Option<String>,
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
    /// No answer could be given, and trying again would fail again.
    Failed,
}

/// A turn as stored. `(session, seq)` is its key; a stored turn never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TurnRecord {
    /// Place in the session, from 0, in the order of storing.
    pub seq: u64,
    /// The turn it follows; none for a first one. Turns with the same parent are versions of one turn.
    pub parent: Option<u64>,
    /// What was said.
    #[serde(flatten)]
    pub turn: Turn,
    /// How it ended.
    pub end: TurnEnd,
    /// Name and version of the model that wrote it; none for people and help cards.
    pub model: Option<String>,
    /// The key of the request that made it; the same request sent again finds it by this.
    #[serde(skip)]
    pub key: Option<String>,
    /// Milliseconds since 1970, UTC.
    pub created_ms: i64,
}

/// A session to be opened; the store gives it its identity and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// Whose it will be.
    pub owner: Option<VisitorId>,
    /// The supporter's index in the bank.
    pub supporter: u32,
    /// What the person wrote about themselves.
    pub about: String,
    /// A second request of the same owner with this key gets the session of the first.
    pub key: Option<String>,
    /// The most sessions that the owner may have.
    pub limit: u64,
}

impl NewSession {
    /// A session of this machine's own user.
    pub fn local(supporter: u32, about: impl Into<String>) -> Self {
        Self { owner: None, supporter, about: about.into(), key: None, limit: u64::MAX }
    }
}

/// A turn to be appended; the store gives it its place and time, and makes it the head.
#[derive(Clone, Debug, PartialEq)]
pub struct NewTurn {
    /// The turn it follows.
    pub parent: Option<u64>,
    /// What was said.
    pub turn: Turn,
    /// How it ended.
    pub end: TurnEnd,
    /// Name and version of the model that wrote it.
    pub model: Option<String>,
    /// The key of the request that made it.
    pub key: Option<String>,
}

impl NewTurn {
    /// A person's turn after `parent`.
    pub fn typed(parent: Option<u64>, text: impl Into<String>) -> Self {
        Self { parent, turn: Turn::new(Speaker::Seeker, text), end: TurnEnd::Whole, model: None, key: None }
    }
}

/// Why an answer is owed from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owed {
    /// Somebody asks for it.
    Asked,
    /// It was owed before, and something fell before it came.
    Still,
}

/// Which sessions a list is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Everybody's.
    All,
    /// Those of one visitor.
    Visitor(VisitorId),
}

/// A place in a list of sessions, newest used first: what follows this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// When the last one listed was used.
    pub used_ms: i64,
    /// Its identity.
    pub id: Uuid,
}

/// What a sweep deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Sessions, whosever.
    pub sessions: Vec<Uuid>,
    /// How many visitors.
    pub visitors: usize,
}

/// What is too old to be kept: milliseconds since 1970, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooOld {
    /// Visitors who were last here before this, with all that is theirs.
    pub seen_before: i64,
    /// Visitors who first came before this, with all that is theirs.
    pub created_before: i64,
    /// Sessions last used before this, whosever they are.
    pub used_before: i64,
}
