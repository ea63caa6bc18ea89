//! A server that is killed, aborts, panics or loses its power never loses a word that it acknowledged.
//!
//! `KINDRED_CRASHES` and `KINDRED_POWER_CUTS` say how often (1000 and 200 for a long run), `KINDRED_SEED` repeats the
//! moments of an earlier run, `--features failpoints` adds the deaths at the fault points.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "../doubles/chatter.rs"]
mod chatter;
#[path = "../doubles/client.rs"]
mod client;
#[path = "../doubles/mod.rs"]
mod doubles;
mod power;
#[path = "../doubles/process.rs"]
mod process;
mod reader;
mod reconcile;
mod record;
mod trial;
mod world;
mod writer;

use trial::{Death, Verdict, trial};

/// One trial at a time: two would share the cores and prove less.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

fn times(variable: &str, default: usize) -> usize {
    let Ok(times) = std::env::var(variable) else { return default };
    times.parse().unwrap_or_else(|_| panic!("{variable} is no number"))
}

fn keeps_its_word(verdict: &Verdict) {
    let first: Vec<_> = verdict.problems.iter().take(20).map(String::as_str).collect();
    assert!(verdict.problems.is_empty(), "{} broken promises:\n{}", verdict.problems.len(), first.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_keeps_its_word() {
    let _alone = ALONE.lock().await;
    let verdict = trial(Death::Killed, times("KINDRED_CRASHES", 25)).await.unwrap();
    keeps_its_word(&verdict);
    let figures = verdict.figures;
    assert!(figures.promised > 50 && figures.whole > 20 && figures.cut_off > 0, "too little was said: {figures}");
    assert!(figures.resumed > 0 && figures.pieced > 20, "too little was read: {figures}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_power_keeps_its_word() {
    let _alone = ALONE.lock().await;
    let Some(verdict) = trial(Death::PowerCut { lies: false }, times("KINDRED_POWER_CUTS", 5)).await else { return };
    keeps_its_word(&verdict);
    assert!(verdict.forgotten > 0, "no write was ever taken back: does the shim still see them?");
}

/// Three lives take seconds.
const LONGEST_LIE: std::time::Duration = std::time::Duration::from_secs(90);

/// The trial can fail: promises that rest on a disk that lies are found broken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_lies_is_found_out() {
    let _alone = ALONE.lock().await;
    // What such a disk leaves may be no database any more: then the server dies of it, and the trial with the server. Or a
    // reply that was owed is forgotten, and whoever waits for it waits for good.
    let tried = std::panic::AssertUnwindSafe(trial(Death::PowerCut { lies: true }, 3));
    let bounded = tokio::time::timeout(LONGEST_LIE, futures::FutureExt::catch_unwind(tried));
    let Ok(Ok(verdict)) = bounded.await else { return };
    let Some(verdict) = verdict else { return };
    let lost = verdict.problems.iter().filter(|problem| problem.contains("is lost") || problem.contains("not kept"));
    assert!(lost.count() > 0, "{:?}", verdict.problems);
}

#[test]
fn the_shim_forgets_what_was_not_synced_and_nothing_else() {
    power::check_the_shim("write_by_hand_for_the_power_test");
}

#[cfg(feature = "failpoints")]
mod faults {
    use super::*;

    /// Where the process aborts. A name that stands in no source of `src` never fires, and fails the test.
    const ABORTS: [&str; 8] = [
        "store::before_commit",
        "store::after_commit",
        "session::said",
        "session::reply_started",
        "session::before_finish",
        "session::finished",
        "utterance::memory",
        "utterance::generate",
    ];
    /// Where a thread panics, which the process survives.
    const PANICS: [&str; 3] = ["actor::session", "actor::character", "actor::matcher"];

    /// Runs a trial for each point. In each life of a server the fault must happen more often than `least` times.
    async fn every(points: &[&'static str], deaths: usize, least: usize, death: fn(&'static str) -> Death) {
        let _alone = ALONE.lock().await;
        let mut silent = Vec::new();
        for point in points {
            let verdict = trial(death(point), deaths).await.unwrap();
            println!("{point}: the fault happened {} times to {} servers", verdict.faults, verdict.lives);
            keeps_its_word(&verdict);
            if verdict.faults <= least * verdict.lives {
                silent.push(*point);
            }
        }
        assert!(silent.is_empty(), "these fault points were reached too seldom, or never again: {silent:?}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_server_that_aborts_at_its_worst_moments_keeps_its_word() {
        every(&ABORTS, times("KINDRED_CRASHES", 25).div_ceil(ABORTS.len()), 0, Death::At).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_panic_in_an_actor_costs_nobody_else_anything() {
        // Each of the bank's four characters may fall once and stay away: only what is rebuilt falls again.
        every(&PANICS, 1, 4, Death::Panics).await;
    }
}

#[test]
#[ignore = "started by the tests above as a process of its own"]
fn serve_for_the_crash_test() {
    process::serve();
}

#[test]
#[ignore = "started by the tests above as a process of its own"]
fn write_by_hand_for_the_power_test() {
    power::write_by_hand();
}
