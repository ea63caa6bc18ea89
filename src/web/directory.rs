//! The bank as the page lists it: short cards, what they are filtered by and a text search, all prepared once.

use serde::Serialize;
use utoipa::ToSchema;

use super::facets::{Catalogue, Facets, Filter, Traits, Wanted};
use crate::matching::WordIndex;
use crate::persona::{Age, Bank, Character, Mbti};

/// Longest summary on a card, in characters.
const SUMMARY: usize = 200;

/// A character in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Card {
    pub(super) index: u32,
    pub(super) name: String,
    /// One of the sixteen types, such as `INFP`.
    #[schema(value_type = String)]
    pub(super) mbti: Mbti,
    pub(super) age: String,
    pub(super) region: String,
    pub(super) job: String,
    /// The beginning of the personality.
    pub(super) summary: String,
}

impl Card {
    pub(super) fn new(character: &Character) -> Self {
        let profile = &character.profile;
        Self {
            index: character.index,
            name: profile.name.clone(),
            mbti: character.mbti,
            age: age(&profile.age),
            region: profile.region.clone(),
            job: profile.job.clone(),
            summary: shorten(&profile.personality),
        }
    }
}

/// A character in full: the card, and the profile aspect by aspect.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Portrait {
    #[serde(flatten)]
    card: Card,
    gender: String,
    story: Vec<StoryPart>,
}

/// What a portrait tells, in this order.
const STORY: [&str; 12] = [
    "personality",
    "tone",
    "growth_experience",
    "family_relationship",
    "working_conditions",
    "social_relationship",
    "living_conditions",
    "hobby",
    "emotional_state",
    "advantages_and_disadvantages",
    "recent_worry_or_anxiety",
    "additional_information",
];

/// One aspect of a profile.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct StoryPart {
    aspect: &'static str,
    content: String,
}

impl Portrait {
    pub(super) fn new(character: &Character) -> Self {
        let profile = &character.profile;
        let told = STORY.iter().map(|aspect| (*aspect, profile.text(aspect).unwrap_or_default().trim()));
        let story = told
            .filter(|(_, content)| !content.is_empty())
            .map(|(aspect, content)| StoryPart { aspect, content: content.to_owned() })
            .collect();
        Self { card: Card::new(character), gender: profile.gender.clone(), story }
    }
}

struct Entry {
    card: Card,
    traits: Traits,
}

/// All cards, in order of index.
pub(super) struct Directory {
    entries: Vec<Entry>,
    catalogue: Catalogue,
    words: WordIndex,
}

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// So many are left out from its beginning …
    pub(super) offset: usize,
    /// … and at most so many follow.
    pub(super) limit: usize,
}

/// A part of those that fit, each with what it was found by.
pub(super) struct Page<'a, F> {
    /// How many fit in all.
    pub(super) total: usize,
    pub(super) cards: Vec<(&'a Card, F)>,
    /// Of all that fit, or would but for one filter.
    pub(super) facets: Facets,
}

impl Directory {
    pub(super) fn new(bank: &Bank) -> Self {
        let catalogue = Catalogue::new(bank);
        let entry = |character: &Character| Entry { card: Card::new(character), traits: catalogue.traits(character) };
        let entries = bank.iter().map(|character| entry(character)).collect();
        Self { entries, catalogue, words: WordIndex::new(bank) }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn card(&self, index: u32) -> Option<&Card> {
        self.entry(index).map(|entry| &entry.card)
    }

    /// What is asked for, or what was expected and what came.
    pub(super) fn filter(&self, wanted: &Wanted<'_>) -> Result<Filter, String> {
        self.catalogue.filter(wanted)
    }

    /// Those of whom every word of `query` is told, in order of index.
    pub(super) fn find(&self, filter: &Filter, query: &str, part: Part) -> Page<'_, ()> {
        let holding = self.words.holding(query).into_iter().filter_map(|index| Some((self.entry(index)?, ())));
        self.page(holding, filter, part)
    }

    /// Those that were found otherwise, in the order they come in; `index` tells whom each is of.
    pub(super) fn found<F>(
        &self,
        filter: &Filter,
        found: impl IntoIterator<Item = F>,
        index: impl Fn(&F) -> u32,
        part: Part,
    ) -> Page<'_, F> {
        let entries = found.into_iter().filter_map(|found| Some((self.entry(index(&found))?, found)));
        self.page(entries, filter, part)
    }

    fn page<'a, F>(
        &'a self,
        entries: impl Iterator<Item = (&'a Entry, F)>,
        filter: &Filter,
        part: Part,
    ) -> Page<'a, F> {
        let mut counter = self.catalogue.counter(filter);
        let mut total = 0;
        let mut cards = Vec::new();
        for (entry, found) in entries.filter(|(entry, _)| counter.admits(&entry.traits)) {
            if total >= part.offset && cards.len() < part.limit {
                cards.push((&entry.card, found));
            }
            total += 1;
        }
        Page { total, cards, facets: counter.facets() }
    }

    fn entry(&self, index: u32) -> Option<&Entry> {
        let at = self.entries.binary_search_by_key(&index, |entry| entry.card.index).ok()?;
        Some(&self.entries[at])
    }
}

fn age(age: &Age) -> String {
    match age {
        Age::Years(years) => years.to_string(),
        Age::Text(text) => text.trim().to_owned(),
    }
}

/// The text's first characters up to the end of a word.
fn shorten(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some((cut, _)) = text.char_indices().nth(SUMMARY) else { return text };
    let end = text[..cut].rfind(' ').unwrap_or(cut);
    format!("{}…", text[..end].trim_end_matches([',', ';', ':', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn bank() -> Bank {
        let character = |index: u32, mbti: &str, job: &str| {
            let row = serde_json::json!({
                "index": index, "mbti": mbti, "profile": {"name": format!("N{index}"), "age": "30", "job": job},
                "seeker_statement": "", "supporter_statement": "", "profile_trans": {}
            });
            Arc::new(serde_json::from_value(row).unwrap())
        };
        Bank::new(vec![
            character(3, "INTJ", "Night nurse"),
            character(9, "INTJ", "Baker"),
            character(5, "ESFP", "nurse"),
        ])
    }

    #[test]
    fn finds_by_type_and_by_every_word_and_counts_past_the_page() {
        let directory = Directory::new(&bank());
        let find = |mbti: &str, query: &str, offset, limit| {
            let filter = directory.filter(&Wanted { mbti, ..Wanted::default() }).unwrap();
            let page = directory.find(&filter, query, Part { offset, limit });
            (page.total, page.cards.iter().map(|(card, ())| card.index).collect::<Vec<_>>())
        };
        assert_eq!(find("", "", 0, 10), (3, vec![3, 5, 9]));
        assert_eq!(find("", "NURSE night", 0, 10), (1, vec![3]));
        assert_eq!(find("intj", "", 1, 10), (2, vec![9]));
        assert_eq!(find("", "nurse", 0, 1), (2, vec![3]));
        assert_eq!(directory.card(9).map(|card| card.job.as_str()), Some("Baker"));
        assert!(directory.card(4).is_none());
    }

    #[test]
    fn what_was_found_otherwise_keeps_its_order_and_its_reason() {
        let directory = Directory::new(&bank());
        let filter = directory.filter(&Wanted { mbti: "INTJ", ..Wanted::default() }).unwrap();
        let found = [(9, "near"), (5, "nearer"), (4, "of another bank"), (3, "far")];
        let page = directory.found(&filter, found, |(index, _)| *index, Part { offset: 0, limit: 1 });
        assert_eq!((page.total, page.cards.len(), page.cards[0].1), (2, 1, (9, "near")));
    }

    #[test]
    fn summaries_end_at_a_word_and_wide_letters_are_not_cut() {
        assert_eq!(shorten("short\n text"), "short text");
        let long = shorten(&"word ".repeat(100));
        assert!(long.ends_with("word…") && long.chars().count() <= SUMMARY + 1);
        assert_eq!(shorten(&"思".repeat(300)).chars().count(), SUMMARY + 1);
    }
}
