//! A trial: people talk while their server dies again and again; then what they were promised is compared with what
//! is kept.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use kindred::store::{SqliteStore, Store as _};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::chatter::Speech;
use crate::client::{Ask, Client};
use crate::power::Forgetful;
use crate::process::{Deed, Fault, HAPPENED, Plan, ServerProcess};
use crate::reconcile::{Figures, Kept, reconcile};
use crate::record::turns_of;
use crate::world::{Outcome, World, insist};
use crate::writer::Writer;

const SERVE: &str = "serve_for_the_crash_test";
const WRITERS: usize = 8;
/// How long a server lives, in milliseconds, counted from when it listens or from when it is ready.
const LIFE_MS: std::ops::RangeInclusive<u64> = 20..=400;
/// How many lives are counted from when it is ready; the others may end before it is.
const FROM_READY: f64 = 0.7;
/// How long a server is waited for to abort at a fault point before it is killed from outside.
const LONGEST_LIFE: Duration = Duration::from_millis(1500);
/// How long a server whose actors panic is watched.
const PANICKING: Duration = Duration::from_secs(4);
/// How long the last server has to answer whatever is unanswered.
const SETTLING: Duration = Duration::from_secs(60);

/// Fewer promises than this prove little: on a busy machine a server dies more often until there are as many.
const LEAST_PROMISES: usize = 60;

/// How the server dies.
#[cfg_attr(not(feature = "failpoints"), allow(dead_code, reason = "two of them need fault points"))]
pub enum Death {
    /// Killed from outside, at a random moment.
    Killed,
    /// The same, and what was not synced is lost. A disk that lies says that it has synced.
    PowerCut { lies: bool },
    /// By its own hand, at this fault point.
    At(&'static str),
    /// Not at all: a thread panics at this fault point, again and again.
    Panics(&'static str),
}

/// How a trial went.
#[cfg_attr(not(feature = "failpoints"), allow(dead_code, reason = "only fault points are counted"))]
pub struct Verdict {
    pub figures: Figures,
    pub problems: Vec<String>,
    /// How often the fault that was asked for happened.
    pub faults: usize,
    /// How many servers it was asked of.
    pub lives: usize,
    /// Unsynced writes that were taken back.
    pub forgotten: usize,
}

/// What a trial is made of.
struct Trial {
    world: Arc<World>,
    plan: Plan,
    complaints: PathBuf,
    forgetful: Option<Forgetful>,
    /// For what happens to the server; each writer has its own.
    random: ChaCha8Rng,
    /// How long each start took until the server listened.
    starts: Vec<Duration>,
    _room: TempDir,
}

/// Runs a trial with so many deaths; none, with a message, where it cannot be run.
pub async fn trial(death: Death, deaths: usize) -> Option<Verdict> {
    let began = Instant::now();
    let seed = std::env::var("KINDRED_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    let mut trial = Trial::new(&death, seed)?;
    println!("{}: {deaths} deaths, KINDRED_SEED={seed}", death.name());
    let mut people = JoinSet::new();
    let mut faults = 0;
    let mut forgotten = 0;
    for number in 0..4 * deaths.max(1) {
        if number >= deaths.max(1) && trial.promised() >= LEAST_PROMISES {
            break;
        }
        let mut server = trial.start(&death);
        if number == 0 {
            for writer in 0..WRITERS {
                people.spawn(Writer::new(trial.world.clone(), writer, seed).await.run());
            }
        }
        faults += usize::from(trial.live(&death, &mut server).await);
        trial.world.here.send_replace(None);
        server.kill();
        if let Death::PowerCut { .. } = death {
            forgotten += trial.cut_power();
        }
        // A disk that lies breaks promises every time; a few suffice.
        if trial.world.record.known().problems.len() > 50 {
            break;
        }
    }
    let mut server = trial.start(&Death::Killed);
    trial.world.finishing.send_replace(true);
    while let Some(person) = people.join_next().await {
        person.expect("nobody in a trial panics");
    }
    let told = trial.settle().await;
    assert!(server.ended().is_none(), "the last server died by itself: {}", trial.last_complaints());
    server.kill();
    if let Death::PowerCut { lies: false } = death {
        forgotten += trial.cut_power();
    }

    let mut known = trial.world.record.known();
    let kept = kept(&trial.plan.data, &mut known.problems).await;
    for (session, turns) in &told {
        if kept.get(session) != Some(turns) {
            known.problem(format!("session {session}: what the API tells is not what the store holds"));
        }
    }
    let lives = trial.starts.len() - 1;
    let (figures, problems) = reconcile(&known, &kept, matches!(death, Death::At(_) | Death::Panics(_)));
    if let Death::Panics(_) = death {
        faults = fs::read_to_string(&trial.complaints).unwrap_or_default().matches(HAPPENED).count();
    }
    trial.starts.sort();
    println!(
        "{} in {:.1} s: {figures}; a start took {:.0} ms in the median, {:.0} ms at most; {} broken promises",
        death.name(),
        began.elapsed().as_secs_f32(),
        trial.starts[trial.starts.len() / 2].as_secs_f32() * 1e3,
        trial.starts[trial.starts.len() - 1].as_secs_f32() * 1e3,
        problems.len(),
    );
    if !problems.is_empty() {
        println!("the server's last words: {}", trial.last_complaints());
    }
    Some(Verdict { figures, problems, faults, lives, forgotten })
}

impl Death {
    fn name(&self) -> String {
        match self {
            Self::Killed => "killed".into(),
            Self::PowerCut { lies: false } => "power cut".into(),
            Self::PowerCut { lies: true } => "power cut with a disk that lies".into(),
            Self::At(point) => format!("aborting at {point}"),
            Self::Panics(point) => format!("panics at {point}"),
        }
    }
}

impl Trial {
    fn new(death: &Death, seed: u64) -> Option<Self> {
        let room = tempfile::tempdir().unwrap();
        let forgetful = match death {
            Death::PowerCut { .. } => Some(Forgetful::new(room.path())?),
            _ => None,
        };
        let data = room.path().canonicalize().unwrap().join("data");
        let plan = Plan {
            data,
            host: own_host(),
            speech: Speech::Words { most_pause_ms: 8 },
            replies: 256,
            waiting: 256,
            streams: 4096,
            fault: None,
        };
        let complaints = room.path().join("complaints");
        let random = ChaCha8Rng::seed_from_u64(seed);
        Some(Self { world: World::new(), plan, complaints, forgetful, random, starts: Vec::new(), _room: room })
    }

    fn promised(&self) -> usize {
        self.world.record.known().sent.iter().filter(|sent| sent.seq.is_some()).count()
    }

    fn start(&mut self, death: &Death) -> ServerProcess {
        let mut plan = self.plan.clone();
        plan.fault = match death {
            Death::At(name) => {
                let one_in = self.random.random_range(1..=24);
                Some(Fault { name: (*name).into(), one_in, deed: Deed::Abort })
            }
            Death::Panics(name) => Some(Fault { name: (*name).into(), one_in: 3, deed: Deed::Panic }),
            Death::Killed | Death::PowerCut { .. } => None,
        };
        let environment = self
            .forgetful
            .as_ref()
            .map(|forgetful| forgetful.environment(&self.plan.data, matches!(death, Death::PowerCut { lies: true })));
        let complaints = || File::options().create(true).append(true).open(&self.complaints).unwrap();
        // One that aborts before it listens has met its fault early; the next one may come further.
        for _ in 0..20 {
            let began = Instant::now();
            match ServerProcess::start(SERVE, &plan, complaints(), environment.as_deref().unwrap_or_default()) {
                Ok(server) => {
                    self.starts.push(began.elapsed());
                    self.world.here.send_replace(Some(server.address()));
                    return server;
                }
                Err(_) if plan.fault.is_some() => plan.fault.iter_mut().for_each(|fault| fault.one_in += 5),
                Err(error) => panic!("{error}: {}", self.last_complaints()),
            }
        }
        panic!("the server never started: {}", self.last_complaints());
    }

    /// Lets the server live; says whether its fault happened.
    async fn live(&mut self, death: &Death, server: &mut ServerProcess) -> bool {
        match death {
            Death::Killed | Death::PowerCut { .. } => {
                if self.random.random_bool(FROM_READY) {
                    ready(server).await;
                }
                tokio::time::sleep(Duration::from_millis(self.random.random_range(LIFE_MS))).await;
                assert!(server.ended().is_none(), "the server died by itself: {}", self.last_complaints());
                false
            }
            Death::At(_) => server.ends_within(LONGEST_LIFE).await,
            Death::Panics(point) => {
                if server.ends_within(PANICKING).await {
                    self.world.record.problem(format!("a panic at {point} ended the process"));
                }
                false
            }
        }
    }

    fn cut_power(&mut self) -> usize {
        let Some(forgetful) = &self.forgetful else { return 0 };
        let keep_some = self.random.random_bool(0.5);
        forgetful.lose_power(&self.plan.data, keep_some.then_some(&mut self.random))
    }

    /// Waits until every session is answered, and gives what the API tells of each.
    async fn settle(&self) -> Kept {
        let until = Instant::now() + SETTLING;
        let mut told = Kept::new();
        let mut client = Client::new(self.world.address().await);
        for opened in self.world.record.known().opened {
            client.become_one(opened.cookie);
            loop {
                let shown = insist(&self.world, &mut client, false, &Ask::show(opened.session)).await;
                let Outcome::Answered(answer) = shown else { break };
                if !answer.is_good() {
                    self.world.record.problem(format!("session {}: {}", opened.session, answer.account()));
                    break;
                }
                let view = answer.json();
                let turns = turns_of(&view["turns"]).unwrap_or_default();
                let open = view["ended_ms"].is_null() && turns.last().is_some_and(|last| last.is_message());
                if view["replying"] == true || open && Instant::now() < until {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    continue;
                }
                told.insert(opened.session, turns);
                break;
            }
        }
        told
    }

    fn last_complaints(&self) -> String {
        let all = fs::read_to_string(&self.complaints).unwrap_or_default();
        let lines: Vec<&str> = all.lines().rev().take(12).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

/// Waits until the server is ready, or is not going to be.
async fn ready(server: &ServerProcess) {
    let mut client = Client::new(server.address());
    for _ in 0..1000 {
        match client.ask(&Ask::get("/api/ready")).await {
            Ok(answer) if answer.status == 503 => tokio::time::sleep(Duration::from_millis(2)).await,
            Ok(_) | Err(_) => return,
        }
    }
}

/// What the store holds of every session, and that the database is sound.
async fn kept(data: &Path, problems: &mut Vec<String>) -> Kept {
    let store = SqliteStore::open(data).await.unwrap();
    let url = format!("sqlite://{}", data.join("kindred.sqlite").display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let ids: Vec<Vec<u8>> = sqlx::query_scalar("SELECT id FROM sessions").fetch_all(&pool).await.unwrap();
    let mut kept = Kept::new();
    for id in ids {
        let id = Uuid::from_slice(&id).unwrap();
        let turns = serde_json::to_value(store.turns(id).await.unwrap()).unwrap();
        kept.insert(id, turns_of(&turns).unwrap());
    }
    let sound: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&pool).await.unwrap();
    if sound != "ok" {
        problems.push(format!("the database is damaged: {sound}"));
    }
    let strays = sqlx::query("PRAGMA foreign_key_check").fetch_all(&pool).await.unwrap();
    if !strays.is_empty() {
        problems.push(format!("{} rows belong to nothing", strays.len()));
    }
    pool.close().await;
    store.close().await;
    kept
}

/// A loopback address for this trial alone, so that nobody reaches another trial's server on a port of old.
fn own_host() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., low] = std::process::id().to_le_bytes();
    Ipv4Addr::new(127, 77, low, NEXT.fetch_add(1, Ordering::Relaxed))
}
