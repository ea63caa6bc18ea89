//! A server under load: what a listener costs, how late and how completely events come, how long a start takes, and
//! what happens to those for whom there is no room.
//!
//! The ignored tests are the measurements, with the bars they are held to; alone on a machine, one after the other:
//! `cargo test --release --test load -- --ignored --nocapture`. The others are the same in small, for every run.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod active;
#[path = "../doubles/chatter.rs"]
mod chatter;
#[path = "../doubles/client.rs"]
mod client;
mod crowd;
#[path = "../doubles/mod.rs"]
mod doubles;
mod idle;
mod overload;
#[path = "../doubles/process.rs"]
mod process;
mod start;

use std::time::Duration;

/// One measurement at a time.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listeners_cost_little() {
    let _alone = ALONE.lock().await;
    // Of few streams the allocator's own steps are a good part.
    let bytes = idle::idle(200).await;
    assert!(bytes <= 200_000, "{bytes} bytes a listener");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_lost() {
    let _alone = ALONE.lock().await;
    active::active(100, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_finds_no_room_is_told_so() {
    let _alone = ALONE.lock().await;
    let found = overload::overload(20, Duration::from_secs(3)).await;
    assert!(found.replies > 0 && found.refusals > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grown_store_opens() {
    let _alone = ALONE.lock().await;
    start::start(2_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: half a minute"]
async fn measure_ten_thousand_listeners() {
    let _alone = ALONE.lock().await;
    let streams = std::env::var("KINDRED_STREAMS").map_or(10_000, |streams| streams.parse().unwrap());
    let bytes = idle::idle(streams).await;
    assert!(bytes <= 40_000, "{bytes} bytes a listener, the bar is 40 kB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: half a minute, and wants the machine for itself"]
async fn measure_a_thousand_streams() {
    let _alone = ALONE.lock().await;
    let delay = active::active(1_000, 30).await;
    assert!(delay <= Duration::from_millis(200), "{delay:?} for 99 of 100 events, the bar is 200 ms");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: half a minute"]
async fn measure_a_start_with_a_hundred_thousand_sessions() {
    let _alone = ALONE.lock().await;
    let ready = start::start(100_000).await;
    assert!(ready <= Duration::from_secs(5), "{ready:?} to the first ready, the bar is 5 s");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: a minute, and wants the machine for itself"]
async fn measure_fifty_people_on_one_slot() {
    let _alone = ALONE.lock().await;
    let found = overload::overload(50, Duration::from_secs(60)).await;
    assert!(found.replies > 0 && found.refusals > 0);
    assert!((0.9..=1.1).contains(&found.growth), "memory became {:.3} of what it was, the bar is 10 %", found.growth);
    assert!(found.health <= Duration::from_millis(50), "health took {:?}, the bar is 50 ms", found.health);
}

#[test]
#[ignore = "started by the tests above as a process of its own"]
fn serve_for_the_load_test() {
    process::serve();
}
