//! Versions of what was said, requests sent again, visitors, the queue: what a session does beyond one reply to one
//! message.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod doubles;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use doubles::listen::{PATIENT, open};
use doubles::{Puppet, agents};
use futures::StreamExt as _;
use kindred::agents::{AgentError, Caller, EventKind, Kindred, Limits, Message, RequestKey, SessionEvents, Supporter};
use kindred::engine::EngineError;
use kindred::store::{NewTurn, Owed, SqliteStore, Store, StoreError, TurnEnd, TurnRecord, VolatileStore};
use uuid::Uuid;

const QUICK: Duration = Duration::ZERO;
const SLOW: Duration = Duration::from_millis(30);
const LOCAL: Caller = Caller::Local;

async fn with(model: Arc<Puppet>, limits: Limits) -> Kindred {
    agents(model, Arc::new(VolatileStore::default()), limits).await
}

/// Says which request it is.
fn counting() -> Arc<Puppet> {
    Puppet::new(QUICK, |_, asked| Ok(format!("Answer {asked}.")))
}

fn key(text: &str) -> RequestKey {
    text.parse().unwrap()
}

fn keyed(text: &str, name: &str) -> Message {
    Message { text: text.into(), replaces: None, key: Some(key(name)) }
}

async fn next(events: &mut SessionEvents, test: impl Fn(&EventKind) -> bool) -> EventKind {
    loop {
        let event =
            tokio::time::timeout(PATIENT, events.next()).await.expect("no event came").expect("the events ended");
        if test(&event.kind) {
            return event.kind;
        }
    }
}

async fn reply(events: &mut SessionEvents) -> TurnRecord {
    match next(events, |kind| matches!(kind, EventKind::ReplyEnded { turn: Some(_), .. })).await {
        EventKind::ReplyEnded { turn: Some(turn), .. } => turn,
        other => panic!("{other:?}"),
    }
}

/// Says it and waits for the reply.
async fn exchange(kindred: &Kindred, id: Uuid, message: impl Into<Message>) -> (TurnRecord, TurnRecord) {
    let mut events = kindred.events(LOCAL, id, None).await.unwrap();
    let said = kindred.say(LOCAL, id, message).await.unwrap();
    (said, reply(&mut events).await)
}

async fn head(kindred: &Kindred, id: Uuid) -> Option<u64> {
    kindred.session(LOCAL, id).await.unwrap().record.head
}

#[tokio::test]
async fn a_reply_made_anew_is_another_version_of_it() {
    let kindred = with(counting(), Limits::default()).await;
    let id = open(&kindred).await;
    let (said, first) = exchange(&kindred, id, "hello").await;
    let mut events = kindred.events(LOCAL, id, None).await.unwrap();
    assert_eq!(kindred.regenerate(LOCAL, id, None, None).await.unwrap(), said.seq);
    let second = reply(&mut events).await;
    assert_eq!((first.parent, second.parent), (Some(said.seq), Some(said.seq)));
    assert_ne!(first.turn.text, second.turn.text);
    assert_eq!(head(&kindred, id).await, Some(second.seq));
    // What goes on from one version knows nothing of the other.
    let (more, _) = exchange(&kindred, id, "go on").await;
    assert_eq!(more.parent, Some(second.seq));
    assert_eq!(kindred.show_version(LOCAL, id, first.seq).await.unwrap(), first.seq);
    next(&mut events, |kind| *kind == EventKind::Head { seq: Some(first.seq) }).await;
    let (other, last) = exchange(&kindred, id, "another way").await;
    assert_eq!((other.parent, last.parent), (Some(first.seq), Some(other.seq)));
    assert_eq!(kindred.show_version(LOCAL, id, second.seq).await.unwrap(), more.seq + 1, "the newest beneath");
    assert!(matches!(kindred.show_version(LOCAL, id, 99).await, Err(AgentError::NoTurn { seq: 99 })));
    assert!(matches!(kindred.regenerate(LOCAL, id, Some(99), None).await, Err(AgentError::NoTurn { seq: 99 })));
    kindred.shutdown().await;
}

#[tokio::test]
async fn a_message_said_anew_branches_and_the_model_reads_only_its_branch() {
    let model =
        Puppet::new(QUICK, |request, _| Ok(format!("I read: {}.", request.prompt.text().contains("first way"))));
    let kindred = with(model, Limits::default()).await;
    let id = open(&kindred).await;
    let (_, _) = exchange(&kindred, id, "hello").await;
    let (first, answer) = exchange(&kindred, id, "the first way").await;
    assert_eq!(answer.turn.text, "I read: true.");
    let anew = Message { text: "the second".into(), replaces: Some(first.seq), key: None };
    let (second, answer) = exchange(&kindred, id, anew).await;
    assert_eq!(second.parent, first.parent);
    assert_eq!(answer.turn.text, "I read: false.");
    let not_mine = Message { text: "x".into(), replaces: Some(answer.seq), key: None };
    assert!(matches!(kindred.say(LOCAL, id, not_mine).await, Err(AgentError::NotAMessage { .. })));
    let nowhere = Message { text: "x".into(), replaces: Some(99), key: None };
    assert!(matches!(kindred.say(LOCAL, id, nowhere).await, Err(AgentError::NoTurn { seq: 99 })));
    // A message may be said anew from the very beginning.
    let root = Message { text: "hi".into(), replaces: Some(0), key: None };
    assert_eq!(exchange(&kindred, id, root).await.0.parent, None);
    kindred.shutdown().await;
}

#[tokio::test]
async fn a_request_sent_again_is_done_once() {
    let kindred = with(counting(), Limits::default()).await;
    let opening = key("o");
    let open = || kindred.open_session(LOCAL, Supporter::Character(1), "about", Some(&opening));
    let id = open().await.unwrap().id;
    assert_eq!(open().await.unwrap().id, id);
    let other = kindred.open_session(LOCAL, Supporter::Character(2), "about", Some(&opening)).await;
    assert!(matches!(other, Err(AgentError::KeyReused)));

    let (said, _) = exchange(&kindred, id, keyed("hello", "a")).await;
    assert_eq!(kindred.say(LOCAL, id, keyed(" hello ", "a")).await.unwrap(), said);
    assert!(matches!(kindred.say(LOCAL, id, keyed("other", "a")).await, Err(AgentError::KeyReused)));
    assert_eq!(open().await.unwrap().id, id, "also when it has turns");

    let mut events = kindred.events(LOCAL, id, None).await.unwrap();
    for _ in 0..2 {
        assert_eq!(kindred.regenerate(LOCAL, id, None, Some(key("r"))).await.unwrap(), said.seq);
    }
    let second = reply(&mut events).await;
    assert_eq!(kindred.regenerate(LOCAL, id, None, Some(key("r"))).await.unwrap(), said.seq);
    assert!(matches!(kindred.say(LOCAL, id, keyed("hello", "r")).await, Err(AgentError::KeyReused)));
    assert!(matches!(kindred.regenerate(LOCAL, id, None, Some(key("a"))).await, Err(AgentError::KeyReused)));
    assert_eq!(kindred.turns(LOCAL, id).await.unwrap().len() as u64, second.seq + 1);
    assert_eq!(second.seq, 2, "one message, two versions of its reply");
    kindred.shutdown().await;
}

#[tokio::test]
async fn what_was_owed_at_a_crash_comes_after_it_and_a_key_is_still_known() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(folder.path()).await.unwrap());
    let limits = Limits { grace: QUICK, ..Limits::default() };
    let kindred = agents(counting(), store.clone(), limits).await;
    let id = open(&kindred).await;
    let (said, _) = exchange(&kindred, id, keyed("hello", "a")).await;
    kindred.shutdown().await;
    // As a crash in the middle of another version leaves it.
    store.await_answer(id, said.seq, Some("r".into()), Owed::Asked).await.unwrap();
    let kindred = agents(counting(), store.clone(), limits).await;
    assert_eq!(kindred.regenerate(LOCAL, id, None, Some(key("r"))).await.unwrap(), said.seq);
    let mut events = kindred.events(LOCAL, id, Some(0)).await.unwrap();
    while reply(&mut events).await.seq < 2 {}
    assert_eq!(kindred.say(LOCAL, id, keyed("hello", "a")).await.unwrap(), said);
    assert_eq!(kindred.turns(LOCAL, id).await.unwrap().len(), 3);
    kindred.shutdown().await;
}

#[tokio::test]
async fn an_answer_that_never_comes_to_its_end_is_given_up_at_last() {
    let store = Arc::new(VolatileStore::default());
    let kindred = with(counting(), Limits::default()).await;
    kindred.shutdown().await;
    let kindred = agents(counting(), store.clone(), Limits::default()).await;
    let id = open(&kindred).await;
    kindred.shutdown().await;
    store.append(id, NewTurn::typed(None, "brings the process down")).await.unwrap();
    for _ in 0..3 {
        store.await_answer(id, 0, None, Owed::Still).await.unwrap();
    }
    let model = counting();
    let kindred = agents(model.clone(), store, Limits { attempts: 3, ..Limits::default() }).await;
    assert_eq!(kindred.answer_unanswered().await.unwrap(), 1);
    let mut events = kindred.events(LOCAL, id, Some(0)).await.unwrap();
    assert_eq!(reply(&mut events).await.end, TurnEnd::Failed);
    assert_eq!(model.asked.load(Ordering::SeqCst), 0);
    assert_eq!(kindred.answer_unanswered().await.unwrap(), 0);
    // Who asks again gets another try.
    kindred.regenerate(LOCAL, id, None, None).await.unwrap();
    assert_eq!(reply(&mut events).await.end, TurnEnd::Whole);
    kindred.shutdown().await;
}

#[tokio::test]
async fn a_failure_of_the_moment_is_owed_and_later_numbers_follow() {
    let down = Arc::new(AtomicBool::new(true));
    // Slow, so that the second try is still on its way when somebody comes.
    let model = Puppet::new(SLOW * 5, {
        let down = down.clone();
        move |_, _| match down.load(Ordering::SeqCst) {
            true => Err(EngineError::Gone { reason: "test".into() }),
            false => Ok("Here.".into()),
        }
    });
    let kindred = with(model, Limits::default()).await;
    let id = open(&kindred).await;
    let mut events = kindred.events(LOCAL, id, Some(0)).await.unwrap();
    kindred.say(LOCAL, id, "hello").await.unwrap();
    let mut last = None;
    let mut failed = false;
    while !failed {
        let event = events.next().await.unwrap();
        failed = matches!(event.kind, EventKind::Failed { retry: true, .. });
        last = last.max(event.id);
    }
    drop(events);
    down.store(false, Ordering::SeqCst);
    kindred.regenerate(LOCAL, id, None, None).await.unwrap();
    // One who resumes after the failure misses nothing of the second try.
    let mut events = kindred.events(LOCAL, id, last).await.unwrap();
    next(&mut events, |kind| matches!(kind, EventKind::ReplyStarted { .. })).await;
    next(&mut events, |kind| matches!(kind, EventKind::Text { .. })).await;
    assert_eq!(reply(&mut events).await.end, TurnEnd::Whole);
    kindred.shutdown().await;
}

#[tokio::test]
async fn those_who_wait_are_told_of_the_queue_and_served_in_turn() {
    let limits = Limits { replies: 1, ..Limits::default() };
    let kindred = with(Puppet::saying("one two three", SLOW * 3), limits).await;
    let (a, b, c) = (open(&kindred).await, open(&kindred).await, open(&kindred).await);
    let mut of_b = kindred.events(LOCAL, b, None).await.unwrap();
    let mut of_c = kindred.events(LOCAL, c, None).await.unwrap();
    for id in [a, b, c] {
        kindred.say(LOCAL, id, "hello").await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let queued = |kind: &EventKind| matches!(kind, EventKind::Queued { .. });
    assert!(matches!(next(&mut of_b, queued).await, EventKind::Queued { ahead: 0, .. }));
    let EventKind::Queued { ahead: 1, wait_ms, seq: 1 } = next(&mut of_c, queued).await else { panic!() };
    assert!(wait_ms > 0);
    assert_eq!(kindred.queue().1, 3);
    // One who comes late is told too.
    let mut late = kindred.events(LOCAL, c, None).await.unwrap();
    assert!(matches!(next(&mut late, queued).await, EventKind::Queued { ahead: 1, .. }));
    reply(&mut of_b).await;
    reply(&mut of_c).await;
    kindred.shutdown().await;
}

#[tokio::test]
async fn for_a_visitor_only_their_own_sessions_exist() {
    let kindred = with(counting(), Limits { visitor_sessions: 2, ..Limits::default() }).await;
    let (anna, token) = kindred.welcome().await.unwrap();
    let (bert, _) = kindred.welcome().await.unwrap();
    assert_eq!(kindred.visitor(&token).await.unwrap().unwrap().id, anna.id);
    let (anna, bert) = (Caller::visitor(anna.id), Caller::visitor(bert.id));
    let one = Supporter::Character(1);
    let id = kindred.open_session(anna, one, "", None).await.unwrap().id;
    kindred.say(anna, id, "mine").await.unwrap();
    // Awake, and asleep in the store.
    for wakes in [false, true] {
        if wakes {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(matches!(kindred.session(bert, id).await, Err(AgentError::NoSession { .. })));
        assert!(matches!(kindred.turns(bert, id).await, Err(AgentError::NoSession { .. })));
        assert!(matches!(kindred.say(bert, id, "x").await, Err(AgentError::NoSession { .. })));
        assert!(matches!(kindred.regenerate(bert, id, None, None).await, Err(AgentError::NoSession { .. })));
        assert!(matches!(kindred.show_version(bert, id, 0).await, Err(AgentError::NoSession { .. })));
        assert!(matches!(kindred.stop(bert, id).await, Err(AgentError::NoSession { .. })));
        assert!(matches!(kindred.end(bert, id).await, Err(AgentError::NoSession { .. })));
        assert!(matches!(kindred.delete_session(bert, id).await, Err(AgentError::NoSession { .. })));
        assert!(kindred.events(bert, id, None).await.is_err());
        assert!(kindred.session(LOCAL, id).await.is_ok(), "this machine's own user may");
    }
    kindred.open_session(anna, one, "", None).await.unwrap();
    let third = kindred.open_session(anna, one, "", None).await;
    assert!(matches!(third, Err(AgentError::Store(StoreError::TooManySessions { limit: 2 }))), "{third:?}");
    assert_eq!(kindred.sessions(anna, None, 10).await.unwrap().len(), 2);
    assert_eq!(kindred.sessions(bert, None, 10).await.unwrap(), []);

    let mut events = kindred.events(anna, id, None).await.unwrap();
    kindred.delete_session(anna, id).await.unwrap();
    assert_eq!(next(&mut events, |kind| matches!(kind, EventKind::Deleted)).await, EventKind::Deleted);
    assert!(matches!(kindred.session(anna, id).await, Err(AgentError::NoSession { .. })));
    let Caller::Visitor { id: anna, .. } = anna else { unreachable!() };
    kindred.forget_visitor(anna).await.unwrap();
    assert_eq!(kindred.visitor(&token).await.unwrap(), None);
    assert_eq!(kindred.sessions(LOCAL, None, 10).await.unwrap(), []);
    kindred.shutdown().await;
}

#[tokio::test]
async fn who_stays_away_too_long_is_forgotten_with_all_that_is_theirs() {
    let limits = Limits { visitor_idle: Duration::from_millis(200), ..Limits::default() };
    let kindred = with(counting(), limits).await;
    let (anna, token) = kindred.welcome().await.unwrap();
    let id = kindred.open_session(Caller::visitor(anna.id), Supporter::Character(1), "", None).await.unwrap().id;
    for _ in 0..4 {
        tokio::time::sleep(limits.visitor_idle * 3 / 5).await;
        assert!(kindred.visitor(&token).await.unwrap().is_some(), "who comes back stays");
    }
    assert_eq!(kindred.delete_old().await.unwrap(), 0);
    tokio::time::sleep(limits.visitor_idle * 2).await;
    assert_eq!(kindred.visitor(&token).await.unwrap(), None);
    assert_eq!(kindred.delete_old().await.unwrap(), 1);
    assert!(matches!(kindred.session(LOCAL, id).await, Err(AgentError::NoSession { .. })));
    kindred.shutdown().await;
}

#[tokio::test]
async fn a_conversation_has_a_bound() {
    let kindred = with(counting(), Limits { session_turns: 5, ..Limits::default() }).await;
    let id = open(&kindred).await;
    exchange(&kindred, id, "one").await;
    exchange(&kindred, id, "two").await;
    assert!(matches!(kindred.say(LOCAL, id, "three").await, Err(AgentError::SessionFull { limit: 5, .. })));
    let (_, card) = exchange(&kindred, id, "I want to kill myself tonight").await;
    assert_eq!(card.end, TurnEnd::HelpCard, "nothing is too long for that");
    kindred.shutdown().await;
}

#[tokio::test]
async fn somebody_at_risk_waits_for_nobody() {
    let limits = Limits { replies: 1, waiting: 1, grace: QUICK, ..Limits::default() };
    let kindred = with(Puppet::saying(&"slow ".repeat(400), SLOW), limits).await;
    let (a, b) = (open(&kindred).await, open(&kindred).await);
    kindred.say(LOCAL, a, "takes the only place").await.unwrap();
    assert!(matches!(kindred.say(LOCAL, b, "hello").await, Err(AgentError::Overloaded { .. })));
    let (_, card) = exchange(&kindred, b, "I want to kill myself tonight").await;
    assert_eq!(card.end, TurnEnd::HelpCard);
    kindred.shutdown().await;
}

#[tokio::test]
async fn a_key_of_a_reply_on_its_way_is_no_messages_key() {
    let kindred = with(Puppet::saying(&"word ".repeat(400), SLOW), Limits { grace: QUICK, ..Limits::default() }).await;
    let id = open(&kindred).await;
    let mut events = kindred.events(LOCAL, id, None).await.unwrap();
    kindred.say(LOCAL, id, "hello").await.unwrap();
    kindred.stop(LOCAL, id).await.unwrap();
    kindred.regenerate(LOCAL, id, None, Some(key("r"))).await.unwrap();
    next(&mut events, |kind| matches!(kind, EventKind::Text { .. })).await;
    assert!(matches!(kindred.say(LOCAL, id, keyed("lost?", "r")).await, Err(AgentError::KeyReused)));
    kindred.say(LOCAL, id, keyed("kept", "m")).await.unwrap();
    let turns = kindred.turns(LOCAL, id).await.unwrap();
    assert_eq!(turns.last().unwrap().turn.text, "kept");
    kindred.shutdown().await;
}

#[tokio::test]
async fn what_failed_for_a_moment_is_told_to_who_comes_late_and_can_be_let_go() {
    let model = Puppet::new(QUICK, |_, _| Err(EngineError::Gone { reason: "secret".into() }));
    let kindred = with(model, Limits::default()).await;
    let id = open(&kindred).await;
    let mut events = kindred.events(LOCAL, id, None).await.unwrap();
    kindred.say(LOCAL, id, "hello").await.unwrap();
    let failed = |kind: &EventKind| matches!(kind, EventKind::Failed { retry: true, .. });
    let EventKind::Failed { message, .. } = next(&mut events, failed).await else { unreachable!() };
    assert!(!message.contains("secret"), "{message}");
    let mut late = kindred.events(LOCAL, id, Some(0)).await.unwrap();
    next(&mut late, failed).await;
    assert!(kindred.session(LOCAL, id).await.unwrap().record.awaits);
    let let_go = kindred.stop(LOCAL, id).await.unwrap().unwrap();
    assert_eq!((let_go.end, let_go.turn.text.as_str()), (TurnEnd::CutOff, ""));
    assert_eq!(kindred.answer_unanswered().await.unwrap(), 0, "nothing is owed any more");
    // Another version of an earlier turn takes no numbers that were seen.
    let mut last = None;
    while let Ok(Some(event)) = tokio::time::timeout(Duration::from_millis(50), late.next()).await {
        last = last.max(event.id);
    }
    kindred.regenerate(LOCAL, id, Some(0), None).await.unwrap();
    let mut resumed = kindred.events(LOCAL, id, last).await.unwrap();
    next(&mut resumed, failed).await;
    kindred.shutdown().await;
}
