//! Requests that came before: each is known by its key, and done once.

use std::time::Instant;

use actix::{Context, Handler, Message};

use super::SessionActor;
use crate::agents::AgentError;
use crate::agents::visitor::RequestKey;
use crate::dialogue::Speaker;
use crate::store::TurnRecord;

impl SessionActor {
    /// The turn that the same request made when it came before.
    pub(super) fn said_before(
        &self,
        text: &str,
        replaces: Option<u64>,
        key: &RequestKey,
    ) -> Result<Option<TurnRecord>, AgentError> {
        if self.record.pending_key.as_deref() == Some(key.as_str()) {
            return Err(AgentError::KeyReused);
        }
        let Some(known) = self.versions.by_key(key.as_str()) else { return Ok(None) };
        let replaced = replaces.map(|seq| self.versions.get(seq).and_then(|turn| turn.parent));
        let same = known.turn.speaker == Speaker::Seeker
            && known.turn.text == text
            && replaced.is_none_or(|parent| parent == known.parent);
        if same { Ok(Some(known.clone())) } else { Err(AgentError::KeyReused) }
    }
}

/// Asks for the turn that the same request made when it came before.
#[derive(Message)]
#[rtype(result = "Result<Option<TurnRecord>, AgentError>")]
pub(in crate::agents) struct Known {
    pub(in crate::agents) text: String,
    pub(in crate::agents) replaces: Option<u64>,
    pub(in crate::agents) key: RequestKey,
}

impl Handler<Known> for SessionActor {
    type Result = Result<Option<TurnRecord>, AgentError>;

    fn handle(&mut self, Known { text, replaces, key }: Known, _: &mut Context<Self>) -> Self::Result {
        self.used = Instant::now();
        self.said_before(&text, replaces, &key)
    }
}

/// Asks for the message whose answer the same request asked for when it came before.
#[derive(Message)]
#[rtype(result = "Result<Option<u64>, AgentError>")]
pub(in crate::agents) struct KnownAgain {
    pub(in crate::agents) key: RequestKey,
}

impl SessionActor {
    pub(super) fn asked_before(&self, key: &RequestKey) -> Result<Option<u64>, AgentError> {
        if self.record.pending_key.as_deref() == Some(key.as_str()) {
            return Ok(self.record.head);
        }
        let Some(known) = self.versions.by_key(key.as_str()) else { return Ok(None) };
        let message = known.parent.filter(|_| known.turn.speaker == Speaker::Supporter);
        message.map(Some).ok_or(AgentError::KeyReused)
    }
}

impl Handler<KnownAgain> for SessionActor {
    type Result = Result<Option<u64>, AgentError>;

    fn handle(&mut self, KnownAgain { key }: KnownAgain, _: &mut Context<Self>) -> Self::Result {
        self.used = Instant::now();
        self.asked_before(&key)
    }
}
