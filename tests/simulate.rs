//! Simulated dialogues: the same seed gives the same bytes, whatever the pace, the interruptions and the failures.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod doubles;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use doubles::{Puppet, agents};
use kindred::agents::{Kindred, Limits, OPENING, UNSAID};
use kindred::dialogue::{DialogueRow, Speaker};
use kindred::engine::{EngineError, GenerateRequest};
use kindred::simulation::{Failure, Job, Pairs, Simulation, SimulationError};
use kindred::store::VolatileStore;

/// Says something that depends on all it was asked: were a seed or a prompt to differ, the words would.
fn echo(request: &GenerateRequest) -> String {
    let sum =
        request.prompt.text().bytes().fold(request.sampling.seed, |sum, byte| sum.rotate_left(5) ^ u64::from(byte));
    format!("I sail {} boats and bake {} loaves.", sum % 97, sum % 89)
}

async fn kindred(pause: Duration) -> Kindred {
    let model = Puppet::new(pause, |request, _| Ok(echo(request)));
    agents(model, Arc::new(VolatileStore::default()), Limits::default()).await
}

fn job(folder: &Path, dialogues: usize, concurrency: usize, pairs: Pairs) -> Job {
    let simulation = Simulation { dialogues, turns: 8, seed: 1, pairs };
    Job { simulation, folder: folder.to_owned(), concurrency }
}

async fn run(job: &Job, kindred: &Kindred) -> kindred::simulation::Summary {
    job.run(kindred, std::future::pending(), |_| ()).await.unwrap()
}

fn rows(folder: &Path) -> Vec<DialogueRow> {
    let text = fs::read_to_string(folder.join("dialogues.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes_at_any_pace() {
    for pairs in [Pairs::Random, Pairs::Matched, Pairs::Given(vec![(0, 3), (2, 1)])] {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let quick = kindred(Duration::ZERO).await;
        let summary = run(&job(a.path(), 8, 1, pairs.clone()), &quick).await;
        let slow = kindred(Duration::from_millis(1)).await;
        run(&job(b.path(), 8, 5, pairs.clone()), &slow).await;
        let bytes = fs::read(a.path().join("dialogues.jsonl")).unwrap();
        assert_eq!(bytes, fs::read(b.path().join("dialogues.jsonl")).unwrap());
        let rows = rows(a.path());
        assert_eq!((summary.total.dialogues, summary.total.utterances, summary.made), (8, 64, 56));
        assert!(summary.to_string().contains("words per utterance"), "{summary}");
        for (index, row) in rows.iter().enumerate() {
            assert_eq!(row.index, index);
            assert_ne!(row.seeker_info.index, row.supporter_info.index);
            assert_eq!(row.dial[0].utterance, OPENING);
            let speakers: Vec<Speaker> = row.dial.iter().map(|turn| turn.speaker).collect();
            assert_eq!(speakers, [Speaker::Seeker, Speaker::Supporter].repeat(4));
            assert_eq!(row.dial[2].choose_info.aspect, "recent_worry_or_anxiety");
            assert!(
                row.dial.iter().skip(1).step_by(2).all(|turn| turn.choose_info.aspect != "recent_worry_or_anxiety")
            );
        }
        if let Pairs::Given(_) = pairs {
            assert_eq!((rows[3].seeker_info.index, rows[3].supporter_info.index), (2, 1));
        }
        let published: serde_json::Value =
            serde_json::from_slice(bytes.split(|&b| b == b'\n').next().unwrap()).unwrap();
        assert!(published["seeker_info"]["seeker_profile_trans"].is_object());
        assert!(published["supporter_info"]["supporter_statement"].is_string());
        assert_eq!(published["dial"][1]["speaker"], "supporter");
        quick.shutdown().await;
        slow.shutdown().await;
    }
}

#[tokio::test]
async fn an_aspect_chosen_three_times_of_five_rests() {
    let folder = tempfile::tempdir().unwrap();
    let kindred = kindred(Duration::ZERO).await;
    run(&job(folder.path(), 6, 2, Pairs::Random), &kindred).await;
    for row in rows(folder.path()) {
        let chosen: Vec<&str> =
            row.dial.iter().map(|turn| turn.choose_info.aspect.as_str()).filter(|a| !a.is_empty()).collect();
        for (at, aspect) in chosen.iter().enumerate() {
            let window = &chosen[at.saturating_sub(5)..at];
            let times = window.iter().filter(|other| *other == aspect).count();
            assert!(times < 3 || *aspect == "recent_worry_or_anxiety", "{chosen:?}");
        }
    }
    kindred.shutdown().await;
}

#[tokio::test]
async fn an_interrupted_run_goes_on_to_the_same_rows() {
    let (whole, halved) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kindred = kindred(Duration::from_millis(1)).await;
    run(&job(whole.path(), 6, 3, Pairs::Random), &kindred).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let mut stop = Some(stop);
    let interrupt = async { drop(stopped.await) };
    let job = job(halved.path(), 6, 3, Pairs::Random);
    let summary = job
        .run(&kindred, interrupt, |progress| {
            if progress.done == 2 {
                drop(stop.take());
            }
        })
        .await
        .unwrap();
    assert!(summary.interrupted && summary.total.dialogues < 6);
    // A process killed in the middle of a line, and of a character.
    let path = halved.path().join("dialogues.jsonl");
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend(b"{\"index\": 2, \"seeker_in\xe2\x80");
    fs::write(&path, bytes).unwrap();
    let summary = run(&job, &kindred).await;
    assert_eq!((summary.total.dialogues, summary.interrupted), (6, false));
    assert_eq!(fs::read(&path).unwrap(), fs::read(whole.path().join("dialogues.jsonl")).unwrap());
    // More of the same run, and then nothing left to do.
    let more = Job { simulation: Simulation { dialogues: 7, ..job.simulation.clone() }, ..job };
    assert_eq!(run(&more, &kindred).await.made, 7);
    assert_eq!(run(&more, &kindred).await.made, 0);
    kindred.shutdown().await;
}

#[tokio::test]
async fn a_dialogue_that_fails_is_recorded_and_the_rest_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let model = Puppet::new(Duration::ZERO, |request, _| {
        let text = request.prompt.text();
        assert!(!text.starts_with("<SYSTEM>You are N2 and help"), "a bug for supporter 2");
        if text.starts_with("<SYSTEM>You are N3 and help") {
            return Err(EngineError::Failed { reason: "no words for 3".into() });
        }
        Ok(if text.starts_with("<SYSTEM>You are N1 and help") { " \n".into() } else { echo(request) })
    });
    let kindred = agents(model, Arc::new(VolatileStore::default()), Limits::default()).await;
    let job = job(folder.path(), 4, 4, Pairs::Given(vec![(0, 3), (3, 0), (0, 2), (0, 1)]));
    let summary = run(&job, &kindred).await;
    assert_eq!((summary.total.dialogues, summary.failed), (2, 2));
    let rows = rows(folder.path());
    assert_eq!(rows.iter().map(|row| row.index).collect::<Vec<_>>(), [1, 3]);
    assert!(
        rows[1].dial.iter().skip(1).step_by(2).all(|turn| turn.utterance == UNSAID),
        "an empty reply breaks nothing"
    );
    assert_eq!(summary.total.unsaid, 4);
    let failures = fs::read_to_string(folder.path().join("failures.jsonl")).unwrap();
    let failures: Vec<Failure> = failures.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((failures[0].index, failures[0].supporter), (0, Some(3)));
    assert!(failures[0].error.contains("no words for 3") && failures[1].error.contains("broke off"), "{failures:?}");
    assert_eq!(run(&job, &kindred).await.made, 0);
    kindred.shutdown().await;
}

#[tokio::test]
async fn what_is_not_this_run_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let kindred = kindred(Duration::ZERO).await;
    let first = job(folder.path(), 1, 1, Pairs::Random);
    run(&first, &kindred).await;
    let bytes = fs::read(folder.path().join("dialogues.jsonl")).unwrap();
    let mut other = first.clone();
    other.simulation.turns = 4;
    let error = other.run(&kindred, std::future::pending(), |_| ()).await.unwrap_err().to_string();
    assert!(error.contains("turns is 8, asked for is 4"), "{error}");
    assert_eq!(fs::read(folder.path().join("dialogues.jsonl")).unwrap(), bytes);

    let foreign = tempfile::tempdir().unwrap();
    fs::write(foreign.path().join("thesis.txt"), "mine").unwrap();
    let error =
        job(foreign.path(), 1, 1, Pairs::Random).run(&kindred, std::future::pending(), |_| ()).await.unwrap_err();
    assert!(matches!(&error, SimulationError::Foreign { .. }) && error.to_string().contains("thesis.txt"), "{error}");

    let nobody = job(&foreign.path().join("new"), 1, 1, Pairs::Given(vec![(0, 77)]));
    let error = nobody.run(&kindred, std::future::pending(), |_| ()).await.unwrap_err().to_string();
    assert!(error.contains("no character 77") && !foreign.path().join("new").exists(), "{error}");
    kindred.shutdown().await;
}
