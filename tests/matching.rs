//! Matching as it is used, with an embedder whose numbers a reader can reckon, and with the sentence encoder if it is there.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use kindred::encoder::{Embedder, Embedding, EncoderError, KeptEmbeddings};
use kindred::matching::{EXPERIENCE_SHARE, MatchError, Matcher, PersonaScoreHead, Reason, Scale};
use kindred::persona::{Aspect, Bank};

/// Counts three words; one unit vector a text. Counts what it was asked for.
#[derive(Default)]
struct Words {
    texts: AtomicUsize,
}

#[async_trait]
impl Embedder for Words {
    fn identity(&self) -> &str {
        "words"
    }

    fn dimension(&self) -> usize {
        3
    }

    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Embedding>, EncoderError> {
        self.texts.fetch_add(texts.len(), Ordering::Relaxed);
        Ok(texts
            .iter()
            .map(|text| {
                let raw = ["grief", "work", "calm"].map(|word| text.matches(word).count() as f32);
                let length = raw.iter().map(|x| x * x).sum::<f32>().sqrt();
                raw.iter().map(|x| if length > 0.0 { x / length } else { 0.0 }).collect()
            })
            .collect())
    }
}

fn bank() -> Bank {
    let rows = [
        (2, "calm", "He knew grief. He still bakes.", "You knew grief.", "You work, work, work."),
        (1, "grief", "", "You work. You rest.", "You are calm."),
        (5, "calm", "", "Nothing.", "Nothing."),
        (4, "calm", "", "Nothing.", "Nothing."),
    ]
    .map(|(index, statement, growth, growth_memory, job_memory)| {
        let row = serde_json::json!({
            "index": index, "mbti": "INFP", "profile": {"name": format!("N{index}"), "growth_experience": growth},
            "profile_trans": {"tone": "grief grief", "growth_experience": growth_memory, "working_conditions": job_memory,
                "recent_worry_or_anxiety": "grief"},
            "seeker_statement": "grief", "supporter_statement": statement,
        });
        Arc::new(serde_json::from_value(row).unwrap())
    });
    Bank::new(rows.to_vec())
}

#[tokio::test]
async fn shared_experience_leads_and_reasons_are_what_was_measured() {
    let matcher = Matcher::new(&bank(), Arc::new(Words::default()), None).await.unwrap();
    let matches = matcher.rank("so much grief", 4).await.unwrap();
    let order: Vec<u32> = matches.iter().map(|matched| matched.index).collect();
    assert_eq!(order, [2, 1, 4, 5], "the memory outweighs the statement; equal ones stand by index");
    assert!(
        (matches[0].score - EXPERIENCE_SHARE).abs() < 1e-6
            && (matches[1].score - (1.0 - EXPERIENCE_SHARE)).abs() < 1e-6
    );
    assert_eq!(
        matches[0].reasons[0],
        Reason::SharedExperience { aspect: Aspect::GrowthExperience, quote: "He knew grief.".into(), cosine: 1.0 },
        "told in the third person where the profile does"
    );
    assert!(matches!(&matches[1].reasons[0], Reason::SharedExperience { quote, .. } if quote == "You work."));
    assert_eq!(matches[0].reasons[2], Reason::Score { score: matches[0].score, scale: Scale::Similarity });
    assert_eq!(matcher.rank("so much grief", 4).await.unwrap(), matches, "the same text gives the same list");
}

#[tokio::test]
async fn a_trained_head_rates_the_statements_alone() {
    let head = PersonaScoreHead { weight: 2.0, bias: 1.5 };
    let matcher = Matcher::new(&bank(), Arc::new(Words::default()), Some(head)).await.unwrap();
    let matches = matcher.rank("grief", 2).await.unwrap();
    assert_eq!((matches[0].index, matches[0].score, matcher.scale()), (1, 3.5, Scale::Rating));
    assert_eq!(matches[1].score, 1.5);
    let reversed = PersonaScoreHead { weight: -2.0, bias: 1.5 };
    let matcher = Matcher::new(&bank(), Arc::new(Words::default()), Some(reversed)).await.unwrap();
    assert_eq!(matcher.rank("grief", 4).await.unwrap()[3].index, 1, "a head may reverse the order; that is kept");
}

#[tokio::test]
async fn the_bank_is_embedded_once() {
    let words = Arc::new(Words::default());
    let matcher = Matcher::new(&bank(), words.clone(), None).await.unwrap();
    // Four statements and ten sentences of eight memories: neither tone nor worry.
    assert_eq!(words.texts.swap(0, Ordering::Relaxed), 14);
    matcher.rank("grief", 1).await.unwrap();
    assert_eq!(words.texts.load(Ordering::Relaxed), 1, "what was said, and nothing else");
}

#[tokio::test]
async fn nothing_said_is_an_error_and_more_than_there_are_is_all() {
    let matcher = Matcher::new(&bank(), Arc::new(Words::default()), None).await.unwrap();
    assert_eq!(matcher.rank(" \n", 3).await, Err(MatchError::NothingSaid));
    assert_eq!(matcher.rank("grief", 100).await.unwrap().len(), 4);
    assert!(matcher.rank("grief", 0).await.unwrap().is_empty());
}

/// The sentence encoder in the user's cache, or `None` with a message.
fn encoder() -> Option<PathBuf> {
    let cache = std::env::var_os("KINDRED_CACHE").map(PathBuf::from).or_else(|| {
        std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
            .map(|cache| cache.join("kindred"))
    })?;
    let folder = cache.join("all-MiniLM-L6-v2");
    if folder.join("model.safetensors").is_file() {
        Some(folder)
    } else {
        println!("skipped: no sentence encoder in {}; `make setup` fetches it", folder.display());
        None
    }
}

/// What people might write, and who of the first sixteen of the bank has lived something like it (any of these indices).
const SOUGHT: &str = include_str!("fixtures/matching/sought.jsonl");

#[tokio::test]
async fn people_find_those_who_know_what_they_speak_of() {
    let Some(folder) = encoder() else { return };
    let encoder = kindred::encoder::open(&folder).unwrap();
    let all = Bank::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("bank")).unwrap();
    // The answers were written for the first sixteen.
    let bank = Bank::new(all.iter().filter(|character| character.index < 16).cloned().collect());
    let dir = tempfile::tempdir().unwrap();
    let kept = KeptEmbeddings::new(dir.path().to_owned());
    let matcher = Matcher::new_kept(&bank, encoder.clone(), None, &kept, &mut |_, _| ()).await.unwrap();
    let again =
        Matcher::new_kept(&bank, encoder, None, &kept, &mut |_, _| panic!("kept, and embedded again")).await.unwrap();
    let (mut found, mut asked) = (0, 0);
    for line in SOUGHT.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = row["text"].as_str().unwrap();
        let matches = matcher.rank(text, 3).await.unwrap();
        assert_eq!(matches, again.rank(text, 3).await.unwrap(), "kept embeddings rank alike");
        let proposed: Vec<u32> = matches.iter().map(|matched| matched.index).collect();
        let hit =
            row["any"].as_array().unwrap().iter().any(|index| proposed.contains(&(index.as_u64().unwrap() as u32)));
        println!("{} {proposed:?} {text}", if hit { "found " } else { "missed" });
        asked += 1;
        found += usize::from(hit);
    }
    assert!(found * 4 >= asked * 3, "only {found} of {asked} found somebody who knows");
}

#[test]
fn the_command_matches_with_reasons_and_says_what_is_wrong() {
    let kindred = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_kindred"))
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap()
    };
    let out = kindred(&["match", " "]);
    assert!(out.status.code() == Some(1) && String::from_utf8_lossy(&out.stderr).contains("nothing to match on"));
    let folder = tempfile::tempdir().unwrap();
    let out = kindred(&["match", "--matcher", &folder.path().to_string_lossy(), "I am new here"]);
    let told = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.code() == Some(1) && told.contains("--matcher") && told.contains("model.safetensors"), "{told}");
    if encoder().is_none() {
        return;
    }
    let out = kindred(&["match", "--json", "--top", "2", "My husband left and the flat is silent."]);
    let matches: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(matches.as_array().map(Vec::len), Some(2));
    assert_eq!(matches[0]["match"]["reasons"][0]["kind"], "shared_experience");
    assert!(matches[0]["match"]["reasons"][0]["quote"].as_str().is_some_and(|quote| !quote.is_empty()));
    PersonaScoreHead { weight: 2.0, bias: 3.0 }.save(&folder.path().join("model.safetensors")).unwrap();
    let rated = folder.path().to_string_lossy().into_owned();
    let out = kindred(&["match", "--json", "--matcher", &rated, "My husband left and the flat is silent."]);
    let matches: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(matches[0]["match"]["reasons"][2]["scale"], "rating");
}
