//! Rebuilds actors that fell, and sweeps out what is too old.

use std::sync::{PoisonError, Weak};
use std::time::Duration;

use tokio::sync::mpsc;

use super::{Inner, Kindred, start_character, start_matcher};
use crate::agents::visitor::Caller;
use crate::agents::watch::Fallen;

/// How often what is too old is deleted.
const SWEEP: Duration = Duration::from_secs(10 * 60);

impl Kindred {
    /// Starts the watcher on the agents' threads. It ends when all handles on the agents are gone, or they close.
    pub(super) fn take_care(&self, mut fallen: mpsc::UnboundedReceiver<Fallen>) {
        let weak = std::sync::Arc::downgrade(&self.inner);
        let watch = async move {
            let mut sweep = tokio::time::interval(SWEEP);
            loop {
                let who = tokio::select! {
                    who = fallen.recv() => who,
                    _ = sweep.tick() => {
                        let Some(kindred) = open(&weak) else { return };
                        match kindred.delete_old().await {
                            Ok(0) => {}
                            Ok(sessions) => tracing::info!(sessions, "what was too old was deleted"),
                            Err(error) => tracing::error!(%error, "what is too old could not be deleted"),
                        }
                        continue;
                    }
                };
                let (Some(who), Some(kindred)) = (who, open(&weak)) else { return };
                kindred.rebuild(who).await;
            }
        };
        // An arbiter that is gone has nothing to be watched.
        let _ = self.inner.arbiters[0].spawn(watch);
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
                inner.registry.remove_fallen(id);
                // One that owes an answer gives it; any other wakes when somebody comes.
                let owes = inner.store.session(id).await.map(|record| record.is_some_and(|record| record.awaits));
                let rebuilt = match owes {
                    Ok(true) => self.live(Caller::Local, id).await.map(drop),
                    Ok(false) => Ok(()),
                    Err(error) => Err(error.into()),
                };
                if let Err(error) = rebuilt {
                    tracing::error!(%error, "a fallen session could not be rebuilt");
                }
            }
        }
    }
}

/// The agents, while they are at work.
fn open(weak: &Weak<Inner>) -> Option<Kindred> {
    weak.upgrade().map(|inner| Kindred { inner }).filter(Kindred::is_ready)
}
