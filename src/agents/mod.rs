//! Actors: one for each character, the matcher, live sessions and simulated dialogues. Faces speak to [`Kindred`].

mod admission;
mod character;
mod dialogue;
mod error;
mod event;
mod fit;
mod kindred;
mod matcher;
mod message;
mod parts;
mod reckoner;
mod registry;
mod reply;
mod seed;
mod session;
mod utterance;
mod versions;
mod visitor;
mod watch;

pub use admission::QueueLength;
pub use dialogue::{Dialogue, DialoguePlan, OPENING, UNSAID};
pub use error::AgentError;
pub use event::{EventKind, SessionEvent, SessionEvents};
pub use kindred::{Kindred, Match, SessionView, Supporter};
pub use message::{MESSAGE_LIMIT, Message, SEARCH_LIMIT, check_message};
pub use parts::{Limits, Parts, Skills};
pub use seed::derive as derive_seed;
pub use utterance::{Cue, MemoryRule, Spoken, Step, Utterance};
pub use visitor::{Caller, NoToken, RequestKey, Token};
