//! One live session: takes messages, has them answered, stores every turn before it is announced.

mod answer;
mod keys;
mod requests;

pub(super) use keys::{Known, KnownAgain};
pub(super) use requests::{Leave, Listen, Look, Park, Regenerate, Say, Show, Stop};

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix::{Actor, ActorContext as _, AsyncContext as _, Context};
use tokio::sync::mpsc;

use super::admission::{Admission, Admitted};
use super::event::{EventKind, SessionEvent, event_id, last_of};
use super::registry::{Registry, Seat};
use super::reply::{Remains, Running};
use super::versions::Versions;
use super::watch::Guard;
use crate::dialogue::{Speaker, Turn};
use crate::store::{NewTurn, SessionRecord, Store, TurnEnd, TurnRecord};

/// How often a session looks whether it may sleep.
const LOOK_AROUND: Duration = Duration::from_secs(15);

/// What a session is made of. Its state is a cache of the store, never the truth.
pub(super) struct SessionActor {
    pub(super) record: SessionRecord,
    pub(super) versions: Versions,
    pub(super) store: Arc<dyn Store>,
    pub(super) registry: Arc<Registry>,
    pub(super) admission: Arc<Admission>,
    pub(super) guard: Guard,
    /// The place with the character; freed when the actor goes.
    pub(super) _seat: Seat,
    /// Its own share in what keeps it awake; see [`Registry::release`].
    pub(super) _awake: Arc<()>,
    /// Characters on the path to the head, for whoever admits the next reply.
    pub(super) characters: Arc<AtomicUsize>,
    /// How long a session lies unused before it sleeps.
    pub(super) idle: Duration,
    /// The most turns, all versions.
    pub(super) most_turns: u64,
    /// The most bytes of them.
    pub(super) most_bytes: usize,
    /// How often an answer is begun again.
    pub(super) attempts: u32,
    /// For the answer that a crash left unsaid.
    pub(super) admitted: Option<Admitted>,
    pub(super) listeners: Vec<mpsc::Sender<Arc<SessionEvent>>>,
    pub(super) reply: Option<Running>,
    /// That no reply could be given, while that is the last that happened.
    pub(super) failed: Option<SessionEvent>,
    /// The highest number of an event that was told.
    pub(super) told: u64,
    /// Replies begun by this actor; tells the steps of one from those of another.
    pub(super) replies: u64,
    pub(super) used: Instant,
}

impl Actor for SessionActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        self.count_characters();
        context.run_interval(LOOK_AROUND.min(self.idle), |session, context| {
            session.listeners.retain(|listener| !listener.is_closed());
            if session.reply.is_none()
                && session.used.elapsed() >= session.idle
                && session.registry.release(session.record.id)
            {
                session.leave(context);
            }
        });
        // Taken in any case: a session that owes nothing must not hold a place among the replies while it is awake.
        let admitted = self.admitted.take();
        if self.record.awaits {
            self.answer_after_a_fall(admitted, context);
        }
    }
}

impl SessionActor {
    /// Ends the actor. Not in `stopped`, which actix calls after a panic too: that must be told of.
    fn leave(&mut self, context: &mut Context<Self>) {
        self.guard.dismiss();
        context.stop();
    }

    /// Takes in what the store has appended.
    fn took(&mut self, turn: TurnRecord) {
        let record = &mut self.record;
        record.head = Some(turn.seq);
        record.turns = record.turns.max(turn.seq + 1);
        record.used_ms = turn.created_ms;
        record.awaits = turn.turn.speaker == Speaker::Seeker && record.ended_ms.is_none();
        record.attempts = 0;
        record.falls = 0;
        record.pending_key = None;
        self.failed = None;
        self.versions.push(turn);
        self.count_characters();
    }

    /// Takes in how the store says the session stands.
    fn stands(&mut self, record: SessionRecord) {
        self.record = record;
        self.count_characters();
    }

    fn count_characters(&self) {
        let path = self.versions.path(self.record.head);
        // Bytes, which are no fewer than characters: this only bounds.
        self.characters.store(path.iter().map(|turn| turn.turn.text.len()).sum(), Ordering::Relaxed);
    }

    /// Stops the reply on its way, if there is one. What it said is to be kept by [`super::reply::keep`]; with
    /// `wordless`, one that has said nothing yet is kept too, and so is one that is owed and not on its way: its place is
    /// taken, and its events' numbers with it.
    fn cut(&mut self, wordless: bool, context: &mut Context<Self>) -> Option<Remains> {
        let Some(running) = self.reply.take() else {
            let parent = self.record.head.filter(|_| wordless && self.record.awaits)?;
            let turn = Turn::new(Speaker::Supporter, "");
            let key = self.record.pending_key.clone();
            let turn = NewTurn { parent: Some(parent), turn, end: TurnEnd::CutOff, model: None, key };
            return Some(Remains { seq: self.versions.next(), next: None, turn: Some(turn) });
        };
        context.cancel_future(running.work);
        let turn = (wordless || !running.text.is_empty()).then(|| running.turn(TurnEnd::CutOff));
        Some(Remains { seq: running.seq, next: Some(running.next), turn })
    }

    /// Announces what became of the remains of a stopped reply.
    fn was_cut(&mut self, remains: &Remains, kept: Option<TurnRecord>) {
        match kept {
            Some(record) => self.reply_ended(record),
            None => {
                // One that was not on its way is as it was before.
                let Some(next) = remains.next else { return };
                let kind = EventKind::ReplyEnded { seq: remains.seq, end: TurnEnd::CutOff, turn: None };
                self.announce(SessionEvent::numbered(event_id(remains.seq, next), kind));
            }
        }
    }

    fn reply_ended(&mut self, record: TurnRecord) {
        self.reply = None;
        self.failed = None;
        metrics::counter!("kindred_replies_total", "end" => end_label(record.end)).increment(1);
        self.took(record.clone());
        let kind = EventKind::ReplyEnded { seq: record.seq, end: record.end, turn: Some(record.clone()) };
        self.announce(SessionEvent::numbered(last_of(record.seq), kind));
    }

    fn announce_of_reply(&mut self, kind: EventKind) {
        let Some(running) = &mut self.reply else { return };
        let event = Arc::new(SessionEvent::numbered(event_id(running.seq, running.next), kind));
        running.next += 1;
        running.events.push(event.clone());
        // Kept for those who come late, until something follows.
        if matches!(event.kind, EventKind::Failed { .. }) {
            self.failed = Some(SessionEvent::clone(&event));
        }
        self.share(event);
    }

    fn announce_head(&mut self) {
        self.announce(SessionEvent::state(EventKind::Head { seq: self.record.head }));
    }

    fn announce(&mut self, event: SessionEvent) {
        self.share(Arc::new(event));
    }

    fn share(&mut self, event: Arc<SessionEvent>) {
        // One that has left, or cannot keep up, is let go; it resumes from the last number it saw.
        self.told = self.told.max(event.id.unwrap_or_default());
        self.listeners.retain(|listener| listener.try_send(event.clone()).is_ok());
    }

    /// The number of the last event of what is stored.
    fn last_event(&self) -> u64 {
        self.versions.next().checked_sub(1).map_or(0, last_of)
    }

    fn after_everything(&self) -> SessionEvent {
        SessionEvent::numbered(last_of(self.versions.next()), EventKind::Ended)
    }
}

fn end_label(end: TurnEnd) -> &'static str {
    match end {
        TurnEnd::Whole => "whole",
        TurnEnd::CutOff => "cutoff",
        TurnEnd::HelpCard => "helpcard",
        TurnEnd::Failed => "failed",
    }
}
