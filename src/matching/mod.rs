//! Which character is most likely to help a person, and why; who is meant by a name, by words or by what
//! they say; and who is like whom.

mod head;
mod matcher;
mod meaning;
mod names;
mod quote;
mod similar;
mod told;
mod words;

pub use head::{HEAD_FILE, HeadError, PersonaScoreHead};
pub use matcher::{EXPERIENCE_SHARE, Match, MatchError, Matcher, Reason, Scale};
pub use meaning::{Fit, Meanings};
pub use names::{FindError, find};
pub use quote::sentences;
pub use similar::{Alike, Common, NEIGHBOURS, Nearness, SimilarError};
pub use words::{Found, WordIndex, search_words};
