//! Rows in the published formats load unchanged and are written back as the same JSON values; so do the published sample
//! files where they are at hand.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::path::{Path, PathBuf};

use kindred::dialogue::{DialogueRow, RatingRow};
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

/// A file of rows made by hand with the quirks of the published ones: ages as text, aspects that are missing or extra, line
/// breaks, no memory as an empty text.
fn made(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/formats").join(name)
}

/// Every row of the file, read as `T` and written back; returns how many there were.
fn round_trip<T: DeserializeOwned + Serialize>(path: &Path) -> usize {
    let text = std::fs::read_to_string(path).unwrap();
    for (number, line) in text.lines().enumerate() {
        let place = format!("{}:{}", path.display(), number + 1);
        let published: Value = serde_json::from_str(line).unwrap();
        let row: T = serde_json::from_str(line).unwrap_or_else(|error| panic!("{place}: {error}"));
        assert_eq!(serde_json::to_value(&row).unwrap(), published, "{place}");
    }
    text.lines().count()
}

#[test]
fn characters_round_trip() {
    assert_eq!(round_trip::<Character>(&made("characters.jsonl")), 3);
    if let Some(path) = sample("profile_trans_output.json") {
        assert_eq!(round_trip::<Character>(&path), 100);
    }
}

#[test]
fn ratings_round_trip() {
    if let Some(path) = sample("eval_dial_output.json") {
        assert_eq!(round_trip::<RatingRow>(&path), 100);
    }
}

#[test]
fn dialogues_round_trip() {
    assert_eq!(round_trip::<DialogueRow>(&made("dialogues.jsonl")), 1);
    if let Some(path) = sample("dial_output.json") {
        assert_eq!(round_trip::<DialogueRow>(&path), 100);
    }
}

#[test]
fn rows_with_quirks_are_a_bank() {
    let bank = Bank::load(&made("characters.jsonl")).unwrap();
    let memories = bank.iter().map(|character| character.supporter_memories().len()).collect::<Vec<_>>();
    // Eleven aspects less tone and worry; one has no hobby, one has a dream more.
    assert_eq!(memories, [9, 8, 10]);
    assert_eq!(
        bank.iter().map(|character| character.profile.age.years()).collect::<Vec<_>>(),
        [Some(41), Some(22), None]
    );
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
    let text = std::fs::read_to_string(made("dialogues.jsonl")).unwrap();
    let row: DialogueRow = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let transcript = row.transcript();
    assert_eq!(transcript.len(), row.dial.len());
    for (turn, said) in row.dial.iter().zip(&transcript) {
        assert_eq!((turn.speaker, &turn.utterance), (said.speaker, &said.text));
        assert_eq!(turn.choose_info.content.is_empty(), said.memory.is_none());
    }
}
