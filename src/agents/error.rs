//! What can stand between a person and an answer.

use uuid::Uuid;

use super::QueueLength;
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
    /// As many replies as may be admitted are. Nothing was stored.
    #[error("{admitted} replies are being made or wait their turn, which is the limit; try again in a moment")]
    Overloaded {
        /// Replies that were admitted and are not done.
        admitted: usize,
        /// How long the queue is.
        queue: QueueLength,
    },
    /// The visitor has as many replies on their way as they may. Nothing was stored.
    #[error("{limit} replies to you are on their way or very long, which is the limit; wait for one of them")]
    TooManyReplies {
        /// The most replies at once.
        limit: usize,
    },
    /// The session has as many turns, or words, as it may.
    #[error("this conversation is as long as it may be ({limit} turns, {bytes} bytes); open a new one to talk on")]
    SessionFull {
        /// The most turns.
        limit: u64,
        /// The most bytes.
        bytes: usize,
    },
    /// The session has no such turn, or no reply could be made anew there.
    #[error("the session has no turn {seq} that this could be done with")]
    NoTurn {
        /// What was asked for.
        seq: u64,
    },
    /// What was to be replaced is not a message of the person's.
    #[error("turn {seq} is not a message of yours; only those can be said anew")]
    NotAMessage {
        /// What was asked for.
        seq: u64,
    },
    /// The key of a request is not of the form that is expected.
    #[error("expected a key of 1 to {limit} printable ASCII characters")]
    BadKey {
        /// The most characters.
        limit: usize,
    },
    /// The key was used for another request.
    #[error("this key was used for another request; give every request a key of its own")]
    KeyReused,
    /// As many searches and comparisons as may wait for a processor do.
    #[error(
        "{limit} searches and comparisons are at work or wait their turn, which is the limit; try again in a moment"
    )]
    TooManySearches {
        /// The most at once.
        limit: usize,
    },
    /// The agents were started without an index of meanings.
    #[error("the bank is not searched by meaning here: it was started without")]
    NoMeanings,
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
                | Self::Engine(
                    EngineError::Gone { .. } | EngineError::Restarting { .. } | EngineError::Overloaded { .. }
                )
                | Self::Memory(MemoryError::Encoder(
                    EncoderError::Gone { .. } | EncoderError::Restarting { .. } | EncoderError::Overloaded { .. }
                ))
                | Self::Store(_)
        )
    }
}

impl AgentError {
    /// Why a reply failed, for whoever waits for it: what lies inside the server is its operator's to read.
    pub(super) fn for_people(&self) -> String {
        match self {
            Self::Engine(EngineError::Restarting { .. }) => {
                "the model failed and is loaded again; ask again in a moment".to_owned()
            }
            Self::Engine(EngineError::Overloaded { .. }) => "the model is busy; ask again in a moment".to_owned(),
            Self::Engine(_) => "the model could not answer".to_owned(),
            Self::Memory(_) | Self::Match(_) | Self::Template(_) => "the answer could not be prepared".to_owned(),
            Self::Store(_) => "the answer could not be kept".to_owned(),
            other => other.to_string(),
        }
    }
}

impl From<StoreError> for AgentError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoSession { id } => Self::NoSession { id },
            StoreError::NoTurn { seq } => Self::NoTurn { seq },
            StoreError::KeyTaken { .. } => Self::KeyReused,
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
        assert!(of_the_moment.iter().all(|error| !error.for_people().contains("gone")), "what lies inside stays there");
        let lasting = [AgentError::EmptyReply, AgentError::NoCharacter { index: 1 }];
        assert!(!lasting.iter().any(AgentError::is_of_the_moment));
    }
}
