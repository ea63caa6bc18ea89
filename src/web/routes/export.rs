//! Everything of one visitor as one JSON file, written session by session: memory holds one at a time.

use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::web;
use bytes::Bytes;
use futures::Stream;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::views::TurnView;
use crate::agents::AgentError;
use crate::store::{Cursor, SessionRecord};
use crate::web::problem::Problem;
use crate::web::state::{Rooms, State};
use crate::web::visitor::Visitor;

/// Sessions that are listed at once.
pub(super) const PAGE: u32 = 50;

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
    page: VecDeque<SessionRecord>,
    after: Option<Cursor>,
    written: Written,
}

/// The file, piece by piece.
pub(super) fn stream(
    state: web::Data<State>,
    visitor: Visitor,
    first: Vec<SessionRecord>,
) -> impl Stream<Item = Result<Bytes, Problem>> {
    let export = Writing { state, visitor, page: first.into(), after: None, written: Written::Nothing };
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
                let visitor = ExportedVisitor { created_ms: self.visitor.0.created_ms };
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
            let Some(record) = self.next_record().await? else {
                self.written = Written::All;
                return Ok(Some("]}\n".to_owned()));
            };
            // One that is deleted while everything is written has no turns any more.
            let Some(session) = self.read(record).await? else { continue };
            self.written = Written::Some { first: false };
            let between = if first { "\n" } else { ",\n" };
            return Ok(Some(format!("{between}{}", json(&session)?)));
        }
    }

    async fn next_record(&mut self) -> Result<Option<SessionRecord>, Problem> {
        if self.page.is_empty() && self.after.is_some() {
            let rooms = self.state.rooms()?;
            let page = rooms.kindred.sessions(self.visitor.caller(), self.after, PAGE).await;
            self.page = page.map_err(super::failure::problem)?.into();
        }
        let record = self.page.pop_front();
        self.after = record.as_ref().map(|record| Cursor { used_ms: record.used_ms, id: record.id });
        Ok(record)
    }

    async fn read(&self, record: SessionRecord) -> Result<Option<ExportedSession>, Problem> {
        let rooms: &Rooms = self.state.rooms()?;
        let turns = match rooms.kindred.turns(self.visitor.caller(), record.id).await {
            Ok(turns) => turns,
            Err(AgentError::NoSession { .. }) => return Ok(None),
            Err(error) => return Err(super::failure::problem(error)),
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
