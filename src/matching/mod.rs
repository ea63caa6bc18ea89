//! Which character is most likely to help a person, and why; and who is meant by a name or by words.

mod head;
mod matcher;
mod names;
mod quote;
mod words;

pub use head::{HEAD_FILE, HeadError, PersonaScoreHead};
pub use matcher::{EXPERIENCE_SHARE, Match, MatchError, Matcher, Reason, Scale};
pub use names::{FindError, find};
pub use quote::sentences;
pub use words::{Found, search_words};
