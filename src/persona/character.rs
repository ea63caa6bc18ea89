//! One character of the bank, as a row of the published format (CharacterChat, `profile_trans_output.json`).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Aspect, Mbti, Memory};

/// An age as the published files give it: a number, or a text such as `"20"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Age {
    /// Years.
    Years(u32),
    /// Whatever else a file says.
    Text(String),
}

impl Default for Age {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl Age {
    /// The age in years, if it can be read as a number.
    pub fn years(&self) -> Option<u32> {
        match self {
            Self::Years(years) => Some(*years),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }
}

/// The seventeen fields of a profile, in the third person. A field that a file lacks is empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// Full name.
    pub name: String,
    /// As the file words it.
    pub gender: String,
    /// Years, as number or text.
    pub age: Age,
    /// "City, Country".
    pub region: String,
    /// How they speak.
    pub tone: String,
    /// What they do for a living.
    pub job: String,
    /// How they think and act.
    pub personality: String,
    /// Strengths and weaknesses.
    pub advantages_and_disadvantages: String,
    /// What they do for pleasure.
    pub hobby: String,
    /// What shaped them.
    pub growth_experience: String,
    /// Parents, partner, children.
    pub family_relationship: String,
    /// Their working life.
    pub working_conditions: String,
    /// Friends, neighbours, colleagues.
    pub social_relationship: String,
    /// How they feel these days.
    pub emotional_state: String,
    /// Where and how they live.
    pub living_conditions: String,
    /// What weighs on them now.
    pub recent_worry_or_anxiety: String,
    /// Whatever fits nowhere else.
    pub additional_information: String,
    /// Fields the published format does not list, kept as they came.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Profile {
    /// The sixteen fields that are texts (all but the age), by their published names.
    pub fn texts(&self) -> [(&'static str, &str); 16] {
        [
            ("name", &self.name),
            ("gender", &self.gender),
            ("region", &self.region),
            ("tone", &self.tone),
            ("job", &self.job),
            ("personality", &self.personality),
            ("advantages_and_disadvantages", &self.advantages_and_disadvantages),
            ("hobby", &self.hobby),
            ("growth_experience", &self.growth_experience),
            ("family_relationship", &self.family_relationship),
            ("working_conditions", &self.working_conditions),
            ("social_relationship", &self.social_relationship),
            ("emotional_state", &self.emotional_state),
            ("living_conditions", &self.living_conditions),
            ("recent_worry_or_anxiety", &self.recent_worry_or_anxiety),
            ("additional_information", &self.additional_information),
        ]
    }

    /// A field that is a text, by its name in files; also one that the published format does not list.
    pub fn text(&self, name: &str) -> Option<&str> {
        let listed = self.texts().into_iter().find(|(field, _)| *field == name).map(|(_, text)| text);
        listed.or_else(|| self.extra.get(name)?.as_str())
    }

    /// What follows the last comma of the region, which is the country where the region is written "City, Country". None
    /// where there is no comma: "New York City", "California" and "Coastal town" are published regions, and no countries.
    pub fn country(&self) -> Option<&str> {
        let (_, country) = self.region.rsplit_once([',', '，'])?;
        Some(country.trim()).filter(|country| !country.is_empty())
    }
}

/// A character: type, profile, memories, and the two statements that make it a seeker or a supporter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Character {
    /// Place in the bank; unique.
    pub index: u32,
    /// Myers–Briggs type.
    pub mbti: Mbti,
    /// The profile, in the third person.
    pub profile: Profile,
    /// Persona when seeking support; holds the recent worry.
    pub seeker_statement: String,
    /// Persona when giving support; does not hold the worry.
    pub supporter_statement: String,
    /// The aspects in the second person, in file order. Keys may be missing or extra.
    pub profile_trans: Map<String, Value>,
}

impl Character {
    /// The character's name.
    pub fn name(&self) -> &str {
        &self.profile.name
    }

    /// What this character may remember aloud as a supporter: every aspect but the tone and the recent worry.
    pub fn supporter_memories(&self) -> Vec<Memory> {
        self.memories(|aspect| !matches!(aspect, Aspect::Tone | Aspect::RecentWorryOrAnxiety))
    }

    /// What this character may remember aloud as a seeker: every aspect but the tone.
    pub fn seeker_memories(&self) -> Vec<Memory> {
        self.memories(|aspect| !matches!(aspect, Aspect::Tone))
    }

    /// The aspects that are texts, by their names in the file and in its order.
    pub fn aspects(&self) -> impl Iterator<Item = (&str, &str)> {
        self.profile_trans.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
    }

    fn memories(&self, keep: impl Fn(&Aspect) -> bool) -> Vec<Memory> {
        self.profile_trans
            .iter()
            .filter_map(|(name, value)| {
                let aspect = Aspect::from(name.as_str());
                let content = value.as_str()?.trim();
                (keep(&aspect) && !content.is_empty()).then(|| Memory { aspect, content: content.to_owned() })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_stands_behind_a_comma_or_is_not_known() {
        for (region, country) in [
            ("Turku, Finland", Some("Finland")),
            ("Rosario, Santa Fe, Argentina ", Some("Argentina")),
            ("成都，中国", Some("中国")),
            ("New York City", None),
            ("California", None),
            ("Coastal town", None),
            ("Lima, ", None),
            ("", None),
        ] {
            assert_eq!(Profile { region: region.to_owned(), ..Profile::default() }.country(), country, "{region}");
        }
    }
}
