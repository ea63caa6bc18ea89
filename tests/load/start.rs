//! A store that has grown: how long a start takes.

use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::{Connection as _, Row as _, SqliteConnection};

use crate::chatter::Speech;
use crate::client::{Ask, Client};
use crate::crowd::{House, crowd};

const SAID: usize = 3;
const PATIENCE: Duration = Duration::from_secs(120);

/// Makes a store of so many sessions of a few turns each, and gives the time from the start of the process to the
/// first "ready".
pub async fn start(sessions: usize) -> Duration {
    let mut house = House::open(Speech::Words { most_pause_ms: 1 }, 16, 16);
    let mut person = crowd(&house, 1).await.remove(0);
    let mut events = person.client.events(person.session, 0).await.unwrap().unwrap();
    for number in 0..SAID {
        person.say("I feel alone.", &format!("say-{number}")).await.unwrap();
        while events.next().await.unwrap().expect("the stream goes on").kind() != "reply_ended" {}
    }
    house.server.kill();
    let bytes = multiply(&house.plan.data, sessions).await;
    let began = Instant::now();
    house.reopen();
    let listening = began.elapsed();
    let mut client = Client::new(house.server.address());
    while client.ask(&Ask::get("/api/ready")).await.unwrap().status != 200 {
        assert!(began.elapsed() < PATIENCE, "it never became ready");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let ready = began.elapsed();
    println!(
        "{sessions} sessions in {} MiB: listening after {:.2} s, ready after {:.2} s",
        bytes >> 20,
        listening.as_secs_f64(),
        ready.as_secs_f64()
    );
    ready
}

/// Copies the one session of a store so many times, whatever columns it has.
async fn multiply(data: &Path, copies: usize) -> u64 {
    let file = data.join("kindred.sqlite");
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    let mut transaction = connection.begin().await.unwrap();
    sqlx::query("CREATE TEMP TABLE copies AS SELECT id FROM sessions").execute(&mut *transaction).await.unwrap();
    for (table, identity) in [("sessions", "id"), ("turns", "session")] {
        let described = sqlx::query(sqlx::AssertSqlSafe(format!("PRAGMA table_info({table})")));
        let columns: Vec<String> =
            described.fetch_all(&mut *transaction).await.unwrap().iter().map(|row| row.get("name")).collect();
        let values = columns.iter().map(|column| match column.as_str() {
            name if name == identity => "unhex(printf('%032x', number))",
            // Of a key there is one only.
            "key" => "NULL",
            name => name,
        });
        let copy = format!(
            "WITH RECURSIVE numbers (number) AS
                 (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {copies})
             INSERT INTO {table} ({}) SELECT {} FROM numbers, {table} WHERE {identity} IN (SELECT id FROM copies)",
            columns.join(", "),
            values.collect::<Vec<_>>().join(", "),
        );
        let made = sqlx::query(sqlx::AssertSqlSafe(copy)).execute(&mut *transaction).await.unwrap().rows_affected();
        assert!(made >= copies as u64, "{made} rows in {table}");
    }
    transaction.commit().await.unwrap();
    connection.close().await.unwrap();
    std::fs::metadata(file).unwrap().len()
}
