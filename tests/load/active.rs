//! People who are all being answered at once: nothing is lost on the way, and it comes in time.

use std::time::Duration;

use crate::chatter::{Speech, read_stamp};
use crate::client::{Ask, Events};
use crate::crowd::{House, Person, crowd, insist, listen, percentile};

/// Pieces that a stream brings in a second.
const PIECES_A_SECOND: usize = 5;

/// Runs so many streams for so long; gives the delay from the making of a piece to its reading that 99 of 100 keep.
pub async fn active(streams: usize, seconds: usize) -> Duration {
    let pieces = PIECES_A_SECOND * seconds;
    let speech = Speech::Stamps { pieces, pause_ms: 1000 / PIECES_A_SECOND as u64 };
    let house = House::open(speech, streams, streams);
    let people = crowd(&house, streams).await;
    let listening = listen(people).await.into_iter();
    let readers: Vec<_> = listening.map(|(person, events)| tokio::spawn(read(person, events, pieces))).collect();
    let mut delays = Vec::with_capacity(streams * pieces);
    for reader in readers {
        delays.extend(reader.await.unwrap());
    }
    assert_eq!(delays.len(), streams * pieces, "every piece came");
    let (half, most) = (percentile(&mut delays, 0.5), percentile(&mut delays, 0.99));
    let slowest = delays.last().copied().unwrap_or_default();
    println!(
        "{streams} active streams for {seconds} s: {} events, none lost; delay {:.1} ms in the median, \
         {:.1} ms for 99 of 100, {:.1} ms at most",
        delays.len(),
        half.as_secs_f64() * 1e3,
        most.as_secs_f64() * 1e3,
        slowest.as_secs_f64() * 1e3,
    );
    most
}

/// Says something and reads the reply to its end; gives the delay of each piece. Fails on a piece that is missing or
/// out of order, and where the pieces are not what is stored.
async fn read(mut person: Person, mut events: Events, pieces: usize) -> Vec<Duration> {
    let said = person.say("Hello.", "hello").await.unwrap();
    let mut delays = Vec::with_capacity(pieces);
    let mut text = String::new();
    let mut last = 0;
    loop {
        let event = events.next().await.unwrap().expect("the stream goes on");
        if let Some(id) = event.id {
            assert!(id > last, "event {id} came after {last}");
            last = id;
        }
        match event.kind() {
            "text" => {
                let piece = event.data["text"].as_str().unwrap();
                let (number, delay) = read_stamp(piece).unwrap_or_else(|| panic!("no stamp: {piece:?}"));
                assert_eq!(number, delays.len(), "a piece is missing");
                delays.push(delay);
                text.push_str(piece);
            }
            "reply_ended" => break,
            "failed" => panic!("a reply failed: {}", event.data),
            _ => {}
        }
    }
    let view = insist(&mut person.client, &Ask::show(person.session)).await.unwrap().json();
    let stored = view["turns"].as_array().unwrap().iter().find(|turn| turn["seq"].as_u64() > Some(said));
    assert_eq!(stored.unwrap()["text"], text.as_str(), "what is stored is what was read");
    delays
}
