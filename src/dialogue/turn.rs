//! A turn of a conversation, and the conversation so far.

use serde::{Deserialize, Serialize};

use crate::persona::{Character, Memory};

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// The person in need.
    Seeker,
    /// The character who listens.
    Supporter,
}

impl Speaker {
    /// The name in published files: `seeker` or `supporter`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Seeker => "seeker",
            Self::Supporter => "supporter",
        }
    }

    /// What a character is told it is when it speaks as this.
    pub fn statement(self, character: &Character) -> &str {
        match self {
            Self::Seeker => &character.seeker_statement,
            Self::Supporter => &character.supporter_statement,
        }
    }

    /// The one who speaks next.
    pub fn other(self) -> Self {
        match self {
            Self::Seeker => Self::Supporter,
            Self::Supporter => Self::Seeker,
        }
    }
}

/// One utterance, with the memory it was given, if any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Who spoke.
    pub speaker: Speaker,
    /// What was said.
    pub text: String,
    /// The memory handed to the model for this turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
}

impl Turn {
    /// A turn without a memory.
    pub fn new(speaker: Speaker, text: impl Into<String>) -> Self {
        Self { speaker, text: text.into(), memory: None }
    }
}

/// The turns so far, oldest first.
pub type Transcript = Vec<Turn>;
