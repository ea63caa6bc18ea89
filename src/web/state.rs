//! What every request shares: the rooms once they are open, whether the server drains, and the limits.

use std::sync::OnceLock;

use actix_web::http::StatusCode;
use tokio::sync::watch;

use super::directory::Directory;
use super::problem::Problem;
use super::rates::Limits;
use super::reads::Reads;
use super::settings::Settings;
use super::streams::Streams;
use crate::agents::Kindred;

/// What answers requests once everything is loaded.
pub(super) struct Rooms {
    pub(super) kindred: Kindred,
    pub(super) directory: Directory,
}

/// How far the server is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
enum Phase {
    /// Takes requests.
    Open,
    /// Begins nothing new; replies in the making still reach their listeners.
    Draining,
    /// Streams end.
    Closed,
}

/// Shared by all workers.
pub(super) struct State {
    rooms: OnceLock<Rooms>,
    phase: watch::Sender<Phase>,
    /// How this server is to behave.
    pub(super) settings: Settings,
    /// How often one may ask.
    pub(super) limits: Limits,
    /// The long answers that are on their way.
    pub(super) reads: Reads,
    /// The event streams that are open.
    pub(super) streams: Streams,
}

impl State {
    pub(super) fn new(settings: Settings) -> Self {
        let limits = Limits::new(settings.rates);
        let streams = Streams::new(&settings);
        Self {
            rooms: OnceLock::new(),
            phase: watch::Sender::new(Phase::Open),
            settings,
            limits,
            reads: Reads::default(),
            streams,
        }
    }

    /// From now on requests are answered. A second call changes nothing.
    pub(super) fn open(&self, kindred: Kindred) {
        let directory = Directory::new(kindred.bank());
        let _ = self.rooms.set(Rooms { kindred, directory });
    }

    /// From now on nothing new is begun.
    pub(super) fn drain(&self) {
        self.phase.send_replace(Phase::Draining);
    }

    /// From now on streams end.
    pub(super) fn close(&self) {
        self.phase.send_replace(Phase::Closed);
    }

    /// Resolves when streams are to end.
    pub(super) fn closed(&self) -> impl Future<Output = ()> + use<> {
        let mut phase = self.phase.subscribe();
        async move {
            // A sender that is gone means the same.
            let _ = phase.wait_for(|phase| *phase == Phase::Closed).await;
        }
    }

    /// What this server is doing, for its operator.
    pub(super) fn phase(&self) -> &'static str {
        match (*self.phase.borrow(), self.rooms.get()) {
            (Phase::Open, None) => "starting",
            (Phase::Open, Some(_)) => "ready",
            (Phase::Draining | Phase::Closed, _) => "draining",
        }
    }

    /// The rooms once they are open, even on the way out: for whoever only looks.
    pub(super) fn opened(&self) -> Option<&Rooms> {
        self.rooms.get()
    }

    /// The rooms, if this is the time to ask.
    pub(super) fn rooms(&self) -> Result<&Rooms, Problem> {
        if *self.phase.borrow() != Phase::Open {
            return Err(unavailable("draining", "Kindred is stopping", "it answers again when it has been restarted"));
        }
        self.rooms.get().ok_or_else(|| {
            unavailable("starting", "Kindred is still starting", "the models are being loaded; this takes a moment")
        })
    }
}

fn unavailable(code: &'static str, title: &'static str, detail: &'static str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, title, detail).retry_after(2)
}
