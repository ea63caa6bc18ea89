//! What the people of a trial know for certain: whatever the server promised, and whatever they saw.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// A message that somebody sent.
#[derive(Clone, Debug)]
pub struct Sent {
    pub session: Uuid,
    pub text: String,
    /// The place that the server promised; none if no answer ever came.
    pub seq: Option<u64>,
}

/// A session that the server promised.
#[derive(Clone, Debug)]
pub struct Opened {
    pub session: Uuid,
    /// Whose it is, as the server knows them.
    pub cookie: Option<String>,
    /// Whether the server promised that it is over.
    pub ended: bool,
}

/// A turn as the server tells or keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Turn {
    pub seq: u64,
    #[serde(default)]
    pub parent: Option<u64>,
    pub speaker: String,
    pub text: String,
    pub end: String,
}

impl Turn {
    pub fn is_message(&self) -> bool {
        self.speaker == "seeker"
    }
}

/// The turns of a session's JSON.
pub fn turns_of(turns: &Value) -> Result<Vec<Turn>, String> {
    serde_json::from_value(turns.clone()).map_err(|error| format!("turns that cannot be read: {error}"))
}

/// What a reader saw of a session from its first event on.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Messages by their place.
    pub said: BTreeMap<u64, String>,
    /// Replies by their place: text and end, as the event told the stored turn.
    pub replies: BTreeMap<u64, (String, String)>,
    /// Replies whose pieces were put together and compared with what was stored.
    pub pieced: usize,
    pub failed: usize,
    pub events: usize,
    /// How often the line was taken up again.
    pub resumed: usize,
}

/// All that is known, shared by everybody in a trial.
#[derive(Default)]
pub struct Record {
    // A std Mutex: held for one push.
    inner: Mutex<Known>,
}

#[derive(Clone, Default)]
pub struct Known {
    pub opened: Vec<Opened>,
    pub sent: Vec<Sent>,
    pub seen: Vec<(Uuid, Seen)>,
    /// Messages sent more than once, as no answer came.
    pub retried: usize,
    /// Messages given up as no answer came.
    pub abandoned: usize,
    /// Broken promises, in the order they were noticed.
    pub problems: Vec<String>,
    told: HashSet<String>,
}

impl Record {
    pub fn note(&self, note: impl FnOnce(&mut Known)) {
        note(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Notes a broken promise; the same words count once.
    pub fn problem(&self, problem: impl Into<String>) {
        self.note(|known| known.problem(problem.into()));
    }

    pub fn known(&self) -> Known {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Known {
    pub fn problem(&mut self, problem: String) {
        if self.told.insert(problem.clone()) {
            self.problems.push(problem);
        }
    }
}
