//! Keeps a model served: the thread that owns its tensors loads it, serves, and when the serving falls, loads it anew
//! after a pause that grows while it goes on falling.
//!
//! All of it happens on one named thread. A fall is a panic that nothing nearer has caught, or a server that trusts
//! its model no longer; either way the model is dropped before another is loaded. A thread of its own for each try
//! would bring nothing more (what a panic cannot unwind ends the process anyway) and leak libtorch's worker threads.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::inbox::{Absence, ClosedAtEnd, Inbox, Job};
use super::{NnError, fingerprint};

/// How long a drop waits for the thread. It ends after the step it is in, which takes longer only while a large model
/// is loaded; then it ends by itself after that, and nobody need wait.
const FAREWELL: Duration = Duration::from_secs(10);

/// When a model that fell is loaded again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restarts {
    /// Before the first try; each further one waits twice as long as the one before.
    pub first_pause: Duration,
    /// No pause is longer.
    pub longest_pause: Duration,
    /// After it served this long, a fall counts as the first again.
    pub settled: Duration,
}

impl Default for Restarts {
    fn default() -> Self {
        Self {
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(60),
            settled: Duration::from_secs(300),
        }
    }
}

/// Why the serving ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The inbox was closed.
    Closed,
    /// The model is not to be trusted any more.
    Distrusted {
        /// Why.
        reason: String,
    },
}

/// A kind of model that a [`Keeper`] keeps.
pub trait Kept: Send + 'static {
    /// What waits for it.
    type Job: Job + Send + 'static;
    /// The model with all its tensors. It never leaves its thread.
    type Model;
    /// What is told of it once it is loaded.
    type About: Send + 'static;

    /// Loads the model.
    ///
    /// # Errors
    /// The model's.
    fn load(&self) -> Result<Self::Model, NnError>;

    /// What there is to tell of it.
    fn about(&self, model: &Self::Model) -> Self::About;

    /// Serves jobs until the inbox is closed. What is being served lies in `hand`: should the serving fall, those who
    /// wait for it are told.
    fn serve(&self, model: Self::Model, inbox: &Inbox<Self::Job>, hand: &mut Vec<Self::Job>) -> Ended;
}

/// What a [`Keeper`] must know.
#[derive(Clone, Debug)]
pub struct Station {
    /// What it is in logs and metrics: `engine` or `encoder`.
    pub kind: &'static str,
    /// What it is called; its thread is `kind-name`.
    pub name: String,
    /// Where the model and its adapter lie. What lay there at the start is what is loaded again, or nothing.
    pub folders: Vec<PathBuf>,
    /// Places of the inbox.
    pub max_waiting: usize,
    /// When it is loaded again.
    pub restarts: Restarts,
}

/// Why a model could not be loaded at the start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The weights or the device.
    #[error(transparent)]
    Model(#[from] NnError),
    /// The thread did not start or ended while it loaded.
    #[error("{reason}")]
    Thread {
        /// What is known of why.
        reason: String,
    },
}

/// A model's thread and the inbox before it. Dropping it closes the inbox and waits for the thread.
#[derive(Debug)]
pub struct Keeper<J: Job> {
    inbox: Arc<Inbox<J>>,
    version: String,
    thread: Option<JoinHandle<()>>,
    /// Breaks off when the thread ends. Nobody locks it: a receiver alone could not be shared.
    ended: Mutex<mpsc::Receiver<()>>,
}

impl<J: Job + Send + 'static> Keeper<J> {
    /// Loads the model on a thread of its own and serves it there. Blocks until it is loaded.
    ///
    /// # Errors
    /// See [`StartError`]: a first load that fails is not tried again.
    pub fn start<K: Kept<Job = J>>(station: Station, kept: K) -> Result<(Self, K::About), StartError> {
        // Before the thread is there: should it fail, nothing is left behind that holds a model.
        let version = station.version()?;
        let inbox = Arc::new(Inbox::new(station.max_waiting));
        let (ready, loaded) = mpsc::sync_channel(1);
        let (at_end, ended) = mpsc::sync_channel(0);
        let watch = Watch { version: version.clone(), inbox: Arc::clone(&inbox), station, kept };
        let thread = std::thread::Builder::new()
            .name(format!("{}-{}", watch.station.kind, watch.station.name))
            .spawn(move || {
                let _at_end: mpsc::SyncSender<()> = at_end;
                watch.keep(&ready);
            })
            .map_err(|error| StartError::Thread { reason: error.to_string() })?;
        let gone = || Err(StartError::Thread { reason: "it ended while it loaded".into() });
        let about = loaded.recv().unwrap_or_else(|_| gone())?;
        Ok((Self { inbox, version, thread: Some(thread), ended: Mutex::new(ended) }, about))
    }
}

impl<J: Job> Keeper<J> {
    /// Where jobs go.
    pub fn inbox(&self) -> &Inbox<J> {
        &self.inbox
    }

    /// The fingerprint of the model that is kept.
    pub fn version(&self) -> &str {
        &self.version
    }
}

impl<J: Job> Drop for Keeper<J> {
    fn drop(&mut self) {
        self.inbox.close("it was unloaded");
        let Some(thread) = self.thread.take() else { return };
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        match ended.recv_timeout(FAREWELL) {
            Err(mpsc::RecvTimeoutError::Timeout) => {
                tracing::warn!("the thread of a model takes long to end; it is left to itself");
            }
            // A panic outside of what is watched was reported by the panic hook.
            _ => drop(thread.join()),
        }
    }
}

impl Station {
    fn version(&self) -> Result<String, NnError> {
        fingerprint(&self.folders.iter().map(PathBuf::as_path).collect::<Vec<&Path>>())
    }
}

/// Why a model was not loaded again.
enum Setback {
    /// Another try may succeed.
    Passing(String),
    /// None will.
    Lasting(String),
}

/// All that the thread has.
struct Watch<K: Kept> {
    station: Station,
    kept: K,
    inbox: Arc<Inbox<K::Job>>,
    version: String,
}

impl<K: Kept> Watch<K> {
    fn keep(self, ready: &mpsc::SyncSender<Result<K::About, StartError>>) {
        let begun = Instant::now();
        let mut model = match self.kept.load() {
            Ok(model) => model,
            Err(error) => {
                // `start` waits for this; if it is gone, so is the reason to tell it.
                let _ = ready.send(Err(error.into()));
                return;
            }
        };
        // What loading took once it may take again.
        let loading = begun.elapsed();
        let _closing = ClosedAtEnd(Arc::clone(&self.inbox));
        let _ = ready.send(Ok(self.kept.about(&model)));
        let mut pause = self.station.restarts.first_pause;
        loop {
            let begun = Instant::now();
            let mut hand = Vec::new();
            let served = catch_unwind(AssertUnwindSafe(|| self.kept.serve(model, &self.inbox, &mut hand)));
            let reason = match served {
                Ok(Ended::Closed) => return dismiss(hand, self.inbox.absence()),
                Ok(Ended::Distrusted { reason }) => reason,
                Err(panic) => said(panic.as_ref()),
            };
            if begun.elapsed() >= self.station.restarts.settled {
                pause = self.station.restarts.first_pause;
            }
            match self.bring_back(reason, &mut pause, loading, hand) {
                Some(back) => model = back,
                None => return,
            }
        }
    }

    /// Loads the model until it is there; `None` if it never will be, or is wanted no more.
    fn bring_back(
        &self,
        mut reason: String,
        pause: &mut Duration,
        loading: Duration,
        hand: Vec<K::Job>,
    ) -> Option<K::Model> {
        let Station { kind, name, restarts, .. } = &self.station;
        let mut hand = Some(hand);
        loop {
            self.inbox.suspend(&reason, pause.saturating_add(loading), restarts.first_pause);
            dismiss(hand.take().unwrap_or_default(), self.inbox.absence());
            tracing::error!(kind, name, reason, ?pause, "a model fell; it is loaded again after a pause");
            if !self.inbox.rest(*pause) {
                return None;
            }
            *pause = pause.saturating_mul(2).min(restarts.longest_pause);
            metrics::counter!("kindred_model_restarts_total", "model" => *kind).increment(1);
            let loaded = catch_unwind(AssertUnwindSafe(|| self.load_again()));
            match loaded.unwrap_or_else(|panic| Err(Setback::Passing(said(panic.as_ref())))) {
                Ok(model) => {
                    // Closed meanwhile: nobody wants it any more.
                    if !self.inbox.resume() {
                        return None;
                    }
                    tracing::info!(kind, name, version = self.version, "the model is back");
                    return Some(model);
                }
                Err(Setback::Passing(why)) => reason = why,
                Err(Setback::Lasting(why)) => {
                    tracing::error!(kind, name, reason = why, "a model stays down");
                    self.inbox.close(&why);
                    return None;
                }
            }
        }
    }

    /// Loads what was loaded at the start, and nothing else: what was said names the version of its model.
    fn load_again(&self) -> Result<K::Model, Setback> {
        let passing = |error: NnError| Setback::Passing(error.to_string());
        let found = self.station.version().map_err(passing)?;
        if found != self.version {
            let known = &self.version;
            return Err(Setback::Lasting(format!(
                "its folder was changed: expected version {known}, found {found}; start Kindred anew to use it"
            )));
        }
        self.kept.load().map_err(passing)
    }
}

fn dismiss<J: Job>(jobs: Vec<J>, why: Option<Absence>) {
    let why = why.unwrap_or_else(|| Absence::Gone { reason: "its thread ended".into() });
    jobs.into_iter().for_each(|job| job.dismiss(why.clone()));
}

/// What a panic said, without the string that a bad index was for: it may be a person's words.
pub fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    let text = text.unwrap_or("it panicked without a word");
    // A slice of a text that fails quotes the text, in one of several wordings.
    let quotes =
        ["byte index", "char boundary", "character boundary", "slicing"].iter().any(|words| text.contains(words));
    if quotes { "a text was cut in a wrong place".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
#[path = "keeper_tests.rs"]
mod tests;
