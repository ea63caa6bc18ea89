//! The making of an answer: the help card if somebody is at risk, else a model's words when its turn has come.

use std::time::{Duration, Instant};

use actix::{
    ActorFutureExt as _, AsyncContext as _, Context, ContextFutureSpawner as _, SpawnHandle, StreamHandler,
    WrapFuture as _,
};
use futures::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::SessionActor;
use crate::agents::admission::{Admitted, Place, QueueLength};
use crate::agents::character::Speak;
use crate::agents::event::{EventKind, SessionEvent, first_of};
use crate::agents::reply::Running;
use crate::agents::utterance::{Cue, MemoryRule, Spoken, Step, Utterance};
use crate::agents::{AgentError, seed};
use crate::dialogue::Speaker;
use crate::safety;
use crate::store::TurnEnd;

/// How often the character is asked if its actor falls; a watcher rebuilds it meanwhile.
const ASKED: usize = 3;
const REBUILDING: Duration = Duration::from_millis(50);
/// Words on the queue that may wait for the session; newer ones say the same better.
const QUEUE_WORDS: usize = 4;

/// What comes of reply `number`.
pub(super) struct OfReply {
    number: u64,
    news: News,
}

enum News {
    Queued(QueueLength),
    Step(Result<Step, AgentError>),
}

impl SessionActor {
    /// Begins the answer that a crash or a fallen actor left unsaid, unless it was begun often enough: whatever brings
    /// the process down must not do so for ever.
    pub(super) fn answer_after_a_fall(&mut self, admitted: Option<Admitted>, context: &mut Context<Self>) {
        let path = self.versions.path(self.record.head);
        let at_risk = path.last().is_some_and(|last| safety::assess(&last.turn.text).risk.is_some());
        // The help card needs nothing that could fall, and is never given up.
        if self.record.falls <= self.attempts || at_risk {
            return self.answer(admitted, context);
        }
        tracing::error!(falls = self.record.falls, "a reply is given up: it was begun again and again");
        let Some(running) = self.begin(admitted) else { return };
        let seq = running.seq;
        self.reply = Some(running);
        let message = "the reply was begun again and again and never came to its end".to_owned();
        self.announce_of_reply(EventKind::Failed { seq, message, retry: false });
        self.finish(TurnEnd::Failed, context);
    }

    /// Begins the answer to the head.
    pub(super) fn answer(&mut self, admitted: Option<Admitted>, context: &mut Context<Self>) {
        self.failed = None;
        let Some(mut running) = self.begin(admitted) else { return };
        let path = self.versions.path(self.record.head);
        let Some(last) = path.last() else { return };
        let assessment = safety::assess(&last.turn.text);
        if let Some(risk) = assessment.risk {
            tracing::info!(rule = assessment.rule, "the help card answers");
            running.text = safety::help_card(risk, assessment.language).to_string();
            let (seq, parent, text) = (running.seq, Some(running.parent), running.text.clone());
            self.reply = Some(running);
            self.announce_of_reply(EventKind::ReplyStarted { seq, parent, memory: None });
            self.announce_of_reply(EventKind::Text { seq, text });
            self.finish(TurnEnd::HelpCard, context);
            return;
        }
        // A reply that was stopped before its first word was not said.
        let history = path.iter().map(|record| record.turn.clone()).filter(|turn| !turn.text.is_empty()).collect();
        let id = self.record.id.as_u128();
        let cue = Cue {
            speaker: Speaker::Supporter,
            history,
            rule: MemoryRule::Best,
            seed: seed::derive("session", &[(id >> 64) as u64, id as u64, running.seq]),
            gated: true,
        };
        let number = running.number;
        let news = self.news(cue).map(move |news| OfReply { number, news });
        running.work = context.add_stream(news);
        self.reply = Some(running);
    }

    fn begin(&mut self, admitted: Option<Admitted>) -> Option<Running> {
        let parent = self.record.head?;
        self.replies += 1;
        Some(Running {
            number: self.replies,
            seq: self.versions.next(),
            parent,
            key: self.record.pending_key.clone(),
            next: first_of(self.record.attempts),
            text: String::new(),
            memory: None,
            model: None,
            events: Vec::new(),
            queued: None,
            work: SpawnHandle::default(),
            _admitted: admitted,
        })
    }

    /// How the queue goes, then the steps of the utterance.
    fn news(&self, cue: Cue) -> impl Stream<Item = News> + use<> {
        let (tell, queue) = mpsc::channel(QUEUE_WORDS);
        let (admission, registry, index) = (self.admission.clone(), self.registry.clone(), self.record.supporter);
        let begun = async move {
            let place = admission
                // Words that find no room are old before they are read.
                .place(|length| _ = tell.try_send(length))
                .await;
            drop(tell);
            let mut asked = 0;
            loop {
                // A bank that was changed may no longer have whom an older session talks with.
                let character = registry.character(index).ok_or(AgentError::NoCharacter { index })?;
                asked += 1;
                match character.send(Speak(cue.clone())).await {
                    Ok(utterance) => return Ok((utterance, place)),
                    Err(_) if asked < ASKED => tokio::time::sleep(REBUILDING).await,
                    Err(_) => return Err(AgentError::Interrupted),
                }
            }
        };
        let steps = futures::stream::once(begun).flat_map(|begun| match begun {
            Ok((utterance, place)) => held(utterance, place).left_stream(),
            Err(error) => futures::stream::iter([Err(error)]).right_stream(),
        });
        let broken = futures::stream::iter([Err(AgentError::BrokenOff)]);
        let queue = ReceiverStream::new(queue).map(News::Queued);
        futures::stream::select(queue, steps.chain(broken).map(News::Step))
    }

    /// Stores the reply that is complete in `self.reply`, then announces it. Nothing else happens meanwhile.
    pub(super) fn finish(&mut self, end: TurnEnd, context: &mut Context<Self>) {
        let Some(running) = &self.reply else { return };
        let new = running.turn(end);
        let (store, id) = (self.store.clone(), self.record.id);
        let stored = async move {
            fail::fail_point!("session::before_finish");
            let stored = store.append(id, new).await;
            fail::fail_point!("session::finished");
            stored
        };
        let told = stored.into_actor(self).map(|stored, session: &mut Self, _: &mut Context<Self>| {
            match stored {
                Ok(record) => session.reply_ended(record),
                Err(error) => session.reply_failed(&error.into()),
            }
            session.used = Instant::now();
        });
        told.wait(context);
    }

    fn reply_failed(&mut self, error: &AgentError) {
        tracing::warn!(%error, "no reply");
        if let Some(seq) = self.reply.as_ref().map(|running| running.seq) {
            let (message, retry) = (error.for_people(), error.is_of_the_moment());
            self.announce_of_reply(EventKind::Failed { seq, message, retry });
            self.reply = None;
        }
    }
}

/// The utterance's steps; its place is free when they end, or are dropped.
fn held(utterance: Utterance, place: Place) -> impl Stream<Item = Result<Step, AgentError>> {
    let mut place = Some(place);
    utterance.map(move |step| {
        match step {
            Ok(Step::Done(_)) => place.take().into_iter().for_each(Place::done),
            Err(_) => drop(place.take()),
            Ok(_) => {}
        }
        step
    })
}

impl StreamHandler<OfReply> for SessionActor {
    fn handle(&mut self, OfReply { number, news }: OfReply, context: &mut Context<Self>) {
        let Some(running) = self.reply.as_mut().filter(|running| running.number == number) else { return };
        let (seq, parent) = (running.seq, Some(running.parent));
        let step = match news {
            News::Queued(QueueLength { ahead, wait }) => {
                let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                running.queued = Some(SessionEvent::state(EventKind::Queued { seq, ahead, wait_ms }));
                if let Some(event) = running.queued.clone() {
                    self.announce(event);
                }
                return;
            }
            News::Step(step) => step,
        };
        running.queued = None;
        match step {
            Ok(Step::Started { memory, model }) => {
                running.memory = memory.clone();
                running.model = Some(model);
                self.announce_of_reply(EventKind::ReplyStarted { seq, parent, memory });
                fail::fail_point!("session::reply_started");
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
                tracing::warn!(%error, "a reply failed");
                let (retry, said) = (error.is_of_the_moment(), !running.text.is_empty());
                self.announce_of_reply(EventKind::Failed { seq, message: error.for_people(), retry });
                match (retry, said) {
                    // What only the moment hindered is still owed: the person asks again, or the next start does.
                    (true, false) => self.reply = None,
                    (true, true) => self.finish(TurnEnd::CutOff, context),
                    // What would fail again is not owed any more.
                    (false, _) => self.finish(TurnEnd::Failed, context),
                }
            }
        }
    }

    // The default would stop the actor when a reply ends.
    fn finished(&mut self, _: &mut Context<Self>) {}
}
