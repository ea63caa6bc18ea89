//! A reply on its way, and what is kept of one that was stopped.

use std::sync::Arc;

use actix::SpawnHandle;

use super::admission::Admitted;
use super::event::SessionEvent;
use crate::dialogue::{Speaker, Turn};
use crate::persona::Memory;
use crate::store::{NewTurn, SessionRecord, Store, StoreError, TurnEnd, TurnRecord};

/// A reply on its way.
pub(super) struct Running {
    pub(super) number: u64,
    pub(super) seq: u64,
    /// The message it answers.
    pub(super) parent: u64,
    /// The key of the request for it, if it is another version.
    pub(super) key: Option<String>,
    /// The number within the turn that the next event gets.
    pub(super) next: u32,
    pub(super) text: String,
    pub(super) memory: Option<Memory>,
    pub(super) model: Option<String>,
    /// What happened of it, for listeners who come late.
    pub(super) events: Vec<Arc<SessionEvent>>,
    /// How the queue stood when it was last told of, while it waits.
    pub(super) queued: Option<SessionEvent>,
    pub(super) work: SpawnHandle,
    /// One reply more may be admitted when this is dropped. None: one that a crash left unsaid, and was promised.
    pub(super) _admitted: Option<Admitted>,
}

/// What a reply that was stopped leaves to be kept.
pub(super) struct Remains {
    pub(super) seq: u64,
    /// The number within the turn that its next event gets; none if it was owed and not on its way.
    pub(super) next: Option<u32>,
    pub(super) turn: Option<NewTurn>,
}

impl Running {
    /// What is to be stored of it.
    pub(super) fn turn(&self, end: TurnEnd) -> NewTurn {
        NewTurn {
            parent: Some(self.parent),
            key: self.key.clone(),
            turn: Turn { speaker: Speaker::Supporter, text: self.text.clone(), memory: self.memory.clone() },
            end,
            model: self.model.clone(),
        }
    }
}

/// Stores what a stopped reply leaves, if it is to be kept.
pub(super) async fn keep(
    store: &dyn Store,
    session: &SessionRecord,
    remains: Option<&Remains>,
) -> Result<Option<TurnRecord>, StoreError> {
    match remains.and_then(|remains| remains.turn.clone()) {
        Some(turn) => store.append(session.id, turn).await.map(Some),
        None => Ok(None),
    }
}
