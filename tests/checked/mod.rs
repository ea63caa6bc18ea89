//! What the tests of the checks share: the binary, small people, and an encoder that counts words.
#![allow(dead_code, reason = "each test file uses its share")]

pub mod corpus;

use std::path::Path;
use std::process::{Command, Output};

use async_trait::async_trait;
use kindred::encoder::{Embedder, Embedding, EncoderError};
use kindred::evaluation::Finding;
use serde_json::{Map, Value, json};

pub fn kindred(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kindred"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("KINDRED_HOME")
        .output()
        .unwrap()
}

/// As [`kindred`], with this folder for a cache.
pub fn in_cache(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kindred"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("KINDRED_HOME")
        .env("KINDRED_CACHE", folder)
        .output()
        .unwrap()
}

/// Whether a check of this name is at fault, at this place.
pub fn named(findings: &[Finding], what: &str, place: &str) -> bool {
    let mut faults = findings.iter().filter(|finding| !finding.holds && finding.what.contains(what));
    faults.any(|finding| finding.places.iter().any(|told| told.contains(place)))
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

const NAMES: [&str; 6] = ["Ada Ek", "Bo Fry", "Cy Gill", "Di Hart", "Ed Ivar", "Flo Juul"];
const ASPECTS: [&str; 11] = [
    "tone",
    "advantages_and_disadvantages",
    "hobby",
    "growth_experience",
    "family_relationship",
    "working_conditions",
    "social_relationship",
    "emotional_state",
    "living_conditions",
    "recent_worry_or_anxiety",
    "additional_information",
];

/// People that are whole in every field and share few words with each other.
pub fn people(count: u32) -> Vec<Value> {
    (0..count).map(person).collect()
}

fn person(index: u32) -> Value {
    let name = NAMES[index as usize];
    let own = |aspect: &str, from: usize, to: usize| {
        (from..to).map(|at| format!("{aspect}{at}of{index}")).collect::<Vec<_>>().join(" ")
    };
    let mut profile: Map<String, Value> = [
        ("name", json!(name)),
        ("gender", json!("female")),
        ("age", json!(30 + index)),
        ("region", json!("Turku, Finland")),
        ("job", json!(format!("cook number {index}"))),
        ("personality", json!(format!("She is {}.", own("personality", 0, 8)))),
    ]
    .into_iter()
    .map(|(field, value)| (field.to_owned(), value))
    .collect();
    let mut memories = Map::new();
    for aspect in ASPECTS {
        profile.insert(aspect.to_owned(), json!(format!("She has {}.", own(aspect, 0, 8))));
        let memory = format!("You have {}. It is {}.", own(aspect, 10, 24), own(aspect, 30, 44));
        memories.insert(aspect.to_owned(), json!(memory));
    }
    let worry = format!("Her sister moved to sea{index} and never wrote.");
    profile.insert("recent_worry_or_anxiety".to_owned(), json!(worry));
    json!({
        "index": index, "mbti": "INFP", "profile": profile, "profile_trans": memories,
        "seeker_statement": format!("You are {name}, a cook. You miss {}.", own("seeker", 0, 9)),
        "supporter_statement": format!("You are {name}, a cook. You ask {}.", own("supporter", 0, 9)),
    })
}

/// An encoder whose numbers count words: texts with the same words are the same, with no common word at right angles
/// (but for a few words that meet by chance).
pub struct Hashed;

const DIMENSION: usize = 512;

#[async_trait]
impl Embedder for Hashed {
    fn identity(&self) -> &str {
        "hashed"
    }

    fn dimension(&self) -> usize {
        DIMENSION
    }

    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Embedding>, EncoderError> {
        let embed = |text: &String| {
            let mut numbers = vec![0.0f32; DIMENSION];
            for word in text.split_whitespace() {
                let hash = word.bytes().fold(5_381usize, |hash, byte| hash.wrapping_mul(33) ^ usize::from(byte));
                numbers[hash % DIMENSION] += 1.0;
            }
            let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt().max(1e-9);
            numbers.iter().map(|number| number / length).collect()
        };
        Ok(texts.iter().map(embed).collect())
    }
}
