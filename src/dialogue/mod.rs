//! What people say: turns, transcripts, and the exact texts that models read.

mod authored;
mod format;
mod rating_row;
mod row;
mod strftime;
mod tail;
mod template;
mod turn;

pub use authored::{AuthoredDialogue, AuthoredError, AuthoredTurn, ChosenAspect, Emotion, Rating, Strategy};
pub use format::{Layout, Prompt, PromptStyle, TAGS, neutralise};
pub use rating_row::{PublishedRating, RatingRow};
pub use row::{DialogueRow, DialogueTurn, Participant};
pub use tail::last_chars;
pub use template::{ChatTemplate, TemplateError};
pub use turn::{Speaker, Transcript, Turn};
