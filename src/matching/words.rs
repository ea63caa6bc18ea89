//! Finds characters by words, in every field, ranked.

use std::collections::HashMap;

use serde::Serialize;

use super::quote::sentences;
use crate::persona::{Bank, Character};

/// A hit in a name counts as much as this many in running text.
const NAME_WEIGHT: f32 = 8.0;
/// The same for job, region and type: short fields that say what somebody is.
const SHORT_WEIGHT: f32 = 4.0;
/// How soon further hits of the same word count less (the k₁ of BM25, its usual value).
const SATURATION: f32 = 1.2;

/// A character in which words were found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    /// The character's index in the bank.
    pub index: u32,
    /// How many of the words were found; the ranking goes by it first.
    pub words: usize,
    /// How well they fit: rarer words, shorter fields and repetition count more. Comparable within one search.
    pub score: f32,
    /// The field with the best hit.
    pub field: String,
    /// The sentence of it that holds the most of the words.
    pub quote: String,
}

struct Field {
    name: &'static str,
    text: String,
    weight: f32,
}

/// Every word of a bank, and of whom it is told: prepared once, so that a search reads the words and not the bank.
pub struct WordIndex {
    /// In order of index; elsewhere a character is its place in here.
    characters: Vec<u32>,
    /// In alphabetical order, each with those of whom it is told, in order.
    words: Vec<(String, Vec<Holder>)>,
}

/// Of whom a word is told, and how much its places there weigh in all.
struct Holder {
    place: usize,
    weight: f32,
}

impl WordIndex {
    /// Reads the whole bank.
    pub fn new(bank: &Bank) -> Self {
        let mut holders: HashMap<String, Vec<Holder>> = HashMap::new();
        for (place, character) in bank.iter().enumerate() {
            for field in fields(character) {
                for_each_word(&field.text.to_lowercase(), |word| {
                    let new = Holder { place, weight: field.weight };
                    match holders.get_mut(word) {
                        None => drop(holders.insert(word.to_owned(), vec![new])),
                        Some(holders) => match holders.last_mut() {
                            Some(last) if last.place == place => last.weight += field.weight,
                            _ => holders.push(new),
                        },
                    }
                });
            }
        }
        let mut words: Vec<(String, Vec<Holder>)> = holders.into_iter().collect();
        words.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        Self { characters: bank.iter().map(|character| character.index).collect(), words }
    }

    /// Indices of those of whom every word is told, in order. A word also finds longer ones that begin with it ("bake"
    /// finds "baker"). Where there is no word at all, that is everybody.
    pub fn holding(&self, query: &str) -> Vec<u32> {
        let mut holds = vec![true; self.characters.len()];
        for word in wanted(query) {
            let weights = self.weights(&word);
            holds.iter_mut().zip(weights).for_each(|(holds, weight)| *holds &= weight > 0.0);
        }
        self.characters.iter().zip(holds).filter(|(_, holds)| *holds).map(|(index, _)| *index).collect()
    }

    /// What the places of a word, and of longer ones that begin with it, weigh in each character.
    fn weights(&self, wanted: &str) -> Vec<f32> {
        let mut weights = vec![0.0; self.characters.len()];
        let first = self.words.partition_point(|(word, _)| word.as_str() < wanted);
        for (_, holders) in self.words[first..].iter().take_while(|(word, _)| word.starts_with(wanted)) {
            holders.iter().for_each(|holder| weights[holder.place] += holder.weight);
        }
        weights
    }
}

/// The characters of whom any of the words is told, best first: those with more of the words come before those with fewer;
/// whoever has them all is one of [`WordIndex::holding`]. Equal ones are ordered by index.
pub fn search_words(bank: &Bank, query: &str) -> Vec<Found> {
    let wanted = wanted(query);
    let index = WordIndex::new(bank);
    let weights: Vec<Vec<f32>> = wanted.iter().map(|word| index.weights(word)).collect();
    let rarity: Vec<f32> = weights
        .iter()
        .map(|weights| {
            let holders = weights.iter().filter(|weight| **weight > 0.0).count() as f32;
            (1.0 + bank.len() as f32 / (1.0 + holders)).ln()
        })
        .collect();
    let mut found: Vec<Found> = bank
        .iter()
        .enumerate()
        .filter_map(|(place, character)| {
            let hits = weights.iter().zip(&rarity).map(|(weights, rarity)| (weights[place], rarity));
            let mut each: Vec<f32> = hits
                .filter(|(weight, _)| *weight > 0.0)
                .map(|(weight, rarity)| rarity * weight / (weight + SATURATION))
                .collect();
            // Summed in a fixed order, whatever order the words were asked in: the last bit decides ties.
            each.sort_by(f32::total_cmp);
            let words = each.len();
            (words > 0).then(|| {
                let (field, quote) = best_quote(&fields(character), &wanted);
                Found { index: character.index, words, score: each.iter().sum(), field, quote }
            })
        })
        .collect();
    found.sort_by(|a, b| b.words.cmp(&a.words).then(b.score.total_cmp(&a.score)).then(a.index.cmp(&b.index)));
    found
}

/// The words of a query, each once.
fn wanted(query: &str) -> Vec<String> {
    let mut wanted = words(query);
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

fn best_quote(fields: &[Field], wanted: &[String]) -> (String, String) {
    let mut best: (usize, f32, &str, &str) = (0, 0.0, "", "");
    for field in fields {
        for sentence in sentences(&field.text) {
            let held = words(sentence);
            let count = wanted.iter().filter(|w| held.iter().any(|held| held.starts_with(w.as_str()))).count();
            if (count, field.weight) > (best.0, best.1) && count > 0 {
                best = (count, field.weight, field.name, sentence);
            }
        }
    }
    (best.2.replace('_', " "), best.3.to_owned())
}

/// The words of a text, in lower case.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for_each_word(&text.to_lowercase(), |word| words.push(word.to_owned()));
    words
}

/// The words of a text that is in lower case, without quotation marks around them; a Chinese character is a word of its own.
fn for_each_word(text: &str, mut take: impl FnMut(&str)) {
    for part in text.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’') {
        let part = part.trim_matches(['\'', '’']);
        if part.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)) {
            part.char_indices().for_each(|(at, c)| take(&part[at..][..c.len_utf8()]));
        } else if !part.is_empty() {
            take(part);
        }
    }
}

/// Every field, each thing told once: the third person where there is one, else the memory.
fn fields(character: &Character) -> Vec<Field> {
    let profile = &character.profile;
    let mut fields = vec![Field { name: "type", text: character.mbti.to_string(), weight: SHORT_WEIGHT }];
    fields.extend(profile.texts().map(|(name, text)| {
        let weight = match name {
            "name" => NAME_WEIGHT,
            "region" | "job" => SHORT_WEIGHT,
            _ => 1.0,
        };
        Field { name, text: text.to_owned(), weight }
    }));
    fields.extend(character.seeker_memories().into_iter().map(|memory| Field {
        name: "memory",
        text: memory.content,
        weight: 1.0,
    }));
    fields.extend(profile.extra.values().filter_map(|value| value.as_str()).map(|text| Field {
        name: "profile",
        text: text.to_owned(),
        weight: 1.0,
    }));
    fields.push(Field { name: "supporter_statement", text: character.supporter_statement.clone(), weight: 1.0 });
    fields.push(Field { name: "seeker_statement", text: character.seeker_statement.clone(), weight: 1.0 });
    fields
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::persona::Profile;

    fn character(index: u32, job: &str, hobby: &str) -> Arc<Character> {
        Arc::new(Character {
            index,
            mbti: "ISTP".parse().unwrap(),
            profile: Profile { job: job.into(), hobby: hobby.into(), ..Profile::default() },
            seeker_statement: String::new(),
            supporter_statement: String::new(),
            profile_trans: serde_json::Map::new(),
        })
    }

    #[test]
    fn more_words_come_first_then_weight_then_index() {
        let bank = Bank::new(vec![
            character(3, "driver", "Bakes bread. Sings to the night."),
            character(1, "baker", "Sleeps."),
            character(2, "night baker", "Sings."),
            character(7, "tailor", "Sews."),
        ]);
        let found = search_words(&bank, "NIGHT bake");
        assert_eq!(found.iter().map(|f| f.index).collect::<Vec<_>>(), [2, 3, 1]);
        assert_eq!((found[0].words, found[0].quote.as_str()), (2, "night baker"));
        assert_eq!(found[1].field, "hobby");
        assert!(search_words(&bank, "  ").is_empty() && search_words(&bank, "zebra").is_empty());
        assert_eq!(search_words(&bank, "istp").len(), 4);
    }

    #[test]
    fn those_who_hold_every_word_are_the_same_ones_in_order_of_index() {
        let bank = Bank::new(vec![
            character(3, "driver", "Bakes 'bread'. Sings to the night."),
            character(1, "baker", "Sleeps."),
            character(2, "night baker", "Sings. 她喜欢ABC海"),
        ]);
        let index = WordIndex::new(&bank);
        assert_eq!(index.holding("Night bake"), [2, 3]);
        assert_eq!(index.holding("bread"), [3], "quotation marks are no part of a word");
        assert_eq!(index.holding("海 a"), [2]);
        assert_eq!(index.holding("read"), [0_u32; 0], "words are found by how they begin");
        for nothing in ["", " \n", "?!"] {
            assert_eq!(index.holding(nothing), [1, 2, 3]);
        }
        for query in ["night bake", "s", "baker", "istp night", "zebra"] {
            let most = wanted(query).len();
            let mut whole: Vec<u32> = search_words(&bank, query)
                .iter()
                .filter(|found| found.words == most)
                .map(|found| found.index)
                .collect();
            whole.sort_unstable();
            assert_eq!(index.holding(query), whole, "{query}");
        }
    }
}
