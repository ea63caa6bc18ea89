//! The one writer of the database: takes the changes that wait, and commits them together.

use std::path::PathBuf;

use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::sqlite::{ending_word, explain};
use super::{NewTurn, SessionRecord, StoreError, TurnRecord, now_ms};

/// The most changes of one transaction; a commit costs one flush to disk, however many it carries.
const GROUP: usize = 256;

/// A change and where its answer goes.
pub(super) enum Change {
    Create { supporter: u32, about: String, answer: oneshot::Sender<Result<SessionRecord, StoreError>> },
    End { id: Uuid, answer: oneshot::Sender<Result<(), StoreError>> },
    Append { session: Uuid, turn: NewTurn, answer: oneshot::Sender<Result<TurnRecord, StoreError>> },
}

/// What a change did, to be told once it is on disk.
enum Outcome {
    Created(SessionRecord),
    Ended,
    Appended(TurnRecord),
    /// Refused without touching the database; the rest of the group is not affected.
    NoSession(Uuid),
}

/// Writes until every sender is gone.
pub(super) async fn run(mut connection: SqliteConnection, mut changes: mpsc::Receiver<Change>, path: PathBuf) {
    let mut group = Vec::with_capacity(GROUP);
    while changes.recv_many(&mut group, GROUP).await > 0 {
        match commit(&mut connection, &group).await {
            Ok(outcomes) => {
                for (change, outcome) in group.drain(..).zip(outcomes) {
                    change.answer(Ok(outcome));
                }
            }
            // One bad change must not take its neighbours with it: each gets a transaction of its own.
            Err(_) => {
                for change in group.drain(..) {
                    let outcome = match commit(&mut connection, std::slice::from_ref(&change)).await {
                        Ok(mut outcomes) => outcomes.pop().ok_or(StoreError::Closed),
                        Err(error) => Err(explain(error, &path)),
                    };
                    change.answer(outcome);
                }
            }
        }
    }
    // Nothing can be told to anyone any more; a WAL that was not folded in is read at the next start.
    let _ = connection.close().await;
}

async fn commit(connection: &mut SqliteConnection, group: &[Change]) -> Result<Vec<Outcome>, sqlx::Error> {
    // Dropped on an error, the transaction rolls back.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let mut outcomes = Vec::with_capacity(group.len());
    for change in group {
        outcomes.push(change.apply(&mut transaction).await?);
    }
    transaction.commit().await?;
    Ok(outcomes)
}

impl Change {
    async fn apply(&self, connection: &mut SqliteConnection) -> Result<Outcome, sqlx::Error> {
        match self {
            Self::Create { supporter, about, .. } => {
                // Version 7 is ordered by time, which keeps neighbours in time neighbours in the table.
                let record = SessionRecord {
                    id: Uuid::now_v7(),
                    supporter: *supporter,
                    about: about.clone(),
                    created_ms: now_ms(),
                    ended_ms: None,
                };
                sqlx::query("INSERT INTO sessions (id, supporter, about, created_ms) VALUES (?, ?, ?, ?)")
                    .bind(record.id.as_bytes().as_slice())
                    .bind(record.supporter)
                    .bind(&record.about)
                    .bind(record.created_ms)
                    .execute(connection)
                    .await?;
                Ok(Outcome::Created(record))
            }
            Self::End { id, .. } => {
                let changed = sqlx::query("UPDATE sessions SET ended_ms = coalesce(ended_ms, ?) WHERE id = ?")
                    .bind(now_ms())
                    .bind(id.as_bytes().as_slice())
                    .execute(connection)
                    .await?
                    .rows_affected();
                Ok(if changed == 0 { Outcome::NoSession(*id) } else { Outcome::Ended })
            }
            Self::Append { session, turn, .. } => append(connection, *session, turn).await,
        }
    }

    fn answer(self, outcome: Result<Outcome, StoreError>) {
        // A caller that has left needs no answer.
        match self {
            Self::Create { answer, .. } => {
                let _ = answer.send(outcome.and_then(|outcome| match outcome {
                    Outcome::Created(record) => Ok(record),
                    _ => Err(StoreError::Closed),
                }));
            }
            Self::End { answer, .. } => {
                let _ = answer.send(outcome.and_then(|outcome| match outcome {
                    Outcome::Ended => Ok(()),
                    Outcome::NoSession(id) => Err(StoreError::NoSession { id }),
                    _ => Err(StoreError::Closed),
                }));
            }
            Self::Append { answer, .. } => {
                let _ = answer.send(outcome.and_then(|outcome| match outcome {
                    Outcome::Appended(record) => Ok(record),
                    Outcome::NoSession(id) => Err(StoreError::NoSession { id }),
                    _ => Err(StoreError::Closed),
                }));
            }
        }
    }
}

async fn append(connection: &mut SqliteConnection, session: Uuid, new: &NewTurn) -> Result<Outcome, sqlx::Error> {
    let id = session.as_bytes().as_slice();
    let next: Option<i64> = sqlx::query_scalar(
        "SELECT coalesce((SELECT max(seq) + 1 FROM turns WHERE session = s.id), 0) FROM sessions AS s WHERE s.id = ?",
    )
    .bind(id)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(seq) = next else { return Ok(Outcome::NoSession(session)) };
    let created_ms = now_ms();
    let memory = new.turn.memory.as_ref();
    sqlx::query(
        "INSERT INTO turns (session, seq, speaker, text, memory_aspect, memory_content, ending, model, created_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(id)
    .bind(seq)
    .bind(new.turn.speaker.as_str())
    .bind(&new.turn.text)
    .bind(memory.map(|memory| memory.aspect.as_str()))
    .bind(memory.map(|memory| memory.content.as_str()))
    .bind(ending_word(new.end))
    .bind(&new.model)
    .bind(created_ms)
    .execute(connection)
    .await?;
    Ok(Outcome::Appended(TurnRecord {
        seq: seq.unsigned_abs(),
        turn: new.turn.clone(),
        end: new.end,
        model: new.model.clone(),
        created_ms,
    }))
}
