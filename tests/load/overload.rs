//! Far more people than there is room for: everybody gets a reply or an honest refusal, and the server stays well.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::chatter::Speech;
use crate::client::{Ask, Client, Events, Message};
use crate::crowd::{House, Person, crowd, percentile};

/// Pieces and milliseconds between them: 200 ms a reply.
const REPLY: Speech = Speech::Stamps { pieces: 5, pause_ms: 50 };
/// A refusal asks for seconds; these people come again sooner, which is the worse case.
const PAUSE: Duration = Duration::from_millis(100);
/// How long somebody who was admitted waits for the end of the reply.
const PATIENCE: Duration = Duration::from_secs(60);
const HEALTH_EVERY: Duration = Duration::from_millis(20);
const MEMORY_EVERY: Duration = Duration::from_millis(250);

/// What was measured.
pub struct Overload {
    pub replies: usize,
    pub refusals: usize,
    /// Mean resident memory in the last third over that in the first.
    pub growth: f64,
    /// The time to an answer of `GET /api/health` that 99 of 100 keep.
    pub health: Duration,
}

/// So many people ask one slot for this long.
pub async fn overload(people: usize, lasting: Duration) -> Overload {
    let house = House::open(REPLY, 1, people);
    let until = Instant::now() + lasting;
    let over = Arc::new(AtomicBool::new(false));
    let crowd = crowd(&house, people).await;
    let health = tokio::spawn(watch_health(Client::new(house.server.address()), over.clone()));
    let talking: Vec<_> = crowd.into_iter().map(|person| tokio::spawn(talk(person, until))).collect();
    let mut memory = Vec::new();
    while Instant::now() < until {
        memory.push(house.server.resident() as f64);
        tokio::time::sleep(MEMORY_EVERY).await;
    }
    let (mut replies, mut refusals) = (0, 0);
    for person in talking {
        let (replied, refused) = person.await.unwrap();
        replies += replied;
        refusals += refused;
    }
    over.store(true, Ordering::Relaxed);
    let mut health = health.await.unwrap();
    let third = memory.len() / 3;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let growth = mean(&memory[memory.len() - third..]) / mean(&memory[..third]);
    let (half, most) = (percentile(&mut health, 0.5), percentile(&mut health, 0.99));
    println!(
        "{people} people on one slot for {} s: {replies} replies, {refusals} honest refusals, nothing else; \
         memory {:.1} MiB, last third to first {growth:.3}; health {:.1} ms in the median, {:.1} ms for 99 of 100 \
         of {}",
        lasting.as_secs(),
        memory.last().copied().unwrap_or_default() / f64::from(1 << 20),
        half.as_secs_f64() * 1e3,
        most.as_secs_f64() * 1e3,
        health.len(),
    );
    Overload { replies, refusals, growth, health: most }
}

/// Asks again and again; fails on any answer but a reply and an honest refusal.
async fn talk(mut person: Person, until: Instant) -> (usize, usize) {
    let session = person.session;
    let events = person.client.events(session, 0).await.unwrap();
    let mut events = events.unwrap_or_else(|answer| panic!("a stream was answered {}", answer.account()));
    let (mut replies, mut refusals) = (0, 0);
    let mut number = 0;
    while Instant::now() < until {
        number += 1;
        let key = format!("say-{number}");
        let message = Message { session, text: "I feel alone.", replaces: None, key: &key };
        let asked = Instant::now();
        let answer = person.client.ask(&Ask::say(&message)).await;
        let answer = answer.unwrap_or_else(|error| panic!("message {number}: {error} after {:?}", asked.elapsed()));
        if answer.is_honest_refusal() {
            refusals += 1;
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        assert_eq!(answer.status, 202, "{}", answer.account());
        let said = answer.json()["seq"].as_u64().unwrap();
        let replied = tokio::time::timeout(PATIENCE, reply_after(&mut events, said)).await;
        assert!(replied.expect("a reply came"), "an admitted message was not answered");
        replies += 1;
    }
    (replies, refusals)
}

/// Reads to the end of the reply that follows this message; says whether there is one.
async fn reply_after(events: &mut Events, said: u64) -> bool {
    loop {
        let event = events.next().await.unwrap().expect("the stream goes on");
        let of_it = event.data["seq"].as_u64() > Some(said);
        match event.kind() {
            "reply_ended" if of_it => return event.data["end"] == "whole",
            "failed" => return false,
            _ => {}
        }
    }
}

async fn watch_health(mut client: Client, over: Arc<AtomicBool>) -> Vec<Duration> {
    let mut times = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let began = Instant::now();
        assert_eq!(client.ask(&Ask::get("/api/health")).await.unwrap().status, 200);
        times.push(began.elapsed());
        tokio::time::sleep(HEALTH_EVERY).await;
    }
    times
}
