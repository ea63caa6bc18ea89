//! The event streams that are open: so many in the process, so many of one session.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use super::metrics::OpenStream;
use super::problem::Problem;
use super::settings::Settings;

/// Counts open streams.
pub(super) struct Streams {
    most: usize,
    most_per_session: usize,
    most_per_address: usize,
    // A std Mutex: held for one count.
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    all: usize,
    by_session: HashMap<Uuid, usize>,
    by_address: HashMap<IpAddr, usize>,
}

/// Room for one stream, given back when this is dropped.
pub(super) struct Place {
    session: Uuid,
    address: Option<IpAddr>,
    open: Arc<Mutex<Open>>,
    _counted: OpenStream,
}

impl Streams {
    pub(super) fn new(settings: &Settings) -> Self {
        let most = settings.streams;
        let (most_per_session, most_per_address) = (settings.streams_per_session, settings.streams_per_address);
        Self { most, most_per_session, most_per_address, open: Arc::default() }
    }

    /// Room for one more stream of this session, to this address.
    ///
    /// # Errors
    /// 429 `too-many-streams` if the session or the address has all it may have; 503 `busy` if the process has.
    pub(super) fn open(&self, session: Uuid, address: Option<IpAddr>) -> Result<Place, Problem> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.by_session.get(&session).is_some_and(|count| *count >= self.most_per_session) {
            return Err(Problem::too_many_streams("this conversation is", self.most_per_session));
        }
        let of_address = address.and_then(|address| open.by_address.get(&address));
        if of_address.is_some_and(|count| *count >= self.most_per_address) {
            return Err(Problem::too_many_streams("the conversations of your address are", self.most_per_address));
        }
        if open.all >= self.most {
            return Err(Problem::busy(format!("{} event streams are open, which is the limit", self.most)));
        }
        open.all += 1;
        *open.by_session.entry(session).or_default() += 1;
        if let Some(address) = address {
            *open.by_address.entry(address).or_default() += 1;
        }
        drop(open);
        Ok(Place { session, address, open: self.open.clone(), _counted: OpenStream::begin() })
    }

    /// Streams open now.
    pub(super) fn count(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).all
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all -= 1;
        less(&mut open.by_session, &self.session);
        if let Some(address) = &self.address {
            less(&mut open.by_address, address);
        }
    }
}

/// One less under this key, which is forgotten with the last.
fn less<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(refused: Result<Place, Problem>) -> &'static str {
        refused.err().unwrap().code()
    }

    #[test]
    fn a_session_and_the_process_have_so_many_streams_and_no_more() {
        let settings = Settings { streams: 3, streams_per_session: 2, streams_per_address: 2, ..Settings::default() };
        let streams = Streams::new(&settings);
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let held = [streams.open(one, None).unwrap(), streams.open(one, None).unwrap()];
        assert_eq!(code(streams.open(one, None)), "too-many-streams");
        let third = streams.open(other, None).unwrap();
        assert_eq!(code(streams.open(other, None)), "busy");
        assert_eq!(streams.count(), 3);
        drop(third);
        drop(held);
        let home = Some("203.0.113.1".parse().unwrap());
        let held = [streams.open(one, home).unwrap(), streams.open(other, home).unwrap()];
        assert_eq!(code(streams.open(Uuid::from_u128(3), home)), "too-many-streams");
        drop(held);
        assert_eq!(streams.count(), 0);
        assert!(
            streams.open.lock().unwrap().by_session.is_empty() && streams.open.lock().unwrap().by_address.is_empty(),
            "who left is not remembered"
        );
        assert!(streams.open(one, None).is_ok());
    }
}
