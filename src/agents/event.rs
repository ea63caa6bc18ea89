//! What happens in a session, numbered so that a listener who lost the line resumes where it was.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::Stream;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::dialogue::Speaker;
use crate::persona::Memory;
use crate::store::{TurnEnd, TurnRecord};

/// Bits of an event's number below the turn's; numbers stay exact in JavaScript up to 2²¹ turns.
const WITHIN_TURN: u32 = 32;

/// Something that happened in a session.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionEvent {
    /// Grows from event to event, with gaps: the turn's place × 2³² + a place within the turn. It depends on nothing that
    /// a restart forgets, so that a listener may resume from it even after one. None where a state is told, not something
    /// that happened: it is told anew to whoever comes.
    pub id: Option<u64>,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

impl SessionEvent {
    /// Something that happened, for good.
    pub(super) fn numbered(id: u64, kind: EventKind) -> Self {
        Self { id: Some(id), kind }
    }

    /// How something stands now.
    pub(super) fn state(kind: EventKind) -> Self {
        Self { id: None, kind }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventKind {
    /// The person's message was stored.
    Said {
        /// As stored.
        turn: TurnRecord,
    },
    /// A reply begins. If one with the same place began before and never ended, forget what it said.
    ReplyStarted {
        /// The place the reply will have.
        seq: u64,
        /// The message it answers.
        parent: Option<u64>,
        /// The memory it was given.
        memory: Option<Memory>,
    },
    /// More of the reply.
    Text {
        /// The reply's place.
        seq: u64,
        /// Follows what came before.
        text: String,
    },
    /// The reply ended.
    ReplyEnded {
        /// The reply's place.
        seq: u64,
        /// How.
        end: TurnEnd,
        /// As stored: this is the reply, whatever was seen on the way; empty if it was stopped before its first word. None
        /// if a new message took its place before then.
        turn: Option<TurnRecord>,
    },
    /// No reply could be given, or not to its end.
    Failed {
        /// The place the reply would have had.
        seq: u64,
        /// Why, for people.
        message: String,
        /// Whether it was only the moment that stood in the way: asked again, the reply may come.
        retry: bool,
    },
    /// The reply waits its turn.
    Queued {
        /// The place the reply will have.
        seq: u64,
        /// Replies that will begin before.
        ahead: usize,
        /// About how long that takes, in milliseconds.
        wait_ms: u64,
    },
    /// Where the talk stands; told to everybody who comes, and whenever it goes another way than on.
    Head {
        /// The turn; none before the first.
        seq: Option<u64>,
    },
    /// The session was deleted, with all that was said; nothing follows.
    Deleted,
    /// The session is over; nothing follows.
    Ended,
    /// The server is going down; resume later from the last number.
    Closing,
}

/// Bits of a place within a turn that one attempt at a reply has: more than the events of any reply.
const WITHIN_ATTEMPT: u32 = 20;
/// Attempts past this share their numbers.
const MOST_ATTEMPTS: u32 = (1 << (WITHIN_TURN - WITHIN_ATTEMPT - 1)) - 1;

/// The first place within a turn of attempt number `attempt` at it: past all that listeners saw of the ones before.
pub(super) fn first_of(attempt: u32) -> u32 {
    (attempt.min(MOST_ATTEMPTS) << WITHIN_ATTEMPT) + 1
}

/// The number of event `within` of turn `seq`.
pub(super) fn event_id(seq: u64, within: u32) -> u64 {
    (seq << WITHIN_TURN) | u64::from(within)
}

/// The number of the event after which nothing more happens to turn `seq`.
pub(super) fn last_of(seq: u64) -> u64 {
    event_id(seq, u32::MAX)
}

/// What a listener who has seen everything up to `after` missed of a stored turn.
pub(super) fn replay(record: &TurnRecord, after: u64) -> Vec<SessionEvent> {
    let seq = record.seq;
    let id = last_of(seq);
    if id <= after {
        return Vec::new();
    }
    if record.turn.speaker == Speaker::Seeker {
        return vec![SessionEvent::numbered(id, EventKind::Said { turn: record.clone() })];
    }
    let mut events = Vec::with_capacity(3);
    if after < event_id(seq, 0) || seq == 0 && after == 0 {
        let (parent, memory) = (record.parent, record.turn.memory.clone());
        events.push(SessionEvent::numbered(event_id(seq, 1), EventKind::ReplyStarted { seq, parent, memory }));
        let text = record.turn.text.clone();
        events.push(SessionEvent::numbered(event_id(seq, 2), EventKind::Text { seq, text }));
    }
    // A listener that saw the beginning gets the whole from the record.
    let ended = EventKind::ReplyEnded { seq, end: record.end, turn: Some(record.clone()) };
    events.push(SessionEvent::numbered(id, ended));
    events
}

/// The events of a session: what was missed, then what happens. Ends when the session does, when the process shuts
/// down, or when the listener is so slow that it should resume anew.
pub struct SessionEvents {
    missed: std::vec::IntoIter<SessionEvent>,
    /// Shared by all who listen; a small thing in their queues, of which there may be tens of thousands.
    live: mpsc::Receiver<Arc<SessionEvent>>,
    /// While somebody listens, the session stays awake.
    _awake: Arc<()>,
}

impl SessionEvents {
    pub(super) fn new(missed: Vec<SessionEvent>, live: mpsc::Receiver<Arc<SessionEvent>>, awake: Arc<()>) -> Self {
        Self { missed: missed.into_iter(), live, _awake: awake }
    }

    /// Bytes of the words among what was missed and is not told yet.
    pub fn missed_bytes(&self) -> usize {
        let words = |event: &SessionEvent| match &event.kind {
            EventKind::Said { turn } | EventKind::ReplyEnded { turn: Some(turn), .. } => turn.turn.text.len(),
            EventKind::Text { text, .. } => text.len(),
            _ => 0,
        };
        self.missed.as_slice().iter().map(words).sum()
    }
}

impl Stream for SessionEvents {
    type Item = SessionEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<SessionEvent>> {
        match self.missed.next() {
            Some(event) => Poll::Ready(Some(event)),
            None => {
                // A listener may stay for days: what it missed is not kept that long.
                self.missed = Vec::new().into_iter();
                self.live.poll_recv(context).map(|event| event.map(Arc::unwrap_or_clone))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_attempt_has_later_numbers_and_the_end_has_the_last() {
        assert!(event_id(3, first_of(1)) > event_id(3, first_of(0) + 900_000));
        assert!(event_id(3, first_of(u32::MAX)) < last_of(3));
        assert!(last_of(3) < event_id(4, first_of(0)));
    }
}
