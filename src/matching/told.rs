//! The sentences a character is told in, each with what it is about.

use super::quote::sentences;
use crate::persona::{Aspect, Character, Memory};

/// Fields of a profile that are no memories, and that somebody may be sought by all the same.
const JOB: &str = "job";
const PERSONALITY: &str = "personality";

/// What a supporter has lived: every aspect it may remember aloud, as the profile tells it (third person), else as the
/// memory does.
pub(super) fn experiences(character: &Character) -> Vec<(Aspect, String)> {
    character.supporter_memories().into_iter().flat_map(|memory| told(character, memory)).collect()
}

/// All else that is told of somebody: job, personality, tone, the recent worry, and what a profile tells that no memory
/// does. Where nothing at all is told, the supporter's statement, whole.
///
/// The statements are otherwise left out: they say the same again, at length, and would double what has to be embedded.
pub(super) fn all_else(character: &Character) -> Vec<(Aspect, String)> {
    let profile = &character.profile;
    let lived: Vec<Aspect> = character.supporter_memories().into_iter().map(|memory| memory.aspect).collect();
    let plain = [(JOB, &profile.job), (PERSONALITY, &profile.personality)];
    let plain = plain.into_iter().map(|(name, text)| (Aspect::from(name), text.as_str()));
    let aspects = KNOWN.iter().filter(|aspect| !lived.contains(aspect)).map(|aspect| {
        let remembered = || character.profile_trans.get(aspect.as_str()).and_then(|value| value.as_str());
        (aspect.clone(), profile_text(character, aspect).or_else(remembered).unwrap_or_default())
    });
    let extra = profile.extra.iter().filter_map(|(name, value)| Some((Aspect::from(name.as_str()), value.as_str()?)));
    let extra = extra.filter(|(aspect, _)| !lived.contains(aspect));
    let mut all: Vec<(Aspect, String)> =
        plain.chain(aspects).chain(extra).flat_map(|(aspect, text)| cut(&aspect, text)).collect();
    let statement = character.supporter_statement.trim();
    if all.is_empty() && lived.is_empty() && !statement.is_empty() {
        all.push(("supporter_statement".into(), statement.to_owned()));
    }
    all
}

const KNOWN: [Aspect; 11] = [
    Aspect::Tone,
    Aspect::RecentWorryOrAnxiety,
    Aspect::GrowthExperience,
    Aspect::FamilyRelationship,
    Aspect::SocialRelationship,
    Aspect::WorkingConditions,
    Aspect::LivingConditions,
    Aspect::EmotionalState,
    Aspect::Hobby,
    Aspect::AdvantagesAndDisadvantages,
    Aspect::AdditionalInformation,
];

fn told(character: &Character, memory: Memory) -> Vec<(Aspect, String)> {
    cut(&memory.aspect, profile_text(character, &memory.aspect).unwrap_or(&memory.content))
}

fn cut(aspect: &Aspect, text: &str) -> Vec<(Aspect, String)> {
    sentences(text).into_iter().map(|sentence| (aspect.clone(), sentence.to_owned())).collect()
}

/// What the profile tells of an aspect, in the third person, if it does. A key that the published format does not list is
/// looked for only among the profile's own such keys: a memory under `job` is no name for the profile's job.
fn profile_text<'a>(character: &'a Character, aspect: &Aspect) -> Option<&'a str> {
    let profile = &character.profile;
    let text = match aspect {
        Aspect::Other(name) => profile.extra.get(&**name)?.as_str(),
        listed => profile.text(listed.as_str()),
    };
    text.filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn character(profile: serde_json::Value, memories: serde_json::Value) -> Character {
        serde_json::from_value(serde_json::json!({
            "index": 0, "mbti": "INFP", "profile": profile, "profile_trans": memories,
            "seeker_statement": "s", "supporter_statement": "You listen. You wait.",
        }))
        .unwrap()
    }

    fn named(told: Vec<(Aspect, String)>) -> Vec<(String, String)> {
        told.into_iter().map(|(aspect, text)| (aspect.to_string(), text)).collect()
    }

    #[test]
    fn everything_is_told_once_in_the_third_person_where_there_is_one() {
        let who = character(
            serde_json::json!({"name": "A", "job": "baker", "hobby": "She sails. She swims.", "faith": "She prays.",
                "emotional_state": "She is tired.", "recent_worry_or_anxiety": ""}),
            serde_json::json!({"hobby": "You sail.", "dream": "You fly.", "recent_worry_or_anxiety": "You owe rent."}),
        );
        let pair = |aspect: &str, text: &str| (aspect.to_owned(), text.to_owned());
        assert_eq!(
            named(experiences(&who)),
            [pair("hobby", "She sails."), pair("hobby", "She swims."), pair("dream", "You fly.")]
        );
        assert_eq!(
            named(all_else(&who)),
            [
                pair("job", "baker"),
                pair("recent_worry_or_anxiety", "You owe rent."),
                pair("emotional_state", "She is tired."),
                pair("faith", "She prays."),
            ]
        );
    }

    #[test]
    fn a_memory_by_the_name_of_a_plain_field_stays_what_it_is() {
        let who = character(
            serde_json::json!({"name": "Ada", "job": "baker", "gender": "female", "dream": "She flies."}),
            serde_json::json!({"job": "You burnt the first loaf.", "gender": "You were the only girl.", "dream": "You fly."}),
        );
        let pair = |aspect: &str, text: &str| (aspect.to_owned(), text.to_owned());
        assert_eq!(
            named(experiences(&who)),
            [
                pair("job", "You burnt the first loaf."),
                pair("gender", "You were the only girl."),
                pair("dream", "She flies."),
            ]
        );
        assert_eq!(named(all_else(&who)), [pair("job", "baker")]);
    }

    #[test]
    fn the_statement_speaks_for_somebody_of_whom_nothing_else_is_told() {
        let who = character(serde_json::json!({"name": "A"}), serde_json::json!({}));
        assert_eq!(named(all_else(&who)), [("supporter_statement".to_owned(), "You listen. You wait.".to_owned())]);
    }
}
