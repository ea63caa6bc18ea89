//! Sessions in memory: woken from the store when somebody comes or an answer is owed, put out when they are deleted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix::Actor as _;
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

use super::Kindred;
use crate::agents::AgentError;
use crate::agents::admission::Admitted;
use crate::agents::registry::{Live, Seat};
use crate::agents::session::{Leave, SessionActor};
use crate::agents::versions::Versions;
use crate::agents::visitor::Caller;
use crate::agents::watch::{Fallen, Guard};
use crate::store::{Owed, SessionRecord, TurnRecord};

/// Held while a session is read from the store and made an actor, or deleted, so that it never becomes two: one lock
/// for each of so many parts of all sessions, as a thousand may wake at once.
pub(super) struct Waking([Mutex<()>; WAKING]);

const WAKING: usize = 64;

impl Default for Waking {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(())))
    }
}

impl Waking {
    pub(super) async fn lock(&self, id: Uuid) -> MutexGuard<'_, ()> {
        // The low bits of an identity are random.
        self.0[id.as_u128() as usize % WAKING].lock().await
    }
}

/// Characters of a token, on the low side: what is estimated with it is rather too many tokens.
const CHARACTERS_A_TOKEN: usize = 3;

impl Kindred {
    /// Wakes the sessions whose last message a crash left unanswered, so that they are answered now; says how many. To be
    /// called once, at start-up, beside whatever else happens: it goes on as fast as the queue does.
    ///
    /// # Errors
    /// The store's.
    pub async fn answer_unanswered(&self) -> Result<usize, AgentError> {
        /// Sessions that are read at once.
        const PAGE: u32 = 64;
        /// How long a store that fails, or a full queue, is left alone.
        const PAUSE: Duration = Duration::from_millis(100);
        const MOST_FAILURES: usize = 50;
        let (mut woken, mut after, mut failures) = (0, None, 0);
        loop {
            let page = match self.inner.store.unanswered(after, PAGE).await {
                Ok(page) => page,
                Err(error) if failures == MOST_FAILURES || !self.is_ready() => return Err(error.into()),
                Err(_) => {
                    failures += 1;
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let Some(last) = page.last() else { return Ok(woken) };
            after = Some(last.id);
            for record in page {
                // They stand in the queue with everybody else, and leave room in it for those who come now.
                while self.inner.admission.admitted() > self.inner.limits.waiting / 2 && self.is_ready() {
                    tokio::time::sleep(PAUSE).await;
                }
                match self.live(Caller::Local, record.id).await {
                    Ok(_) => woken += 1,
                    Err(AgentError::Closing) => return Ok(woken),
                    // One that cannot be read must not keep the others from their answers.
                    Err(error) => tracing::error!(%error, "an unanswered session stays asleep"),
                }
            }
        }
    }

    /// The session's actor: awake, or woken from the store.
    pub(super) async fn live(&self, caller: Caller, id: Uuid) -> Result<Live, AgentError> {
        self.check_open()?;
        if let Some(live) = self.inner.registry.session(id) {
            return of_caller(live, caller, id);
        }
        let _waking = self.inner.waking.lock(id).await;
        if let Some(live) = self.inner.registry.session(id) {
            return of_caller(live, caller, id);
        }
        let mut record = self.stored_session(caller, id).await?;
        let turns = self.inner.store.turns(id).await?;
        let mut admitted = None;
        if let (true, Some(head)) = (record.awaits, record.head) {
            // Counted before it begins: what brings the process down must not do so for ever.
            record = self.inner.store.await_answer(id, head, None, Owed::Still).await?;
            // Admitted like any other, if there is room; else it comes unadmitted, as the person was promised it.
            admitted = self.inner.admission.admit(None, None, 0).ok();
        }
        Ok(self.awaken(record, turns, None, admitted))
    }

    pub(super) fn awaken(
        &self,
        record: SessionRecord,
        turns: Vec<TurnRecord>,
        seat: Option<Seat>,
        admitted: Option<Admitted>,
    ) -> Live {
        let inner = &self.inner;
        let (id, owner) = (record.id, record.owner);
        let (awake, characters) = (Arc::new(()), Arc::new(AtomicUsize::new(0)));
        let actor = SessionActor {
            _seat: seat
                .filter(|seat| seat.character == record.supporter)
                .unwrap_or_else(|| inner.seats.take(record.supporter)),
            record,
            versions: Versions::new(turns),
            store: inner.store.clone(),
            registry: inner.registry.clone(),
            admission: inner.admission.clone(),
            guard: Guard::new(Fallen::Session(id), &inner.watch),
            _awake: awake.clone(),
            characters: characters.clone(),
            idle: inner.limits.idle,
            most_turns: inner.limits.session_turns,
            most_bytes: inner.limits.session_bytes,
            attempts: inner.limits.attempts,
            admitted,
            listeners: Vec::new(),
            reply: None,
            failed: None,
            told: 0,
            replies: 0,
            used: Instant::now(),
        };
        let address = SessionActor::start_in_arbiter(self.arbiter(), move |_| actor);
        let live = Live { address, owner, characters, awake };
        inner.registry.insert(id, live.clone());
        live
    }

    /// Room for one more reply in this session, to a message of so many bytes.
    pub(super) fn admit(&self, caller: Caller, live: &Live, message: usize) -> Result<Admitted, AgentError> {
        let voice = &self.inner.voices.supporter;
        let said = (live.characters.load(Ordering::Relaxed) + message) / CHARACTERS_A_TOKEN;
        let tokens = (said + self.inner.voices.sampling.max_new_tokens).min(voice.identity().context);
        self.inner.admission.admit(live.owner, caller.network(), tokens)
    }

    /// The session as the store has it, if it is the caller's. Another's is as if there were none.
    pub(super) async fn stored_session(&self, caller: Caller, id: Uuid) -> Result<SessionRecord, AgentError> {
        let record = self.inner.store.session(id).await?.filter(|record| caller.may_use(record));
        record.ok_or(AgentError::NoSession { id })
    }

    /// Ends the actor of a session that was deleted, if it is awake or just waking.
    pub(super) async fn put_out(&self, session: Uuid) {
        let _waking = self.inner.waking.lock(session).await;
        self.put_out_locked(session).await;
    }

    pub(super) async fn put_out_locked(&self, session: Uuid) {
        if let Some(live) = self.inner.registry.remove(session) {
            // One that is gone already needs no telling.
            let _ = live.address.send(Leave).await;
        }
    }
}

fn of_caller(live: Live, caller: Caller, id: Uuid) -> Result<Live, AgentError> {
    if caller.may_use_of(live.owner) { Ok(live) } else { Err(AgentError::NoSession { id }) }
}
