//! Who may have a reply, and when: counted in all, for each visitor and each network, by replies and by tokens; then a queue, first
//! come, first served, for the few places where replies are made.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{AgentError, Limits};
use crate::store::VisitorId;

/// Weight of the newest reply in the running mean of how long one takes.
const NEWEST: f64 = 0.2;
/// How long a reply takes as long as none was made.
const FIRST_GUESS: Duration = Duration::from_secs(5);

/// How long the queue is, as told to those in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLength {
    /// Replies that will begin before.
    pub ahead: usize,
    /// About how long until one that comes now begins.
    pub wait: Duration,
}

/// Admits replies and gives them their turns.
#[derive(Debug)]
pub(super) struct Admission {
    limits: Limits,
    books: Mutex<Books>,
    places: Arc<Semaphore>,
    /// Changes whenever the queue does.
    moved: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Books {
    admitted: Share,
    of_clients: HashMap<Client, Share>,
    /// Numbers of the replies that wait for a place.
    waiting: BTreeSet<u64>,
    next: u64,
    /// Seconds that a reply takes, the latest ones counting most.
    seconds: Option<f64>,
}

/// Who is counted beside all together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Client {
    Visitor(VisitorId),
    Network(IpAddr),
}

#[derive(Clone, Copy, Debug, Default)]
struct Share {
    replies: usize,
    tokens: usize,
}

impl Admission {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(limits.replies.clamp(1, Semaphore::MAX_PERMITS)));
        Arc::new(Self { limits, books: Mutex::default(), places, moved: watch::Sender::new(0) })
    }

    /// Admits a reply of about this many tokens, prompt and all, or says at once why not. One reply alone is admitted
    /// whatever its tokens.
    pub(super) fn admit(
        self: &Arc<Self>,
        visitor: Option<VisitorId>,
        network: Option<IpAddr>,
        tokens: usize,
    ) -> Result<Admitted, AgentError> {
        let limits = &self.limits;
        let mut books = self.lock();
        let all = books.admitted;
        if all.replies >= limits.waiting || all.replies > 0 && all.tokens + tokens > limits.tokens {
            let queue = self.length(&books, None);
            return Err(AgentError::Overloaded { admitted: all.replies, queue });
        }
        let visitor = visitor.map(|id| (Client::Visitor(id), limits.visitor_replies, limits.visitor_tokens));
        let network = network.map(|address| (Client::Network(address), limits.network_replies, limits.tokens));
        let clients: Vec<_> = visitor.into_iter().chain(network).collect();
        for &(client, replies, most_tokens) in &clients {
            let own = books.of_clients.get(&client).copied().unwrap_or_default();
            if own.replies >= replies || own.replies > 0 && own.tokens + tokens > most_tokens {
                return Err(AgentError::TooManyReplies { limit: replies });
            }
        }
        let clients: Vec<Client> = clients.into_iter().map(|(client, ..)| client).collect();
        for &client in &clients {
            let share = books.of_clients.entry(client).or_default();
            share.replies += 1;
            share.tokens += tokens;
        }
        books.admitted.replies += 1;
        books.admitted.tokens += tokens;
        Ok(Admitted { admission: self.clone(), clients, tokens })
    }

    /// Waits for a place where a reply is made; `tell` hears how the queue goes. Dropping the future leaves the queue.
    pub(super) async fn place(self: &Arc<Self>, mut tell: impl FnMut(QueueLength)) -> Place {
        let ticket = Ticket::new(self);
        let mut moved = self.moved.subscribe();
        let mut acquired = std::pin::pin!(self.places.clone().acquire_owned());
        let mut told = None;
        loop {
            tokio::select! {
                biased;
                permit = &mut acquired => {
                    drop(ticket);
                    // The semaphore is never closed; without a permit nothing would be worse than to go on.
                    return Place { permit: permit.ok(), admission: self.clone(), began: Instant::now() };
                }
                () = std::future::ready(()), if told.is_none() => {
                    let length = self.length(&self.lock(), Some(ticket.number));
                    told = Some(length.ahead);
                    tell(length);
                }
                changed = moved.changed() => {
                    if changed.is_err() {
                        continue;
                    }
                    let length = self.length(&self.lock(), Some(ticket.number));
                    if told != Some(length.ahead) {
                        told = Some(length.ahead);
                        tell(length);
                    }
                }
            }
        }
    }

    /// The queue as one who came now would find it.
    pub(super) fn queue(&self) -> QueueLength {
        self.length(&self.lock(), None)
    }

    /// Replies that were admitted and are not done.
    pub(super) fn admitted(&self) -> usize {
        self.lock().admitted.replies
    }

    /// Replies that wait for a place.
    pub(super) fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Resolves when no reply is admitted any more.
    pub(super) async fn idle(&self) {
        let mut moved = self.moved.subscribe();
        while self.admitted() > 0 {
            if moved.changed().await.is_err() {
                return;
            }
        }
    }

    fn length(&self, books: &Books, ticket: Option<u64>) -> QueueLength {
        let ahead = match ticket {
            Some(ticket) => books.waiting.range(..ticket).count(),
            None => books.waiting.len(),
        };
        let each = books.seconds.unwrap_or(FIRST_GUESS.as_secs_f64());
        let places = self.limits.replies.max(1);
        // Whoever is next waits for the first of the places to come free, which is on the way already.
        let rounds = (ahead + 1) as f64 / places as f64;
        let free = self.places.available_permits() > 0;
        QueueLength { ahead, wait: if free { Duration::ZERO } else { Duration::from_secs_f64(each * rounds) } }
    }

    fn move_on(&self) {
        metrics::gauge!("kindred_replies_waiting").set(self.waiting() as f64);
        self.moved.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        // Sums and sets, each changed in one step: a panic elsewhere cannot leave them half done.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue; dropping it leaves.
struct Ticket {
    number: u64,
    admission: Arc<Admission>,
}

impl Ticket {
    fn new(admission: &Arc<Admission>) -> Self {
        let mut books = admission.lock();
        let number = books.next;
        books.next += 1;
        books.waiting.insert(number);
        drop(books);
        metrics::gauge!("kindred_replies_waiting").set(admission.waiting() as f64);
        Self { number, admission: admission.clone() }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.admission.lock().waiting.remove(&self.number);
        self.admission.move_on();
    }
}

/// A reply that was admitted. Dropping it makes room for another.
#[derive(Debug)]
pub(super) struct Admitted {
    admission: Arc<Admission>,
    clients: Vec<Client>,
    tokens: usize,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut books = self.admission.lock();
        books.admitted.replies = books.admitted.replies.saturating_sub(1);
        books.admitted.tokens = books.admitted.tokens.saturating_sub(self.tokens);
        for client in &self.clients {
            if let Some(share) = books.of_clients.get_mut(client) {
                share.replies = share.replies.saturating_sub(1);
                share.tokens = share.tokens.saturating_sub(self.tokens);
                if share.replies == 0 {
                    books.of_clients.remove(client);
                }
            }
        }
        drop(books);
        self.admission.move_on();
    }
}

/// A place where a reply is being made. Dropping it lets the next one begin.
pub(super) struct Place {
    permit: Option<OwnedSemaphorePermit>,
    admission: Arc<Admission>,
    began: Instant,
}

impl Place {
    /// The reply came to its end: how long it took tells how long others will.
    pub(super) fn done(self) {
        let seconds = self.began.elapsed().as_secs_f64();
        let mut books = self.admission.lock();
        books.seconds = Some(books.seconds.map_or(seconds, |before| before + NEWEST * (seconds - before)));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // After the permit below, or those who wait would look too early.
        drop(self.permit.take());
        self.admission.move_on();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn limits() -> Limits {
        Limits {
            replies: 1,
            waiting: 3,
            tokens: 100,
            visitor_replies: 2,
            visitor_tokens: 50,
            network_replies: 1,
            ..Limits::default()
        }
    }

    fn visitor(number: u128) -> Option<VisitorId> {
        Some(VisitorId(Uuid::from_u128(number)))
    }

    #[test]
    fn counts_and_tokens_are_bounded_in_all_and_for_each_visitor() {
        let admission = Admission::new(limits());
        let first = admission.admit(visitor(1), None, 70).unwrap();
        assert!(matches!(admission.admit(visitor(1), None, 1), Err(AgentError::TooManyReplies { limit: 2 })), "tokens");
        assert!(matches!(admission.admit(visitor(2), None, 31), Err(AgentError::Overloaded { admitted: 1, .. })));
        let second = admission.admit(visitor(2), None, 10).unwrap();
        let _third = admission.admit(visitor(2), None, 10).unwrap();
        assert!(matches!(admission.admit(None, None, 1), Err(AgentError::Overloaded { admitted: 3, .. })), "count");
        let home = Some("203.0.113.1".parse().unwrap());
        drop((first, second));
        let _at_home = admission.admit(visitor(3), home, 1).unwrap();
        let refused = admission.admit(visitor(4), home, 1);
        assert!(matches!(refused, Err(AgentError::TooManyReplies { limit: 1 })), "one house, one share");
        assert!(admission.admit(visitor(2), None, 10).is_ok(), "what is done makes room");
        assert_eq!(admission.admitted(), 2);
    }

    #[tokio::test]
    async fn places_are_given_in_turn_and_those_who_wait_are_told() {
        let admission = Admission::new(limits());
        let held = admission.place(|_| panic!("nobody is before the first")).await;
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let wait = |name: &'static str| {
            let (admission, tell) = (admission.clone(), tell.clone());
            tokio::spawn(async move {
                let place = admission.place(|length| tell.send((name, length.ahead)).unwrap()).await;
                tell.send((name, 99)).unwrap();
                place
            })
        };
        let second = wait("second");
        assert_eq!(told.recv().await, Some(("second", 0)));
        let third = wait("third");
        assert_eq!(told.recv().await, Some(("third", 1)));
        assert_eq!(admission.queue().ahead, 2);
        drop(held);
        assert_eq!(told.recv().await, Some(("second", 99)));
        assert_eq!(told.recv().await, Some(("third", 0)));
        drop(second.await.unwrap());
        drop(third.await.unwrap());
        assert_eq!((admission.waiting(), admission.queue().wait), (0, Duration::ZERO));
    }
}
