//! What the agents are built from, and how much of it they may use.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::{Generator, Sampling};
use crate::matching::Matcher;
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
    /// The most replies to people in the making; a message past it is refused before it is stored.
    pub replies: usize,
    /// How long a session lies unused before it is dropped from memory.
    pub idle: Duration,
    /// How long a shutdown waits for replies in the making.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { replies: 256, idle: Duration::from_secs(15 * 60), grace: Duration::from_secs(5) }
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
