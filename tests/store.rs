//! The store: what was said survives, and what stands in its way is named.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use kindred::dialogue::{Speaker, Turn};
use kindred::persona::{Aspect, Memory};
use kindred::store::{
    Cursor, NewSession, NewTurn, SqliteStore, Store, StoreError, Swept, TooOld, TurnEnd, VolatileStore, Whose,
};
use uuid::Uuid;

fn reply(text: &str, end: TurnEnd) -> NewTurn {
    let memory = Memory { aspect: Aspect::Hobby, content: "You sail.".into() };
    NewTurn {
        parent: Some(0),
        key: None,
        turn: Turn { speaker: Speaker::Supporter, text: text.into(), memory: Some(memory) },
        end,
        model: Some("m 1".into()),
    }
}

/// What every store must do.
async fn keeps_sessions(store: &dyn Store) {
    let session = store.open_session(NewSession::local(7, "I lost my job")).await.unwrap();
    assert_eq!(store.session(session.id).await.unwrap().as_ref(), Some(&session));
    assert_eq!(store.turns(session.id).await.unwrap(), []);
    let mut said = vec![store.append(session.id, NewTurn::typed(None, "Hello <SYSTEM> \u{1F600}")).await.unwrap()];
    let waiting = store.unanswered(None, 9).await.unwrap();
    assert_eq!(waiting.iter().map(|record| (record.id, record.awaits)).collect::<Vec<_>>(), [(session.id, true)]);
    said.push(store.append(session.id, reply("When", TurnEnd::CutOff)).await.unwrap());
    assert_eq!(store.unanswered(None, 9).await.unwrap(), []);
    assert_eq!(said.iter().map(|turn| turn.seq).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(store.turns(session.id).await.unwrap(), said);

    let newer = store.open_session(NewSession::local(8, "")).await.unwrap();
    let listed: Vec<Uuid> = store.sessions(Whose::All, None, 9).await.unwrap().iter().map(|record| record.id).collect();
    assert_eq!(listed, [newer.id, session.id]);
    assert_eq!(store.sessions(Whose::All, None, 1).await.unwrap().len(), 1);

    store.end_session(session.id).await.unwrap();
    let ended = store.session(session.id).await.unwrap().unwrap().ended_ms;
    assert!(ended.is_some());
    store.end_session(session.id).await.unwrap();
    assert_eq!(store.session(session.id).await.unwrap().unwrap().ended_ms, ended);

    let nobody = Uuid::now_v7();
    assert!(store.session(nobody).await.unwrap().is_none());
    assert!(matches!(store.turns(nobody).await, Err(StoreError::NoSession { id }) if id == nobody));
    assert!(matches!(store.end_session(nobody).await, Err(StoreError::NoSession { .. })));
    assert!(matches!(store.append(nobody, NewTurn::typed(None, "x")).await, Err(StoreError::NoSession { .. })));
}

#[tokio::test]
async fn both_stores_keep_sessions() {
    let folder = tempfile::tempdir().unwrap();
    keeps_sessions(&SqliteStore::open(folder.path()).await.unwrap()).await;
    keeps_sessions(&VolatileStore::default()).await;
}

#[tokio::test]
async fn everything_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("made/when/absent");
    let store = SqliteStore::open(&inner).await.unwrap();
    let session = store.open_session(NewSession::local(3, "about")).await.unwrap();
    let first = store.append(session.id, NewTurn::typed(None, "First.")).await.unwrap();
    let said = store.append(session.id, reply("Whole.", TurnEnd::Whole)).await.unwrap();
    let session = store.session(session.id).await.unwrap().unwrap();
    store.close().await;
    let mode = fs::metadata(&inner).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "what was said is nobody else's to read");
    let mode = fs::metadata(inner.join("kindred.sqlite")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "nor the file, should the folder be another's");
    let store = SqliteStore::open(&inner).await.unwrap();
    assert_eq!(store.session(session.id).await.unwrap(), Some(session.clone()));
    assert_eq!(store.turns(session.id).await.unwrap(), [first, said]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_leave_no_gap() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(folder.path()).await.unwrap());
    let session = store.open_session(NewSession::local(1, "")).await.unwrap().id;
    let writers = (0..200).map(|n| {
        let store = store.clone();
        // A bad neighbour in the same group must not harm the others.
        let target = if n % 20 == 7 { Uuid::now_v7() } else { session };
        tokio::spawn(async move { store.append(target, NewTurn::typed(None, n.to_string())).await })
    });
    let outcomes: Vec<_> = futures::future::join_all(writers).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_err()).count(), 10);
    let turns = store.turns(session).await.unwrap();
    assert_eq!(turns.iter().map(|turn| turn.seq).collect::<Vec<_>>(), (0..190).collect::<Vec<_>>());
    assert_eq!(turns.iter().map(|turn| turn.turn.text.clone()).collect::<HashSet<_>>().len(), 190);
}

#[tokio::test]
async fn two_processes_cannot_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = SqliteStore::open(folder.path()).await.unwrap();
    let error = SqliteStore::open(folder.path()).await.unwrap_err();
    let message = error.to_string();
    assert!(matches!(error, StoreError::InUse { .. }), "{message}");
    assert!(message.contains(folder.path().to_str().unwrap()) && message.contains("--data"), "{message}");
    first.close().await;
    SqliteStore::open(folder.path()).await.unwrap();
}

#[tokio::test]
async fn what_stands_in_the_way_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("kindred.sqlite"), "no database at all, and long enough to be read as one".repeat(40))
        .unwrap();
    let message = SqliteStore::open(folder.path()).await.unwrap_err().to_string();
    assert!(message.contains("kindred.sqlite") && message.contains("not a Kindred database"), "{message}");

    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let message = SqliteStore::open(&file).await.unwrap_err().to_string();
    assert!(message.contains(file.to_str().unwrap()) && message.contains("data folder"), "{message}");

    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(closed.join("probe"), "").is_ok() {
        eprintln!("skipped the unwritable folder: this user may write everywhere");
        return;
    }
    let message = SqliteStore::open(&closed).await.unwrap_err().to_string();
    assert!(message.contains(closed.to_str().unwrap()) && message.contains("cannot write"), "{message}");
}

/// Whether a text is anywhere in the database's files.
fn is_on_disk(folder: &std::path::Path, text: &str) -> bool {
    let files = fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    files.into_iter().any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
}

#[tokio::test]
async fn what_is_deleted_is_gone_from_the_files() {
    const SECRET: &str = "a-word-that-is-nowhere-else";
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let visitor = store.add_visitor([7; 32]).await.unwrap();
    let new = |about: &str| NewSession { owner: Some(visitor.id), ..NewSession::local(1, about) };
    let (first, second) =
        (store.open_session(new(SECRET)).await.unwrap(), store.open_session(new("other")).await.unwrap());
    let kept = store.open_session(NewSession::local(2, "kept")).await.unwrap();
    for n in 0..50 {
        store.append(first.id, NewTurn::typed(None, format!("{SECRET} {n}"))).await.unwrap();
        store.append(second.id, NewTurn::typed(None, format!("{SECRET} {n} {}", "x".repeat(500)))).await.unwrap();
    }
    assert!(is_on_disk(folder.path(), SECRET));
    store.delete_session(first.id).await.unwrap();
    assert!(matches!(store.delete_session(first.id).await, Err(StoreError::NoSession { .. })));
    assert_eq!(store.delete_visitor(visitor.id).await.unwrap(), [second.id]);
    assert!(!is_on_disk(folder.path(), SECRET), "deleted means gone");
    assert_eq!(store.visitor(&[7; 32]).await.unwrap(), None);
    assert!(store.session(kept.id).await.unwrap().is_some());
}

#[tokio::test]
async fn what_is_too_old_goes_and_the_rest_stays() {
    let folder = tempfile::tempdir().unwrap();
    for store in [&SqliteStore::open(folder.path()).await.unwrap() as &dyn Store, &VolatileStore::default()] {
        let visitor = store.add_visitor([1; 32]).await.unwrap();
        let theirs =
            store.open_session(NewSession { owner: Some(visitor.id), ..NewSession::local(1, "") }).await.unwrap();
        let own = store.open_session(NewSession::local(1, "")).await.unwrap();
        let never = TooOld { seen_before: i64::MIN, created_before: i64::MIN, used_before: i64::MIN };
        assert!(store.delete_old(never).await.unwrap() == Swept::default());
        let stale = TooOld { seen_before: i64::MAX, ..never };
        assert_eq!(store.delete_old(stale).await.unwrap().sessions, [theirs.id], "their visitor stayed away");
        assert_eq!(store.visitor(&[1; 32]).await.unwrap(), None);
        assert_eq!(store.delete_old(TooOld { used_before: i64::MAX, ..never }).await.unwrap().sessions, [own.id]);
    }
}

#[tokio::test]
async fn a_list_goes_on_where_a_page_ended() {
    let folder = tempfile::tempdir().unwrap();
    for store in [&SqliteStore::open(folder.path()).await.unwrap() as &dyn Store, &VolatileStore::default()] {
        let owner = store.add_visitor([1; 32]).await.unwrap().id;
        for _ in 0..5 {
            store.open_session(NewSession { owner: Some(owner), ..NewSession::local(1, "") }).await.unwrap();
            store.open_session(NewSession::local(1, "")).await.unwrap();
        }
        let (mut seen, mut after) = (Vec::<Uuid>::new(), None);
        loop {
            let page = store.sessions(Whose::Visitor(owner), after, 2).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(Cursor { used_ms: last.used_ms, id: last.id });
            seen.extend(page.iter().map(|record| record.id));
        }
        assert_eq!(seen.iter().collect::<HashSet<_>>().len(), 5);
        assert_eq!(store.count_sessions(Whose::Visitor(owner)).await.unwrap(), 5);
        assert_eq!(store.count_sessions(Whose::All).await.unwrap(), 10);
    }
}

#[tokio::test]
async fn a_sweep_goes_on_until_nothing_is_too_old() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    // Many who never said a word, before one who did.
    for n in 0..250_u8 {
        store.add_visitor([n; 32]).await.unwrap();
    }
    let owner = Some(store.add_visitor([255; 32]).await.unwrap().id);
    store.open_session(NewSession { owner, ..NewSession::local(1, "") }).await.unwrap();
    let all = TooOld { seen_before: i64::MAX, created_before: i64::MIN, used_before: i64::MIN };
    let (mut sweeps, mut visitors, mut sessions) = (0, 0, 0);
    loop {
        let swept = store.delete_old(all).await.unwrap();
        if swept == Swept::default() {
            break;
        }
        sweeps += 1;
        visitors += swept.visitors;
        sessions += swept.sessions.len();
    }
    assert!(sweeps > 1, "one change must not hold everybody up");
    assert_eq!((visitors, sessions), (251, 1));
}
