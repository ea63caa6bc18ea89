//! Many sessions: people are spread over characters, the unused sleep, and two hundred talk at once.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod doubles;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use doubles::listen::{PATIENT, is_ended, open, reply_of, until};
use doubles::{Puppet, agents};
use kindred::agents::{Caller, Limits, Supporter};
use kindred::store::{SqliteStore, VolatileStore};

const QUICK: Duration = Duration::ZERO;

#[tokio::test]
async fn people_are_spread_over_characters_who_fit_alike() {
    let kindred = agents(Puppet::saying("Yes.", QUICK), Arc::new(VolatileStore::default()), Limits::default()).await;
    let about = "I need help and you help";
    let matches = kindred.matches(about, 3).await.unwrap();
    assert_eq!(matches.len(), 3);
    assert!(matches[0].score >= matches[1].score && !matches[0].reasons.is_empty());
    let near = matches.iter().filter(|found| matches[0].score - found.score <= 0.05).count();
    let mut given = HashSet::new();
    for _ in 0..near {
        given.insert(kindred.open_session(Caller::Local, Supporter::Auto, about, None).await.unwrap().supporter);
    }
    assert_eq!(given.len(), near);
    assert!(given.contains(&matches[0].character.index));
    kindred.shutdown().await;
}

#[tokio::test]
async fn unused_sessions_sleep_and_wake() {
    let limits = Limits { idle: Duration::from_millis(50), ..Limits::default() };
    let kindred = agents(Puppet::saying("Yes.", QUICK), Arc::new(VolatileStore::default()), limits).await;
    let id = open(&kindred).await;
    let mut events = kindred.events(Caller::Local, id, None).await.unwrap();
    kindred.say(Caller::Local, id, "hello").await.unwrap();
    until(&mut events, is_ended).await;
    tokio::time::sleep(limits.idle * 6).await;
    assert_eq!(kindred.live_sessions(), 1, "somebody listens");
    drop(events);
    tokio::time::timeout(PATIENT, async {
        while kindred.live_sessions() > 0 {
            tokio::time::sleep(limits.idle).await;
        }
    })
    .await
    .expect("the session never slept");
    kindred.say(Caller::Local, id, "again").await.unwrap();
    let mut events = kindred.events(Caller::Local, id, Some(0)).await.unwrap();
    until(&mut events, is_ended).await;
    until(&mut events, is_ended).await;
    assert_eq!(kindred.turns(Caller::Local, id).await.unwrap().len(), 4);
    kindred.shutdown().await;
}

#[tokio::test]
async fn a_session_that_only_woke_takes_nobodys_place() {
    let store = Arc::new(VolatileStore::default());
    let limits = Limits { replies: 1, waiting: 1, ..Limits::default() };
    let kindred = agents(Puppet::saying("Yes.", QUICK), store.clone(), limits).await;
    let (read, talked) = (open(&kindred).await, open(&kindred).await);
    kindred.shutdown().await;
    let kindred = agents(Puppet::saying("Yes.", QUICK), store, limits).await;
    assert!(!kindred.session(Caller::Local, read).await.unwrap().replying);
    kindred.say(Caller::Local, talked, "is there room?").await.unwrap();
    let began = std::time::Instant::now();
    kindred.shutdown().await;
    assert!(began.elapsed() < limits.grace, "a shutdown waits for replies, not for sessions");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_sessions_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(folder.path()).await.unwrap());
    let model = Puppet::new(Duration::from_millis(1), |request, _| {
        // Says back the last word of the message: a reply that goes to another session would show.
        let text = request.prompt.text();
        let said =
            text.rsplit("<SEEKER>").next().and_then(|rest| rest.split('<').next()).unwrap_or_default().to_owned();
        Ok(format!("You said {said}"))
    });
    let kindred = agents(model, store, Limits::default()).await;
    let talks = (0..200_u32).map(|n| {
        let kindred = kindred.clone();
        tokio::spawn(async move {
            let id = kindred.open_session(Caller::Local, Supporter::Character(n % 4), "", None).await.unwrap().id;
            let mut events = kindred.events(Caller::Local, id, None).await.unwrap();
            for round in 0..3 {
                kindred.say(Caller::Local, id, format!("m{n}-{round}").as_str()).await.unwrap();
                let reply = reply_of(&until(&mut events, is_ended).await);
                assert_eq!(reply.turn.text, format!("You said m{n}-{round}"));
            }
            assert_eq!(kindred.turns(Caller::Local, id).await.unwrap().len(), 6);
        })
    });
    for talk in futures::future::join_all(talks).await {
        talk.unwrap();
    }
    assert_eq!(kindred.live_sessions(), 200);
    kindred.shutdown().await;
}
