//! Which character is most likely to help a person, and why.

mod head;
mod matcher;
mod quote;

pub use head::{HeadError, PersonaScoreHead};
pub use matcher::{MEMORY_SHARE, Match, MatchError, Matcher, Reason, Scale};
