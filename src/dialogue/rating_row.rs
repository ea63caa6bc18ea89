//! The published rating row (CharacterChat, `eval_dial_output.json`): what was said as one text, and three questions
//! answered from 1 to 5.

use serde::{Deserialize, Serialize};

use super::{AuthoredDialogue, Rating};

/// A rated dialogue in the published format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RatingRow {
    /// Place in the file.
    pub index: usize,
    /// The utterances, one a line: `seeker: …` or `supporter: …`.
    pub dial: String,
    /// The answers.
    pub rating: PublishedRating,
}

/// The three published questions and the reason for the answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedRating {
    /// 1 to 5.
    #[serde(rename = "Does the conversation improve the mood of the seeker")]
    pub mood: u8,
    /// 1 to 5. Some published rows spell the seeker with a capital letter.
    #[serde(
        rename = "Did the suggestion made by the supporter in the conversation solve seeker's problem",
        alias = "Did the suggestion made by the supporter in the conversation solve Seeker's problem"
    )]
    pub solved: u8,
    /// 1 to 5.
    #[serde(rename = "Is the seeker actively participating in the conversation")]
    pub active: u8,
    /// Why these.
    #[serde(rename = "Rating Reason")]
    pub reason: String,
}

impl From<&Rating> for PublishedRating {
    fn from(rating: &Rating) -> Self {
        Self { mood: rating.mood, solved: rating.solved, active: rating.active, reason: rating.reason.clone() }
    }
}

impl From<&AuthoredDialogue> for RatingRow {
    fn from(dialogue: &AuthoredDialogue) -> Self {
        let line = |turn: &super::AuthoredTurn| {
            // A line is an utterance: one that holds a line break would read as two.
            let said = turn.utterance.split_whitespace().collect::<Vec<_>>().join(" ");
            format!("{}: {said}", turn.speaker.as_str())
        };
        let dial = dialogue.dial.iter().map(line).collect::<Vec<_>>().join("\n");
        Self { index: dialogue.index, dial, rating: (&dialogue.rating).into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_published_spellings_are_read_and_the_first_is_written() {
        let row = |name: &str| {
            format!(
                r#"{{"index":3,"dial":"seeker: Hello","rating":{{"Does the conversation improve the mood of the seeker":5,"Did the suggestion made by the supporter in the conversation solve {name} problem":4,"Is the seeker actively participating in the conversation":2,"Rating Reason":"Plain."}}}}"#
            )
        };
        let read: RatingRow = serde_json::from_str(&row("Seeker's")).unwrap();
        assert_eq!((read.rating.mood, read.rating.solved, read.rating.active), (5, 4, 2));
        assert_eq!(serde_json::to_string(&read).unwrap(), row("seeker's"));
    }
}
