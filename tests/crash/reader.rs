//! A person who reads a session's events from the first on, and takes the line up again where it broke.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use crate::client::{Client, Event};
use crate::record::{Seen, Turn};
use crate::world::World;

/// How long the last reply of a session may take once its writer has left and no server dies any more.
const LAST_REPLY: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(8);

/// Whom to follow, and the lines to the writer.
pub struct Follow {
    pub session: Uuid,
    /// The place of the newest reply that ended.
    pub answered: watch::Sender<u64>,
    /// Set when the writer has left: the place of the last message, if there was any.
    pub left: watch::Receiver<Option<Option<u64>>>,
}

/// Reads until the session is over, or its writer has left and the last reply has ended.
pub async fn follow(world: Arc<World>, mut client: Client, mut follow: Follow) {
    let mut reader = Reader { last: 0, pieces: BTreeMap::new(), seen: Seen::default(), over: false };
    let session = follow.session;
    let mut give_up = None;
    let mut lines = 0;
    while !reader.is_done(&follow) {
        let alone = follow.left.borrow_and_update().is_some();
        // As long as servers die one after the other, a reply may take any number of them.
        if give_up.is_none() && world.is_finishing() && alone {
            give_up = Some(Instant::now() + LAST_REPLY);
        }
        if give_up.is_some_and(|until| Instant::now() >= until) {
            world.record.problem(format!("session {session}: the last reply was never seen to end"));
            break;
        }
        client.turn_to(world.address().await);
        let mut events = match client.events(session, reader.last).await {
            Ok(Ok(events)) => events,
            Ok(Err(answer)) if matches!(answer.status, 401 | 404) => {
                world.record.problem(format!("session {session}: its reader was answered {}", answer.account()));
                break;
            }
            Ok(Err(_)) | Err(_) => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        lines += 1;
        reader.begin_line();
        while !reader.is_done(&follow) {
            let event = tokio::select! {
                event = events.next() => event,
                // That the writer leaves may be what this waits for; the line is taken up again where it was.
                left = follow.left.changed(), if !alone => match left {
                    Ok(()) => break,
                    Err(_) => return,
                },
                () = tokio::time::sleep_until(give_up.unwrap_or_else(|| Instant::now() + LAST_REPLY)) => break,
            };
            let Ok(Some(event)) = event else { break };
            for problem in reader.take(&event) {
                world.record.problem(format!("session {session}: {problem}"));
            }
            if let Some((&newest, _)) = reader.seen.replies.last_key_value() {
                follow.answered.send_replace(newest);
            }
        }
    }
    let mut seen = reader.seen;
    seen.resumed = usize::max(lines, 1) - 1;
    world.record.note(|known| known.seen.push((session, seen)));
}

/// What was read of a session so far.
struct Reader {
    last: u64,
    /// Replies on their way: what was read of each, and whether this very line brought some of it.
    pieces: BTreeMap<u64, (String, bool)>,
    seen: Seen,
    over: bool,
}

impl Reader {
    fn is_done(&self, follow: &Follow) -> bool {
        let replied = |last: u64| self.seen.replies.last_key_value().is_some_and(|(&reply, _)| reply > last);
        self.over || follow.left.borrow().is_some_and(|last| last.is_none_or(replied))
    }

    fn begin_line(&mut self) {
        self.pieces.values_mut().for_each(|(_, fresh)| *fresh = false);
    }

    /// Reads an event; gives what is wrong with it.
    fn take(&mut self, event: &Event) -> Vec<String> {
        let mut problems = Vec::new();
        self.seen.events += 1;
        match event.id {
            Some(id) if id <= self.last => {
                problems.push(format!("event {id} ({}) came after {}", event.kind(), self.last))
            }
            Some(id) => self.last = id,
            None if matches!(event.kind(), "queued" | "head") => {}
            None => problems.push(format!("an event {} without a number", event.kind())),
        }
        let seq = event.data["seq"].as_u64().unwrap_or_default();
        match event.kind() {
            "said" => match serde_json::from_value::<Turn>(event.data["turn"].clone()) {
                Ok(turn) => {
                    if self.seen.said.insert(turn.seq, turn.text).is_some() {
                        problems.push(format!("message {} was told twice", turn.seq));
                    }
                }
                Err(error) => problems.push(format!("a turn that cannot be read: {error}")),
            },
            "reply_started" => {
                self.pieces.insert(seq, (String::new(), true));
            }
            "text" => {
                let (text, fresh) = self.pieces.entry(seq).or_default();
                text.push_str(event.data["text"].as_str().unwrap_or_default());
                *fresh = true;
            }
            "reply_ended" => problems.extend(self.end_of_reply(seq, &event.data)),
            "failed" => self.seen.failed += 1,
            "ended" | "deleted" => self.over = true,
            "queued" | "head" | "closing" => {}
            other => problems.push(format!("an event of an unknown type {other:?}")),
        }
        problems
    }

    fn end_of_reply(&mut self, seq: u64, data: &serde_json::Value) -> Option<String> {
        let read = self.pieces.remove(&seq);
        if data["turn"].is_null() {
            return None;
        }
        let turn: Turn = match serde_json::from_value(data["turn"].clone()) {
            Ok(turn) => turn,
            Err(error) => return Some(format!("a turn that cannot be read: {error}")),
        };
        let problem = match read {
            // Where the end came on a line that brought no piece, the stored turn is all there is to go by.
            Some((text, true)) if text != turn.text => {
                Some(format!("reply {seq} was told in pieces that are not what is stored ({})", turn.end))
            }
            Some((_, true)) => {
                self.seen.pieced += 1;
                None
            }
            _ => None,
        };
        let again = self.seen.replies.insert(turn.seq, (turn.text, turn.end)).is_some();
        problem.or_else(|| again.then(|| format!("reply {seq} ended twice")))
    }
}
