//! Where the people of a trial are: which server answers now, and whether they are to finish.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::client::{Answer, Ask, Client};
use crate::record::Record;

/// How long somebody asks the same server again before it is a broken promise.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two tries. A busy server says how many seconds to wait; a trial has no seconds.
const PAUSE: Duration = Duration::from_millis(8);

/// What everybody in a trial shares.
pub struct World {
    /// Where the server listens; none while there is none.
    pub here: watch::Sender<Option<std::net::SocketAddr>>,
    /// Whether nothing new is to be begun.
    pub finishing: watch::Sender<bool>,
    pub record: Record,
}

impl World {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            here: watch::Sender::new(None),
            finishing: watch::Sender::new(false),
            record: Record::default(),
        })
    }

    pub fn is_finishing(&self) -> bool {
        *self.finishing.borrow()
    }

    /// Where the server listens; waits while there is none.
    pub async fn address(&self) -> std::net::SocketAddr {
        let mut here = self.here.subscribe();
        loop {
            if let Some(address) = *here.borrow_and_update() {
                return address;
            }
            // The sender lives as long as this.
            let _ = here.changed().await;
        }
    }
}

/// What came of insisting.
pub enum Outcome {
    /// A final answer, good or bad.
    Answered(Answer),
    /// The answer was lost and the caller wants to know.
    Lost,
}

/// Asks until the server gives a final answer: through restarts and refusals, and through lost answers too unless
/// `until_lost`.
pub async fn insist(world: &World, client: &mut Client, until_lost: bool, ask: &Ask) -> Outcome {
    let mut since = Instant::now();
    let mut asked = None;
    loop {
        let address = world.address().await;
        if asked.replace(address) != Some(address) {
            since = Instant::now();
        }
        client.turn_to(address);
        match client.ask(ask).await {
            Ok(answer) if matches!(answer.status, 429 | 503) => {
                if !answer.is_honest_refusal() {
                    world
                        .record
                        .problem(format!("a refusal that does not say when to come again: {}", answer.account()));
                }
            }
            Ok(answer) if answer.status >= 500 => {
                world.record.problem(format!("the server failed: {}", answer.account()));
            }
            Ok(answer) => return Outcome::Answered(answer),
            // Nobody was there: nothing can have been stored.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {}
            Err(_) if until_lost => return Outcome::Lost,
            Err(_) => {}
        }
        if since.elapsed() > PATIENCE {
            world.record.problem("a request was not answered for a minute");
            since = Instant::now();
        }
        tokio::time::sleep(PAUSE).await;
    }
}
