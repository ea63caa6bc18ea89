//! The facade: everything a face may ask of the agents, without an actor in sight.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use actix::{Actor as _, Addr, Arbiter, ArbiterHandle, System};
use serde::Serialize;
use tokio::sync::{Semaphore, oneshot};
use uuid::Uuid;

use super::character::{CharacterActor, Speak};
use super::dialogue::{Dialogue, DialogueActor, DialoguePlan};
use super::matcher::{Assign, MatcherActor, Rank};
use super::message::{check_about, check_message};
use super::parts::{Limits, Parts, Skills};
use super::registry::{Live, Registry, Seats};
use super::session::{Listen, Look, Park, Say, SessionActor, Stop};
use super::utterance::{Cue, Utterance, Voices};
use super::{AgentError, SessionEvents};
use crate::engine::{ModelIdentity, Sampling};
use crate::matching::Reason;
use crate::persona::{Bank, Character};
use crate::store::{SessionRecord, Store, TurnRecord};

/// A character proposed to a person.
#[derive(Clone, Debug, Serialize)]
pub struct Match {
    /// Who.
    pub character: Arc<Character>,
    /// What the ranking went by; higher is better.
    pub score: f32,
    /// Why.
    pub reasons: Vec<Reason>,
}

/// Whom a session is opened with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supporter {
    /// This character.
    Character(u32),
    /// Whoever fits what the person wrote and has room; needs a text to go by.
    Auto,
}

/// How a session stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionView {
    /// As stored.
    #[serde(flatten)]
    pub record: SessionRecord,
    /// Number of the last event of the stored turns: who has read them listens after this.
    pub last_event: u64,
    /// Whether a reply is being made.
    pub replying: bool,
}

/// The agents at work. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Kindred {
    inner: Arc<Inner>,
}

struct Inner {
    bank: Bank,
    voices: Arc<Voices>,
    store: Arc<dyn Store>,
    limits: Limits,
    skills: Skills,
    registry: Arc<Registry>,
    seats: Arc<Seats>,
    matcher: Addr<MatcherActor>,
    arbiters: Vec<ArbiterHandle>,
    next_arbiter: AtomicUsize,
    replies: Arc<Semaphore>,
    closing: AtomicBool,
    /// Held while a session is read from the store and made an actor, so that it never becomes two.
    waking: tokio::sync::Mutex<()>,
    system: System,
    // A std Mutex: held for one `take`.
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

/// Threads that actors live on: they only pass things on, so that few suffice.
const MOST_ARBITERS: usize = 4;

impl Kindred {
    /// Starts the actors on threads of their own, one actor for every character.
    ///
    /// # Errors
    /// [`AgentError::Start`] if a thread cannot be started.
    pub fn start(parts: Parts) -> Result<Self, AgentError> {
        let Parts { bank, supporter, seeker, selector, matcher, store, sampling, limits } = parts;
        let skills = Skills { selector: selector.identity(), matcher: matcher.identity() };
        let voices = Arc::new(Voices { supporter, seeker, selector, sampling });
        let registry = Arc::new(Registry::default());
        let seats = Arc::new(Seats::default());
        let count = std::thread::available_parallelism().map_or(1, usize::from).clamp(1, MOST_ARBITERS);

        let (ready, started) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("kindred-agents".into())
            .spawn(move || {
                let runner = System::new();
                let arbiters: Vec<ArbiterHandle> =
                    runner.block_on(async { (0..count).map(|_| Arbiter::new().handle()).collect() });
                // The one who waits may have given up; then the system has nothing to run for.
                if ready.send((System::current(), arbiters)).is_ok() {
                    // An exit code other than zero is never asked for.
                    let _ = runner.run();
                }
            })
            .map_err(|error| AgentError::Start { reason: error.to_string() })?;
        let (system, arbiters) =
            started.recv().map_err(|_| AgentError::Start { reason: "the agents' thread died".into() })?;

        for (at, character) in bank.iter().enumerate() {
            let (character, voices) = (character.clone(), voices.clone());
            let index = character.index;
            let address = CharacterActor::start_in_arbiter(&arbiters[at % arbiters.len()], move |_| {
                CharacterActor::new(character, voices)
            });
            registry.characters.insert(index, address);
        }
        let matcher = MatcherActor::start_in_arbiter(&arbiters[0], {
            let seats = seats.clone();
            move |_| MatcherActor::new(matcher, seats)
        });
        let inner = Inner {
            bank,
            voices,
            store,
            limits,
            skills,
            registry,
            seats,
            matcher,
            arbiters,
            next_arbiter: AtomicUsize::new(0),
            replies: Arc::new(Semaphore::new(limits.replies)),
            closing: AtomicBool::new(false),
            waking: tokio::sync::Mutex::new(()),
            system,
            thread: Mutex::new(Some(thread)),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The characters.
    pub fn bank(&self) -> &Bank {
        &self.inner.bank
    }

    /// The models that speak: for supporters, for seekers.
    pub fn models(&self) -> (&ModelIdentity, &ModelIdentity) {
        (self.inner.voices.supporter.identity(), self.inner.voices.seeker.identity())
    }

    /// What chooses memories and supporters.
    pub fn skills(&self) -> &Skills {
        &self.inner.skills
    }

    /// How tokens are drawn; each utterance replaces the seed.
    pub fn sampling(&self) -> &Sampling {
        &self.inner.voices.sampling
    }

    /// Sessions in memory now.
    pub fn live_sessions(&self) -> usize {
        self.inner.registry.count()
    }

    /// Whether the process takes new work.
    pub fn is_ready(&self) -> bool {
        !self.inner.closing.load(Ordering::Acquire)
    }

    /// The `k` characters most likely to help somebody who writes this, best first.
    ///
    /// # Errors
    /// [`AgentError::EmptyMessage`], [`AgentError::MessageTooLong`], the matcher's.
    pub async fn matches(&self, text: &str, k: usize) -> Result<Vec<Match>, AgentError> {
        let about = check_message(text)?.to_owned();
        self.check_open()?;
        let ranked = self.inner.matcher.send(Rank { about, k }).await.map_err(|_| AgentError::Interrupted)??;
        let with_character = |found: crate::matching::Match| {
            let character = self.inner.bank.get(found.index)?.clone();
            Some(Match { character, score: found.score, reasons: found.reasons })
        };
        Ok(ranked.into_iter().filter_map(with_character).collect())
    }

    /// Opens a session. `about` is what the person wrote about themselves; it is kept with the session, and is not a
    /// turn of it.
    ///
    /// # Errors
    /// [`AgentError::NoCharacter`]; with [`Supporter::Auto`] [`AgentError::EmptyMessage`] and the matcher's;
    /// [`AgentError::MessageTooLong`]; the store's.
    pub async fn open_session(&self, supporter: Supporter, about: &str) -> Result<SessionRecord, AgentError> {
        self.check_open()?;
        let about = check_about(about)?;
        let seat = match supporter {
            Supporter::Character(index) => {
                self.inner.bank.get(index).ok_or(AgentError::NoCharacter { index })?;
                self.inner.seats.take(index)
            }
            Supporter::Auto => {
                let about = check_message(about)?.to_owned();
                self.inner.matcher.send(Assign { about }).await.map_err(|_| AgentError::Interrupted)??
            }
        };
        let record = self.inner.store.create_session(seat.character, about).await?;
        let actor = self.actor(record.clone(), Vec::new(), seat);
        self.inner.registry.insert(record.id, self.awaken(actor));
        Ok(record)
    }

    /// Says something in a session. When this returns, it is stored, and its answer has begun: a reply in the making was
    /// stopped, what it had said is kept.
    ///
    /// # Errors
    /// [`AgentError::EmptyMessage`], [`AgentError::MessageTooLong`], [`AgentError::NoSession`],
    /// [`AgentError::SessionEnded`], [`AgentError::Overloaded`], [`AgentError::Closing`], the store's. Unless it is
    /// [`AgentError::Interrupted`], nothing was stored.
    pub async fn say(&self, session: Uuid, text: &str) -> Result<TurnRecord, AgentError> {
        let text = check_message(text)?.to_owned();
        let permit = self.permit()?;
        let live = self.live(session).await?;
        live.address.send(Say { text, permit }).await.map_err(|_| AgentError::Interrupted)?
    }

    /// The events of a session after this number, then as they happen; `Some(0)` gives all from the first turn on,
    /// `None` the reply in the making from its beginning and what follows.
    ///
    /// # Errors
    /// [`AgentError::NoSession`], the store's.
    pub async fn events(&self, session: Uuid, after: Option<u64>) -> Result<SessionEvents, AgentError> {
        let live = self.live(session).await?;
        let (missed, events) = live.address.send(Listen { after }).await.map_err(|_| AgentError::Interrupted)?;
        Ok(SessionEvents::new(missed, events, live.awake))
    }

    /// Stops the reply in the making. What it had said is kept and given back, empty before its first word; none if no reply
    /// was being made.
    ///
    /// # Errors
    /// [`AgentError::NoSession`], the store's.
    pub async fn stop(&self, session: Uuid) -> Result<Option<TurnRecord>, AgentError> {
        let live = self.live(session).await?;
        live.address.send(Stop { end: false }).await.map_err(|_| AgentError::Interrupted)?
    }

    /// Ends the session, and the reply in the making with it. A second time changes nothing.
    ///
    /// # Errors
    /// [`AgentError::NoSession`], the store's.
    pub async fn end(&self, session: Uuid) -> Result<(), AgentError> {
        let live = self.live(session).await?;
        live.address.send(Stop { end: true }).await.map_err(|_| AgentError::Interrupted)??;
        Ok(())
    }

    /// How the session stands.
    ///
    /// # Errors
    /// [`AgentError::NoSession`], the store's.
    pub async fn session(&self, session: Uuid) -> Result<SessionView, AgentError> {
        let live = self.live(session).await?;
        let (record, last_event, replying) = live.address.send(Look).await.map_err(|_| AgentError::Interrupted)?;
        Ok(SessionView { record, last_event, replying })
    }

    /// What was said in a session, oldest first.
    ///
    /// # Errors
    /// [`AgentError::NoSession`], the store's.
    pub async fn turns(&self, session: Uuid) -> Result<Vec<TurnRecord>, AgentError> {
        Ok(self.inner.store.turns(session).await?)
    }

    /// Wakes the sessions whose last message a crash left unanswered, so that they are answered now; says how many. To be
    /// called once, at start-up.
    ///
    /// # Errors
    /// The store's.
    pub async fn answer_unanswered(&self) -> Result<usize, AgentError> {
        let waiting = self.inner.store.unanswered(self.inner.limits.replies as u32).await?;
        let mut woken = 0;
        for record in &waiting {
            match self.live(record.id).await {
                Ok(_) => woken += 1,
                // One that cannot be read must not keep the others from their answers.
                Err(error) => tracing::error!(session = %record.id, %error, "an unanswered session stays asleep"),
            }
        }
        Ok(woken)
    }

    /// One utterance of a character, outside any session: nothing is stored.
    ///
    /// # Errors
    /// [`AgentError::NoCharacter`], [`AgentError::Closing`].
    pub async fn utter(&self, character: u32, cue: Cue) -> Result<Utterance, AgentError> {
        self.check_open()?;
        let address = self.inner.registry.character(character).ok_or(AgentError::NoCharacter { index: character })?;
        address.send(Speak(cue)).await.map_err(|_| AgentError::BrokenOff)
    }

    /// A simulated dialogue from its opening to its end. Dropping the future ends it after the utterance in the making.
    ///
    /// # Errors
    /// [`AgentError::NoCharacter`], [`AgentError::Closing`], or what stopped one of its utterances.
    pub async fn dialogue(&self, plan: DialoguePlan) -> Result<Dialogue, AgentError> {
        self.check_open()?;
        for index in [plan.seeker, plan.supporter] {
            self.inner.bank.get(index).ok_or(AgentError::NoCharacter { index })?;
        }
        let (done, outcome) = oneshot::channel();
        let actor = DialogueActor::new(plan, self.inner.registry.clone(), done);
        DialogueActor::start_in_arbiter(self.arbiter(), move |_| actor);
        outcome.await.map_err(|_| AgentError::BrokenOff)?
    }

    /// Takes no more work, lets replies in the making finish for a while, parks the rest (the next start answers them),
    /// and ends the agents' threads. A second time does nothing.
    pub async fn shutdown(&self) {
        if self.inner.closing.swap(true, Ordering::AcqRel) {
            return;
        }
        let all = u32::try_from(self.inner.limits.replies).unwrap_or(u32::MAX);
        // Elapsed or not: what is still in the making is parked next.
        let _ = tokio::time::timeout(self.inner.limits.grace, self.inner.replies.acquire_many(all)).await;
        for live in self.inner.registry.awake() {
            // One that is gone already is parked.
            let _ = live.address.send(Park).await;
        }
        self.inner.system.stop();
        let thread = self.inner.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // Ends within moments, and carries no value.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }

    fn check_open(&self) -> Result<(), AgentError> {
        if self.is_ready() { Ok(()) } else { Err(AgentError::Closing) }
    }

    fn permit(&self) -> Result<tokio::sync::OwnedSemaphorePermit, AgentError> {
        self.check_open()?;
        let full = |_| AgentError::Overloaded { limit: self.inner.limits.replies };
        self.inner.replies.clone().try_acquire_owned().map_err(full)
    }

    /// The session's actor: awake, or woken from the store.
    async fn live(&self, id: Uuid) -> Result<Live, AgentError> {
        self.check_open()?;
        if let Some(live) = self.inner.registry.session(id) {
            return Ok(live);
        }
        let _waking = self.inner.waking.lock().await;
        if let Some(live) = self.inner.registry.session(id) {
            return Ok(live);
        }
        let record = self.inner.store.session(id).await?.ok_or(AgentError::NoSession { id })?;
        let turns = self.inner.store.turns(id).await?;
        let seat = self.inner.seats.take(record.supporter);
        let mut actor = self.actor(record, turns, seat);
        // The answer that a crash left unsaid is admitted like any other, if there is room; else it comes unadmitted, as
        // the person was promised it.
        actor.permit = self.permit().ok();
        let live = self.awaken(actor);
        self.inner.registry.insert(id, live.clone());
        Ok(live)
    }

    fn actor(&self, record: SessionRecord, turns: Vec<TurnRecord>, seat: super::registry::Seat) -> SessionActor {
        SessionActor {
            record,
            turns,
            store: self.inner.store.clone(),
            registry: self.inner.registry.clone(),
            _seat: seat,
            awake: Arc::new(()),
            idle: self.inner.limits.idle,
            permit: None,
            listeners: Vec::new(),
            reply: None,
            replies: 0,
            used: Instant::now(),
        }
    }

    fn awaken(&self, actor: SessionActor) -> Live {
        let awake = actor.awake.clone();
        let address = SessionActor::start_in_arbiter(self.arbiter(), move |_| actor);
        Live { address, awake }
    }

    fn arbiter(&self) -> &ArbiterHandle {
        let next = self.inner.next_arbiter.fetch_add(1, Ordering::Relaxed);
        &self.inner.arbiters[next % self.inner.arbiters.len()]
    }
}
