//! Many people at once, each with a session of their own, and the figures taken of them.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use tempfile::TempDir;
use uuid::Uuid;

use crate::chatter::Speech;
use crate::client::{Answer, Ask, Client, Events, Message};
use crate::process::{Plan, ServerProcess};

const SERVE: &str = "serve_for_the_load_test";
/// Requests on their way at once, while people come in.
const AT_ONCE: usize = 64;
/// Loopback addresses that people come from, so that no address has more ports than there are.
const ADDRESSES: usize = 100;
const PAUSE: Duration = Duration::from_millis(50);
/// Refusals in a row after which somebody who only wants to come in gives up.
const PERSISTENCE: usize = 400;

/// A server in a process of its own, with an empty store.
pub struct House {
    pub server: ServerProcess,
    pub plan: Plan,
    _room: Arc<TempDir>,
}

impl House {
    /// So many replies are made at once, and as many again may wait for their turn.
    pub fn open(speech: Speech, replies: usize, streams: usize) -> Self {
        let room = tempfile::tempdir().unwrap();
        let plan = Plan {
            data: room.path().join("data"),
            host: Ipv4Addr::LOCALHOST,
            speech,
            replies,
            waiting: 2 * replies,
            // A few for those who look in.
            streams: streams + 16,
            fault: None,
        };
        Self { server: start(&plan), plan, _room: Arc::new(room) }
    }

    /// Ends the server, as a crash would, and starts another one on its store.
    pub fn reopen(&mut self) {
        self.server.kill();
        self.server = start(&self.plan);
    }

    /// Resident memory once it has come to rest.
    pub async fn resident_at_rest(&self) -> u64 {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        self.server.resident()
    }
}

fn start(plan: &Plan) -> ServerProcess {
    let complaints = std::fs::File::create(plan.data.with_extension("complaints")).unwrap();
    ServerProcess::start::<&str>(SERVE, plan, complaints, &[]).unwrap()
}

/// Somebody with a session.
pub struct Person {
    pub client: Client,
    pub session: Uuid,
}

/// So many people come in and open a session each.
pub async fn crowd(house: &House, count: usize) -> Vec<Person> {
    let come = (0..count).map(|number| come_in(house, number));
    let people = futures::stream::iter(come).buffer_unordered(AT_ONCE);
    let people: Result<Vec<Person>, String> = people.try_collect().await;
    people.unwrap_or_else(|error| panic!("{error}"))
}

async fn come_in(house: &House, number: usize) -> Result<Person, String> {
    let low = u8::try_from(number % ADDRESSES).unwrap_or_default();
    let from = IpAddr::from(Ipv4Addr::new(127, 0, 1, low + 1));
    let mut client = Client::coming_from(house.server.address(), from);
    insist(&mut client, &Ask::enter()).await?;
    let opened = insist(&mut client, &Ask::open(Some((number % 4) as u32), "", &format!("open-{number}"))).await?;
    // Ten thousand people who listen would else hold two files each.
    client.hang_up();
    let session = opened.json()["id"].as_str().and_then(|id| Uuid::parse_str(id).ok());
    Ok(Person { client, session: session.ok_or_else(|| opened.account())? })
}

/// Asks until the answer is good; for what a test needs, and does not measure.
pub async fn insist(client: &mut Client, ask: &Ask) -> Result<Answer, String> {
    let mut last = String::new();
    for _ in 0..PERSISTENCE {
        match client.ask(ask).await {
            Ok(answer) if answer.is_good() => return Ok(answer),
            Ok(answer) if answer.is_honest_refusal() => last = answer.account(),
            Ok(answer) => return Err(format!("{ask:?} was answered {}", answer.account())),
            Err(error) => return Err(format!("{ask:?}: {error}")),
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(format!("{ask:?} was refused {PERSISTENCE} times: {last}"))
}

impl Person {
    /// Says something and gives its place.
    pub async fn say(&mut self, text: &str, key: &str) -> Result<u64, String> {
        let message = Message { session: self.session, text, replaces: None, key };
        let answer = insist(&mut self.client, &Ask::say(&message)).await?;
        answer.json()["seq"].as_u64().ok_or_else(|| answer.account())
    }
}

/// Everybody begins to listen to their session.
pub async fn listen(people: Vec<Person>) -> Vec<(Person, Events)> {
    let begin = |person: Person| async {
        let events = person.client.events(person.session, 0).await.unwrap();
        (person, events.unwrap_or_else(|answer| panic!("a stream was answered {}", answer.account())))
    };
    futures::stream::iter(people).map(begin).buffer_unordered(AT_ONCE).collect().await
}

/// The value below which this share of the values lies.
pub fn percentile(values: &mut [Duration], share: f64) -> Duration {
    values.sort_unstable();
    let at = (values.len() as f64 * share) as usize;
    values.get(at.min(values.len().saturating_sub(1))).copied().unwrap_or_default()
}
