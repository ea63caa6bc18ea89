//! The event streams that are open: so many in the process, so many of one session.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use super::metrics::OpenStream;
use super::problem::Problem;

/// Counts open streams.
pub(super) struct Streams {
    most: usize,
    most_per_session: usize,
    // A std Mutex: held for one count.
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    all: usize,
    by_session: HashMap<Uuid, usize>,
}

/// Room for one stream, given back when this is dropped.
pub(super) struct Place {
    session: Uuid,
    open: Arc<Mutex<Open>>,
    _counted: OpenStream,
}

impl Streams {
    pub(super) fn new(most: usize, most_per_session: usize) -> Self {
        Self { most, most_per_session, open: Arc::default() }
    }

    /// Room for one more stream of this session.
    ///
    /// # Errors
    /// 429 `too-many-streams` if the session has all it may have; 503 `busy` if the process has.
    pub(super) fn open(&self, session: Uuid) -> Result<Place, Problem> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.by_session.get(&session).is_some_and(|count| *count >= self.most_per_session) {
            return Err(Problem::too_many_streams(self.most_per_session));
        }
        if open.all >= self.most {
            return Err(Problem::busy(format!("{} event streams are open, which is the limit", self.most)));
        }
        open.all += 1;
        *open.by_session.entry(session).or_default() += 1;
        drop(open);
        Ok(Place { session, open: self.open.clone(), _counted: OpenStream::begin() })
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
        if let Some(count) = open.by_session.get_mut(&self.session) {
            *count -= 1;
            if *count == 0 {
                open.by_session.remove(&self.session);
            }
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
        let streams = Streams::new(3, 2);
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let held = [streams.open(one).unwrap(), streams.open(one).unwrap()];
        assert_eq!(code(streams.open(one)), "too-many-streams");
        let third = streams.open(other).unwrap();
        assert_eq!(code(streams.open(other)), "busy");
        assert_eq!(streams.count(), 3);
        drop((held, third));
        assert_eq!(streams.count(), 0);
        assert!(streams.open.lock().unwrap().by_session.is_empty(), "who left is not remembered");
        assert!(streams.open(one).is_ok());
    }
}
