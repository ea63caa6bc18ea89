//! A model whose thread falls: who is told what, and that it comes back the same.
//!
//! Needs the feature `failpoints`: `cargo test --release --features failpoints --test restart`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test whose preparation fails has failed")]

mod checkpoints;

use std::path::Path;
use std::time::{Duration, Instant};

use fail::FailScenario;
use futures::StreamExt as _;
use kindred::dialogue::Prompt;
use kindred::encoder::{Embedder as _, Embedding, EncoderError, EncoderOptions, LocalEncoder};
use kindred::engine::{
    Completion, EngineError, GenerateRequest, Generator as _, LocalEngine, LocalOptions, Piece, Restarts, Sampling,
};
use kindred::nn::{DeviceChoice, Number};

const PAUSE: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(30);

fn restarts() -> Restarts {
    Restarts { first_pause: PAUSE, longest_pause: 8 * PAUSE, ..Restarts::default() }
}

fn engine(folder: &Path, restarts: Restarts) -> LocalEngine {
    let (device, dtype) = (DeviceChoice::Cpu, Some(Number::Float32));
    LocalEngine::start(folder, LocalOptions { device, dtype, restarts, ..LocalOptions::default() }).unwrap()
}

/// Longer than a piece of a prompt, so that the cache is in play.
fn request(seed: u64, tokens: usize) -> GenerateRequest {
    let prompt = Prompt { segments: vec!["You are Ada, and this is who you are. ".repeat(5)], ..Prompt::default() };
    let sampling = Sampling { seed, min_new_tokens: tokens, max_new_tokens: tokens, ..Sampling::default() };
    GenerateRequest { prompt, sampling, ..GenerateRequest::default() }
}

async fn complete(engine: &LocalEngine, request: GenerateRequest) -> Result<Completion, EngineError> {
    engine.generate(request)?.complete().await
}

/// Waits until the model is as wanted; what it said last.
async fn until(engine: &LocalEngine, wanted: impl Fn(&Result<(), EngineError>) -> bool) -> Result<(), EngineError> {
    let begun = Instant::now();
    loop {
        let ready = engine.ready();
        if wanted(&ready) {
            return ready;
        }
        assert!(begun.elapsed() < PATIENCE, "{ready:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn restarting<T>(outcome: Result<T, EngineError>) -> Duration {
    match outcome {
        Err(EngineError::Restarting { retry_after, .. }) => retry_after,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was answered"),
    }
}

/// Makes the thread fall with a request in hand.
async fn fell(engine: &LocalEngine) {
    fail::cfg("engine::thread", "1*panic(the test)").unwrap();
    restarting(complete(engine, request(0, 4)).await);
}

#[tokio::test]
async fn a_thread_that_falls_amid_a_reply_tells_all_who_wait_and_comes_back_the_same() {
    let scenario = FailScenario::setup();
    let folder = checkpoints::llama(|_| ());
    let engine = engine(folder.path(), restarts());
    let before = complete(&engine, request(7, 24)).await.unwrap();

    fail::cfg("engine::thread", "20*off->pause").unwrap();
    let mut running = engine.generate(request(1, 200)).unwrap();
    let waiting = engine.generate(request(2, 200)).unwrap();
    assert!(matches!(running.next().await, Some(Ok(Piece::Text(_)))), "it was amid a reply");
    fail::cfg("engine::thread", "1*panic(the test)").unwrap();
    let begun = Instant::now();
    assert!(restarting(running.complete().await) >= PAUSE);
    assert!(restarting(waiting.complete().await) >= PAUSE);
    assert!(begun.elapsed() < PATIENCE / 10, "they were told once it was back, not at once");
    // Whoever comes while it is away hears the same; and then it is back.
    let meanwhile = engine.generate(request(3, 4)).err();
    assert!(matches!(meanwhile, None | Some(EngineError::Restarting { .. })), "{meanwhile:?}");
    until(&engine, Result::is_ok).await.unwrap();
    assert_eq!(complete(&engine, request(7, 24)).await.unwrap(), before);
    scenario.teardown();
}

#[tokio::test]
async fn after_a_panic_in_a_request_the_cache_is_to_be_trusted() {
    let scenario = FailScenario::setup();
    let folder = checkpoints::llama(|_| ());
    let engine = engine(folder.path(), restarts());
    let before = complete(&engine, request(7, 24)).await.unwrap();
    for (place, action) in [
        ("engine::prefill", "1*panic"),
        ("engine::prefill", "1*off->1*panic"),
        ("engine::step", "1*panic"),
        ("engine::step", "9*off->1*panic"),
    ] {
        fail::cfg(place, action).unwrap();
        // Another beginning, read in two pieces, so that it takes the place of the first one's in the cache.
        let mut other = request(1, 40);
        other.prompt.segments[0].insert(0, '!');
        let failed = complete(&engine, other).await;
        assert!(matches!(failed, Err(EngineError::Failed { .. })), "{place} {action}: {failed:?}");
        assert_eq!(complete(&engine, request(7, 24)).await.unwrap(), before, "{place} {action}");
        assert_eq!(engine.ready(), Ok(()));
    }
    // One after the other, and the model itself is doubted.
    fail::cfg("engine::step", "3*panic").unwrap();
    for _ in 0..2 {
        assert!(matches!(complete(&engine, request(1, 40)).await, Err(EngineError::Failed { .. })));
    }
    assert!(restarting(complete(&engine, request(1, 40)).await) >= PAUSE);
    until(&engine, Result::is_ok).await.unwrap();
    assert_eq!(complete(&engine, request(7, 24)).await.unwrap(), before);
    scenario.teardown();
}

#[tokio::test]
async fn a_folder_that_is_away_is_tried_ever_more_slowly_until_it_is_back() {
    let scenario = FailScenario::setup();
    let folder = checkpoints::llama(|_| ());
    let engine = engine(folder.path(), restarts());
    let before = complete(&engine, request(7, 24)).await.unwrap();
    let away = folder.path().with_extension("away");
    std::fs::rename(folder.path(), &away).unwrap();
    fell(&engine).await;
    let slower = |ready: &Result<(), EngineError>| match ready {
        Err(EngineError::Restarting { retry_after, .. }) => *retry_after > 4 * PAUSE,
        _ => false,
    };
    let told = until(&engine, slower).await.unwrap_err().to_string();
    assert!(told.contains("No such file"), "{told}");
    std::fs::rename(&away, folder.path()).unwrap();
    until(&engine, Result::is_ok).await.unwrap();
    assert_eq!(complete(&engine, request(7, 24)).await.unwrap(), before);
    scenario.teardown();
}

#[tokio::test]
async fn other_weights_in_the_folder_are_refused_and_the_model_stays_down() {
    let scenario = FailScenario::setup();
    let folder = checkpoints::llama(|_| ());
    let engine = engine(folder.path(), restarts());
    let other = checkpoints::llama(|model| {
        let (_, mut norm) = model.parameters().pop().unwrap();
        tch::no_grad(|| drop(norm.fill_(0.5)));
    });
    std::fs::copy(other.path().join("model.safetensors"), folder.path().join("model.safetensors")).unwrap();
    fell(&engine).await;
    let gone = until(&engine, |ready| matches!(ready, Err(EngineError::Gone { .. }))).await.unwrap_err();
    assert!(gone.to_string().contains(&format!("expected version {}", engine.identity().version)), "{gone}");
    assert_eq!(engine.generate(request(1, 4)).err(), Some(gone));
    scenario.teardown();
}

#[tokio::test]
async fn unloading_a_model_that_is_away_is_prompt() {
    let scenario = FailScenario::setup();
    let folder = checkpoints::llama(|_| ());
    let hour = Duration::from_secs(3600);
    let engine = engine(folder.path(), Restarts { first_pause: hour, longest_pause: hour, settled: hour });
    fell(&engine).await;
    let begun = Instant::now();
    drop(engine);
    assert!(begun.elapsed() < PATIENCE / 6);
    scenario.teardown();
}

#[tokio::test]
async fn a_refused_admission_is_the_callers_to_see() {
    let scenario = FailScenario::setup();
    let folder = checkpoints::llama(|_| ());
    let engine = engine(folder.path(), restarts());
    fail::cfg("engine::admit", "1*return").unwrap();
    assert!(matches!(engine.generate(request(1, 4)).err(), Some(EngineError::Overloaded { .. })));
    complete(&engine, request(1, 4)).await.unwrap();
    scenario.teardown();
}

#[tokio::test]
async fn an_encoder_that_falls_comes_back_the_same() {
    let scenario = FailScenario::setup();
    let options = EncoderOptions { device: DeviceChoice::Cpu, restarts: restarts(), ..EncoderOptions::default() };
    let folder = checkpoints::bert(None);
    let encoder = LocalEncoder::start(folder.path(), options).unwrap();
    let ask = || encoder.embed(vec!["a b c".into(), "d".into()]);
    let restarting = |outcome: Result<Vec<Embedding>, EncoderError>| match outcome {
        Err(EncoderError::Restarting { retry_after, .. }) => assert!(retry_after >= PAUSE),
        other => panic!("{other:?}"),
    };
    let back = async || {
        let begun = Instant::now();
        while encoder.ready().is_err() {
            assert!(begun.elapsed() < PATIENCE);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let before = ask().await.unwrap();
    fail::cfg("encoder::thread", "1*panic(the test)").unwrap();
    restarting(ask().await);
    back().await;
    assert_eq!(ask().await.unwrap(), before);

    fail::cfg("encoder::batch", "1*panic(the test)").unwrap();
    assert!(matches!(ask().await, Err(EncoderError::Failed { reason }) if reason.contains("the test")));
    assert_eq!(ask().await.unwrap(), before);
    // One after the other: the third is answered, and what comes then finds it away, or back already.
    fail::cfg("encoder::batch", "3*panic(the test)").unwrap();
    for _ in 0..3 {
        assert!(matches!(ask().await, Err(EncoderError::Failed { .. })));
    }
    back().await;
    let after = loop {
        match ask().await {
            Err(EncoderError::Restarting { .. }) => back().await,
            outcome => break outcome,
        }
    };
    assert_eq!(after.unwrap(), before);
    scenario.teardown();
}
