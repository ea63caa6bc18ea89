//! A Kindred in a process of its own, so that it can be killed and measured: this same test executable, started
//! again. [`serve`] is what the child runs, [`ServerProcess`] what the test holds of it.
#![allow(dead_code, reason = "each test file uses its share")]

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kindred::agents::{Kindred, Limits, Parts};
use kindred::engine::Sampling;
use kindred::matching::Matcher;
use kindred::memory::MemorySelector;
use kindred::store::SqliteStore;
use kindred::web::{Rates, Server, Settings};
use serde::{Deserialize, Serialize};

use crate::chatter::{Chatter, Speech};
use crate::doubles::{Letters, bank};

/// Tells the child, as JSON, what to be; absent when a person runs all ignored tests.
const PLAN: &str = "KINDRED_TEST_SERVER";
/// Stands before the address on the child's standard output.
const LISTENING: &str = "LISTENING ON ";
const PAGE: u64 = 4096;

/// What the child is to be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The data folder.
    pub data: PathBuf,
    /// Where to listen; the system chooses the port.
    pub host: Ipv4Addr,
    pub speech: Speech,
    /// The most replies at once.
    pub replies: usize,
    /// The most replies that are owed at once; a message past it is refused.
    pub waiting: usize,
    /// The most event streams at once.
    pub streams: usize,
    /// What goes wrong by itself.
    pub fault: Option<Fault>,
}

/// A fault point, and what happens there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fault {
    pub name: String,
    /// It happens each time that so many have passed by.
    pub one_in: u64,
    pub deed: Deed,
}

/// What happens at a fault point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deed {
    /// The process aborts.
    Abort,
    /// The thread panics.
    Panic,
}

/// The one place that says how much a server under test may do. Nothing here limits how fast anybody may ask.
fn start_server(plan: &Plan) -> (Server, Limits) {
    let unlimited = Rates {
        messages_per_minute: 0,
        sessions_per_hour: 0,
        new_visitors_per_hour: 0,
        matches_per_minute: 0,
        keys_per_minute: 0,
    };
    let settings = Settings {
        address: SocketAddr::new(plan.host.into(), 0),
        connections: 2 * plan.streams + 1024,
        streams: plan.streams,
        // All people of a trial come from one house.
        streams_per_address: plan.streams,
        rates: unlimited,
        ..Settings::default()
    };
    let limits = Limits {
        replies: plan.replies,
        waiting: plan.waiting,
        tokens: usize::MAX,
        visitor_replies: usize::MAX,
        visitor_tokens: usize::MAX,
        network_replies: usize::MAX,
        // The trials kill far more often than life does: many deaths in a row may meet one message.
        attempts: 50,
        ..Limits::default()
    };
    (Server::start(settings).expect("the server starts"), limits)
}

/// What the child does: serves until it is killed, or until the test that started it is gone. Does nothing for a
/// person who runs every ignored test.
pub fn serve() {
    let Ok(plan) = std::env::var(PLAN) else { return };
    let plan: Plan = serde_json::from_str(&plan).expect("a plan");
    std::thread::spawn(|| {
        // Nothing is ever written to it: it ends when the test does.
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    if std::env::var_os("KINDRED_LOG").is_some() {
        let _ = tracing_subscriber::fmt().with_writer(std::io::stderr).try_init();
    }
    if let Some(fault) = plan.fault.clone() {
        set(fault);
    }
    actix_web::rt::System::new().block_on(async move {
        let (server, limits) = start_server(&plan);
        println!("{LISTENING}{}", server.address());
        let store = SqliteStore::open(&plan.data).await.expect("the store opens");
        let bank = bank();
        let chatter = Arc::new(Chatter::new(plan.speech));
        let matcher = Matcher::new(&bank, Arc::new(Letters), None).await.expect("a matcher");
        let kindred = Kindred::start(Parts {
            bank,
            supporter: chatter.clone(),
            seeker: chatter,
            selector: MemorySelector::by_cosine(Arc::new(Letters)),
            matcher: Arc::new(matcher),
            meanings: None,
            store: Arc::new(store),
            sampling: Sampling::default(),
            limits,
        })
        .expect("the agents start");
        kindred.answer_unanswered().await.expect("the unanswered are found");
        server.open(kindred);
        std::future::pending::<()>().await;
    });
}

#[cfg(feature = "failpoints")]
fn set(fault: Fault) {
    use std::sync::atomic::{AtomicU64, Ordering};
    let passed = AtomicU64::new(0);
    let happens = move || {
        if (passed.fetch_add(1, Ordering::SeqCst) + 1).is_multiple_of(fault.one_in) {
            eprintln!("{HAPPENED}{:?}", fault.deed);
            match fault.deed {
                Deed::Abort => std::process::abort(),
                Deed::Panic => panic!("the fault that was asked for"),
            }
        }
    };
    fail::cfg_callback(fault.name, happens).expect("the fault point is set");
}

#[cfg(not(feature = "failpoints"))]
fn set(fault: Fault) {
    panic!("{} needs --features failpoints", fault.name);
}

/// Stands before the deed on the child's standard error.
pub const HAPPENED: &str = "FAULT HAPPENED: ";

/// A running child. Dropping it kills it.
pub struct ServerProcess {
    child: Child,
    address: SocketAddr,
}

impl ServerProcess {
    /// Starts the ignored test of this name, which is to call [`serve`], and waits until it listens. Standard error
    /// goes to `complaints`.
    pub fn start<E: AsRef<OsStr>>(
        test: &str,
        plan: &Plan,
        complaints: File,
        environment: &[(&str, E)],
    ) -> Result<Self, String> {
        let mut command = Command::new(std::env::current_exe().map_err(|error| error.to_string())?);
        command
            .args([test, "--exact", "--ignored", "--nocapture"])
            .env(PLAN, serde_json::to_string(plan).map_err(|error| error.to_string())?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(complaints);
        for (name, value) in environment {
            command.env(name, value);
        }
        let mut child = command.spawn().map_err(|error| format!("cannot start the server: {error}"))?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no standard output")?).lines();
        let found = lines.by_ref().map_while(Result::ok).find_map(|line| {
            line.split_once(LISTENING).and_then(|(_, address)| address.trim().parse::<SocketAddr>().ok())
        });
        match found {
            Some(address) => {
                // Read on to its end: the child's test runner falls when nobody reads that it has been running for
                // long.
                std::thread::spawn(move || lines.count());
                Ok(Self { child, address })
            }
            None => {
                let _ = child.kill();
                Err(format!("the server ended before it listened: {:?}", child.wait()))
            }
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Kills it as the system would: no handler runs, nothing is flushed.
    pub fn kill(&mut self) {
        // One that is gone already needs no killing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits until it ends by itself; says whether it did.
    pub async fn ends_within(&mut self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        while Instant::now() < until {
            if self.ended().is_some() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        false
    }

    /// Resident memory in bytes.
    pub fn resident(&self) -> u64 {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).unwrap_or_default();
        statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default() * PAGE
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.kill();
    }
}
