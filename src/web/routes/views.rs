//! Bodies of answers, as they are sent and as they are described.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::agents::{Limits, SessionView};
use crate::dialogue::Speaker;
use crate::engine::ModelIdentity;
use crate::persona::{Aspect, Memory};
use crate::safety::{Helpline, Serves};
use crate::store::{SessionRecord, TurnEnd, TurnRecord, VisitorRecord};
use crate::web::directory::Card;
use crate::web::state::Rooms;

/// How the server is.
#[derive(Serialize, ToSchema)]
pub(super) struct Condition {
    /// `alive` or `ready`.
    pub(super) status: &'static str,
}

/// A loaded model.
#[derive(Serialize, ToSchema)]
pub(super) struct Model {
    name: String,
    /// Short hash of its weights.
    version: String,
    family: String,
    parameters: u64,
    dtype: String,
    device: String,
    /// Most tokens of prompt and reply together.
    context: usize,
}

impl From<&ModelIdentity> for Model {
    fn from(model: &ModelIdentity) -> Self {
        let ModelIdentity { name, version, family, parameters, dtype, device, context } = model.clone();
        Self { name, version, family, parameters, dtype, device, context }
    }
}

/// What this server is.
#[derive(Serialize, ToSchema)]
pub(super) struct About {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    /// What every page says about the characters.
    pub(super) notice: &'static str,
    /// The model that speaks for the characters.
    pub(super) model: Model,
    pub(super) device: String,
    /// How many characters the bank holds.
    pub(super) characters: usize,
    pub(super) limits: AboutLimits,
}

/// What a person may send.
#[derive(Serialize, ToSchema)]
pub(super) struct AboutLimits {
    /// Longest message, in characters.
    pub(super) message_chars: usize,
}

/// Whom to call.
#[derive(Serialize, ToSchema)]
pub(super) struct Help {
    pub(super) helplines: Vec<HelplineView>,
    /// Version of the table.
    pub(super) version: &'static str,
    /// When and how the numbers were checked.
    pub(super) checked: &'static str,
}

/// A number to call.
#[derive(Serialize, ToSchema)]
#[schema(as = Helpline)]
pub(super) struct HelplineView {
    /// Country or countries.
    region: String,
    name: String,
    /// What to dial, or an address.
    number: String,
    /// Cost and hours; may be empty.
    note: String,
    /// Whom it is for.
    #[schema(value_type = String, pattern = "^(distress|abuse)$")]
    serves: Serves,
}

impl From<&Helpline> for HelplineView {
    fn from(line: &Helpline) -> Self {
        let Helpline { region, name, number, note, serves } = line.clone();
        Self { region, name, number, note, serves }
    }
}

/// A memory that a reply was given.
#[derive(Serialize, ToSchema)]
#[schema(as = Memory)]
pub(super) struct MemoryView {
    /// The kind of memory.
    #[schema(value_type = String)]
    aspect: Aspect,
    /// What is remembered, addressed to the character.
    content: String,
}

impl From<Memory> for MemoryView {
    fn from(Memory { aspect, content }: Memory) -> Self {
        Self { aspect, content }
    }
}

/// Something that was said.
#[derive(Serialize, ToSchema)]
#[schema(as = Turn)]
pub(super) struct TurnView {
    /// Place in the session, in the order of storing.
    seq: u64,
    /// The turn it follows; null for a first one. Turns with the same parent are versions of one turn.
    #[schema(required)]
    parent: Option<u64>,
    #[schema(value_type = String, pattern = "^(seeker|supporter)$")]
    speaker: Speaker,
    text: String,
    /// The memory the reply was given, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<MemoryView>,
    /// How it came to its end.
    #[schema(value_type = String, pattern = "^(whole|cutoff|helpcard|failed)$")]
    end: TurnEnd,
    /// The model that wrote it; null for people and help cards.
    #[schema(required)]
    model: Option<String>,
    /// Milliseconds since 1970, UTC.
    created_ms: i64,
}

impl From<TurnRecord> for TurnView {
    fn from(record: TurnRecord) -> Self {
        let TurnRecord { seq, parent, turn, end, model, created_ms, key: _ } = record;
        let memory = turn.memory.map(MemoryView::from);
        Self { seq, parent, speaker: turn.speaker, text: turn.text, memory, end, model, created_ms }
    }
}

/// A conversation.
#[derive(Serialize, ToSchema)]
pub(super) struct Session<'a> {
    id: Uuid,
    /// Null if the bank no longer has this character.
    #[schema(value_type = Option<Card>, required)]
    supporter: Option<&'a Card>,
    /// What the person wrote about themselves.
    about: &'a str,
    /// Milliseconds since 1970, UTC.
    created_ms: i64,
    /// When the last turn was stored.
    used_ms: i64,
    #[schema(required)]
    ended_ms: Option<i64>,
    /// The turn where the talk stands: the talk is the path from it up the `parent`s. Null before the first turn.
    #[schema(required)]
    head: Option<u64>,
    /// Whether a reply is being made, or waits its turn.
    replying: bool,
    /// Whether the message at `head` awaits an answer; with `replying` false, none is on its way: ask for it anew.
    awaits: bool,
    /// Whoever has read these turns listens after this; text, as an event's id is.
    last_event: String,
    /// All versions of all turns.
    turns: Vec<TurnView>,
}

impl<'a> Session<'a> {
    pub(super) fn new(rooms: &'a Rooms, view: &'a SessionView, turns: Vec<TurnRecord>) -> Self {
        Self {
            id: view.record.id,
            supporter: rooms.directory.card(view.record.supporter),
            about: &view.record.about,
            created_ms: view.record.created_ms,
            used_ms: view.record.used_ms,
            ended_ms: view.record.ended_ms,
            head: view.record.head,
            replying: view.replying,
            awaits: view.record.awaits,
            last_event: view.last_event.to_string(),
            turns: turns.into_iter().map(TurnView::from).collect(),
        }
    }
}

/// A message was stored.
#[derive(Serialize, ToSchema)]
pub(super) struct Said {
    /// Its place in the session.
    pub(super) seq: u64,
}

/// A reply is made anew.
#[derive(Serialize, ToSchema)]
pub(super) struct Regenerated {
    /// The message that is answered anew.
    pub(super) seq: u64,
}

/// Where the talk stands.
#[derive(Serialize, ToSchema)]
pub(super) struct Head {
    /// The newest turn beneath the version that was asked for.
    pub(super) head: u64,
}

/// A conversation in a list.
#[derive(Serialize, ToSchema)]
pub(super) struct SessionLine<'a> {
    id: Uuid,
    /// Null if the bank no longer has this character.
    #[schema(value_type = Option<Card>, required)]
    supporter: Option<&'a Card>,
    about: String,
    /// Milliseconds since 1970, UTC.
    created_ms: i64,
    used_ms: i64,
    #[schema(required)]
    ended_ms: Option<i64>,
    /// How many turns are kept, all versions.
    turns: u64,
}

impl<'a> SessionLine<'a> {
    pub(super) fn new(rooms: &'a Rooms, record: SessionRecord) -> Self {
        Self {
            id: record.id,
            supporter: rooms.directory.card(record.supporter),
            about: record.about,
            created_ms: record.created_ms,
            used_ms: record.used_ms,
            ended_ms: record.ended_ms,
            turns: record.turns,
        }
    }
}

/// A page of conversations.
#[derive(Serialize, ToSchema)]
pub(super) struct Sessions<'a> {
    /// Last used first.
    pub(super) sessions: Vec<SessionLine<'a>>,
    /// The `cursor` of the next page; null on the last one.
    #[schema(required)]
    pub(super) next: Option<String>,
}

/// A visitor, as they are told of.
#[derive(Serialize, ToSchema)]
pub(super) struct VisitorView {
    /// Milliseconds since 1970, UTC.
    created_ms: i64,
    /// When they are forgotten unless they come back before; milliseconds since 1970, UTC.
    expires_ms: i64,
}

impl VisitorView {
    pub(super) fn new(record: &VisitorRecord, limits: &Limits) -> Self {
        let ms = |age: Duration| i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        let idle = record.seen_ms.saturating_add(ms(limits.visitor_idle));
        let absolute = record.created_ms.saturating_add(ms(limits.visitor_absolute));
        Self { created_ms: record.created_ms, expires_ms: idle.min(absolute) }
    }
}

/// A visitor, and how much is theirs.
#[derive(Serialize, ToSchema)]
pub(super) struct VisitorAndSessions {
    #[serde(flatten)]
    pub(super) visitor: VisitorView,
    /// Conversations kept.
    pub(super) sessions: u64,
}

/// A reply was stopped.
#[derive(Serialize, ToSchema)]
pub(super) struct Stopped {
    /// What it had said; null if no reply was being made.
    #[schema(required)]
    pub(super) turn: Option<TurnView>,
}

/// How the server does.
#[derive(Serialize, ToSchema)]
pub(super) struct OperatorStatus {
    /// `starting`, `ready` or `draining`.
    pub(super) phase: &'static str,
    pub(super) version: &'static str,
    pub(super) uptime_seconds: u64,
    /// Memory of the process that is in use, where the system tells it.
    #[schema(required)]
    pub(super) resident_bytes: Option<u64>,
    pub(super) event_streams: usize,
    /// Conversations in memory; null while the server starts.
    #[schema(required)]
    pub(super) live_sessions: Option<usize>,
    /// Conversations kept; null while the server starts, or if the store cannot be read.
    #[schema(required)]
    pub(super) stored_sessions: Option<u64>,
    /// Bytes that the store takes on disk.
    #[schema(required)]
    pub(super) store_bytes: Option<u64>,
    /// Replies that were admitted and are not done.
    #[schema(required)]
    pub(super) replies_admitted: Option<usize>,
    /// Of them, those that wait their turn.
    #[schema(required)]
    pub(super) replies_waiting: Option<usize>,
    /// Null while the server starts.
    #[schema(required)]
    pub(super) supporter_model: Option<Model>,
    #[schema(required)]
    pub(super) seeker_model: Option<Model>,
}
