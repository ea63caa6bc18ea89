//! Rebuilds actors that fell, and sweeps out what is too old.

use std::sync::{PoisonError, Weak};
use std::time::Duration;

use tokio::sync::mpsc;
use uuid::Uuid;

use super::{Inner, Kindred, start_character, start_matcher};
use crate::agents::AgentError;
use crate::agents::visitor::Caller;
use crate::agents::watch::Fallen;

/// How often what is too old is deleted.
const SWEEP: Duration = Duration::from_secs(10 * 60);

impl Kindred {
    /// Starts the watcher on the agents' threads. It ends when all handles on the agents are gone, or they close.
    pub(super) fn take_care(&self, mut fallen: mpsc::UnboundedReceiver<Fallen>) {
        let weak = std::sync::Arc::downgrade(&self.inner);
        let swept = weak.clone();
        let watch = async move {
            while let Some(who) = fallen.recv().await {
                let Some(kindred) = open(&weak) else { return };
                // Each on its own: one that takes long, or fails, holds up no other.
                tokio::spawn(async move { kindred.rebuild(who).await });
            }
        };
        let sweep = async move {
            let mut often = tokio::time::interval(SWEEP);
            loop {
                often.tick().await;
                let Some(kindred) = open(&swept) else { return };
                match kindred.delete_old().await {
                    Ok(0) => {}
                    Ok(sessions) => tracing::info!(sessions, "what was too old was deleted"),
                    Err(error) => tracing::error!(%error, "what is too old could not be deleted"),
                }
            }
        };
        // An arbiter that is gone has nothing to be watched.
        let _ = self.inner.arbiters[0].spawn(watch);
        let _ = self.inner.arbiters[0].spawn(sweep);
    }

    /// One that owes an answer gives it; any other wakes when somebody comes.
    async fn rebuild_session(&self, id: Uuid) -> Result<(), AgentError> {
        let record = self.inner.store.session(id).await?;
        match record.is_some_and(|record| record.awaits) {
            true => self.live(Caller::Local, id).await.map(drop),
            false => Ok(()),
        }
    }

    async fn rebuild(&self, who: Fallen) {
        tracing::error!(kind = who.kind(), "an actor fell and is rebuilt");
        metrics::counter!("kindred_actor_restarts_total", "kind" => who.kind()).increment(1);
        let inner = &self.inner;
        match who {
            Fallen::Matcher => {
                let address = start_matcher(&inner.ranker, &inner.seats, &inner.watch, self.arbiter());
                *inner.matcher.write().unwrap_or_else(PoisonError::into_inner) = address;
            }
            Fallen::Character(index) => {
                if let Some(character) = inner.bank.get(index) {
                    let address = start_character(character, &inner.voices, &inner.watch, self.arbiter());
                    inner.registry.characters.insert(index, address);
                }
            }
            Fallen::Session(id) => {
                for _ in 0..TRIES {
                    // It tells while it falls: its mailbox is shut a moment later.
                    tokio::time::sleep(FALLING).await;
                    inner.registry.remove_fallen(id);
                    match self.rebuild_session(id).await {
                        Ok(()) => return,
                        Err(error) => tracing::error!(%error, "a fallen session could not be rebuilt"),
                    }
                }
            }
        }
    }
}

/// How often a session is tried to be rebuilt, and how long between.
const TRIES: usize = 5;
const FALLING: Duration = Duration::from_millis(50);

/// The agents, while they are at work.
fn open(weak: &Weak<Inner>) -> Option<Kindred> {
    weak.upgrade().map(|inner| Kindred { inner }).filter(Kindred::is_ready)
}
