//! Rows of the database as records, and the words they use.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::{SessionRecord, StoreError, TurnEnd, TurnRecord, VisitorId, VisitorRecord};
use crate::dialogue::{Speaker, Turn};
use crate::persona::Memory;

/// The columns of [`session_of`].
macro_rules! session_columns {
    () => {
        "id, owner, supporter, about, created_ms, used_ms, ended_ms, head, turns, awaits, attempts, falls, pending_key"
    };
}
pub(super) use session_columns;

pub(super) fn visitor_of(row: &SqliteRow) -> Result<VisitorRecord, StoreError> {
    Ok(VisitorRecord {
        id: VisitorId(identity(row, "id")?),
        created_ms: row.try_get("created_ms")?,
        seen_ms: row.try_get("seen_ms")?,
    })
}

pub(super) fn session_of(row: &SqliteRow) -> Result<SessionRecord, StoreError> {
    let owner: Option<Vec<u8>> = row.try_get("owner")?;
    Ok(SessionRecord {
        id: identity(row, "id")?,
        owner: owner.map(|bytes| uuid_of("owner", &bytes).map(VisitorId)).transpose()?,
        supporter: row.try_get("supporter")?,
        about: row.try_get("about")?,
        created_ms: row.try_get("created_ms")?,
        used_ms: row.try_get("used_ms")?,
        ended_ms: row.try_get("ended_ms")?,
        head: row.try_get::<Option<i64>, _>("head")?.map(i64::unsigned_abs),
        turns: row.try_get::<i64, _>("turns")?.unsigned_abs(),
        awaits: row.try_get("awaits")?,
        attempts: row.try_get("attempts")?,
        falls: row.try_get("falls")?,
        pending_key: row.try_get("pending_key")?,
    })
}

pub(super) fn turn_of(row: &SqliteRow) -> Result<TurnRecord, StoreError> {
    let speaker: String = row.try_get("speaker")?;
    let speaker = match speaker.as_str() {
        "seeker" => Speaker::Seeker,
        "supporter" => Speaker::Supporter,
        _ => return Err(StoreError::BadRow { column: "speaker", expected: "seeker or supporter", found: speaker }),
    };
    let ending: String = row.try_get("ending")?;
    let end = ending_of(&ending).ok_or(StoreError::BadRow {
        column: "ending",
        expected: "whole, cutoff, helpcard or failed",
        found: ending,
    })?;
    let aspect: Option<String> = row.try_get("memory_aspect")?;
    let content: Option<String> = row.try_get("memory_content")?;
    let memory = aspect.zip(content).map(|(aspect, content)| Memory { aspect: aspect.into(), content });
    Ok(TurnRecord {
        seq: row.try_get::<i64, _>("seq")?.unsigned_abs(),
        parent: row.try_get::<Option<i64>, _>("parent")?.map(i64::unsigned_abs),
        turn: Turn { speaker, text: row.try_get("text")?, memory },
        end,
        model: row.try_get("model")?,
        key: row.try_get("key")?,
        created_ms: row.try_get("created_ms")?,
    })
}

pub(super) fn identity(row: &SqliteRow, column: &'static str) -> Result<Uuid, StoreError> {
    uuid_of(column, &row.try_get::<Vec<u8>, _>(column)?)
}

fn uuid_of(column: &'static str, bytes: &[u8]) -> Result<Uuid, StoreError> {
    Uuid::from_slice(bytes).map_err(|_| StoreError::BadRow {
        column,
        expected: "sixteen bytes",
        found: format!("{} bytes", bytes.len()),
    })
}

/// The word for an ending in the database.
pub(super) fn ending_word(end: TurnEnd) -> &'static str {
    match end {
        TurnEnd::Whole => "whole",
        TurnEnd::CutOff => "cutoff",
        TurnEnd::HelpCard => "helpcard",
        TurnEnd::Failed => "failed",
    }
}

fn ending_of(word: &str) -> Option<TurnEnd> {
    let all = [TurnEnd::Whole, TurnEnd::CutOff, TurnEnd::HelpCard, TurnEnd::Failed];
    all.into_iter().find(|&end| ending_word(end) == word)
}

/// A place as the database counts; no session has that many turns.
pub(super) fn place(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}
