//! A request on its way to the model, and what can cut its reply short.

use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;

use super::{EngineError, Lane, Piece, Sampling};
use crate::nn::inbox::{self, Absence};

/// A request on its way to the model. Its weight in the inbox is one.
#[derive(Debug)]
pub(super) struct Job {
    /// The prompt; at least one token.
    pub(super) prompt: Vec<u32>,
    /// How tokens are drawn.
    pub(super) sampling: Sampling,
    /// Texts at which the reply ends.
    pub(super) stop: Vec<String>,
    /// When it came.
    pub(super) admitted: Instant,
    /// Where it waits, and that it does.
    pub(super) waiting: Waiting,
    /// Where its pieces go. Closed when nobody listens any more. It needs no bound of its own: a reply has at most
    /// `max_new_tokens` pieces.
    pub(super) pieces: UnboundedSender<Result<Piece, EngineError>>,
}

impl Job {
    /// Sends a piece to the one who listens.
    pub(super) fn send(&self, piece: Piece) -> Result<(), Broken> {
        self.pieces.send(Ok(piece)).map_err(|_| Broken::Abandoned)
    }
}

impl inbox::Job for Job {
    fn weight(&self) -> usize {
        1
    }

    fn abandoned(&self) -> bool {
        self.pieces.is_closed()
    }

    fn dismiss(self, why: Absence) {
        // Whoever no longer listens needs no answer.
        let _ = self.pieces.send(Err(why.into()));
    }

    fn lane(&self) -> Lane {
        self.waiting.lane
    }
}

/// Counts a request among those that wait, until it is taken up or dropped.
#[derive(Debug)]
pub(super) struct Waiting {
    lane: Lane,
    over: bool,
}

impl Waiting {
    /// Begins to wait.
    pub(super) fn new(lane: Lane) -> Self {
        waiting(lane).increment(1.0);
        Self { lane, over: false }
    }

    /// Waits no longer.
    pub(super) fn end(&mut self) {
        if !std::mem::replace(&mut self.over, true) {
            waiting(self.lane).decrement(1.0);
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.end();
    }
}

fn waiting(lane: Lane) -> metrics::Gauge {
    metrics::gauge!("kindred_queue_waiting", "lane" => lane.name())
}

/// Why a reply broke off.
#[derive(Debug)]
pub(super) enum Broken {
    /// Nobody listens any more.
    Abandoned,
    /// It panicked, saying this.
    Panicked(String),
    /// It cannot go on.
    Error(EngineError),
}

impl From<EngineError> for Broken {
    fn from(error: EngineError) -> Self {
        Self::Error(error)
    }
}
