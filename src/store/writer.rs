//! The one writer of the database: takes the changes that wait, and commits them together.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::{Connection as _, Row as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::StoreError;
use super::change::{Change, Outcome};
use super::sqlite::{BUSY, explain};

/// The most changes of one transaction; a commit costs one flush to disk, however many it carries.
const GROUP: usize = 256;
/// How soon the log is emptied of what was deleted, if a reader stood in the way …
const AGAIN: Duration = Duration::from_millis(500);
/// … or if the disk did.
const LATER: Duration = Duration::from_secs(30);
/// How long a reader is waited for, while all words wait.
const READING: Duration = Duration::from_millis(50);

/// A change and where its answer goes.
pub(super) struct Order {
    pub(super) change: Change,
    pub(super) answer: oneshot::Sender<Result<Outcome, StoreError>>,
}

type Outcomes = Vec<Result<Outcome, StoreError>>;

/// Writes until every sender is gone.
pub(super) async fn run(mut database: SqliteConnection, mut orders: mpsc::Receiver<Order>, path: PathBuf) {
    let mut group = Vec::with_capacity(GROUP);
    // When the log is to be emptied of what it may still hold of deleted rows; at the start too, as a crash may have
    // come between a deletion and that.
    let mut stained = Some(Instant::now());
    loop {
        if let Some(due) = stained
            && due <= Instant::now()
        {
            stained = wash(&mut database).await;
        }
        let taken = match stained {
            None => orders.recv_many(&mut group, GROUP).await,
            Some(due) => match tokio::time::timeout_at(due, orders.recv_many(&mut group, GROUP)).await {
                Ok(taken) => taken,
                Err(_) => continue,
            },
        };
        if taken == 0 {
            break;
        }
        match commit(&mut database, &group).await {
            Ok(outcomes) => {
                if group.iter().any(|order| order.change.deletes()) {
                    stained = wash(&mut database).await;
                }
                for (order, outcome) in group.drain(..).zip(outcomes) {
                    // A caller that has left needs no answer.
                    let _ = order.answer.send(outcome);
                }
            }
            // One bad change must not take its neighbours with it: each gets a transaction of its own.
            Err(_) => {
                for order in group.drain(..) {
                    let outcome = match commit(&mut database, std::slice::from_ref(&order)).await {
                        Ok(mut outcomes) => outcomes.pop().unwrap_or(Err(StoreError::Closed)),
                        Err(error) => Err(explain(error, &path)),
                    };
                    if order.change.deletes() {
                        stained = wash(&mut database).await;
                    }
                    let _ = order.answer.send(outcome);
                }
            }
        }
    }
    // Nothing can be told to anyone any more; a WAL that was not folded in is read at the next start.
    let _ = database.close().await;
}

/// One transaction, in plain statements: when a disk is full SQLite rolls back by itself, and sqlx's own count of open
/// transactions would be wrong from then on.
async fn commit(database: &mut SqliteConnection, group: &[Order]) -> Result<Outcomes, sqlx::Error> {
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *database).await?;
    let outcomes = apply_all(database, group).await;
    if outcomes.is_err() {
        // Fails where SQLite has rolled back already, which is as well.
        let _ = sqlx::query("ROLLBACK").execute(&mut *database).await;
    }
    outcomes
}

async fn apply_all(database: &mut SqliteConnection, group: &[Order]) -> Result<Outcomes, sqlx::Error> {
    let mut outcomes = Vec::with_capacity(group.len());
    for order in group {
        outcomes.push(order.change.apply(&mut *database).await?);
    }
    fail::fail_point!("store::before_commit");
    sqlx::query("COMMIT").execute(database).await?;
    fail::fail_point!("store::after_commit");
    Ok(outcomes)
}

/// Folds the log into the database, where deleted rows are overwritten, and empties it. If a reader stands in the way,
/// says when to try again: nobody's words may wait for that reader.
async fn wash(database: &mut SqliteConnection) -> Option<Instant> {
    let washed = async {
        let short = format!("PRAGMA busy_timeout = {}", READING.as_millis());
        sqlx::query(sqlx::AssertSqlSafe(short)).execute(&mut *database).await?;
        let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *database).await?;
        row.try_get::<i64, _>(0)
    };
    let busy = washed.await;
    let patience = format!("PRAGMA busy_timeout = {}", BUSY.as_millis());
    let restored = sqlx::query(sqlx::AssertSqlSafe(patience)).execute(database).await;
    if let (Err(error), _) | (_, Err(error)) = (busy.as_ref().map(|_| ()), restored.as_ref().map(|_| ())) {
        tracing::warn!(%error, "the log could not be emptied");
    }
    match busy {
        Ok(0) => None,
        Ok(_) => Some(Instant::now() + AGAIN),
        Err(_) => Some(Instant::now() + LATER),
    }
}
