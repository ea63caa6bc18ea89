//! What the engine counts. Alone in its file: the figures are the process's own.

#![allow(clippy::unwrap_used, reason = "a test whose preparation fails has failed")]

mod checkpoints;

use futures::StreamExt as _;
use kindred::dialogue::Prompt;
use kindred::engine::{GenerateRequest, Generator as _, Lane, LocalEngine, LocalOptions, Sampling};
use kindred::nn::DeviceChoice;
use metrics_exporter_prometheus::PrometheusBuilder;

#[tokio::test]
async fn each_reply_is_counted_once_however_it_ends() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).unwrap();
    let value = |name: &str| {
        let text = handle.render();
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name}: {text}"));
        line.trim().parse::<f64>().unwrap()
    };
    let options = LocalOptions { device: DeviceChoice::Cpu, ..LocalOptions::default() };
    let engine = LocalEngine::start(checkpoints::llama(|_| ()).path(), options).unwrap();
    let request = |tokens, lane| {
        let prompt = Prompt { segments: vec!["x".repeat(200)], ..Prompt::default() };
        let sampling = Sampling { min_new_tokens: tokens, max_new_tokens: tokens, ..Sampling::default() };
        GenerateRequest { prompt, sampling, lane, ..GenerateRequest::default() }
    };
    let complete = async |tokens| engine.generate(request(tokens, Lane::Live)).unwrap().complete().await.unwrap();
    complete(5).await;
    complete(7).await;
    // The last reply's tokens are counted after its end is told: the next one's end tells that they are.
    let mut running = engine.generate(request(700, Lane::Live)).unwrap();
    running.next().await.unwrap().unwrap();
    assert_eq!(value("kindred_prompt_tokens_total"), 600.0);
    assert_eq!(value("kindred_reply_tokens_total"), 12.0);
    assert_eq!(value("kindred_time_to_first_token_seconds_count"), 3.0);
    assert_eq!(value("kindred_prefix_cache_tokens_total{result=\"hit\"}"), 256.0);
    assert_eq!(value("kindred_prefix_cache_tokens_total{result=\"miss\"}"), 344.0);

    let lanes = [Lane::Live, Lane::Simulated, Lane::Simulated];
    let waiting = lanes.map(|lane| engine.generate(request(3, lane)).unwrap());
    assert_eq!(value("kindred_queue_waiting{lane=\"live\"}"), 1.0);
    assert_eq!(value("kindred_queue_waiting{lane=\"simulated\"}"), 2.0);
    drop(running);
    for reply in waiting {
        reply.complete().await.unwrap();
    }
    assert_eq!(value("kindred_queue_waiting{lane=\"live\"}"), 0.0);
    assert_eq!(value("kindred_queue_waiting{lane=\"simulated\"}"), 0.0);
    // What was given up counts as far as it came.
    assert!((12.0 + 3.0 + 3.0 + 1.0..12.0 + 700.0).contains(&value("kindred_reply_tokens_total")));
}
