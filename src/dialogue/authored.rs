//! The dialogues of the corpus: the published turns with the characters named by their index, the mood and emotion of the
//! seeker, the strategy of the supporter, and how the talk was rated.
//!
//! Sources of the labels: mood 0 to 5 and the three ratings 1 to 5, CharacterChat (arXiv 2308.10278); strategies, ESConv
//! (Liu et al., ACL 2021); emotions, the seven of Ekman and neutral that AI Friend's classifier tells.

use serde::{Deserialize, Serialize};

use super::{DialogueRow, Speaker, Turn};
use crate::persona::{Aspect, Character, Memory};

/// One of the seven emotions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the seven names say what they are")]
pub enum Emotion {
    Anger,
    Disgust,
    Fear,
    Joy,
    Neutral,
    Sadness,
    Surprise,
}

/// One of the eight support strategies of ESConv.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Strategy {
    /// Asks.
    Question,
    /// Says back what was told.
    #[serde(rename = "Restatement or Paraphrasing")]
    Restatement,
    /// Names what the seeker feels.
    #[serde(rename = "Reflection of feelings")]
    Reflection,
    /// Tells of oneself.
    #[serde(rename = "Self-disclosure")]
    SelfDisclosure,
    /// Encourages.
    #[serde(rename = "Affirmation and Reassurance")]
    Affirmation,
    /// Suggests something to do.
    #[serde(rename = "Providing Suggestions")]
    Suggestion,
    /// Tells a fact.
    Information,
    /// Anything else, such as a greeting.
    Others,
}

/// The kind of memory that a turn uses, as in the published turns; empty for none. Its content stands in the bank.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChosenAspect {
    /// A key of `profile_trans`, or empty.
    pub aspect: String,
}

impl ChosenAspect {
    fn is_none(&self) -> bool {
        self.aspect.is_empty()
    }
}

/// One utterance, with its labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthoredTurn {
    /// From 0.
    pub turn: usize,
    /// Who spoke.
    pub speaker: Speaker,
    /// The memory used; left out where there is none.
    #[serde(default, skip_serializing_if = "ChosenAspect::is_none")]
    pub choose_info: ChosenAspect,
    /// What was said.
    pub utterance: String,
    /// Of a seeker's turn: 0 (desperate) to 5 (well).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mood: Option<u8>,
    /// Of a seeker's turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emotion: Option<Emotion>,
    /// Of a supporter's turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
}

impl AuthoredTurn {
    fn recalled(&self, own: &[Memory]) -> Result<Memory, AuthoredError> {
        let aspect = Aspect::from(self.choose_info.aspect.as_str());
        match own.iter().find(|memory| memory.aspect == aspect) {
            Some(memory) => Ok(memory.clone()),
            None if self.speaker == Speaker::Supporter && aspect == Aspect::RecentWorryOrAnxiety => {
                Err(AuthoredError::OwnWorry { turn: self.turn })
            }
            None => {
                let aspect = self.choose_info.aspect.clone();
                Err(AuthoredError::Memory { turn: self.turn, speaker: self.speaker, aspect })
            }
        }
    }
}

/// How a talk went: the three published questions, 1 to 5 each, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rating {
    /// Did the seeker's mood improve?
    pub mood: u8,
    /// Did what was suggested solve the problem?
    pub solved: u8,
    /// Did the seeker take an active part?
    pub active: u8,
    /// Why these.
    pub reason: String,
}

impl Rating {
    /// The mean of the three, 1 to 5: the published target of matching.
    pub fn mean(&self) -> f64 {
        (f64::from(self.mood) + f64::from(self.solved) + f64::from(self.active)) / 3.0
    }
}

/// A dialogue of the corpus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthoredDialogue {
    /// Place in the corpus; unique.
    pub index: usize,
    /// Place of the one in need in the bank.
    pub seeker: u32,
    /// Place of the one who listens in the bank.
    pub supporter: u32,
    /// The utterances, oldest first.
    pub dial: Vec<AuthoredTurn>,
    /// How it went.
    pub rating: Rating,
}

/// Why a dialogue cannot be told with its memories.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthoredError {
    /// A turn uses what is no memory of its speaker: it has none of that name, it is empty, or it is how the speaker talks.
    #[error("turn {turn}: the {} has no memory {aspect:?}", .speaker.as_str())]
    Memory {
        /// The turn.
        turn: usize,
        /// Who speaks.
        speaker: Speaker,
        /// What the turn names.
        aspect: String,
    },
    /// A supporter tells of what worries it at present, which is a seeker's memory only (CharacterChat).
    #[error("turn {turn}: the supporter's own worry")]
    OwnWorry {
        /// The turn.
        turn: usize,
    },
}

impl AuthoredDialogue {
    /// What was said, with the memories looked up in the two characters.
    ///
    /// # Errors
    /// The first turn that uses what is no memory of its speaker.
    pub fn transcript(&self, seeker: &Character, supporter: &Character) -> Result<Vec<Turn>, AuthoredError> {
        let (seekers, supporters) = (seeker.seeker_memories(), supporter.supporter_memories());
        let turn = |said: &AuthoredTurn| {
            let own = if said.speaker == Speaker::Seeker { &seekers } else { &supporters };
            let memory = if said.choose_info.is_none() { None } else { Some(said.recalled(own)?) };
            Ok(Turn { memory, ..Turn::new(said.speaker, said.utterance.clone()) })
        };
        self.dial.iter().map(turn).collect()
    }

    /// The dialogue as a published row, self-contained. The labels of the turns and the rating have no place in it.
    ///
    /// # Errors
    /// As [`AuthoredDialogue::transcript`].
    pub fn published(&self, seeker: &Character, supporter: &Character) -> Result<DialogueRow, AuthoredError> {
        Ok(DialogueRow::new(self.index, seeker, supporter, &self.transcript(seeker, supporter)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = r#"{"index":3,"seeker":1,"supporter":2,"dial":[{"turn":0,"speaker":"seeker","utterance":"It is late.","mood":1,"emotion":"fear"},{"turn":1,"speaker":"supporter","choose_info":{"aspect":"hobby"},"utterance":"I bowl when it is.","strategy":"Self-disclosure"}],"rating":{"mood":4,"solved":2,"active":3,"reason":"Plain speech."}}"#;

    fn character(index: u32) -> Character {
        let row = serde_json::json!({"index": index, "mbti": "INFP", "profile": {"name": "A"},
            "profile_trans": {"hobby": format!("You bowl, {index}."), "tone": "You hum.", "growth_experience": " ",
            "working_conditions": 3, "recent_worry_or_anxiety": "You owe rent."},
            "seeker_statement": "s", "supporter_statement": "t"});
        serde_json::from_value(row).unwrap()
    }

    #[test]
    fn reads_what_it_writes_and_looks_memories_up() {
        let dialogue: AuthoredDialogue = serde_json::from_str(ROW).unwrap();
        assert_eq!(serde_json::to_string(&dialogue).unwrap(), ROW);
        assert_eq!(dialogue.rating.mean(), 3.0);
        let row = dialogue.published(&character(1), &character(2)).unwrap();
        assert_eq!(
            (row.dial[0].choose_info.content.as_str(), row.dial[1].choose_info.content.as_str()),
            ("", "You bowl, 2.")
        );
        assert_eq!((row.index, row.seeker_info.index, row.supporter_info.index), (3, 1, 2));
    }

    #[test]
    fn what_is_no_memory_of_its_speaker_is_named_with_its_turn() {
        let mut dialogue: AuthoredDialogue = serde_json::from_str(ROW).unwrap();
        for aspect in ["dream", "tone", "growth_experience", "working_conditions"] {
            dialogue.dial[1].choose_info.aspect = aspect.into();
            let told = dialogue.transcript(&character(1), &character(2)).unwrap_err().to_string();
            assert_eq!(told, format!("turn 1: the supporter has no memory {aspect:?}"));
        }
        // What worries a seeker is the seeker's to tell.
        dialogue.dial[1].choose_info.aspect = "recent_worry_or_anxiety".into();
        let told = dialogue.published(&character(1), &character(2)).unwrap_err();
        assert_eq!(told, AuthoredError::OwnWorry { turn: 1 });
        dialogue.dial[1].choose_info.aspect.clear();
        dialogue.dial[0].choose_info.aspect = "recent_worry_or_anxiety".into();
        let said = dialogue.transcript(&character(1), &character(2)).unwrap();
        assert_eq!(said[0].memory.as_ref().map(|memory| memory.content.as_str()), Some("You owe rent."));
    }

    #[test]
    fn a_wrong_label_is_told() {
        let told = serde_json::from_str::<AuthoredDialogue>(&ROW.replace("fear", "dread")).unwrap_err().to_string();
        assert!(told.contains("dread"), "{told}");
    }
}
