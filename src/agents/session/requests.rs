//! What is asked of a session. Each request is done before the next begins: the store answers in between.

use std::sync::Arc;
use std::time::Instant;

use actix::{
    ActorFutureExt as _, AsyncContext as _, AtomicResponse, Context, Handler, Message, MessageResult, WrapFuture as _,
};
use tokio::sync::mpsc;

use super::SessionActor;
use crate::agents::AgentError;
use crate::agents::admission::Admitted;
use crate::agents::event::{EventKind, SessionEvent, event_id, last_of, replay};
use crate::agents::reply::keep;
use crate::agents::visitor::RequestKey;
use crate::dialogue::Speaker;
use crate::store::{NewTurn, Owed, SessionRecord, TurnRecord};

/// How many times as long as others a talk may be for a message that the help card answers.
const HELP_BEYOND: usize = 2;
/// Events that may wait for a listener; one that is further behind resumes anew.
const EVENTS_AHEAD: usize = 512;

type Answer<T> = AtomicResponse<SessionActor, Result<T, AgentError>>;

fn at_once<T: 'static>(answer: Result<T, AgentError>) -> Answer<T> {
    AtomicResponse::new(Box::pin(actix::fut::ready(answer)))
}

/// A person's message, checked and admitted.
#[derive(Message)]
#[rtype(result = "Result<TurnRecord, AgentError>")]
pub(in crate::agents) struct Say {
    pub(in crate::agents) text: String,
    pub(in crate::agents) replaces: Option<u64>,
    pub(in crate::agents) key: Option<RequestKey>,
    /// None for what the help card answers, which waits for nobody.
    pub(in crate::agents) admitted: Option<Admitted>,
}

impl SessionActor {
    /// Whether the session takes `more` turns; `times` as many as it may have, in all.
    fn check_room(&self, more: u64, times: usize) -> Result<(), AgentError> {
        if self.record.ended_ms.is_some() {
            return Err(AgentError::SessionEnded { id: self.record.id });
        }
        let most_turns = self.most_turns.saturating_mul(times as u64);
        if self.versions.next() + more > most_turns || self.versions.bytes() >= self.most_bytes.saturating_mul(times) {
            return Err(AgentError::SessionFull { limit: self.most_turns, bytes: self.most_bytes });
        }
        Ok(())
    }

    /// The parent of a version of this message.
    fn parent_of(&self, message: u64) -> Result<Option<u64>, AgentError> {
        match self.versions.get(message) {
            None => Err(AgentError::NoTurn { seq: message }),
            Some(turn) if turn.turn.speaker != Speaker::Seeker => Err(AgentError::NotAMessage { seq: message }),
            Some(turn) => Ok(turn.parent),
        }
    }
}

impl Handler<Say> for SessionActor {
    type Result = Answer<TurnRecord>;

    fn handle(&mut self, say: Say, context: &mut Context<Self>) -> Self::Result {
        self.used = Instant::now();
        fail::fail_point!("actor::session");
        if let Some(key) = &say.key {
            match self.said_before(&say.text, say.replaces, key) {
                Ok(None) => {}
                Ok(Some(known)) => return at_once(Ok(known)),
                Err(error) => return at_once(Err(error)),
            }
        }
        // The message, its answer, and what is kept of a reply that it stops. A talk that is full has room for the help
        // card still.
        let times = if say.admitted.is_some() { 1 } else { HELP_BEYOND };
        let version =
            match self.check_room(3, times).and_then(|()| say.replaces.map(|seq| self.parent_of(seq)).transpose()) {
                Ok(version) => version,
                Err(error) => return at_once(Err(error)),
            };
        let remains = self.cut(false, context);
        let (store, record) = (self.store.clone(), self.record.clone());
        let Say { text, key, admitted, .. } = say;
        let stored = async move {
            let kept = match keep(store.as_ref(), &record, remains.as_ref()).await {
                Ok(kept) => kept,
                Err(error) => return (remains, None, Err(error.into())),
            };
            let follows = kept.as_ref().map(|turn| turn.seq).or(record.head);
            let turn = NewTurn {
                key: key.map(|key| key.as_str().to_owned()),
                ..NewTurn::typed(version.unwrap_or(follows), text)
            };
            let said = store.append(record.id, turn).await;
            fail::fail_point!("session::said");
            (remains, kept, said.map_err(AgentError::from))
        };
        AtomicResponse::new(Box::pin(stored.into_actor(self).map(move |(remains, kept, said), session, context| {
            if let Some(remains) = &remains {
                session.was_cut(remains, kept);
            }
            let said = said?;
            session.took(said.clone());
            let kind = EventKind::Said { turn: said.clone() };
            session.announce(SessionEvent::numbered(last_of(said.seq), kind));
            if version.is_some() {
                session.announce_head();
            }
            session.answer(admitted, context);
            Ok(said)
        })))
    }
}

/// Asks for another version of a reply. Answers with the message that is answered anew.
#[derive(Message)]
#[rtype(result = "Result<u64, AgentError>")]
pub(in crate::agents) struct Regenerate {
    /// The reply, or a message without one; none: where the talk stands.
    pub(in crate::agents) turn: Option<u64>,
    pub(in crate::agents) key: Option<RequestKey>,
    pub(in crate::agents) admitted: Admitted,
}

impl Handler<Regenerate> for SessionActor {
    type Result = Answer<u64>;

    fn handle(&mut self, Regenerate { turn, key, admitted }: Regenerate, context: &mut Context<Self>) -> Self::Result {
        self.used = Instant::now();
        match key.as_ref().map_or(Ok(None), |key| self.asked_before(key)) {
            Ok(None) => {}
            Ok(Some(message)) => return at_once(Ok(message)),
            Err(error) => return at_once(Err(error)),
        }
        // The other version, and what is kept of a reply that it stops.
        if let Err(error) = self.check_room(2, 1) {
            return at_once(Err(error));
        }
        // A reply on its way has no turn yet: asked for anew, it is begun anew.
        let Some(from) = turn.or(self.record.head) else {
            return at_once(Err(AgentError::NoTurn { seq: 0 }));
        };
        let Some(message) = self.versions.message_of(from) else {
            return at_once(Err(AgentError::NoTurn { seq: from }));
        };
        // Numbers of events that were seen must not come again: the same message counts one attempt more, of another
        // message's reply the place is taken.
        let same = self.record.awaits && self.record.head == Some(message);
        let remains = self.cut(!same, context);
        let (store, record) = (self.store.clone(), self.record.clone());
        let owed = async move {
            let kept = match keep(store.as_ref(), &record, remains.as_ref()).await {
                Ok(kept) => kept,
                Err(error) => return (remains, None, Err(error.into())),
            };
            let key = key.map(|key| key.as_str().to_owned());
            let now = store.await_answer(record.id, message, key, Owed::Asked).await.map_err(AgentError::from);
            (remains, kept, now)
        };
        AtomicResponse::new(Box::pin(owed.into_actor(self).map(move |(remains, kept, now), session, context| {
            if let Some(remains) = &remains {
                session.was_cut(remains, kept);
            }
            session.stands(now?);
            session.announce_head();
            session.answer(Some(admitted), context);
            Ok(message)
        })))
    }
}

/// Shows another version: makes it, or the newest turn beneath it, the head. Answers with the head.
#[derive(Message)]
#[rtype(result = "Result<u64, AgentError>")]
pub(in crate::agents) struct Show {
    pub(in crate::agents) seq: u64,
}

impl Handler<Show> for SessionActor {
    type Result = Answer<u64>;

    fn handle(&mut self, Show { seq }: Show, context: &mut Context<Self>) -> Self::Result {
        self.used = Instant::now();
        if self.versions.get(seq).is_none() {
            return at_once(Err(AgentError::NoTurn { seq }));
        }
        let head = self.versions.newest_beneath(seq);
        // Where the talk stands already: the reply on its way goes on.
        if self.record.head == Some(head) {
            return at_once(Ok(head));
        }
        let remains = self.cut(true, context);
        let (store, record) = (self.store.clone(), self.record.clone());
        let shown = async move {
            let kept = match keep(store.as_ref(), &record, remains.as_ref()).await {
                Ok(kept) => kept,
                Err(error) => return (remains, None, Err(error.into())),
            };
            (remains, kept, store.show(record.id, head).await.map_err(AgentError::from))
        };
        AtomicResponse::new(Box::pin(shown.into_actor(self).map(move |(remains, kept, now), session, _| {
            if let Some(remains) = &remains {
                session.was_cut(remains, kept);
            }
            session.stands(now?);
            session.announce_head();
            Ok(head)
        })))
    }
}

/// Stops the reply on its way; with `end`, ends the session too. Answers with what was kept of the reply.
#[derive(Message)]
#[rtype(result = "Result<Option<TurnRecord>, AgentError>")]
pub(in crate::agents) struct Stop {
    pub(in crate::agents) end: bool,
}

impl Handler<Stop> for SessionActor {
    type Result = Answer<Option<TurnRecord>>;

    fn handle(&mut self, Stop { end }: Stop, context: &mut Context<Self>) -> Self::Result {
        self.used = Instant::now();
        // A stopped reply without words is kept too: else it would be owed, and made after all.
        let remains = self.cut(true, context);
        let (store, record) = (self.store.clone(), self.record.clone());
        let stored = async move {
            let kept = keep(store.as_ref(), &record, remains.as_ref()).await;
            let ended = match end && record.ended_ms.is_none() {
                true => store.end_session(record.id).await.map(|()| true),
                false => Ok(false),
            };
            let now = store.session(record.id).await.ok().flatten();
            (remains, kept, ended, now)
        };
        AtomicResponse::new(Box::pin(stored.into_actor(self).map(|(remains, kept, ended, now), session, _| {
            if let Some(remains) = &remains {
                session.was_cut(remains, kept.as_ref().ok().cloned().flatten());
            }
            if let Some(now) = now {
                session.stands(now);
            }
            if ended? {
                session.record.ended_ms.get_or_insert(session.record.used_ms);
                session.record.awaits = false;
                let over = session.after_everything();
                session.announce(over);
                session.listeners.clear();
            }
            Ok(kept?)
        })))
    }
}

/// Asks for the events after this number; without one, for the reply on its way and what follows.
#[derive(Message)]
#[rtype(result = "(Vec<SessionEvent>, mpsc::Receiver<Arc<SessionEvent>>)")]
pub(in crate::agents) struct Listen {
    pub(in crate::agents) after: Option<u64>,
}

impl Handler<Listen> for SessionActor {
    type Result = MessageResult<Listen>;

    fn handle(&mut self, Listen { after }: Listen, _: &mut Context<Self>) -> Self::Result {
        self.used = Instant::now();
        let mut missed = Vec::new();
        if let Some(after) = after {
            missed.extend(self.versions.all().iter().flat_map(|record| replay(record, after)));
        }
        if let Some(running) = &self.reply {
            let after = after.unwrap_or_default();
            let later = running.events.iter().filter(|event| event.id > Some(after));
            missed.extend(later.map(|event| SessionEvent::clone(event)));
            missed.extend(running.queued.clone());
        } else if let Some(failed) = &self.failed {
            missed.extend((failed.id > after).then(|| failed.clone()));
        }
        missed.push(SessionEvent::state(EventKind::Head { seq: self.record.head }));
        let (tell, live) = mpsc::channel(EVENTS_AHEAD);
        if self.record.ended_ms.is_some() {
            missed.push(self.after_everything());
        } else {
            self.listeners.push(tell);
        }
        MessageResult((missed, live))
    }
}

/// Asks how the session stands: its record, the number of its last event, whether a reply is on its way.
#[derive(Message)]
#[rtype(result = "(SessionRecord, u64, bool)")]
pub(in crate::agents) struct Look;

impl Handler<Look> for SessionActor {
    type Result = MessageResult<Look>;

    fn handle(&mut self, _: Look, _: &mut Context<Self>) -> Self::Result {
        MessageResult((self.record.clone(), self.last_event(), self.reply.is_some()))
    }
}

/// The session is to be deleted: tells the listeners, keeps nothing, and ends the actor.
#[derive(Message)]
#[rtype(result = "()")]
pub(in crate::agents) struct Leave;

impl Handler<Leave> for SessionActor {
    type Result = ();

    fn handle(&mut self, _: Leave, context: &mut Context<Self>) {
        if let Some(running) = self.reply.take() {
            context.cancel_future(running.work);
        }
        self.announce(SessionEvent::state(EventKind::Deleted));
        self.listeners.clear();
        self.leave(context);
    }
}

/// The process goes down: tells the listeners to resume later, and parks a reply that is not done. What it said is not
/// stored, so that the next start answers anew.
#[derive(Message)]
#[rtype(result = "()")]
pub(in crate::agents) struct Park;

impl Handler<Park> for SessionActor {
    type Result = ();

    fn handle(&mut self, _: Park, context: &mut Context<Self>) {
        let id = match self.reply.take() {
            Some(running) => {
                context.cancel_future(running.work);
                event_id(running.seq, running.next)
            }
            None => self.last_event(),
        };
        self.announce(SessionEvent::numbered(id.max(self.told), EventKind::Closing));
        self.listeners.clear();
        self.leave(context);
    }
}
