//! One live session: takes messages, has them answered, stores every turn before it is announced.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{
    Actor, ActorContext as _, ActorFutureExt as _, AsyncContext as _, AtomicResponse, Context, Handler, Message,
    MessageResult, SpawnHandle, StreamHandler, WrapFuture as _,
};
use futures::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::character::Speak;
use super::event::{EventKind, SessionEvent, event_id, last_of, replay};
use super::registry::{Registry, Seat};
use super::reply::{Remains, Running, keep};
use super::utterance::{Cue, MemoryRule, Spoken, Step};
use super::{AgentError, seed};
use crate::dialogue::Speaker;
use crate::safety;
use crate::store::{NewTurn, SessionRecord, Store, TurnEnd, TurnRecord};

/// Events that may wait for a listener; one that is further behind resumes anew.
const EVENTS_AHEAD: usize = 512;
/// How often a session looks whether it may sleep.
const LOOK_AROUND: Duration = Duration::from_secs(15);

/// What a session is made of. Its state is a cache of the store, never the truth.
pub(super) struct SessionActor {
    pub(super) record: SessionRecord,
    pub(super) turns: Vec<TurnRecord>,
    pub(super) store: Arc<dyn Store>,
    pub(super) registry: Arc<Registry>,
    /// The place with the character; freed when the actor goes.
    pub(super) _seat: Seat,
    pub(super) awake: Arc<()>,
    /// How long a session lies unused before it sleeps.
    pub(super) idle: Duration,
    /// For the answer that a crash left unsaid.
    pub(super) permit: Option<OwnedSemaphorePermit>,
    pub(super) listeners: Vec<mpsc::Sender<SessionEvent>>,
    pub(super) reply: Option<Running>,
    /// Replies begun by this actor; tells the steps of one from those of another.
    pub(super) replies: u64,
    pub(super) used: Instant,
}

impl Actor for SessionActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.run_interval(LOOK_AROUND.min(self.idle), |session, context| {
            session.listeners.retain(|listener| !listener.is_closed());
            if session.reply.is_none()
                && session.used.elapsed() >= session.idle
                && session.registry.release(session.record.id)
            {
                context.stop();
            }
        });
        // Taken in any case: a session that owes nothing must not hold a place among the replies while it is awake.
        let permit = self.permit.take();
        if self.awaits_answer() {
            self.answer(permit, context);
        }
    }
}

impl SessionActor {
    fn awaits_answer(&self) -> bool {
        self.record.ended_ms.is_none() && self.turns.last().is_some_and(|last| last.turn.speaker == Speaker::Seeker)
    }

    fn next_seq(&self) -> u64 {
        self.turns.last().map_or(0, |last| last.seq + 1)
    }

    /// Begins the answer to the last turn: the help card if somebody is at risk, else a model's.
    fn answer(&mut self, permit: Option<OwnedSemaphorePermit>, context: &mut Context<Self>) {
        let Some(last) = self.turns.last() else { return };
        let assessment = safety::assess(&last.turn.text);
        // A reply begun again after a crash must not repeat numbers that a listener has seen: the time since the message
        // has moved on by more than the events of any reply.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_millis();
        let since = now.saturating_sub(u128::from(last.created_ms.unsigned_abs()));
        let first = u32::try_from(since).unwrap_or(u32::MAX / 2).clamp(1, u32::MAX / 2);
        self.replies += 1;
        let number = self.replies;
        let mut running = Running {
            number,
            seq: self.next_seq(),
            next: first,
            text: String::new(),
            memory: None,
            model: None,
            events: Vec::new(),
            work: SpawnHandle::default(),
            _permit: permit,
        };
        if let Some(risk) = assessment.risk {
            tracing::info!(rule = assessment.rule, "the help card answers");
            running.text = safety::help_card(risk, assessment.language).to_string();
            let text = running.text.clone();
            let seq = running.seq;
            self.reply = Some(running);
            self.announce_of_reply(EventKind::ReplyStarted { seq, memory: None });
            self.announce_of_reply(EventKind::Text { seq, text });
            self.finish(TurnEnd::HelpCard, context);
            return;
        }
        let cue = Cue {
            speaker: Speaker::Supporter,
            // A reply that was stopped before its first word was not said.
            history: self.turns.iter().map(|record| record.turn.clone()).filter(|turn| !turn.text.is_empty()).collect(),
            rule: MemoryRule::Best,
            seed: seed::derive(
                "session",
                &[(self.record.id.as_u128() >> 64) as u64, self.record.id.as_u128() as u64, running.seq],
            ),
            gated: true,
        };
        let index = self.record.supporter;
        let character = self.registry.character(index);
        let begun = async move {
            // A bank that was changed may no longer have whom an older session talks with.
            let character = character.ok_or(AgentError::NoCharacter { index })?;
            character.send(Speak(cue)).await.map_err(|_| AgentError::Interrupted)
        };
        let steps = futures::stream::once(begun).flat_map(|begun| match begun {
            Ok(utterance) => utterance.left_stream(),
            Err(error) => futures::stream::iter([Err(error)]).right_stream(),
        });
        let broken = futures::stream::iter([Err(AgentError::BrokenOff)]);
        running.work = context.add_stream(steps.chain(broken).map(move |step| ReplyStep { number, step }));
        self.reply = Some(running);
    }

    /// Stores the reply that is complete in `self.reply`, then announces it. Nothing else happens meanwhile.
    fn finish(&mut self, end: TurnEnd, context: &mut Context<Self>) {
        let Some(running) = &self.reply else { return };
        let new = running.turn(end);
        let (store, id) = (self.store.clone(), self.record.id);
        let stored = async move { store.append(id, new).await }.into_actor(self);
        context.wait(stored.map(|stored, session, _| {
            match stored {
                Ok(record) => session.reply_ended(record),
                Err(error) => session.reply_failed(&error.into()),
            };
            session.used = Instant::now();
        }));
    }

    fn reply_ended(&mut self, record: TurnRecord) {
        self.reply = None;
        self.turns.push(record.clone());
        let kind = EventKind::ReplyEnded { seq: record.seq, end: record.end, turn: Some(record.clone()) };
        self.announce(SessionEvent { id: last_of(record.seq), kind });
    }

    fn reply_failed(&mut self, error: &AgentError) {
        tracing::warn!(%error, "no reply");
        if let Some(seq) = self.reply.as_ref().map(|running| running.seq) {
            self.announce_of_reply(EventKind::Failed { seq, message: error.to_string() });
            self.reply = None;
        }
    }

    /// Stops the reply on its way, if there is one. What it said is kept by [`keep`]; so is one without words, unless a
    /// new message takes its place: else the stopped reply would be owed, and made after all.
    fn cut(&mut self, replaced: bool, context: &mut Context<Self>) -> Option<Remains> {
        let running = self.reply.take()?;
        context.cancel_future(running.work);
        let turn = (!replaced || !running.text.is_empty()).then(|| running.turn(TurnEnd::CutOff));
        Some(Remains { seq: running.seq, next: running.next, turn })
    }

    /// Announces what became of the remains of a stopped reply.
    fn was_cut(&mut self, remains: &Remains, kept: Option<TurnRecord>) {
        match kept {
            Some(record) => self.reply_ended(record),
            None => {
                let kind = EventKind::ReplyEnded { seq: remains.seq, end: TurnEnd::CutOff, turn: None };
                self.announce(SessionEvent { id: event_id(remains.seq, remains.next), kind });
            }
        }
    }

    fn announce_of_reply(&mut self, kind: EventKind) {
        let Some(running) = &mut self.reply else { return };
        let event = SessionEvent { id: event_id(running.seq, running.next), kind };
        running.next += 1;
        running.events.push(event.clone());
        self.announce(event);
    }

    fn announce(&mut self, event: SessionEvent) {
        // One that has left, or cannot keep up, is let go; it resumes from the last number it saw.
        self.listeners.retain(|listener| listener.try_send(event.clone()).is_ok());
    }

    fn after_everything(&self) -> SessionEvent {
        SessionEvent { id: last_of(self.next_seq()), kind: EventKind::Ended }
    }
}

/// A step of reply `number`, or what ended it.
struct ReplyStep {
    number: u64,
    step: Result<Step, AgentError>,
}

impl StreamHandler<ReplyStep> for SessionActor {
    fn handle(&mut self, ReplyStep { number, step }: ReplyStep, context: &mut Context<Self>) {
        let Some(running) = self.reply.as_mut().filter(|running| running.number == number) else { return };
        let seq = running.seq;
        match step {
            Ok(Step::Started { memory, model }) => {
                running.memory = memory.clone();
                running.model = Some(model);
                self.announce_of_reply(EventKind::ReplyStarted { seq, memory });
            }
            Ok(Step::Text(text)) => {
                running.text.push_str(&text);
                self.announce_of_reply(EventKind::Text { seq, text });
            }
            Ok(Step::Done(Spoken { text, .. })) => {
                running.text = text;
                self.finish(TurnEnd::Whole, context);
            }
            Err(error) => {
                // What would fail again is not owed any more; what only the moment hindered, the next start makes.
                let over = !running.text.is_empty() || !error.is_of_the_moment();
                self.announce_of_reply(EventKind::Failed { seq, message: error.to_string() });
                tracing::warn!(%error, "a reply failed");
                if over {
                    self.finish(TurnEnd::CutOff, context);
                } else {
                    self.reply = None;
                }
            }
        }
    }

    // The default would stop the actor when a reply ends.
    fn finished(&mut self, _: &mut Context<Self>) {}
}

/// A person's message, checked and admitted.
#[derive(Message)]
#[rtype(result = "Result<TurnRecord, AgentError>")]
pub(super) struct Say {
    pub(super) text: String,
    pub(super) permit: OwnedSemaphorePermit,
}

impl Handler<Say> for SessionActor {
    type Result = AtomicResponse<Self, Result<TurnRecord, AgentError>>;

    fn handle(&mut self, Say { text, permit }: Say, context: &mut Context<Self>) -> Self::Result {
        self.used = Instant::now();
        let over = self.record.ended_ms.is_some();
        let remains = if over { None } else { self.cut(true, context) };
        let (store, record) = (self.store.clone(), self.record.clone());
        let stored = async move {
            if over {
                return (remains, Ok(None), Err(AgentError::SessionEnded { id: record.id }));
            }
            match keep(store.as_ref(), &record, remains.as_ref()).await {
                Ok(kept) => {
                    let said = store.append(record.id, NewTurn::typed(text)).await;
                    (remains, Ok(kept), said.map_err(AgentError::from))
                }
                Err(error) => (remains, Err(()), Err(error.into())),
            }
        };
        AtomicResponse::new(Box::pin(stored.into_actor(self).map(|(remains, kept, said), session, context| {
            if let Some(remains) = &remains {
                session.was_cut(remains, kept.unwrap_or_default());
            }
            let said = said?;
            session.turns.push(said.clone());
            session.announce(SessionEvent { id: last_of(said.seq), kind: EventKind::Said { turn: said.clone() } });
            session.answer(Some(permit), context);
            Ok(said)
        })))
    }
}

/// Stops the reply on its way; with `end`, ends the session too. Answers with what was kept of the reply.
#[derive(Message)]
#[rtype(result = "Result<Option<TurnRecord>, AgentError>")]
pub(super) struct Stop {
    pub(super) end: bool,
}

impl Handler<Stop> for SessionActor {
    type Result = AtomicResponse<Self, Result<Option<TurnRecord>, AgentError>>;

    fn handle(&mut self, Stop { end }: Stop, context: &mut Context<Self>) -> Self::Result {
        self.used = Instant::now();
        let remains = self.cut(false, context);
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
                session.record = now;
            }
            if ended? {
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
#[rtype(result = "(Vec<SessionEvent>, mpsc::Receiver<SessionEvent>)")]
pub(super) struct Listen {
    pub(super) after: Option<u64>,
}

impl Handler<Listen> for SessionActor {
    type Result = MessageResult<Listen>;

    fn handle(&mut self, Listen { after }: Listen, _: &mut Context<Self>) -> Self::Result {
        self.used = Instant::now();
        let mut missed = Vec::new();
        if let Some(after) = after {
            missed.extend(self.turns.iter().flat_map(|record| replay(record, after)));
        }
        if let Some(running) = &self.reply {
            let after = after.unwrap_or_default();
            missed.extend(running.events.iter().filter(|event| event.id > after).cloned());
        }
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
pub(super) struct Look;

impl Handler<Look> for SessionActor {
    type Result = MessageResult<Look>;

    fn handle(&mut self, _: Look, _: &mut Context<Self>) -> Self::Result {
        let stored = self.turns.last().map_or(0, |last| last_of(last.seq));
        MessageResult((self.record.clone(), stored, self.reply.is_some()))
    }
}

/// The process goes down: tells the listeners to resume later, and parks a reply that is not done. What it said is not
/// stored, so that the next start answers anew.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Park;

impl Handler<Park> for SessionActor {
    type Result = ();

    fn handle(&mut self, _: Park, context: &mut Context<Self>) {
        let id = match self.reply.take() {
            Some(running) => {
                context.cancel_future(running.work);
                event_id(running.seq, running.next)
            }
            None => self.turns.last().map_or(0, |last| last_of(last.seq)),
        };
        self.announce(SessionEvent { id, kind: EventKind::Closing });
        self.listeners.clear();
        context.stop();
    }
}
