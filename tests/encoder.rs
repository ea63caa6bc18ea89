//! The local encoder: batches of many callers, pairs, failures; and all-MiniLM-L6-v2 where it is set up.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test whose preparation fails has failed")]

mod checkpoints;

use std::path::PathBuf;
use std::sync::Arc;

use kindred::encoder::{
    Embedder as _, EncoderError, EncoderOptions, LocalEncoder, PairCompat, PairScorer as _, cosine,
};
use kindred::nn::DeviceChoice;
use serde_json::Value;

fn options() -> EncoderOptions {
    EncoderOptions { device: DeviceChoice::Cpu, ..EncoderOptions::default() }
}

fn encoder(labels: Option<i64>, options: EncoderOptions) -> LocalEncoder {
    LocalEncoder::start(checkpoints::bert(labels).path(), options).unwrap()
}

/// Texts of many lengths, empty and too long among them.
fn texts() -> Vec<String> {
    (0..60u32)
        .map(|number| {
            let words = number * 7 % 90;
            (0..words)
                .map(|at| char::from(b'a' + ((number * 5 + at * at) % 26) as u8).to_string())
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect()
}

fn close(a: &[f32], b: &[f32]) {
    assert_eq!(a.len(), b.len());
    for (x, y) in a.iter().zip(b) {
        assert!((x - y).abs() < 1e-5, "{x} {y}");
    }
}

#[tokio::test]
async fn a_batch_gives_what_each_text_gives_alone() {
    let encoder = encoder(None, options());
    let texts = texts();
    let together = encoder.embed(texts.clone()).await.unwrap();
    assert_eq!(together.len(), texts.len());
    for (text, embedding) in texts.iter().zip(&together) {
        assert_eq!(embedding.len(), encoder.dimension());
        assert!((cosine(embedding, embedding) - 1.0).abs() < 1e-5);
        close(embedding, &encoder.embed(vec![text.clone()]).await.unwrap()[0]);
    }
    assert!(cosine(&together[1], &together[2]) < 0.999, "different texts differ");
}

#[tokio::test]
async fn many_callers_at_once_each_get_their_own() {
    let encoder = Arc::new(encoder(None, options()));
    let texts = texts();
    let expected = encoder.embed(texts.clone()).await.unwrap();
    let calls = (0..texts.len()).map(|start| {
        let (encoder, mine) = (Arc::clone(&encoder), texts[start..(start + 7).min(texts.len())].to_vec());
        tokio::spawn(async move { (start, encoder.embed(mine).await.unwrap()) })
    });
    for call in futures::future::join_all(calls).await {
        let (start, found) = call.unwrap();
        for (at, embedding) in found.iter().enumerate() {
            close(embedding, &expected[start + at]);
        }
    }
}

#[tokio::test]
async fn pairs_are_scored_alike_together_and_alone_in_both_ways_of_marking() {
    let folder = checkpoints::bert(Some(1));
    let texts = texts();
    let pairs: Vec<_> = texts.iter().zip(texts.iter().rev()).map(|(a, b)| (a.clone(), b.clone())).collect();
    let mut scores = Vec::new();
    for compat in [PairCompat::Dataset, PairCompat::Demo] {
        let encoder = LocalEncoder::start(folder.path(), EncoderOptions { compat, ..options() }).unwrap();
        assert!(encoder.scores_pairs());
        let together = encoder.score(pairs.clone()).await.unwrap();
        for (pair, score) in pairs.iter().zip(&together) {
            close(&[*score], &encoder.score(vec![pair.clone()]).await.unwrap());
        }
        scores.push(together);
    }
    assert!(scores[0].iter().zip(&scores[1]).any(|(a, b)| (a - b).abs() > 1e-3), "the markings differ");
}

#[tokio::test]
async fn an_encoder_without_a_head_of_one_logit_scores_no_pairs() {
    for labels in [None, Some(3)] {
        let encoder = encoder(labels, options());
        assert!(!encoder.scores_pairs());
        let error = encoder.score(vec![("a".into(), "b".into())]).await.unwrap_err();
        assert!(matches!(&error, EncoderError::Failed { reason } if reason.contains("one logit")), "{error}");
    }
}

#[tokio::test]
async fn a_full_queue_refuses_with_numbers_and_those_who_leave_make_room() {
    let encoder = Arc::new(encoder(None, EncoderOptions { max_waiting: 100, ..options() }));
    let long = || "a b c d ".repeat(15);
    // The first call occupies the thread, the second the queue, whole.
    let busy = tokio::spawn({
        let encoder = Arc::clone(&encoder);
        async move { encoder.embed(vec![long(); 3000]).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let mut refused = None;
    let mut waiting = Vec::new();
    for _ in 0..200 {
        let mut call = Box::pin(encoder.embed(vec![long(); 100]));
        match futures::poll!(&mut call) {
            std::task::Poll::Ready(Err(error)) => {
                refused = Some(error);
                break;
            }
            _ => waiting.push(call),
        }
    }
    // On a busy machine the thread may not have taken up the first call yet, and 3,000 wait.
    let full = matches!(refused, Some(EncoderError::Overloaded { waiting: 100 | 3000, limit: 100 }));
    assert!(full, "{refused:?}");
    drop(waiting);
    busy.abort();
    // Gone only when its task is.
    let _ = busy.await;
    assert_eq!(encoder.embed(vec!["a".into()]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn nothing_in_nothing_out_and_unloading_answers() {
    let encoder = encoder(None, options());
    assert!(encoder.embed(Vec::new()).await.unwrap().is_empty());
    assert_eq!(encoder.embed(vec![String::new()]).await.unwrap().len(), 1);
    let megabyte = encoder.embed(vec!["a ".repeat(500_000)]).await.unwrap();
    assert_eq!(megabyte.len(), 1);
}

#[test]
fn a_broken_folder_says_what_is_wrong() {
    let folder = checkpoints::bert(None);
    std::fs::remove_file(folder.path().join("tokenizer.json")).unwrap();
    let message = LocalEncoder::start(folder.path(), options()).unwrap_err().to_string();
    assert!(message.contains("tokenizer.json: expected"), "{message}");
}

/// The encoder that `make setup` fetches, if it is there.
fn minilm() -> Option<PathBuf> {
    let cache = std::env::var_os("KINDRED_CACHE").map(PathBuf::from).or_else(|| {
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
        Some(cache.or(home)?.join("kindred"))
    })?;
    let folder = cache.join("all-MiniLM-L6-v2");
    let there = folder.join("model.safetensors").is_file();
    if !there {
        println!("skipped: no sentence encoder at {} (make setup fetches it)", folder.display());
    }
    there.then_some(folder)
}

#[tokio::test]
async fn minilm_gives_the_published_numbers() {
    let Some(folder) = minilm() else { return };
    let rows: Vec<Value> = serde_json::from_str(include_str!("fixtures/encoder/minilm.json")).unwrap();
    let encoder = LocalEncoder::start(&folder, options()).unwrap();
    let texts = rows.iter().map(|row| row["text"].as_str().unwrap().to_owned()).collect();
    let embeddings = encoder.embed(texts).await.unwrap();
    assert_eq!((embeddings.len(), encoder.dimension()), (3, 384));
    for (row, embedding) in rows.iter().zip(&embeddings) {
        let first: Vec<f32> = serde_json::from_value(row["first"].clone()).unwrap();
        close(&embedding[..first.len()], &first);
    }
    assert!(cosine(&embeddings[0], &embeddings[1]) > cosine(&embeddings[0], &embeddings[2]));
}
