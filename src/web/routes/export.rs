//! Everything of one visitor as one JSON file, written session by session: memory holds one at a time. Which sessions
//! there are is settled before the first is written: one that is used meanwhile changes its place in every list.

use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::web;
use bytes::Bytes;
use futures::Stream;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::failure::problem;
use super::views::TurnView;
use crate::agents::AgentError;
use crate::web::problem::Problem;
use crate::web::state::{Rooms, State};
use crate::web::visitor::Visitor;

/// The visitor's sessions, last used first, in one read: pages would shift where one is used meanwhile.
pub(super) async fn all(rooms: &Rooms, visitor: Visitor) -> Result<Vec<Uuid>, Problem> {
    let most = u32::try_from(rooms.kindred.limits().visitor_sessions).unwrap_or(u32::MAX);
    let sessions = rooms.kindred.sessions(visitor.caller(), None, most).await.map_err(problem)?;
    Ok(sessions.iter().map(|record| record.id).collect())
}

/// Everything of one visitor.
#[derive(Serialize, ToSchema)]
pub(super) struct Export {
    /// Version of Kindred.
    kindred: String,
    /// Milliseconds since 1970, UTC.
    exported_ms: i64,
    visitor: ExportedVisitor,
    /// Last used first.
    sessions: Vec<ExportedSession>,
}

/// The visitor whose it is.
#[derive(Serialize, ToSchema)]
struct ExportedVisitor {
    created_ms: i64,
}

/// A conversation, with all versions of what was said.
#[derive(Serialize, ToSchema)]
struct ExportedSession {
    id: Uuid,
    supporter: ExportedSupporter,
    about: String,
    created_ms: i64,
    used_ms: i64,
    #[schema(required)]
    ended_ms: Option<i64>,
    /// The turn where the talk stands: what was said last is the path from it up the `parent`s.
    #[schema(required)]
    head: Option<u64>,
    turns: Vec<TurnView>,
}

/// Who listened.
#[derive(Serialize, ToSchema)]
struct ExportedSupporter {
    index: u32,
    /// Null if the bank no longer has this character.
    #[schema(required)]
    name: Option<String>,
}

/// What was written so far.
enum Written {
    Nothing,
    Some { first: bool },
    All,
}

struct Writing {
    state: web::Data<State>,
    visitor: Visitor,
    left: std::vec::IntoIter<Uuid>,
    written: Written,
}

/// The file, piece by piece.
pub(super) fn stream(
    state: web::Data<State>,
    visitor: Visitor,
    sessions: Vec<Uuid>,
) -> impl Stream<Item = Result<Bytes, Problem>> {
    let export = Writing { state, visitor, left: sessions.into_iter(), written: Written::Nothing };
    futures::stream::try_unfold(export, |mut export| async move {
        Ok(export.next().await?.map(|piece| (Bytes::from(piece), export)))
    })
}

impl Writing {
    async fn next(&mut self) -> Result<Option<String>, Problem> {
        let first = match self.written {
            Written::Nothing => {
                self.written = Written::Some { first: true };
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let visitor = ExportedVisitor { created_ms: self.visitor.record.created_ms };
                return Ok(Some(format!(
                    "{{\"kindred\":{},\"exported_ms\":{},\"visitor\":{},\"sessions\":[",
                    json(&env!("CARGO_PKG_VERSION"))?,
                    since.as_millis(),
                    json(&visitor)?
                )));
            }
            Written::Some { first } => first,
            Written::All => return Ok(None),
        };
        loop {
            let Some(id) = self.left.next() else {
                self.written = Written::All;
                return Ok(Some("]}\n".to_owned()));
            };
            // One that is deleted while everything is written has no turns any more.
            let Some(session) = self.read(id).await? else { continue };
            self.written = Written::Some { first: false };
            let between = if first { "\n" } else { ",\n" };
            return Ok(Some(format!("{between}{}", json(&session)?)));
        }
    }

    async fn read(&self, id: Uuid) -> Result<Option<ExportedSession>, Problem> {
        let rooms: &Rooms = self.state.rooms()?;
        let (record, turns) = match rooms.kindred.stored(self.visitor.caller(), id).await {
            Ok(stored) => stored,
            Err(AgentError::NoSession { .. }) => return Ok(None),
            Err(error) => return Err(problem(error)),
        };
        let name = rooms.directory.card(record.supporter).map(|card| card.name.clone());
        Ok(Some(ExportedSession {
            id: record.id,
            supporter: ExportedSupporter { index: record.supporter, name },
            about: record.about,
            created_ms: record.created_ms,
            used_ms: record.used_ms,
            ended_ms: record.ended_ms,
            head: record.head,
            turns: turns.into_iter().map(TurnView::from).collect(),
        }))
    }
}

fn json(value: &impl Serialize) -> Result<String, Problem> {
    serde_json::to_string(value).map_err(Problem::internal)
}
