//! The local engine on a small model of random weights: replies, limits, cancellation, failures.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test whose preparation fails has failed")]

mod checkpoints;

use std::path::Path;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use kindred::dialogue::{Layout, Prompt, PromptStyle};
use kindred::engine::{
    Completion, EngineError, Finish, GenerateRequest, Generator, Lane, LoadError, LocalEngine, LocalOptions, Piece,
    Reply, Sampling,
};
use kindred::nn::{DeviceChoice, Llama, LlamaConfig, LoadOptions, Number};
use serde_json::json;
use tch::{Device, Kind, Tensor};

fn options() -> LocalOptions {
    LocalOptions { device: DeviceChoice::Cpu, dtype: Some(Number::Float32), ..LocalOptions::default() }
}

fn engine(options: LocalOptions) -> LocalEngine {
    LocalEngine::start(checkpoints::llama(|_| ()).path(), options).unwrap()
}

fn request(text: &str, sampling: Sampling) -> GenerateRequest {
    let prompt = Prompt { segments: vec![text.to_owned()], ..Prompt::default() };
    GenerateRequest { prompt, sampling, ..GenerateRequest::default() }
}

fn greedy(max_new_tokens: usize) -> Sampling {
    Sampling { temperature: 0.0, repetition_penalty: 1.0, max_new_tokens, min_new_tokens: 1, ..Sampling::default() }
}

/// As long as the model's context allows.
fn endless() -> Sampling {
    Sampling { min_new_tokens: 900, max_new_tokens: 900, ..Sampling::default() }
}

async fn complete(engine: &LocalEngine, request: GenerateRequest) -> Result<Completion, EngineError> {
    engine.generate(request)?.complete().await
}

fn greedy_by_hand(folder: &Path, text: &str, tokens: usize) -> Vec<u8> {
    let load = LoadOptions { dtype: Some(Kind::Float), ..LoadOptions::default() };
    let model = Llama::load(folder, load).unwrap();
    let _no_grad = tch::no_grad_guard();
    let mut ids: Vec<i64> = text.bytes().map(i64::from).collect();
    for _ in 0..tokens {
        let logits = model.forward(&Tensor::from_slice(&ids).unsqueeze(0), None);
        ids.push(logits.select(1, -1).argmax(-1, false).int64_value(&[0]));
    }
    ids[text.len()..].iter().map(|&id| u8::try_from(id).unwrap()).collect()
}

#[tokio::test]
async fn greedy_replies_are_the_models_own_most_likely_tokens() {
    let folder = checkpoints::llama(|_| ());
    let engine = LocalEngine::start(folder.path(), options()).unwrap();
    for text in ["Hello there", &"A longer one, read in several pieces. ".repeat(9)] {
        let expected = greedy_by_hand(folder.path(), text, 24);
        let found = complete(&engine, request(text, greedy(24))).await.unwrap();
        assert_eq!(found.text, String::from_utf8_lossy(&expected));
        assert_eq!((found.finish, found.prompt_tokens, found.completion_tokens), (Finish::Length, text.len(), 24));
    }
}

#[tokio::test]
async fn pieces_together_are_the_text_and_the_seed_settles_it() {
    let engine = engine(options());
    let mut texts = Vec::new();
    for seed in [1, 1, 2] {
        let mut reply = engine.generate(request("Hi", Sampling { seed, ..Sampling::default() })).unwrap();
        let (mut text, mut done) = (String::new(), None);
        while let Some(piece) = reply.next().await {
            assert!(done.is_none(), "nothing follows the end");
            match piece.unwrap() {
                Piece::Text(piece) => text.push_str(&piece),
                Piece::Done(completion) => done = Some(completion),
            }
        }
        assert_eq!(done.unwrap().text, text);
        texts.push(text);
    }
    assert_eq!(texts[0], texts[1]);
    assert_ne!(texts[0], texts[2]);
}

#[tokio::test]
async fn a_reused_beginning_changes_no_token() {
    let folder = checkpoints::llama(|_| ());
    for dtype in [Number::Float32, Number::BFloat16] {
        let start = |reuse_prefix| {
            let options = LocalOptions { dtype: Some(dtype), reuse_prefix, ..options() };
            LocalEngine::start(folder.path(), options).unwrap()
        };
        let (with, without) = (start(true), start(false));
        let mut talk = "You are Ada, and this is who you are. ".repeat(5);
        for seed in 0..6 {
            let sampling = Sampling { seed, max_new_tokens: 40, ..Sampling::default() };
            let a = complete(&with, request(&talk, sampling.clone())).await.unwrap();
            let b = complete(&without, request(&talk, sampling)).await.unwrap();
            assert_eq!(a, b);
            talk.push_str(&a.text.chars().filter(char::is_ascii).collect::<String>());
            // Another talk in between shares the beginning only.
            let other = format!("{}{seed} another one", &talk[..140]);
            let sampling = Sampling { seed, max_new_tokens: 8, ..Sampling::default() };
            let a = complete(&with, request(&other, sampling.clone())).await.unwrap();
            assert_eq!(a, complete(&without, request(&other, sampling)).await.unwrap());
        }
    }
}

#[tokio::test]
async fn a_stop_string_ends_the_reply_and_is_no_part_of_it() {
    let engine = engine(options());
    let whole = complete(&engine, request("Tell me", greedy(40))).await.unwrap().text;
    let from = whole.char_indices().nth(whole.chars().count() / 2).unwrap().0;
    let stop: String = whole[from..].chars().take(4).collect();
    let at = whole.find(&stop).unwrap();
    let mut asked = request("Tell me", greedy(40));
    asked.stop = vec![stop.clone()];
    let mut reply = engine.generate(asked).unwrap();
    let mut shown = String::new();
    while let Some(piece) = reply.next().await {
        match piece.unwrap() {
            Piece::Text(text) => shown.push_str(&text),
            Piece::Done(done) => assert_eq!((done.finish, done.text.as_str()), (Finish::Stop, &whole[..at])),
        }
    }
    assert_eq!(shown, whole[..at]);
}

#[tokio::test]
async fn replies_end_by_themselves_but_not_before_the_minimum() {
    let engine = engine(options());
    let sampling = |seed, min_new_tokens| Sampling {
        seed,
        min_new_tokens,
        max_new_tokens: 200,
        temperature: 1.5,
        top_p: 1.0,
        repetition_penalty: 1.0,
        ..Sampling::default()
    };
    let mut ended = None;
    for seed in 0..40 {
        let done = complete(&engine, request("x", sampling(seed, 0))).await.unwrap();
        if done.finish == Finish::Eos && done.completion_tokens < 100 {
            ended = Some((seed, done));
            break;
        }
    }
    let (seed, short) = ended.expect("a reply that ends by itself");
    assert!(!short.text.contains("</s>"));
    let longer = complete(&engine, request("x", sampling(seed, 100))).await.unwrap();
    assert!(longer.completion_tokens >= 100);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_dropped_replies_free_it() {
    let engine = engine(LocalOptions { max_waiting: 2, ..options() });
    let mut running = engine.generate(request("one", endless())).unwrap();
    running.next().await.unwrap().unwrap();
    let second = engine.generate(request("two", endless())).unwrap();
    let third = engine.generate(request("three", endless())).unwrap();
    let refused = engine.generate(request("four", endless())).err();
    assert_eq!(refused, Some(EngineError::Overloaded { waiting: 2, limit: 2 }));
    // One that gave up while it waited makes room, without the running one being done.
    drop(second);
    let fourth = engine.generate(request("four", greedy(3))).unwrap();
    drop((running, third));
    let begun = Instant::now();
    assert_eq!(fourth.complete().await.unwrap().completion_tokens, 3);
    assert!(begun.elapsed() < Duration::from_secs(5), "the dropped replies were made to their end");
}

#[tokio::test]
async fn live_requests_come_first_and_are_not_shut_out_by_simulated_ones() {
    let engine = engine(LocalOptions { max_waiting: 2, ..options() });
    let simulated = |text, sampling| GenerateRequest { lane: Lane::Simulated, ..request(text, sampling) };
    let mut running = engine.generate(simulated("one", endless())).unwrap();
    running.next().await.unwrap().unwrap();
    let long = || Sampling { min_new_tokens: 300, max_new_tokens: 300, ..Sampling::default() };
    let two = engine.generate(simulated("two", long())).unwrap();
    let three = engine.generate(simulated("three", long())).unwrap();
    let refused = engine.generate(simulated("four", long())).err();
    assert_eq!(refused, Some(EngineError::Overloaded { waiting: 2, limit: 2 }));
    let live = engine.generate(request("five", greedy(3))).unwrap();
    drop(running);
    let ended = async |name, reply: Reply| (name, reply.complete().await.unwrap().completion_tokens);
    let all = [ended("two", two), ended("three", three), ended("live", live)].into_iter();
    let order: Vec<_> = all.collect::<futures::stream::FuturesUnordered<_>>().collect().await;
    assert_eq!(order, [("live", 3), ("two", 300), ("three", 300)]);
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_with_numbers() {
    let engine = engine(options());
    let long = engine.generate(request(&"x".repeat(1024), greedy(8))).err();
    assert_eq!(long, Some(EngineError::PromptTooLong { tokens: 1024, limit: 1023 }));
    let megabytes = engine.generate(request(&"x".repeat(4 << 20), greedy(8))).err();
    assert_eq!(megabytes, Some(EngineError::PromptTooLong { tokens: 8192, limit: 1023 }));
    let minimum = Sampling { min_new_tokens: 24, max_new_tokens: 24, ..greedy(24) };
    let long = engine.generate(request(&"x".repeat(1001), minimum)).err();
    assert_eq!(long, Some(EngineError::PromptTooLong { tokens: 1001, limit: 1000 }));
    let bad = engine.generate(request("x", Sampling { top_p: 2.0, ..greedy(8) })).err();
    let expected = EngineError::BadSampling { name: "top_p", expected: "from 0 to 1", found: "2".into() };
    assert_eq!(bad, Some(expected));
    assert!(matches!(engine.generate(request("", greedy(8))).err(), Some(EngineError::Failed { .. })));
    // The reply is cut where the context ends.
    let full = complete(&engine, request(&"x".repeat(1020), greedy(50))).await.unwrap();
    assert_eq!((full.finish, full.completion_tokens), (Finish::Length, 4));
}

#[tokio::test]
async fn damaged_weights_fail_each_request_and_the_thread_lives_on() {
    let folder = checkpoints::llama(|model| {
        let (_, mut norm) = model.parameters().pop().unwrap();
        tch::no_grad(|| drop(norm.fill_(f64::NAN)));
    });
    let engine = LocalEngine::start(folder.path(), options()).unwrap();
    for _ in 0..2 {
        let failed = complete(&engine, request("x", greedy(4))).await.unwrap_err();
        assert!(matches!(&failed, EngineError::Failed { reason } if reason.contains("not numbers")), "{failed}");
    }
}

#[tokio::test]
async fn unloading_ends_every_reply() {
    let engine = engine(options());
    let mut running = engine.generate(request("one", endless())).unwrap();
    running.next().await.unwrap().unwrap();
    let waiting = engine.generate(request("two", endless())).unwrap();
    drop(engine);
    assert!(matches!(running.complete().await, Err(EngineError::Gone { .. })));
    assert!(matches!(waiting.complete().await, Err(EngineError::Gone { .. })));
}

#[test]
fn special_tokens_are_read_only_where_they_are_meant() {
    let engine = engine(options());
    let count = |special_tokens, add_bos| {
        let prompt = Prompt { segments: vec!["a</s>".into(), "b".into()], add_bos, special_tokens };
        engine.count_tokens(&prompt).unwrap()
    };
    assert_eq!(count(false, false), 6);
    assert_eq!(count(true, false), 3);
    assert_eq!(count(true, true), 4);
}

#[test]
fn the_identity_says_what_is_loaded() {
    let folder = checkpoints::llama(|_| ());
    let named = LocalOptions { name: Some("tiny".into()), max_context: 512, ..options() };
    let engine = LocalEngine::start(folder.path(), named).unwrap();
    let identity = engine.identity();
    assert_eq!((identity.name.as_str(), identity.family.as_str()), ("tiny", "llama"));
    assert_eq!((identity.dtype.as_str(), identity.device.as_str(), identity.context), ("float32", "cpu", 512));
    assert_eq!(identity.parameters, 258 * 64 + 2 * (2 * 64 + 2 * 64 * 64 + 2 * 32 * 64 + 3 * 64 * 96) + 64);
    assert_eq!(identity.version.len(), 12);
    assert!(matches!(engine.layout(), Layout::Tags(PromptStyle::Trained)));
}

#[test]
fn a_broken_folder_says_what_is_wrong() {
    let broken = |change: &dyn Fn(&Path)| -> LoadError {
        let folder = checkpoints::llama(|_| ());
        change(folder.path());
        LocalEngine::start(folder.path(), options()).unwrap_err()
    };
    let message = |change: &dyn Fn(&Path)| broken(change).to_string();
    let no_tokenizer = message(&|folder| std::fs::remove_file(folder.join("tokenizer.json")).unwrap());
    assert!(no_tokenizer.contains("tokenizer.json: expected"), "{no_tokenizer}");
    let bad_tokenizer = message(&|folder| std::fs::write(folder.join("tokenizer.json"), "{}").unwrap());
    assert!(bad_tokenizer.contains("tokenizer.json: expected"), "{bad_tokenizer}");
    let no_weights = broken(&|folder| std::fs::remove_file(folder.join("model.safetensors")).unwrap());
    assert!(matches!(no_weights, LoadError::Model(_)), "{no_weights}");
    let bad_pin = message(&|folder| std::fs::write(folder.join("kindred.json"), r#"{"prompt_style": 1}"#).unwrap());
    assert!(bad_pin.contains("kindred.json: expected"), "{bad_pin}");
}

/// Not a test of truth but a measurement: a shape of 12 million parameters, random weights.
#[tokio::test]
#[ignore = "prints a speed; run with --ignored --nocapture"]
async fn decode_speed() {
    let folder = tempfile::tempdir().unwrap();
    let config = json!({"model_type": "llama", "vocab_size": 8192, "hidden_size": 320, "intermediate_size": 864,
        "num_hidden_layers": 7, "num_attention_heads": 5, "num_key_value_heads": 5, "head_dim": 64,
        "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "max_position_embeddings": 2048, "tie_word_embeddings": true,
        "hidden_act": "silu", "bos_token_id": 256, "eos_token_id": checkpoints::EOS});
    std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    let mut tokenizer = checkpoints::byte_tokenizer();
    let vocabulary = tokenizer["model"]["vocab"].as_object_mut().unwrap();
    // Words for the other ids, so that every token has a text.
    (258..8192).for_each(|id| drop(vocabulary.insert(format!("w{id}"), json!(id))));
    std::fs::write(folder.path().join("tokenizer.json"), tokenizer.to_string()).unwrap();
    Llama::init(LlamaConfig::load(folder.path()).unwrap(), 5, Device::Cpu).save(folder.path(), Kind::Float).unwrap();
    for dtype in [Number::Float32, Number::BFloat16] {
        let engine = LocalEngine::start(folder.path(), LocalOptions { dtype: Some(dtype), ..options() }).unwrap();
        for sampling in [greedy(200), Sampling { min_new_tokens: 200, max_new_tokens: 200, ..Sampling::default() }] {
            for round in 0..3 {
                // Another beginning each time, so that nothing is reused.
                let text = format!("{round}{}{}", sampling.temperature, "x".repeat(252));
                let begun = Instant::now();
                let mut reply = engine.generate(request(&text, sampling.clone())).unwrap();
                reply.next().await.unwrap().unwrap();
                let first = begun.elapsed();
                let done = reply.complete().await.unwrap();
                let rate = (done.completion_tokens - 1) as f64 / (begun.elapsed() - first).as_secs_f64();
                println!(
                    "{} parameters, {dtype:?}, temperature {}: {} prompt tokens in {first:?}, then {rate:.0} tokens/s",
                    engine.identity().parameters,
                    sampling.temperature,
                    done.prompt_tokens
                );
            }
        }
    }
}
