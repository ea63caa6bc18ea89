//! What every request shares: the rooms once they are open, whether the server drains, and the room for open streams.

use std::sync::{Arc, OnceLock};

use actix_web::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::directory::Directory;
use super::problem::Problem;
use crate::agents::Kindred;

/// Most event streams open at once in the process.
const MAX_STREAMS: usize = 4096;

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
    streams: Arc<Semaphore>,
}

impl State {
    pub(super) fn new() -> Self {
        let streams = Arc::new(Semaphore::new(MAX_STREAMS));
        Self { rooms: OnceLock::new(), phase: watch::Sender::new(Phase::Open), streams }
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

    /// The rooms, if this is the time to ask.
    pub(super) fn rooms(&self) -> Result<&Rooms, Problem> {
        if *self.phase.borrow() != Phase::Open {
            return Err(unavailable("draining", "Kindred is stopping", "it answers again when it has been restarted"));
        }
        self.rooms.get().ok_or_else(|| {
            unavailable("starting", "Kindred is still starting", "the models are being loaded; this takes a moment")
        })
    }

    /// Room for one more event stream.
    pub(super) fn stream(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let refused = |_| Problem::busy(format!("{MAX_STREAMS} event streams are open, which is the limit"));
        self.streams.clone().try_acquire_owned().map_err(refused)
    }
}

fn unavailable(code: &'static str, title: &'static str, detail: &'static str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, title, detail).retry_after(2)
}
