//! What the agents are built from, and how much of it they may use.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::{Generator, Sampling};
use crate::matching::{Matcher, Meanings};
use crate::memory::MemorySelector;
use crate::persona::Bank;
use crate::store::Store;

/// What the agents are built from.
pub struct Parts {
    /// The characters.
    pub bank: Bank,
    /// Speaks for supporters.
    pub supporter: Arc<dyn Generator>,
    /// Speaks for seekers; may be the same as for supporters.
    pub seeker: Arc<dyn Generator>,
    /// Chooses memories.
    pub selector: MemorySelector,
    /// Ranks the bank.
    pub matcher: Arc<Matcher>,
    /// What the bank is searched by; without it, there is no search by meaning.
    pub meanings: Option<Arc<Meanings>>,
    /// Keeps sessions.
    pub store: Arc<dyn Store>,
    /// How tokens are drawn; each utterance has a seed of its own.
    pub sampling: Sampling,
    /// How much at once, and how long.
    pub limits: Limits,
}

/// How much at once, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most replies to people in the making; those that were admitted beside them wait their turn.
    pub replies: usize,
    /// The most replies admitted and not done; a message past it is refused before it is stored.
    pub waiting: usize,
    /// The most tokens of all admitted replies, prompts and all, as estimated from their characters.
    pub tokens: usize,
    /// As `waiting`, for each visitor. A message that stops a reply counts beside it for a moment: 1 refuses that.
    pub visitor_replies: usize,
    /// As `tokens`, for each visitor.
    pub visitor_tokens: usize,
    /// As `waiting`, for all visitors of one network address.
    pub network_replies: usize,
    /// The most sessions that a visitor has in the store.
    pub visitor_sessions: u64,
    /// The most turns of a session, all versions.
    pub session_turns: u64,
    /// The most bytes of a session's turns, all versions: whoever reads it has them all in memory.
    pub session_bytes: usize,
    /// The most characters of a message.
    pub message_chars: usize,
    /// How often an answer that a crash or a failed actor left unsaid is begun again before the person is told that it
    /// failed.
    pub attempts: u32,
    /// How long a session lies unused before it is dropped from memory.
    pub idle: Duration,
    /// How long a shutdown waits for replies in the making.
    pub grace: Duration,
    /// How long a visitor may stay away before their token means nothing.
    pub visitor_idle: Duration,
    /// How long a visitor's token means something at most.
    pub visitor_absolute: Duration,
    /// How long a session is kept after it was used last; none: as long as somebody can reach it.
    pub retention: Option<Duration>,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Limits {
    fn default() -> Self {
        Self {
            replies: 8,
            waiting: 256,
            tokens: 400_000,
            visitor_replies: 2,
            visitor_tokens: 16_000,
            network_replies: 64,
            visitor_sessions: 200,
            session_turns: 1000,
            session_bytes: 2 * 1024 * 1024,
            message_chars: super::MESSAGE_LIMIT,
            attempts: 3,
            idle: Duration::from_secs(15 * 60),
            grace: Duration::from_secs(5),
            visitor_idle: 90 * DAY,
            visitor_absolute: 400 * DAY,
            retention: None,
        }
    }
}

/// Names the skills: the same names, the same choices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skills {
    /// What chooses memories.
    pub selector: String,
    /// What chooses supporters.
    pub matcher: String,
}
