//! Who is where: characters by index, live sessions by identity, seats taken.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use actix::Addr;
use dashmap::DashMap;
use uuid::Uuid;

use super::character::CharacterActor;
use super::session::SessionActor;
use crate::store::VisitorId;

/// The addresses of all actors.
#[derive(Default)]
pub(super) struct Registry {
    pub(super) characters: DashMap<u32, Addr<CharacterActor>>,
    sessions: DashMap<Uuid, Live>,
}

/// A live session: its address, whose it is, and a share in keeping it awake.
#[derive(Clone)]
pub(super) struct Live {
    pub(super) address: Addr<SessionActor>,
    pub(super) owner: Option<VisitorId>,
    /// Characters on the path to its head, of which a prompt's tokens are estimated.
    pub(super) characters: Arc<AtomicUsize>,
    pub(super) awake: Arc<()>,
}

/// Shares that a session nobody uses has: the registry's and the actor's own.
const UNUSED: usize = 2;

impl Registry {
    /// The character's actor.
    pub(super) fn character(&self, index: u32) -> Option<Addr<CharacterActor>> {
        self.characters.get(&index).map(|address| address.clone())
    }

    /// The session, if it is awake and well.
    pub(super) fn session(&self, id: Uuid) -> Option<Live> {
        self.sessions.get(&id).filter(|live| live.address.connected()).map(|live| live.clone())
    }

    pub(super) fn insert(&self, id: Uuid, live: Live) {
        self.sessions.insert(id, live);
        self.tell();
    }

    /// Takes the session out if nobody uses it; says whether it did. Under the same lock as [`Self::session`] hands out
    /// shares, so that nobody is left with the address of a session that sleeps.
    pub(super) fn release(&self, id: Uuid) -> bool {
        let released = self.sessions.remove_if(&id, |_, live| Arc::strong_count(&live.awake) <= UNUSED).is_some();
        self.tell();
        released
    }

    /// Takes the session out, whoever uses it.
    pub(super) fn remove(&self, id: Uuid) -> Option<Live> {
        self.sessions.remove(&id).map(|(_, live)| live)
    }

    /// Takes the session out if its actor fell.
    pub(super) fn remove_fallen(&self, id: Uuid) {
        self.sessions.remove_if(&id, |_, live| !live.address.connected());
    }

    pub(super) fn awake(&self) -> Vec<Live> {
        self.sessions.iter().map(|entry| entry.value().clone()).collect()
    }

    fn tell(&self) {
        metrics::gauge!("kindred_live_sessions").set(self.count() as f64);
    }

    pub(super) fn count(&self) -> usize {
        self.sessions.len()
    }
}

/// How many open sessions each character has.
#[derive(Default)]
pub(super) struct Seats(DashMap<u32, usize>);

impl Seats {
    pub(super) fn taken(&self, character: u32) -> usize {
        self.0.get(&character).map_or(0, |count| *count)
    }

    /// Takes a seat with this character, until it is dropped.
    pub(super) fn take(self: &Arc<Self>, character: u32) -> Seat {
        *self.0.entry(character).or_default() += 1;
        Seat { character, seats: self.clone() }
    }
}

/// One open session's place with its character. Dropping it frees the place, however the session came to its end.
pub(super) struct Seat {
    pub(super) character: u32,
    seats: Arc<Seats>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(mut count) = self.seats.0.get_mut(&self.character) {
            *count -= 1;
        }
    }
}
