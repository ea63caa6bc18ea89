//! Who is it about, and who is like whom: with an embedder whose numbers a reader can reckon, and with the sentence encoder
//! if it is there.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use kindred::encoder::{Embedder, Embedding, EncoderError, KeptEmbeddings};
use kindred::matching::{MatchError, Matcher, Meanings, NEIGHBOURS, Nearness, SimilarError};
use kindred::persona::{Aspect, Bank};

const WORDS: [&str; 4] = ["grief", "work", "sea", "bread"];

/// Counts four words; one unit vector a text. Counts what it was asked for.
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
        WORDS.len()
    }

    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Embedding>, EncoderError> {
        self.texts.fetch_add(texts.len(), Ordering::Relaxed);
        Ok(texts
            .iter()
            .map(|text| {
                let raw = WORDS.map(|word| text.matches(word).count() as f32);
                let length = raw.iter().map(|x| x * x).sum::<f32>().sqrt();
                raw.iter().map(|x| if length > 0.0 { x / length } else { 0.0 }).collect()
            })
            .collect())
    }
}

fn bank() -> Bank {
    bank_of(&[
        (1, "sailor of the sea", "She bakes bread.", "You bake bread.", "grief"),
        (2, "baker", "He bakes bread. He hates the sea and work.", "You bake bread.", "He has too much work."),
        (5, "clerk", "They sail the sea and bake bread.", "You sail.", "grief and work"),
        (7, "clerk", "", "You sleep.", ""),
    ])
}

/// Characters by index, job, hobby, what they remember of it, and worry.
fn bank_of(rows: &[(u32, &str, &str, &str, &str)]) -> Bank {
    let rows = rows.iter().map(|(index, job, hobby, memory, worry)| {
        let row = serde_json::json!({
            "index": index, "mbti": "INFP",
            "profile": {"name": format!("N{index}"), "job": job, "hobby": hobby, "recent_worry_or_anxiety": worry},
            "profile_trans": {"hobby": memory},
            "seeker_statement": "grief", "supporter_statement": "grief",
        });
        Arc::new(serde_json::from_value(row).unwrap())
    });
    Bank::new(rows.collect())
}

async fn meanings() -> (Meanings, Arc<Words>) {
    let words = Arc::new(Words::default());
    (meanings_of(&bank(), words.clone()).await, words)
}

async fn meanings_of(bank: &Bank, words: Arc<Words>) -> Meanings {
    let matcher = Matcher::new(bank, words, None).await.unwrap();
    Meanings::new(bank, Arc::new(matcher)).await.unwrap()
}

#[tokio::test]
async fn what_the_matcher_embedded_is_not_embedded_again_and_all_is_kept() {
    let words = Arc::new(Words::default());
    let dir = tempfile::tempdir().unwrap();
    let kept = KeptEmbeddings::new(dir.path().to_owned());
    for round in 0..2 {
        let matcher = Matcher::new_kept(&bank(), words.clone(), None, &kept, &mut |_, _| ()).await.unwrap();
        // Four statements and the five sentences of four hobbies.
        assert_eq!(words.texts.swap(0, Ordering::Relaxed), if round == 0 { 9 } else { 0 });
        let meanings = Meanings::new_kept(&bank(), Arc::new(matcher), &kept, &mut |_, _| ()).await.unwrap();
        // Three jobs, as two are the same, and three worries.
        assert_eq!(words.texts.swap(0, Ordering::Relaxed), if round == 0 { 6 } else { 0 });
        let found = meanings.search("sea").await.unwrap();
        assert_eq!(words.texts.swap(0, Ordering::Relaxed), 1, "what was asked, and nothing else");
        assert_eq!((found[0].index, &*found[0].quote), (1, "sailor of the sea"));
    }
}

#[tokio::test]
async fn the_nearest_sentence_decides_and_is_told() {
    let (meanings, _) = meanings().await;
    let found = meanings.search("so much grief").await.unwrap();
    assert_eq!(found.iter().map(|fit| fit.index).collect::<Vec<_>>(), [1, 5, 2, 7], "statements are no sentences");
    assert_eq!((&found[0].field, &*found[0].quote, found[0].cosine), (&Aspect::RecentWorryOrAnxiety, "grief", 1.0));
    let found = meanings.search("bread").await.unwrap();
    // Equally near; of the first one and the second one nothing else is about bread.
    assert_eq!(found[..3].iter().map(|fit| fit.index).collect::<Vec<_>>(), [1, 2, 5]);
    let found = meanings.search("work").await.unwrap();
    assert_eq!((found[0].index, found[0].cosine), (2, 1.0));
    assert!(found[0].score > 1.0, "the next best sentence adds its share");
    assert_eq!(meanings.search(" \n").await, Err(MatchError::NothingSaid));
}

#[tokio::test]
async fn who_is_like_whom_is_told_with_both_sentences() {
    let (meanings, _) = meanings().await;
    let hobby = meanings.nearness("Hobby").unwrap();
    let alike = meanings.similar(1, &hobby, 9).unwrap();
    assert_eq!(alike.iter().map(|alike| alike.index).collect::<Vec<_>>(), [2, 5, 7], "never oneself");
    let common = &alike[0].common[0];
    assert_eq!((&*common.quote, &*common.like, common.cosine), ("He bakes bread.", "She bakes bread.", 1.0));
    let worry = meanings.nearness("recent worry or anxiety").unwrap();
    let alike = meanings.similar(1, &worry, 9).unwrap();
    assert_eq!(alike.iter().map(|alike| alike.index).collect::<Vec<_>>(), [5, 2], "7 has no worry to be alike in");

    let whole = meanings.similar(1, &Nearness::Whole, 9).unwrap();
    assert!(whole.len() == 3 && whole.iter().all(|alike| alike.index != 1 && alike.common.len() <= 2));
    assert!(whole.is_sorted_by(|a, b| a.score >= b.score));
    assert_eq!(meanings.neighbours(1).unwrap(), whole, "kept ones are the same");
    assert!(whole.len() <= NEIGHBOURS);
    assert!(meanings.known_neighbours(2).is_none(), "nobody has asked yet");
    assert_eq!(meanings.known_neighbours(1).unwrap(), whole);
}

#[tokio::test]
async fn in_common_is_only_what_is_nearer_than_usual_among_those_of_whom_it_is_told() {
    let (meanings, _) = meanings().await;
    let whole = meanings.similar(1, &Nearness::Whole, 9).unwrap();
    let fields = |index: u32| {
        let alike = whole.iter().find(|alike| alike.index == index).unwrap();
        alike.common.iter().map(|common| common.field.as_str()).collect::<Vec<_>>()
    };
    // The worry of 1 is grief: that of 5 is near it (0.71), that of 2 is not (0), and of 7 none is told; usual is 0.35. Bread
    // is baked by 2 (1), among other things by 5 (0.71), and not by 7 (0); usual is 0.57.
    assert_eq!(fields(5), ["recent_worry_or_anxiety", "hobby"], "most so first");
    assert_eq!(fields(2), ["hobby"], "as near in job as everybody is not in common");
    assert!(fields(7).is_empty(), "in nothing nearer than others are");

    // Only of 2 is a worry told: there is no usual for it to be nearer than, however many have none.
    let bank = bank_of(&[(1, "baker", "", "", "grief"), (2, "clerk", "", "", "grief"), (3, "clerk", "", "", "")]);
    let alike = meanings_of(&bank, Arc::default()).await.similar(1, &Nearness::Whole, 9).unwrap();
    assert!(alike[0].index == 2 && alike[0].common.is_empty(), "{alike:?}");
}

#[tokio::test]
async fn what_can_not_be_compared_is_named() {
    let (meanings, _) = meanings().await;
    let told = meanings.nearness("wrry").unwrap_err().to_string();
    assert!(told.contains("\"wrry\"") && told.contains("whole, hobby, job, recent_worry_or_anxiety"), "{told}");
    assert_eq!(meanings.similar(3, &Nearness::Whole, 1), Err(SimilarError::NoCharacter { index: 3 }));
    assert!(meanings.neighbours(3).is_none());
    let worry = Nearness::Field(Aspect::RecentWorryOrAnxiety);
    assert!(matches!(meanings.similar(7, &worry, 1), Err(SimilarError::NothingTold { index: 7, .. })));
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

/// What people might write, and of whom of the first sixteen something like it is told.
const SOUGHT: &str = include_str!("fixtures/matching/sought.jsonl");

#[tokio::test]
async fn people_are_found_by_what_is_meant_without_a_word_in_common() {
    let Some(folder) = encoder() else { return };
    let all = Bank::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("bank")).unwrap();
    let bank = Bank::new(all.iter().filter(|character| character.index < 16).cloned().collect());
    let matcher = Matcher::new(&bank, kindred::encoder::open(&folder).unwrap(), None).await.unwrap();
    let meanings = Meanings::new(&bank, Arc::new(matcher)).await.unwrap();
    let found = meanings.search("builds artificial limbs").await.unwrap();
    assert_eq!((found[0].index, found[0].field.as_str()), (4, "job"));
    let (mut hits, mut asked) = (0, 0);
    for line in SOUGHT.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let found = meanings.search(row["text"].as_str().unwrap()).await.unwrap();
        let told: Vec<u64> = row["any"].as_array().unwrap().iter().filter_map(serde_json::Value::as_u64).collect();
        asked += 1;
        hits += usize::from(found[..3].iter().any(|fit| told.contains(&u64::from(fit.index))));
    }
    println!("{hits} of {asked} found somebody of whom the like is told");
    assert!(hits * 4 >= asked * 3, "only {hits} of {asked}");
}
