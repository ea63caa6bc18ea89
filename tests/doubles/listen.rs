//! Opening a session and listening to it, as the tests of agents do.

use std::time::Duration;

use futures::StreamExt as _;
use kindred::agents::{Caller, EventKind, Kindred, SessionEvent, SessionEvents, Supporter};
use kindred::store::TurnRecord;
use uuid::Uuid;

/// How long anything may take on a busy machine.
pub const PATIENT: Duration = Duration::from_secs(20);

/// The next event for which the test holds, and all before it.
pub async fn until(events: &mut SessionEvents, test: impl Fn(&EventKind) -> bool) -> Vec<SessionEvent> {
    let mut seen = Vec::new();
    loop {
        let next =
            tokio::time::timeout(PATIENT, events.next()).await.expect("no event came").expect("the events ended");
        let found = test(&next.kind);
        // How things stand is told in between, as it comes.
        if next.id.is_some() || found {
            seen.push(next);
        }
        if found {
            return seen;
        }
    }
}

pub fn is_ended(kind: &EventKind) -> bool {
    matches!(kind, EventKind::ReplyEnded { .. })
}

pub fn reply_of(events: &[SessionEvent]) -> TurnRecord {
    match &events.last().unwrap().kind {
        EventKind::ReplyEnded { turn: Some(turn), .. } => turn.clone(),
        other => panic!("{other:?}"),
    }
}

/// A session of this machine's own user with the first character.
pub async fn open(kindred: &Kindred) -> Uuid {
    kindred.open_session(Caller::Local, Supporter::Character(1), "", None).await.unwrap().id
}
