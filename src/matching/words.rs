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

/// The characters that hold any of the words, best first: those with more of the words come before those with fewer. A
/// word also finds longer ones that begin with it ("bake" finds "baker"). Equal ones are ordered by index.
pub fn search_words(bank: &Bank, query: &str) -> Vec<Found> {
    let mut wanted: Vec<String> = words(query).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let fields: Vec<(u32, Vec<Field>)> = bank.iter().map(|character| (character.index, fields(character))).collect();
    let hits: Vec<HashMap<usize, f32>> = fields.iter().map(|(_, fields)| hits(fields, &wanted)).collect();
    let rarity: Vec<f32> = (0..wanted.len())
        .map(|word| {
            let holders = hits.iter().filter(|hits| hits.contains_key(&word)).count() as f32;
            (1.0 + bank.len() as f32 / (1.0 + holders)).ln()
        })
        .collect();

    let mut found: Vec<Found> = fields
        .iter()
        .zip(&hits)
        .filter(|(_, hits)| !hits.is_empty())
        .map(|((index, fields), hits)| {
            let mut each: Vec<f32> =
                hits.iter().map(|(word, weight)| rarity[*word] * weight / (weight + SATURATION)).collect();
            // Summed in a fixed order: a map's order would change the last bit, and with it ties.
            each.sort_by(f32::total_cmp);
            let (field, quote) = best_quote(fields, &wanted);
            Found { index: *index, words: hits.len(), score: each.iter().sum(), field, quote }
        })
        .collect();
    found.sort_by(|a, b| b.words.cmp(&a.words).then(b.score.total_cmp(&a.score)).then(a.index.cmp(&b.index)));
    found
}

/// Weighted number of hits of each wanted word that occurs.
fn hits(fields: &[Field], wanted: &[String]) -> HashMap<usize, f32> {
    let mut hits = HashMap::new();
    for field in fields {
        for word in words(&field.text) {
            for (at, _) in wanted.iter().enumerate().filter(|(_, wanted)| word.starts_with(wanted.as_str())) {
                *hits.entry(at).or_insert(0.0) += field.weight;
            }
        }
    }
    hits
}

fn best_quote(fields: &[Field], wanted: &[String]) -> (String, String) {
    let mut best: (usize, f32, &str, &str) = (0, 0.0, "", "");
    for field in fields {
        for sentence in sentences(&field.text) {
            let held: Vec<String> = words(sentence).collect();
            let count = wanted.iter().filter(|w| held.iter().any(|held| held.starts_with(w.as_str()))).count();
            if (count, field.weight) > (best.0, best.1) && count > 0 {
                best = (count, field.weight, field.name, sentence);
            }
        }
    }
    (best.2.replace('_', " "), best.3.to_owned())
}

/// Lower-case words; a Chinese character is a word of its own.
fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’')
        .flat_map(|part| {
            let wide = part.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
            if wide { part.chars().map(String::from).collect() } else { vec![part.to_lowercase()] }
        })
        .filter(|word| !word.is_empty())
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
}
