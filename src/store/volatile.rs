//! A store that keeps nothing past the process: for a talk in the terminal that nobody asked to keep, and for tests.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use uuid::Uuid;

use super::{NewTurn, SessionRecord, Store, StoreError, TurnRecord, now_ms};
use crate::dialogue::Speaker;

/// Sessions and turns in memory.
#[derive(Debug, Default)]
pub struct VolatileStore {
    // A std Mutex: held for a push or a copy, never across an await.
    sessions: Mutex<HashMap<Uuid, (SessionRecord, Vec<TurnRecord>)>>,
}

impl VolatileStore {
    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, (SessionRecord, Vec<TurnRecord>)>> {
        // Every change is one push or one assignment: a panic elsewhere cannot leave one half done.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn newest(&self, limit: u32, keep: impl Fn(&(SessionRecord, Vec<TurnRecord>)) -> bool) -> Vec<SessionRecord> {
        let mut found: Vec<_> =
            self.lock().values().filter(|held| keep(held)).map(|(record, _)| record.clone()).collect();
        found.sort_by_key(|record| std::cmp::Reverse((record.created_ms, record.id)));
        found.truncate(limit as usize);
        found
    }
}

#[async_trait]
impl Store for VolatileStore {
    async fn create_session(&self, supporter: u32, about: &str) -> Result<SessionRecord, StoreError> {
        let id = Uuid::now_v7();
        let record = SessionRecord { id, supporter, about: about.to_owned(), created_ms: now_ms(), ended_ms: None };
        self.lock().insert(id, (record.clone(), Vec::new()));
        Ok(record)
    }

    async fn session(&self, id: Uuid) -> Result<Option<SessionRecord>, StoreError> {
        Ok(self.lock().get(&id).map(|(record, _)| record.clone()))
    }

    async fn sessions(&self, limit: u32) -> Result<Vec<SessionRecord>, StoreError> {
        Ok(self.newest(limit, |_| true))
    }

    async fn end_session(&self, id: Uuid) -> Result<(), StoreError> {
        let mut sessions = self.lock();
        let (record, _) = sessions.get_mut(&id).ok_or(StoreError::NoSession { id })?;
        record.ended_ms.get_or_insert_with(now_ms);
        Ok(())
    }

    async fn append(&self, session: Uuid, new: NewTurn) -> Result<TurnRecord, StoreError> {
        let mut sessions = self.lock();
        let (_, turns) = sessions.get_mut(&session).ok_or(StoreError::NoSession { id: session })?;
        let record = TurnRecord {
            seq: turns.len() as u64,
            turn: new.turn,
            end: new.end,
            model: new.model,
            created_ms: now_ms(),
        };
        turns.push(record.clone());
        Ok(record)
    }

    async fn unanswered(&self, limit: u32) -> Result<Vec<SessionRecord>, StoreError> {
        Ok(self.newest(limit, |(record, turns)| {
            record.ended_ms.is_none() && turns.last().is_some_and(|turn| turn.turn.speaker == Speaker::Seeker)
        }))
    }

    async fn turns(&self, session: Uuid) -> Result<Vec<TurnRecord>, StoreError> {
        self.lock().get(&session).map(|(_, turns)| turns.clone()).ok_or(StoreError::NoSession { id: session })
    }
}
