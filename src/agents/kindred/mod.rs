//! The facade: everything a face may ask of the agents, without an actor in sight.

mod search;
mod sessions;
mod visitors;
mod waking;
mod watcher;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use actix::{Actor as _, Addr, Arbiter, ArbiterHandle, System};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

pub use self::sessions::{SessionView, Supporter};
use super::AgentError;
use super::admission::{Admission, QueueLength};
use super::character::{CharacterActor, Speak};
use super::dialogue::{Dialogue, DialogueActor, DialoguePlan};
use super::matcher::{MatcherActor, Rank};
use super::message::check_within;
use super::parts::{Limits, Parts, Skills};
use super::reckoner::Reckoner;
use super::registry::{Registry, Seats};
use super::session::Park;
use super::utterance::{Cue, Utterance, Voices};
use super::watch::{Fallen, Guard, Watch};
use crate::engine::{ModelIdentity, Sampling};
use crate::matching::{Matcher, Meanings, Reason};
use crate::persona::{Bank, Character};
use crate::store::{Store, Whose};

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
    ranker: Arc<Matcher>,
    meanings: Option<Arc<Meanings>>,
    reckoner: Reckoner,
    // A std RwLock: held for a copy of the address, or to put another in its place.
    matcher: RwLock<Addr<MatcherActor>>,
    watch: Watch,
    arbiters: Vec<ArbiterHandle>,
    next_arbiter: AtomicUsize,
    admission: Arc<Admission>,
    closing: AtomicBool,
    waking: waking::Waking,
    system: System,
    // A std Mutex: held for one `take`.
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

/// How long a stop waits for sessions whose store hangs.
const PARKING: Duration = Duration::from_secs(2);
/// Threads that actors live on: they only pass things on, so that few suffice.
const MOST_ARBITERS: usize = 4;

impl Kindred {
    /// Starts the actors on threads of their own, one actor for every character.
    ///
    /// # Errors
    /// [`AgentError::Start`] if a thread cannot be started.
    pub fn start(parts: Parts) -> Result<Self, AgentError> {
        let Parts { bank, supporter, seeker, selector, matcher, meanings, store, sampling, limits } = parts;
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

        let (watch, fallen) = mpsc::unbounded_channel();
        for (at, character) in bank.iter().enumerate() {
            let address = start_character(character, &voices, &watch, &arbiters[at % arbiters.len()]);
            registry.characters.insert(character.index, address);
        }
        let ranker = matcher;
        let matcher = RwLock::new(start_matcher(&ranker, &seats, &watch, &arbiters[0]));
        let inner = Inner {
            bank,
            voices,
            store,
            limits,
            skills,
            registry,
            seats,
            ranker,
            meanings,
            reckoner: Reckoner::default(),
            matcher,
            watch,
            arbiters,
            next_arbiter: AtomicUsize::new(0),
            admission: Admission::new(limits),
            closing: AtomicBool::new(false),
            waking: waking::Waking::default(),
            system,
            thread: Mutex::new(Some(thread)),
        };
        let kindred = Self { inner: Arc::new(inner) };
        kindred.take_care(fallen);
        Ok(kindred)
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

    /// How much at once, and how long.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// The queue of replies as one who came now would find it, and how many were admitted and are not done.
    pub fn queue(&self) -> (QueueLength, usize) {
        (self.inner.admission.queue(), self.inner.admission.admitted())
    }

    /// Sessions that are kept, and the bytes that the store takes.
    ///
    /// # Errors
    /// The store's.
    pub async fn stored_in_all(&self) -> Result<(u64, u64), AgentError> {
        Ok((self.inner.store.count_sessions(Whose::All).await?, self.inner.store.size().await?))
    }

    /// Sessions in memory now.
    pub fn live_sessions(&self) -> usize {
        self.inner.registry.count()
    }

    /// Whether the process takes new work.
    pub fn is_ready(&self) -> bool {
        !self.inner.closing.load(Ordering::Acquire)
    }

    /// Whether the models answer: one may be loaded again at this moment, or have stopped.
    ///
    /// # Errors
    /// The engine's.
    pub fn check_models(&self) -> Result<(), AgentError> {
        let voices = &self.inner.voices;
        voices.supporter.ready()?;
        Ok(voices.seeker.ready()?)
    }

    /// The `k` characters most likely to help somebody who writes this, best first.
    ///
    /// # Errors
    /// [`AgentError::EmptyMessage`], [`AgentError::MessageTooLong`], the matcher's.
    pub async fn matches(&self, text: &str, k: usize) -> Result<Vec<Match>, AgentError> {
        let about = check_within(text, self.inner.limits.message_chars)?.to_owned();
        self.check_open()?;
        let ranked = self.matcher().send(Rank { about, k }).await.map_err(|_| AgentError::Interrupted)??;
        let with_character = |found: crate::matching::Match| {
            let character = self.inner.bank.get(found.index)?.clone();
            Some(Match { character, score: found.score, reasons: found.reasons })
        };
        Ok(ranked.into_iter().filter_map(with_character).collect())
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
        // Elapsed or not: what is still in the making is parked next.
        let _ = tokio::time::timeout(self.inner.limits.grace, self.inner.admission.idle()).await;
        let parked = self.inner.registry.awake().into_iter().map(|live| live.address.send(Park));
        // One that is gone already is parked; one that hangs is parked by the end of the process.
        let _ = tokio::time::timeout(PARKING, futures::future::join_all(parked)).await;
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

    fn matcher(&self) -> Addr<MatcherActor> {
        self.inner.matcher.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn arbiter(&self) -> &ArbiterHandle {
        let next = self.inner.next_arbiter.fetch_add(1, Ordering::Relaxed);
        &self.inner.arbiters[next % self.inner.arbiters.len()]
    }
}

fn start_character(
    character: &Arc<Character>,
    voices: &Arc<Voices>,
    watch: &Watch,
    arbiter: &ArbiterHandle,
) -> Addr<CharacterActor> {
    let (character, voices) = (character.clone(), voices.clone());
    let guard = Guard::new(Fallen::Character(character.index), watch);
    CharacterActor::start_in_arbiter(arbiter, move |_| CharacterActor::new(character, voices, guard))
}

fn start_matcher(
    matcher: &Arc<Matcher>,
    seats: &Arc<Seats>,
    watch: &Watch,
    arbiter: &ArbiterHandle,
) -> Addr<MatcherActor> {
    let (matcher, seats) = (matcher.clone(), seats.clone());
    let guard = Guard::new(Fallen::Matcher, watch);
    MatcherActor::start_in_arbiter(arbiter, move |_| MatcherActor::new(matcher, seats, guard))
}
