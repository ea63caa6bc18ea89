//! A store that keeps nothing past the process: for a talk in the terminal that nobody asked to keep, and for tests.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use uuid::Uuid;

use super::{
    Cursor, NewSession, NewTurn, Owed, SessionRecord, Store, StoreError, Swept, TokenHash, TooOld, TurnRecord,
    VisitorId, VisitorRecord, Whose, now_ms,
};
use crate::dialogue::Speaker;

/// Visitors, sessions and turns in memory.
#[derive(Debug, Default)]
pub struct VolatileStore {
    // A std Mutex: held for a push or a copy, never across an await.
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    visitors: HashMap<TokenHash, VisitorRecord>,
    sessions: BTreeMap<Uuid, Held>,
}

#[derive(Debug)]
struct Held {
    record: SessionRecord,
    key: Option<String>,
    turns: Vec<TurnRecord>,
}

impl Kept {
    fn session(&mut self, id: Uuid) -> Result<&mut Held, StoreError> {
        self.sessions.get_mut(&id).ok_or(StoreError::NoSession { id })
    }

    fn remove(&mut self, gone: impl Fn(&SessionRecord) -> bool) -> Vec<Uuid> {
        let ids: Vec<Uuid> =
            self.sessions.values().filter(|held| gone(&held.record)).map(|held| held.record.id).collect();
        for id in &ids {
            self.sessions.remove(id);
        }
        ids
    }
}

impl VolatileStore {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Every change is a few pushes and assignments that cannot panic half-way.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_of(record: &SessionRecord, whose: Whose) -> bool {
    match whose {
        Whose::All => true,
        Whose::Visitor(owner) => record.owner == Some(owner),
    }
}

#[async_trait]
impl Store for VolatileStore {
    async fn add_visitor(&self, token_hash: TokenHash) -> Result<VisitorRecord, StoreError> {
        let now = now_ms();
        let record = VisitorRecord { id: VisitorId(Uuid::now_v7()), created_ms: now, seen_ms: now };
        self.lock().visitors.insert(token_hash, record);
        Ok(record)
    }

    async fn visitor(&self, token_hash: &TokenHash) -> Result<Option<VisitorRecord>, StoreError> {
        Ok(self.lock().visitors.get(token_hash).copied())
    }

    async fn note_visit(&self, id: VisitorId) -> Result<(), StoreError> {
        if let Some(record) = self.lock().visitors.values_mut().find(|record| record.id == id) {
            record.seen_ms = now_ms();
        }
        Ok(())
    }

    async fn delete_visitor(&self, id: VisitorId) -> Result<Vec<Uuid>, StoreError> {
        let mut kept = self.lock();
        kept.visitors.retain(|_, record| record.id != id);
        Ok(kept.remove(|record| record.owner == Some(id)))
    }

    async fn open_session(&self, new: NewSession) -> Result<SessionRecord, StoreError> {
        let mut kept = self.lock();
        let mut owned = kept.sessions.values().filter(|held| held.record.owner == new.owner);
        if let Some(known) = owned.clone().find(|held| new.key.is_some() && held.key == new.key) {
            return Ok(known.record.clone());
        }
        if new.owner.is_some() && owned.by_ref().count() as u64 >= new.limit {
            return Err(StoreError::TooManySessions { limit: new.limit });
        }
        let (id, now) = (Uuid::now_v7(), now_ms());
        let record = SessionRecord {
            id,
            owner: new.owner,
            supporter: new.supporter,
            about: new.about,
            created_ms: now,
            used_ms: now,
            ended_ms: None,
            head: None,
            turns: 0,
            awaits: false,
            attempts: 0,
            falls: 0,
            pending_key: None,
        };
        kept.sessions.insert(id, Held { record: record.clone(), key: new.key, turns: Vec::new() });
        Ok(record)
    }

    async fn session(&self, id: Uuid) -> Result<Option<SessionRecord>, StoreError> {
        Ok(self.lock().sessions.get(&id).map(|held| held.record.clone()))
    }

    async fn sessions(
        &self,
        whose: Whose,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<SessionRecord>, StoreError> {
        let follows =
            |record: &SessionRecord| after.is_none_or(|after| (record.used_ms, record.id) < (after.used_ms, after.id));
        let kept = self.lock();
        let mut found: Vec<SessionRecord> = kept
            .sessions
            .values()
            .map(|held| &held.record)
            .filter(|record| is_of(record, whose) && follows(record))
            .cloned()
            .collect();
        found.sort_by_key(|record| std::cmp::Reverse((record.used_ms, record.id)));
        found.truncate(limit as usize);
        Ok(found)
    }

    async fn count_sessions(&self, whose: Whose) -> Result<u64, StoreError> {
        Ok(self.lock().sessions.values().filter(|held| is_of(&held.record, whose)).count() as u64)
    }

    async fn end_session(&self, id: Uuid) -> Result<(), StoreError> {
        let mut kept = self.lock();
        let record = &mut kept.session(id)?.record;
        record.ended_ms.get_or_insert_with(now_ms);
        record.awaits = false;
        record.pending_key = None;
        Ok(())
    }

    async fn delete_session(&self, id: Uuid) -> Result<(), StoreError> {
        self.lock().sessions.remove(&id).map(drop).ok_or(StoreError::NoSession { id })
    }

    async fn delete_old(&self, what: TooOld) -> Result<Swept, StoreError> {
        let mut kept = self.lock();
        let is_old =
            |record: &VisitorRecord| record.seen_ms < what.seen_before || record.created_ms < what.created_before;
        let old: Vec<VisitorId> = kept.visitors.values().filter(|record| is_old(record)).map(|r| r.id).collect();
        kept.visitors.retain(|_, record| !is_old(record));
        let sessions = kept.remove(|record| {
            record.used_ms < what.used_before || record.owner.is_some_and(|owner| old.contains(&owner))
        });
        Ok(Swept { sessions, visitors: old.len() })
    }

    async fn append(&self, session: Uuid, new: NewTurn) -> Result<TurnRecord, StoreError> {
        let mut kept = self.lock();
        let held = kept.session(session)?;
        if let Some(known) = held.turns.iter().find(|turn| new.key.is_some() && turn.key == new.key) {
            return match known.turn == new.turn {
                true => Ok(known.clone()),
                false => Err(StoreError::KeyTaken { seq: known.seq }),
            };
        }
        let seq = held.turns.len() as u64;
        if let Some(parent) = new.parent.filter(|&parent| parent >= seq) {
            return Err(StoreError::NoTurn { seq: parent });
        }
        let record = TurnRecord {
            seq,
            parent: new.parent,
            turn: new.turn,
            end: new.end,
            model: new.model,
            key: new.key,
            created_ms: now_ms(),
        };
        held.turns.push(record.clone());
        let session = &mut held.record;
        session.head = Some(seq);
        session.turns += 1;
        session.used_ms = record.created_ms;
        session.awaits = record.turn.speaker == Speaker::Seeker && session.ended_ms.is_none();
        session.attempts = 0;
        session.falls = 0;
        session.pending_key = None;
        Ok(record)
    }

    async fn await_answer(
        &self,
        session: Uuid,
        message: u64,
        key: Option<String>,
        why: Owed,
    ) -> Result<SessionRecord, StoreError> {
        let mut kept = self.lock();
        let held = kept.session(session)?;
        let is_message = held.turns.iter().any(|turn| turn.seq == message && turn.turn.speaker == Speaker::Seeker);
        if !is_message {
            return Err(StoreError::NoTurn { seq: message });
        }
        let record = &mut held.record;
        let again = record.awaits && record.head == Some(message);
        record.attempts = if again { record.attempts + 1 } else { 0 };
        record.falls = if why == Owed::Still { record.falls + 1 } else { 0 };
        record.pending_key = key.or(record.pending_key.take().filter(|_| again));
        record.head = Some(message);
        record.awaits = true;
        Ok(record.clone())
    }

    async fn show(&self, session: Uuid, head: u64) -> Result<SessionRecord, StoreError> {
        let mut kept = self.lock();
        let held = kept.session(session)?;
        if head >= held.turns.len() as u64 {
            return Err(StoreError::NoTurn { seq: head });
        }
        let record = &mut held.record;
        record.head = Some(head);
        record.awaits = false;
        record.attempts = 0;
        record.falls = 0;
        record.pending_key = None;
        Ok(record.clone())
    }

    async fn unanswered(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<SessionRecord>, StoreError> {
        let kept = self.lock();
        let waiting = kept.sessions.values().map(|held| &held.record);
        let waiting = waiting.filter(|record| record.awaits && after.is_none_or(|after| record.id > after));
        Ok(waiting.take(limit as usize).cloned().collect())
    }

    async fn turns(&self, session: Uuid) -> Result<Vec<TurnRecord>, StoreError> {
        Ok(self.lock().session(session)?.turns.clone())
    }

    async fn size(&self) -> Result<u64, StoreError> {
        Ok(0)
    }
}
