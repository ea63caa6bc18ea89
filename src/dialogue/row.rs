//! The published dialogue row (CharacterChat, `dial_output.json`): two people and what they said.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{Speaker, Transcript, Turn};
use crate::persona::{Aspect, Character, Mbti, Memory};

/// One side of a dialogue, self-contained: the character as it was when it spoke.
#[derive(Clone, Debug, PartialEq)]
pub struct Participant {
    /// Place in the bank.
    pub index: u32,
    /// Myers–Briggs type.
    pub mbti: Mbti,
    /// The profile as published.
    pub profile: Value,
    /// The aspects in the second person.
    pub profile_trans: Map<String, Value>,
    /// The statement used in this role.
    pub statement: String,
    /// Example sentences in the character's tone; empty where none were made.
    pub tone_sentences: String,
}

impl Participant {
    /// The character in this role.
    pub fn new(character: &Character, role: Speaker) -> Self {
        Self {
            index: character.index,
            mbti: character.mbti,
            // A profile is strings and numbers under string keys, which JSON can always hold.
            profile: serde_json::to_value(&character.profile).unwrap_or_default(),
            profile_trans: character.profile_trans.clone(),
            statement: role.statement(character).to_owned(),
            tone_sentences: String::new(),
        }
    }
}

/// One utterance of a row: `{turn, speaker, choose_info: {aspect, content}, utterance}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DialogueTurn {
    /// From 0.
    pub turn: usize,
    /// Who spoke.
    pub speaker: Speaker,
    /// The memory used; both fields are empty strings when there was none.
    pub choose_info: ChooseInfo,
    /// What was said.
    pub utterance: String,
}

/// The memory of a turn as published: empty strings mean none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChooseInfo {
    /// The kind of memory.
    pub aspect: String,
    /// Its text.
    pub content: String,
}

/// A dialogue in the published format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DialogueRow {
    /// Place in the file.
    pub index: usize,
    /// The person in need.
    #[serde(serialize_with = "write_seeker", deserialize_with = "read_seeker")]
    pub seeker_info: Participant,
    /// The character who listened.
    #[serde(serialize_with = "write_supporter", deserialize_with = "read_supporter")]
    pub supporter_info: Participant,
    /// The utterances, oldest first.
    pub dial: Vec<DialogueTurn>,
}

impl DialogueRow {
    /// A row of what was said, in the published shape.
    pub fn new(index: usize, seeker: &Character, supporter: &Character, transcript: &[Turn]) -> Self {
        let dial = transcript
            .iter()
            .enumerate()
            .map(|(turn, said)| DialogueTurn {
                turn,
                speaker: said.speaker,
                choose_info: said.memory.as_ref().map_or_else(ChooseInfo::default, |memory| ChooseInfo {
                    aspect: memory.aspect.to_string(),
                    content: memory.content.clone(),
                }),
                utterance: said.text.clone(),
            })
            .collect();
        Self {
            index,
            seeker_info: Participant::new(seeker, Speaker::Seeker),
            supporter_info: Participant::new(supporter, Speaker::Supporter),
            dial,
        }
    }

    /// What was said, oldest first.
    pub fn transcript(&self) -> Transcript {
        self.dial
            .iter()
            .map(|turn| Turn {
                speaker: turn.speaker,
                text: turn.utterance.clone(),
                memory: (!turn.choose_info.content.is_empty()).then(|| Memory {
                    aspect: Aspect::from(turn.choose_info.aspect.as_str()),
                    content: turn.choose_info.content.clone(),
                }),
            })
            .collect()
    }
}

/// Writes the participant's fields with the published prefix; one macro, as serde needs the names at compile time.
macro_rules! published_fields {
    ($wire:ident, $write:ident, $read:ident, $index:ident, $mbti:ident, $profile:ident, $trans:ident, $statement:ident, $tone:ident) => {
        #[derive(Serialize, Deserialize)]
        struct $wire {
            $index: u32,
            $mbti: Mbti,
            $profile: Value,
            $trans: Map<String, Value>,
            $statement: String,
            #[serde(default)]
            $tone: String,
        }

        fn $write<S: Serializer>(side: &Participant, serializer: S) -> Result<S::Ok, S::Error> {
            let side = side.clone();
            $wire {
                $index: side.index,
                $mbti: side.mbti,
                $profile: side.profile,
                $trans: side.profile_trans,
                $statement: side.statement,
                $tone: side.tone_sentences,
            }
            .serialize(serializer)
        }

        fn $read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Participant, D::Error> {
            let side = $wire::deserialize(deserializer)?;
            Ok(Participant {
                index: side.$index,
                mbti: side.$mbti,
                profile: side.$profile,
                profile_trans: side.$trans,
                statement: side.$statement,
                tone_sentences: side.$tone,
            })
        }
    };
}

published_fields!(
    SeekerInfo,
    write_seeker,
    read_seeker,
    seeker_index,
    seeker_mbti,
    seeker_profile,
    seeker_profile_trans,
    seeker_statement,
    seeker_tone_sentences
);
published_fields!(
    SupporterInfo,
    write_supporter,
    read_supporter,
    supporter_index,
    supporter_mbti,
    supporter_profile,
    supporter_profile_trans,
    supporter_statement,
    supporter_tone_sentences
);
