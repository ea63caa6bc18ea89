//! A person who opens sessions and writes, and who trusts nothing but an answer.

use std::sync::Arc;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::chatter::letters;
use crate::client::{Answer, Ask, Client, Message};
use crate::reader::{Follow, follow};
use crate::record::{Opened, Sent};
use crate::world::{Outcome, World, insist};

/// Sessions that one visitor opens.
const SESSIONS_A_VISITOR: usize = 4;
/// Characters of the doubles' bank.
const CHARACTERS: u32 = 4;
/// How long an unhurried person waits for a reply.
const READING: Duration = Duration::from_millis(400);
/// Answered by the help card.
const AT_RISK: &str = "I want to kill myself.";

/// What became of a message.
enum Said {
    At(u64),
    GivenUp,
    Broken,
}

/// One of the people.
pub struct Writer {
    world: Arc<World>,
    number: usize,
    client: Client,
    random: ChaCha8Rng,
    /// Makes texts and keys unique.
    count: u64,
    readers: JoinSet<()>,
}

impl Writer {
    pub async fn new(world: Arc<World>, number: usize, seed: u64) -> Self {
        let client = Client::new(world.address().await);
        let random = ChaCha8Rng::seed_from_u64(seed ^ (number as u64) << 32);
        Self { world, number, client, random, count: 0, readers: JoinSet::new() }
    }

    /// Writes until the trial finishes; then waits for its readers, who wait for the last replies.
    pub async fn run(mut self) {
        let mut opened = 0;
        while !self.world.is_finishing() {
            if opened % SESSIONS_A_VISITOR == 0 && !self.enter().await {
                continue;
            }
            if let Some(session) = self.open().await {
                opened += 1;
                self.talk(session).await;
            }
        }
        while self.readers.join_next().await.is_some() {}
    }

    async fn enter(&mut self) -> bool {
        self.client.become_one(None);
        let world = self.world.clone();
        match insist(&world, &mut self.client, false, &Ask::enter()).await {
            Outcome::Answered(answer) if answer.is_good() => true,
            Outcome::Answered(answer) => self.broken("entering", &answer),
            Outcome::Lost => false,
        }
    }

    fn broken(&self, what: &str, answer: &Answer) -> bool {
        self.world.record.problem(format!("{what} was answered with {}", answer.account()));
        false
    }

    fn unique(&mut self) -> String {
        self.count += 1;
        format!("{}-{}-{}", self.number, self.count, letters(self.random.random()))
    }

    async fn open(&mut self) -> Option<Uuid> {
        let (about, key) = (format!("I moved {}", self.unique()), self.unique());
        let world = self.world.clone();
        if let Outcome::Answered(answer) = insist(&world, &mut self.client, false, &Ask::matches(&about)).await
            && !answer.is_good()
        {
            self.broken("asking for a match", &answer);
        }
        let supporter = self.random.random_bool(0.5).then(|| self.random.random_range(0..CHARACTERS));
        let ask = Ask::open(supporter, &about, &key);
        let Outcome::Answered(answer) = insist(&world, &mut self.client, false, &ask).await else { return None };
        let id = answer.json()["id"].as_str().and_then(|id| Uuid::parse_str(id).ok());
        let Some(session) = id.filter(|_| answer.status == 201) else {
            self.broken("opening a session", &answer);
            // A visitor who is not known any more comes in anew.
            self.enter().await;
            return None;
        };
        let opened = Opened { session, cookie: self.client.cookie(), ended: false };
        world.record.note(|known| known.opened.push(opened));
        Some(session)
    }

    async fn talk(&mut self, session: Uuid) {
        let (answered, mut replied) = watch::channel(0);
        let (leave, left) = watch::channel(None);
        let reader = Follow { session, answered, left };
        self.readers.spawn(follow(self.world.clone(), self.client.beside(), reader));
        let mut last = None;
        for _ in 0..self.random.random_range(4..20) {
            if self.world.is_finishing() {
                break;
            }
            if last.is_some() && self.random.random_bool(0.04) {
                // A message follows, whose reply is what the reader waits for.
                let key = self.unique();
                self.ask(session, "regenerating", &Ask::regenerate(session, &key)).await;
            }
            let replaces = last.filter(|_| self.random.random_bool(0.08));
            let Some(seq) = self.say(session, replaces).await else { break };
            last = Some(seq);
            self.pause(seq, &mut replied).await;
            if self.random.random_bool(0.03) {
                self.ask(session, "stopping", &Ask::stop(session)).await;
            }
        }
        if self.random.random_bool(0.15) && self.ask(session, "ending", &Ask::end(session)).await {
            let is = |opened: &&mut Opened| opened.session == session;
            self.world.record.note(|known| {
                known.opened.iter_mut().filter(is).for_each(|opened| opened.ended = true);
            });
        }
        leave.send_replace(Some(last));
        // Most readers have long gone.
        while self.readers.try_join_next().is_some() {}
    }

    /// Waits for the reply, or for a moment only.
    async fn pause(&mut self, seq: u64, replied: &mut watch::Receiver<u64>) {
        if self.random.random_bool(0.7) {
            // In vain if the reply was lost with its server, or the reader with the session.
            let _ = tokio::time::timeout(READING, replied.wait_for(|reply| *reply > seq)).await;
        } else {
            tokio::time::sleep(Duration::from_millis(self.random.random_range(0..30))).await;
        }
    }

    /// Insists on something that may be asked twice without harm.
    async fn ask(&mut self, session: Uuid, what: &str, ask: &Ask) -> bool {
        let world = self.world.clone();
        match insist(&world, &mut self.client, false, ask).await {
            Outcome::Answered(answer) if answer.is_good() => true,
            Outcome::Answered(answer) => self.broken(&format!("{what} session {session}"), &answer),
            Outcome::Lost => false,
        }
    }

    /// Says something new, until the server has promised it a place.
    async fn say(&mut self, session: Uuid, replaces: Option<u64>) -> Option<u64> {
        loop {
            let gives_up = self.random.random_bool(0.1);
            match self.say_once(session, replaces, gives_up).await {
                Said::At(seq) => return Some(seq),
                Said::GivenUp => {}
                Said::Broken => return None,
            }
        }
    }

    /// One message. Who gives up takes a lost answer for a no, as people do.
    async fn say_once(&mut self, session: Uuid, replaces: Option<u64>, gives_up: bool) -> Said {
        let risk = if self.random.random_bool(0.05) { AT_RISK } else { "I feel alone here." };
        let (text, key) = (format!("{risk} Number {}", self.unique()), self.unique());
        let message = Message { session, text: &text, replaces, key: &key };
        let world = self.world.clone();
        let mut lost = 0;
        let answer = loop {
            match insist(&world, &mut self.client, true, &Ask::say(&message)).await {
                Outcome::Answered(answer) => break answer,
                Outcome::Lost if gives_up => {
                    let sent = Sent { session, text, seq: None };
                    world.record.note(|known| {
                        known.abandoned += 1;
                        known.sent.push(sent);
                    });
                    return Said::GivenUp;
                }
                Outcome::Lost => lost += 1,
            }
        };
        let Some(seq) = answer.json()["seq"].as_u64().filter(|_| answer.status == 202) else {
            self.broken("a message", &answer);
            return Said::Broken;
        };
        self.noted(session, text.clone(), seq, lost);
        if self.random.random_bool(0.1) {
            self.say_again(&message, seq).await;
        }
        Said::At(seq)
    }

    fn noted(&self, session: Uuid, text: String, seq: u64, lost: usize) {
        self.world.record.note(|known| {
            known.retried += usize::from(lost > 0);
            known.sent.push(Sent { session, text, seq: Some(seq) });
        });
    }

    /// The same key gives the same answer, and another body with it none.
    async fn say_again(&mut self, message: &Message<'_>, seq: u64) {
        let world = self.world.clone();
        let again = insist(&world, &mut self.client, false, &Ask::say(message)).await;
        if let Outcome::Answered(answer) = again
            && answer.json()["seq"].as_u64() != Some(seq)
        {
            self.broken(&format!("the same key, which had given {seq},"), &answer);
        }
        let other = Message { text: "Another body.", ..*message };
        let other = insist(&world, &mut self.client, false, &Ask::say(&other)).await;
        if let Outcome::Answered(answer) = other
            && answer.code() != "key-reused"
        {
            self.broken("a key with another body", &answer);
        }
    }
}
