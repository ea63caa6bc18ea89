//! The changes of the database, one by one, within whatever transaction the writer has begun.

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::rows::{ending_word, identity, place, session_columns, session_of, turn_of};
use super::{
    NewSession, NewTurn, Owed, SessionRecord, StoreError, Swept, TokenHash, TooOld, TurnRecord, VisitorId,
    VisitorRecord, now_ms,
};
use crate::dialogue::Speaker;

/// A change.
#[derive(Debug)]
pub(super) enum Change {
    AddVisitor(TokenHash),
    NoteVisit(VisitorId),
    DeleteVisitor(VisitorId),
    Open(NewSession),
    End(Uuid),
    Delete(Uuid),
    DeleteOld(TooOld),
    Append { session: Uuid, turn: NewTurn },
    AwaitAnswer { session: Uuid, message: u64, key: Option<String>, why: Owed },
    Show { session: Uuid, head: u64 },
}

/// What a change did, to be told once it is on disk.
#[derive(Debug)]
pub(super) enum Outcome {
    Visitor(VisitorRecord),
    Session(SessionRecord),
    Turn(TurnRecord),
    Deleted(Vec<Uuid>),
    Swept(Swept),
    Done,
}

/// A refusal has touched nothing, so that the other changes of its transaction are not affected. An error of the
/// database undoes the transaction.
type Applied = Result<Result<Outcome, StoreError>, sqlx::Error>;

/// About how many sessions, and how many visitors at most, one sweep deletes: everybody's words wait meanwhile.
const SWEPT: u32 = 100;

const OWNED: &str = "SELECT id FROM sessions WHERE owner = ?";

impl Change {
    /// Whether what it removes must vanish from the files too.
    pub(super) fn deletes(&self) -> bool {
        matches!(self, Self::DeleteVisitor(_) | Self::Delete(_) | Self::DeleteOld(_))
    }

    pub(super) async fn apply(&self, database: &mut SqliteConnection) -> Applied {
        match self {
            Self::AddVisitor(hash) => add_visitor(database, hash).await,
            Self::NoteVisit(id) => {
                sqlx::query("UPDATE visitors SET seen_ms = ? WHERE id = ?")
                    .bind(now_ms())
                    .bind(id.0.as_bytes().as_slice())
                    .execute(database)
                    .await?;
                Ok(Ok(Outcome::Done))
            }
            Self::DeleteVisitor(id) => {
                let deleted = delete_visitor(database, id.0).await?;
                Ok(deleted.map(Outcome::Deleted))
            }
            Self::Open(new) => open(database, new).await,
            Self::End(id) => {
                let changed = sqlx::query(
                    "UPDATE sessions SET ended_ms = coalesce(ended_ms, ?), awaits = 0, pending_key = NULL WHERE id = ?",
                )
                .bind(now_ms())
                .bind(id.as_bytes().as_slice())
                .execute(database)
                .await?
                .rows_affected();
                Ok(if changed == 0 { Err(StoreError::NoSession { id: *id }) } else { Ok(Outcome::Done) })
            }
            Self::Delete(id) => {
                let deleted = delete(database, std::slice::from_ref(id)).await?;
                Ok(if deleted == 0 { Err(StoreError::NoSession { id: *id }) } else { Ok(Outcome::Done) })
            }
            Self::DeleteOld(what) => {
                let swept = delete_old(database, what).await?;
                Ok(swept.map(Outcome::Swept))
            }
            Self::Append { session, turn } => append(database, *session, turn).await,
            Self::AwaitAnswer { session, message, key, why } => {
                await_answer(database, *session, *message, key.as_deref(), *why).await
            }
            Self::Show { session, head } => {
                let Some(record) = session_in(database, *session).await? else {
                    return Ok(Err(StoreError::NoSession { id: *session }));
                };
                if *head >= record.turns {
                    return Ok(Err(StoreError::NoTurn { seq: *head }));
                }
                sqlx::query(
                    "UPDATE sessions SET head = ?, awaits = 0, attempts = 0, falls = 0, pending_key = NULL WHERE id = ?",
                )
                    .bind(place(*head))
                    .bind(session.as_bytes().as_slice())
                    .execute(&mut *database)
                    .await?;
                told(database, *session).await
            }
        }
    }
}

async fn add_visitor(database: &mut SqliteConnection, hash: &TokenHash) -> Applied {
    let now = now_ms();
    let record = VisitorRecord { id: VisitorId(Uuid::now_v7()), created_ms: now, seen_ms: now };
    sqlx::query("INSERT INTO visitors (id, token_hash, created_ms, seen_ms) VALUES (?, ?, ?, ?)")
        .bind(record.id.0.as_bytes().as_slice())
        .bind(hash.as_slice())
        .bind(now)
        .bind(now)
        .execute(database)
        .await?;
    Ok(Ok(Outcome::Visitor(record)))
}

async fn open(database: &mut SqliteConnection, new: &NewSession) -> Applied {
    let owner = new.owner.map(|owner| owner.0.as_bytes().to_vec());
    if let Some(key) = &new.key {
        let known = sqlx::query(concat!(
            "SELECT ",
            session_columns!(),
            " FROM sessions WHERE coalesce(owner, x'') = coalesce(?, x'') AND key = ?"
        ))
        .bind(&owner)
        .bind(key)
        .fetch_optional(&mut *database)
        .await?;
        if let Some(row) = known {
            return Ok(session_of(&row).map(Outcome::Session));
        }
    }
    if let Some(owner) = &owner {
        let held: i64 = sqlx::query_scalar("SELECT count(*) FROM sessions WHERE owner = ?")
            .bind(owner)
            .fetch_one(&mut *database)
            .await?;
        if held.unsigned_abs() >= new.limit {
            return Ok(Err(StoreError::TooManySessions { limit: new.limit }));
        }
    }
    // Version 7 is ordered by time, which keeps neighbours in time neighbours in the table.
    let (id, now) = (Uuid::now_v7(), now_ms());
    sqlx::query(
        "INSERT INTO sessions (id, owner, supporter, about, created_ms, used_ms, key) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(id.as_bytes().as_slice())
    .bind(&owner)
    .bind(new.supporter)
    .bind(&new.about)
    .bind(now)
    .bind(now)
    .bind(&new.key)
    .execute(&mut *database)
    .await?;
    told(database, id).await
}

async fn append(database: &mut SqliteConnection, session: Uuid, new: &NewTurn) -> Applied {
    let id = session.as_bytes().as_slice();
    if let Some(key) = &new.key {
        let known = sqlx::query("SELECT * FROM turns WHERE session = ? AND key = ?")
            .bind(id)
            .bind(key)
            .fetch_optional(&mut *database)
            .await?;
        if let Some(row) = known {
            // Another turn under this key would be lost by that, in silence.
            let same = |known: TurnRecord| match known.turn == new.turn {
                true => Ok(Outcome::Turn(known)),
                false => Err(StoreError::KeyTaken { seq: known.seq }),
            };
            return Ok(turn_of(&row).and_then(same));
        }
    }
    let Some(record) = session_in(database, session).await? else {
        return Ok(Err(StoreError::NoSession { id: session }));
    };
    if let Some(parent) = new.parent.filter(|&parent| parent >= record.turns) {
        return Ok(Err(StoreError::NoTurn { seq: parent }));
    }
    let (seq, created_ms) = (record.turns, now_ms());
    let memory = new.turn.memory.as_ref();
    sqlx::query(
        "INSERT INTO turns
             (session, seq, parent, speaker, text, memory_aspect, memory_content, ending, model, key, created_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(id)
    .bind(place(seq))
    .bind(new.parent.map(place))
    .bind(new.turn.speaker.as_str())
    .bind(&new.turn.text)
    .bind(memory.map(|memory| memory.aspect.as_str()))
    .bind(memory.map(|memory| memory.content.as_str()))
    .bind(ending_word(new.end))
    .bind(&new.model)
    .bind(&new.key)
    .bind(created_ms)
    .execute(&mut *database)
    .await?;
    let owes = new.turn.speaker == Speaker::Seeker && record.ended_ms.is_none();
    sqlx::query(
        "UPDATE sessions SET head = ?, turns = turns + 1, used_ms = ?, awaits = ?, attempts = 0, falls = 0, pending_key = NULL
         WHERE id = ?",
    )
    .bind(place(seq))
    .bind(created_ms)
    .bind(owes)
    .bind(id)
    .execute(database)
    .await?;
    Ok(Ok(Outcome::Turn(TurnRecord {
        seq,
        parent: new.parent,
        turn: new.turn.clone(),
        end: new.end,
        model: new.model.clone(),
        key: new.key.clone(),
        created_ms,
    })))
}

async fn await_answer(
    database: &mut SqliteConnection,
    session: Uuid,
    message: u64,
    key: Option<&str>,
    why: Owed,
) -> Applied {
    let id = session.as_bytes().as_slice();
    let speaker: Option<String> = sqlx::query_scalar("SELECT speaker FROM turns WHERE session = ? AND seq = ?")
        .bind(id)
        .bind(place(message))
        .fetch_optional(&mut *database)
        .await?;
    if speaker.as_deref() != Some(Speaker::Seeker.as_str()) {
        return Ok(Err(match session_in(database, session).await? {
            Some(_) => StoreError::NoTurn { seq: message },
            None => StoreError::NoSession { id: session },
        }));
    }
    sqlx::query(
        "UPDATE sessions SET attempts = iif(awaits AND head = ?1, attempts + 1, 0),
             falls = iif(?4, falls + 1, 0),
             pending_key = coalesce(?2, iif(awaits AND head = ?1, pending_key, NULL)), head = ?1, awaits = 1
         WHERE id = ?3",
    )
    .bind(place(message))
    .bind(key)
    .bind(id)
    .bind(why == Owed::Still)
    .execute(&mut *database)
    .await?;
    told(database, session).await
}

/// Deletes sessions and all that hangs on them; how many there were.
async fn delete(database: &mut SqliteConnection, sessions: &[Uuid]) -> Result<usize, sqlx::Error> {
    let mut deleted = 0;
    for session in sessions {
        let id = session.as_bytes().as_slice();
        sqlx::query("DELETE FROM turns WHERE session = ?").bind(id).execute(&mut *database).await?;
        let gone = sqlx::query("DELETE FROM sessions WHERE id = ?").bind(id).execute(&mut *database).await?;
        deleted += usize::from(gone.rows_affected() > 0);
    }
    Ok(deleted)
}

async fn delete_visitor(
    database: &mut SqliteConnection,
    visitor: Uuid,
) -> Result<Result<Vec<Uuid>, StoreError>, sqlx::Error> {
    let rows = sqlx::query(OWNED).bind(visitor.as_bytes().as_slice()).fetch_all(&mut *database).await?;
    let sessions = match identities(&rows) {
        Ok(sessions) => sessions,
        Err(error) => return Ok(Err(error)),
    };
    delete(database, &sessions).await?;
    sqlx::query("DELETE FROM visitors WHERE id = ?").bind(visitor.as_bytes().as_slice()).execute(database).await?;
    Ok(Ok(sessions))
}

async fn delete_old(database: &mut SqliteConnection, what: &TooOld) -> Result<Result<Swept, StoreError>, sqlx::Error> {
    let rows = sqlx::query("SELECT id FROM sessions WHERE used_ms < ? LIMIT ?")
        .bind(what.used_before)
        .bind(SWEPT)
        .fetch_all(&mut *database)
        .await?;
    let sessions = match identities(&rows) {
        Ok(sessions) => sessions,
        Err(error) => return Ok(Err(error)),
    };
    delete(database, &sessions).await?;
    let mut swept = Swept { sessions, visitors: 0 };
    let rows = sqlx::query("SELECT id FROM visitors WHERE seen_ms < ? OR created_ms < ? LIMIT ?")
        .bind(what.seen_before)
        .bind(what.created_before)
        .bind(SWEPT)
        .fetch_all(&mut *database)
        .await?;
    let visitors = match identities(&rows) {
        Ok(visitors) => visitors,
        Err(error) => return Ok(Err(error)),
    };
    for visitor in visitors {
        if swept.sessions.len() >= SWEPT as usize {
            break;
        }
        match delete_visitor(database, visitor).await? {
            Ok(sessions) => swept.sessions.extend(sessions),
            Err(error) => return Ok(Err(error)),
        }
        swept.visitors += 1;
    }
    Ok(Ok(swept))
}

fn identities(rows: &[SqliteRow]) -> Result<Vec<Uuid>, StoreError> {
    rows.iter().map(|row| identity(row, "id")).collect()
}

async fn session_in(database: &mut SqliteConnection, id: Uuid) -> Result<Option<SessionRecord>, sqlx::Error> {
    let row = sqlx::query(concat!("SELECT ", session_columns!(), " FROM sessions WHERE id = ?"))
        .bind(id.as_bytes().as_slice())
        .fetch_optional(database)
        .await?;
    // A row that this version cannot read is an error of the database as far as a change goes.
    row.map(|row| session_of(&row).map_err(|error| sqlx::Error::Decode(Box::new(error)))).transpose()
}

/// The session as it is now.
async fn told(database: &mut SqliteConnection, id: Uuid) -> Applied {
    Ok(session_in(database, id).await?.map(Outcome::Session).ok_or(StoreError::NoSession { id }))
}
