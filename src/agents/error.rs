//! What can stand between a person and an answer.

use uuid::Uuid;

use crate::dialogue::TemplateError;
use crate::encoder::EncoderError;
use crate::engine::EngineError;
use crate::matching::MatchError;
use crate::memory::MemoryError;
use crate::store::StoreError;

/// Why something could not be done. The texts are for people.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// A message of nothing but white space.
    #[error("the message is empty; write something first")]
    EmptyMessage,
    /// A message past the limit.
    #[error("the message has {found} characters; at most {limit} can be sent at once")]
    MessageTooLong {
        /// Characters that came.
        found: usize,
        /// The most that may come.
        limit: usize,
    },
    /// No character has this index.
    #[error("there is no character {index} in the bank")]
    NoCharacter {
        /// What was asked for.
        index: u32,
    },
    /// No session has this identity.
    #[error("there is no session {id}")]
    NoSession {
        /// What was asked for.
        id: Uuid,
    },
    /// The session is over; it can be read, not continued.
    #[error("the session {id} has ended; open a new one to talk on")]
    SessionEnded {
        /// The session.
        id: Uuid,
    },
    /// As many replies as may be made at once are being made. Nothing was stored.
    #[error("{limit} replies are being made, which is the limit; try again in a moment")]
    Overloaded {
        /// The most replies at once.
        limit: usize,
    },
    /// The process is shutting down. Nothing was stored.
    #[error("Kindred is shutting down")]
    Closing,
    /// The actor failed and is rebuilt from the store.
    #[error("the session was interrupted and starts again from what is stored; look there before sending again")]
    Interrupted,
    /// The model ended its reply before it began, twice.
    #[error("the model had nothing to say, even when asked twice")]
    EmptyReply,
    /// The work on a reply ended without an end.
    #[error("the reply broke off")]
    BrokenOff,
    /// The agents' threads could not be started.
    #[error("cannot start the agents: {reason}")]
    Start {
        /// What the system said.
        reason: String,
    },
    /// The model's.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The memory selector's.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The matcher's.
    #[error(transparent)]
    Match(#[from] MatchError),
    /// The prompt format's.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The store's.
    #[error(transparent)]
    Store(StoreError),
}

impl AgentError {
    /// Whether the same work may succeed after a restart: the services were gone, not the work wrong.
    pub(super) fn is_of_the_moment(&self) -> bool {
        matches!(
            self,
            Self::Closing
                | Self::Interrupted
                | Self::BrokenOff
                | Self::Overloaded { .. }
                | Self::Engine(EngineError::Gone { .. } | EngineError::Overloaded { .. })
                | Self::Memory(MemoryError::Encoder(EncoderError::Gone { .. } | EncoderError::Overloaded { .. }))
                | Self::Store(_)
        )
    }
}

impl From<StoreError> for AgentError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoSession { id } => Self::NoSession { id },
            other => Self::Store(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_the_moment_hinders_is_told_from_what_would_fail_again() {
        let gone = || "gone".to_owned();
        let encoder = EncoderError::Gone { reason: gone() };
        let of_the_moment = [
            AgentError::Closing,
            AgentError::BrokenOff,
            AgentError::Engine(EngineError::Gone { reason: gone() }),
            AgentError::Memory(encoder.into()),
            AgentError::Store(StoreError::Closed),
        ];
        assert!(of_the_moment.iter().all(AgentError::is_of_the_moment));
        let lasting = [AgentError::EmptyReply, AgentError::NoCharacter { index: 1 }];
        assert!(!lasting.iter().any(AgentError::is_of_the_moment));
    }
}
