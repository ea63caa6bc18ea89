//! The kinds of memory a character holds (the keys of `profile_trans` in the published bank).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A kind of memory. Published names are known; anything else in a file is kept as [`Aspect::Other`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Aspect {
    /// How the character speaks. Never used as a memory.
    Tone,
    /// Strengths and weaknesses.
    AdvantagesAndDisadvantages,
    /// What they do for pleasure.
    Hobby,
    /// What shaped them.
    GrowthExperience,
    /// Parents, partner, children.
    FamilyRelationship,
    /// Their working life.
    WorkingConditions,
    /// Friends, neighbours, colleagues.
    SocialRelationship,
    /// How they feel these days.
    EmotionalState,
    /// Where and how they live.
    LivingConditions,
    /// What weighs on them now. A memory for a seeker, never for a supporter.
    RecentWorryOrAnxiety,
    /// Whatever fits nowhere else.
    AdditionalInformation,
    /// A key that the published format does not list.
    Other(Box<str>),
}

impl Aspect {
    /// The name of the aspect in published files.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Tone => "tone",
            Self::AdvantagesAndDisadvantages => "advantages_and_disadvantages",
            Self::Hobby => "hobby",
            Self::GrowthExperience => "growth_experience",
            Self::FamilyRelationship => "family_relationship",
            Self::WorkingConditions => "working_conditions",
            Self::SocialRelationship => "social_relationship",
            Self::EmotionalState => "emotional_state",
            Self::LivingConditions => "living_conditions",
            Self::RecentWorryOrAnxiety => "recent_worry_or_anxiety",
            Self::AdditionalInformation => "additional_information",
            Self::Other(name) => name,
        }
    }

    /// The aspect in words a person reads, such as "growth experience".
    pub fn label(&self) -> String {
        self.as_str().replace('_', " ")
    }
}

impl From<&str> for Aspect {
    fn from(name: &str) -> Self {
        match name {
            "tone" => Self::Tone,
            "advantages_and_disadvantages" => Self::AdvantagesAndDisadvantages,
            "hobby" => Self::Hobby,
            "growth_experience" => Self::GrowthExperience,
            "family_relationship" => Self::FamilyRelationship,
            "working_conditions" => Self::WorkingConditions,
            "social_relationship" => Self::SocialRelationship,
            "emotional_state" => Self::EmotionalState,
            "living_conditions" => Self::LivingConditions,
            "recent_worry_or_anxiety" => Self::RecentWorryOrAnxiety,
            "additional_information" => Self::AdditionalInformation,
            other => Self::Other(other.into()),
        }
    }
}

impl From<String> for Aspect {
    fn from(name: String) -> Self {
        name.as_str().into()
    }
}

impl From<Aspect> for String {
    fn from(aspect: Aspect) -> Self {
        aspect.as_str().to_owned()
    }
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing a character remembers: the kind, and the text in the second person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// The kind of memory.
    pub aspect: Aspect,
    /// What is remembered, addressed to the character ("You grew up …").
    pub content: String,
}
