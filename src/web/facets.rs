//! What the bank is filtered by, and how many of each value there are among those that fit everything else.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::Serialize;
use utoipa::ToSchema;

use crate::persona::{Bank, Character, Mbti};

/// Ages that are counted together: from, to.
const BANDS: [(u32, Option<u32>); 6] =
    [(0, Some(17)), (18, Some(29)), (30, Some(44)), (45, Some(59)), (60, Some(80)), (81, None)];

/// The facets, as bits: several of them may leave one character out.
const TYPE: u8 = 1;
const COUNTRY: u8 = 2;
const GENDER: u8 = 4;
const AGE: u8 = 8;

/// A value, and how many have it.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Count {
    value: String,
    count: usize,
}

/// An age band, and how many are in it.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct AgeCount {
    /// Such as `18-29`.
    value: String,
    /// For `age_from`.
    from: u32,
    /// For `age_to`; null for the last band, which has no end.
    #[schema(required)]
    to: Option<u32>,
    count: usize,
}

/// How many of those that fit all other filters have each value; values that nobody has are left out.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Facets {
    r#type: Vec<Count>,
    country: Vec<Count>,
    gender: Vec<Count>,
    age: Vec<AgeCount>,
}

/// The distinct values of a field, in alphabetical order; a value is known by its place.
#[derive(Debug)]
struct Values {
    /// In lower case, and as it is written.
    names: Vec<(String, String)>,
}

impl Values {
    fn new<'a>(values: impl Iterator<Item = &'a str>) -> Self {
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for value in values {
            names.entry(value.to_lowercase()).or_insert_with(|| value.to_owned());
        }
        Self { names: names.into_iter().collect() }
    }

    fn place(&self, value: &str) -> Option<usize> {
        let wanted = value.trim().to_lowercase();
        self.names.binary_search_by(|(name, _)| name.as_str().cmp(&wanted)).ok()
    }

    /// The value that is written the most like this one, if no more than a third of it would have to be written otherwise:
    /// what is further off is not what was meant.
    fn nearest(&self, value: &str) -> Option<&str> {
        let wanted = value.trim().to_lowercase();
        let most = wanted.chars().count() / 3;
        let named = self.names.iter().map(|(name, shown)| (strsim::levenshtein(name, &wanted), shown));
        let (distance, shown) = named.min_by_key(|(distance, _)| *distance)?;
        (distance <= most).then_some(shown)
    }

    fn counted(&self, counts: &[usize]) -> Vec<Count> {
        let named = self.names.iter().zip(counts).filter(|(_, count)| **count > 0);
        named.map(|((_, name), count)| Count { value: name.clone(), count: *count }).collect()
    }
}

/// What is filtered and counted of one character.
#[derive(Debug)]
pub(super) struct Traits {
    mbti: Mbti,
    country: Option<usize>,
    gender: Option<usize>,
    age: Option<u32>,
}

/// What somebody wants to see. The default is everybody.
#[derive(Debug, Default)]
pub(super) struct Filter {
    mbti: Option<Mbti>,
    country: Option<usize>,
    gender: Option<usize>,
    age: Option<RangeInclusive<u32>>,
}

/// A filter as it is asked for: empty texts and absent bounds filter nothing.
#[derive(Debug, Default)]
pub(super) struct Wanted<'a> {
    pub(super) mbti: &'a str,
    pub(super) country: &'a str,
    pub(super) gender: &'a str,
    pub(super) age_from: Option<u32>,
    pub(super) age_to: Option<u32>,
}

impl Filter {
    /// The facets that leave this one out.
    fn missed(&self, traits: &Traits) -> u8 {
        let misses = |facet: u8, fits: bool| if fits { 0 } else { facet };
        misses(TYPE, self.mbti.is_none_or(|mbti| mbti == traits.mbti))
            | misses(COUNTRY, self.country.is_none() || self.country == traits.country)
            | misses(GENDER, self.gender.is_none() || self.gender == traits.gender)
            | misses(AGE, self.age.as_ref().is_none_or(|ages| traits.age.is_some_and(|age| ages.contains(&age))))
    }
}

/// The values that there are in a bank.
pub(super) struct Catalogue {
    countries: Values,
    genders: Values,
}

impl Catalogue {
    pub(super) fn new(bank: &Bank) -> Self {
        Self {
            countries: Values::new(bank.iter().filter_map(|character| character.profile.country())),
            genders: Values::new(bank.iter().filter_map(|character| gender(character))),
        }
    }

    pub(super) fn traits(&self, character: &Character) -> Traits {
        Traits {
            mbti: character.mbti,
            country: character.profile.country().and_then(|country| self.countries.place(country)),
            gender: gender(character).and_then(|gender| self.genders.place(gender)),
            age: character.profile.age.years(),
        }
    }

    /// What is asked for, or what was expected and what came. Somebody of no known age is of no age that is asked for.
    pub(super) fn filter(&self, wanted: &Wanted<'_>) -> Result<Filter, String> {
        let mbti = match wanted.mbti {
            "" => None,
            name => Some(name.parse::<Mbti>().map_err(|error| error.to_string())?),
        };
        let age = match (wanted.age_from, wanted.age_to) {
            (None, None) => None,
            (Some(from), Some(to)) if from > to => {
                return Err(format!("age_from is {from} and age_to {to}: expected the first to be the lower one"));
            }
            (from, to) => Some(from.unwrap_or(0)..=to.unwrap_or(u32::MAX)),
        };
        Ok(Filter {
            mbti,
            country: one_of("country", &self.countries, wanted.country)?,
            gender: one_of("gender", &self.genders, wanted.gender)?,
            age,
        })
    }

    /// Nobody counted yet.
    pub(super) fn counter<'a>(&'a self, filter: &'a Filter) -> Counter<'a> {
        Counter {
            catalogue: self,
            filter,
            types: BTreeMap::new(),
            countries: vec![0; self.countries.names.len()],
            genders: vec![0; self.genders.names.len()],
            ages: [0; BANDS.len()],
        }
    }
}

fn gender(character: &Character) -> Option<&str> {
    Some(character.profile.gender.trim()).filter(|gender| !gender.is_empty())
}

fn one_of(facet: &str, values: &Values, asked: &str) -> Result<Option<usize>, String> {
    if asked.trim().is_empty() {
        return Ok(None);
    }
    values.place(asked).map(Some).ok_or_else(|| {
        let shown: String = asked.chars().take(40).collect();
        let nearest = values.nearest(&shown).map(|name| format!(", such as {name}")).unwrap_or_default();
        format!("{facet} is {shown:?}: expected a {facet} of the bank{nearest}; the answer's facets list them")
    })
}

/// Counts along while a list is made.
pub(super) struct Counter<'a> {
    catalogue: &'a Catalogue,
    filter: &'a Filter,
    types: BTreeMap<&'static str, usize>,
    countries: Vec<usize>,
    genders: Vec<usize>,
    ages: [usize; BANDS.len()],
}

impl Counter<'_> {
    /// Counts one more, under every facet that alone, or not at all, leaves it out; says whether it fits the filter.
    pub(super) fn admits(&mut self, traits: &Traits) -> bool {
        let missed = self.filter.missed(traits);
        let counts = |facet: u8| missed & !facet == 0;
        if counts(TYPE) {
            *self.types.entry(traits.mbti.as_str()).or_default() += 1;
        }
        if let Some(country) = traits.country.filter(|_| counts(COUNTRY)) {
            self.countries[country] += 1;
        }
        if let Some(gender) = traits.gender.filter(|_| counts(GENDER)) {
            self.genders[gender] += 1;
        }
        if let Some(age) = traits.age.filter(|_| counts(AGE)) {
            let band = BANDS.iter().position(|(from, to)| (*from..=to.unwrap_or(u32::MAX)).contains(&age));
            band.into_iter().for_each(|band| self.ages[band] += 1);
        }
        missed == 0
    }

    pub(super) fn facets(self) -> Facets {
        let ages = BANDS.iter().zip(self.ages).filter(|(_, count)| *count > 0);
        Facets {
            r#type: self.types.iter().map(|(name, count)| Count { value: (*name).to_owned(), count: *count }).collect(),
            country: self.catalogue.countries.counted(&self.countries),
            gender: self.catalogue.genders.counted(&self.genders),
            age: ages
                .map(|(&(from, to), count)| {
                    let value = to.map_or_else(|| format!("{from}+"), |to| format!("{from}-{to}"));
                    AgeCount { value, from, to, count }
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn bank() -> Bank {
        let character = |index: u32, mbti: &str, region: &str, gender: &str, age: serde_json::Value| {
            let row = serde_json::json!({
                "index": index, "mbti": mbti, "profile": {"name": "N", "region": region, "gender": gender, "age": age},
                "seeker_statement": "", "supporter_statement": "", "profile_trans": {}
            });
            Arc::new(serde_json::from_value(row).unwrap())
        };
        Bank::new(vec![
            character(0, "INFJ", "Turku, Finland", "female", 18.into()),
            character(1, "INFJ", "Cusco, Peru", "Female", "29".into()),
            character(2, "ESTP", "Lima, Peru", "male", 81.into()),
            character(3, "ESTP", "", "", "unknown".into()),
        ])
    }

    fn counted(wanted: &Wanted<'_>) -> (Vec<u32>, serde_json::Value) {
        let bank = bank();
        let catalogue = Catalogue::new(&bank);
        let filter = catalogue.filter(wanted).unwrap();
        let mut counter = catalogue.counter(&filter);
        let fitting =
            bank.iter().filter(|character| counter.admits(&catalogue.traits(character))).map(|c| c.index).collect();
        (fitting, serde_json::to_value(counter.facets()).unwrap())
    }

    fn pairs(facet: &serde_json::Value) -> Vec<(&str, u64)> {
        let pair = |count: &'_ serde_json::Value| count["count"].as_u64().unwrap();
        facet.as_array().unwrap().iter().map(|count| (count["value"].as_str().unwrap(), pair(count))).collect()
    }

    #[test]
    fn everybody_is_counted_under_what_is_known_of_them() {
        let (fitting, facets) = counted(&Wanted::default());
        assert_eq!(fitting, [0, 1, 2, 3]);
        assert_eq!(pairs(&facets["type"]), [("ESTP", 2), ("INFJ", 2)]);
        assert_eq!(pairs(&facets["country"]), [("Finland", 1), ("Peru", 2)]);
        assert_eq!(pairs(&facets["gender"]), [("female", 2), ("male", 1)], "in any case, as first written");
        assert_eq!(pairs(&facets["age"]), [("18-29", 2), ("81+", 1)]);
        assert_eq!((&facets["age"][1]["from"], &facets["age"][1]["to"]), (&81.into(), &serde_json::Value::Null));
    }

    #[test]
    fn a_facet_is_counted_among_those_that_fit_all_other_filters() {
        let (fitting, facets) = counted(&Wanted { country: "peru", age_to: Some(30), ..Wanted::default() });
        assert_eq!(fitting, [1]);
        assert_eq!(pairs(&facets["country"]), [("Finland", 1), ("Peru", 1)], "of those up to thirty");
        assert_eq!(pairs(&facets["age"]), [("18-29", 1), ("81+", 1)], "of those in Peru");
        assert_eq!(pairs(&facets["type"]), [("INFJ", 1)]);
        let (fitting, facets) = counted(&Wanted { mbti: "estp", age_from: Some(0), ..Wanted::default() });
        assert_eq!(fitting, [2], "of no known age, of no age that is asked for");
        assert_eq!(pairs(&facets["gender"]), [("male", 1)]);
    }

    #[test]
    fn what_nobody_can_fit_is_named() {
        let catalogue = Catalogue::new(&bank());
        let told = |wanted: Wanted<'_>| catalogue.filter(&wanted).unwrap_err();
        let message = told(Wanted { country: "Finnland", ..Wanted::default() });
        assert!(message.contains("country is \"Finnland\": expected") && message.contains("Finland"), "{message}");
        let message = told(Wanted { country: "asdf", ..Wanted::default() });
        assert!(message.contains("expected a country of the bank; the answer"), "nothing is like it: {message}");
        assert!(told(Wanted { gender: "x", ..Wanted::default() }).contains("gender of the bank"));
        assert!(told(Wanted { mbti: "XXXX", ..Wanted::default() }).contains("INTJ"));
        assert!(told(Wanted { age_from: Some(9), age_to: Some(8), ..Wanted::default() }).contains("lower"));
    }
}
