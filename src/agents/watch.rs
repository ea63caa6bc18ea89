//! Who fell: an actor that panics is gone without a word, so each carries a guard that tells.

use tokio::sync::mpsc;
use uuid::Uuid;

/// An actor that fell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fallen {
    Session(Uuid),
    Character(u32),
    Matcher,
}

impl Fallen {
    /// The kind, as the metrics name it.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Session(_) => "session",
            Self::Character(_) => "character",
            Self::Matcher => "matcher",
        }
    }
}

/// Where the fallen are told of.
pub(super) type Watch = mpsc::UnboundedSender<Fallen>;

/// Tells that its actor fell, unless the actor came to an end of its own.
pub(super) struct Guard {
    who: Fallen,
    watch: Option<Watch>,
}

impl Guard {
    pub(super) fn new(who: Fallen, watch: &Watch) -> Self {
        Self { who, watch: Some(watch.clone()) }
    }

    /// The actor came to its end.
    pub(super) fn dismiss(&mut self) {
        self.watch = None;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(watch) = &self.watch {
            // Nobody watches any more where the whole process ends.
            let _ = watch.send(self.who);
        }
    }
}
