//! People who only listen: what each of them costs.

use crate::chatter::Speech;
use crate::crowd::{House, crowd, listen};

/// People who come and go before anything is measured, so that what is set up once is.
const EARLY: usize = 64;
/// Of those who listen, so many are spoken to at the end: their lines must have stayed alive.
const SPOKEN_TO: usize = 20;

/// Opens so many streams, each of its own session, and gives the bytes of resident memory that a session and its
/// stream take together.
pub async fn idle(streams: usize) -> u64 {
    let house = House::open(Speech::Words { most_pause_ms: 1 }, 256, streams);
    for mut person in crowd(&house, EARLY).await {
        person.say("Hello.", "hello").await.unwrap();
    }
    let before = house.resident_at_rest().await;
    let people = crowd(&house, streams).await;
    let opened = house.resident_at_rest().await;
    let mut listening = listen(people).await;
    let after = house.resident_at_rest().await;
    let a_stream = |from: u64, to: u64| to.saturating_sub(from) / streams as u64;
    println!(
        "{streams} idle streams: {} MiB before, {} MiB with the sessions, {} MiB with the streams: \
         {} bytes a session, {} bytes a stream, {} together",
        before >> 20,
        opened >> 20,
        after >> 20,
        a_stream(before, opened),
        a_stream(opened, after),
        a_stream(before, after),
    );
    let apart = (streams / SPOKEN_TO).max(1);
    for (person, events) in listening.iter_mut().step_by(apart) {
        person.say("Are you there?", "there").await.unwrap();
        while events.next().await.unwrap().expect("the stream goes on").kind() != "reply_ended" {}
    }
    a_stream(before, after)
}
