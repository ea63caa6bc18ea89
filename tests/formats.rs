//! The published sample files load unchanged and are written back as the same JSON values.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::path::PathBuf;

use kindred::dialogue::DialogueRow;
use kindred::persona::{Bank, Character};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// A file of the shared sample data, or `None` (with a message) where the data is not there.
fn sample(name: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("KINDRED_SHARED")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    let path = shared.join("data/characterchat").join(name);
    if path.is_file() {
        Some(path)
    } else {
        println!("skipped: no {}; set KINDRED_SHARED to the folder that holds data/", path.display());
        None
    }
}

/// Every row of the file, read as `T` and written back; returns how many there were.
fn round_trip<T: DeserializeOwned + Serialize>(name: &str) -> Option<usize> {
    let text = std::fs::read_to_string(sample(name)?).unwrap();
    for (number, line) in text.lines().enumerate() {
        let published: Value = serde_json::from_str(line).unwrap();
        let row: T = serde_json::from_str(line).unwrap_or_else(|error| panic!("{name}:{}: {error}", number + 1));
        let written = serde_json::to_value(&row).unwrap();
        assert_eq!(written, published, "{name}:{}", number + 1);
    }
    Some(text.lines().count())
}

#[test]
fn published_characters_round_trip() {
    if let Some(count) = round_trip::<Character>("profile_trans_output.json") {
        assert_eq!(count, 100);
    }
}

#[test]
fn published_dialogues_round_trip() {
    if let Some(count) = round_trip::<DialogueRow>("dial_output.json") {
        assert_eq!(count, 100);
    }
}

#[test]
fn the_published_file_is_a_bank() {
    let Some(path) = sample("profile_trans_output.json") else { return };
    let bank = Bank::load(&path).unwrap();
    assert_eq!(bank.len(), 100);
    // Nine rows of the sample have no hobby; every row still has memories.
    assert!(bank.iter().all(|character| character.supporter_memories().len() >= 7));
}

#[test]
fn a_transcript_survives_the_published_form() {
    let Some(path) = sample("dial_output.json") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    let row: DialogueRow = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let transcript = row.transcript();
    assert_eq!(transcript.len(), row.dial.len());
    for (turn, said) in row.dial.iter().zip(&transcript) {
        assert_eq!((turn.speaker, &turn.utterance), (said.speaker, &said.text));
        assert_eq!(turn.choose_info.content.is_empty(), said.memory.is_none());
    }
}
