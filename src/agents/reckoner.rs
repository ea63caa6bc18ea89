//! Reckonings that take a processor for a while: one at a time, and few in the queue for it.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::AgentError;

/// The most reckonings at work and in the queue. Each takes 9 to 30 ms with a thousand characters, so that nobody waits for
/// half a second; one more is refused.
const MOST: usize = 16;

/// Whoever reckons here takes one processor and no more, however many ask: replies and other requests have the rest.
pub(super) struct Reckoner {
    room: Arc<Semaphore>,
    turn: Arc<Semaphore>,
}

impl Default for Reckoner {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(MOST)), turn: Arc::new(Semaphore::new(1)) }
    }
}

impl Reckoner {
    /// Does the work on a thread where nobody streams replies, when its turn comes. Dropping the future before leaves the
    /// queue; what has begun is done to its end, and counts until then.
    ///
    /// # Errors
    /// [`AgentError::TooManySearches`] at once if the queue is full; [`AgentError::Interrupted`] if the work panicked.
    pub(super) async fn reckon<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AgentError> {
        let room = self.room.clone().try_acquire_owned().map_err(|_| AgentError::TooManySearches { limit: MOST })?;
        // Never closed.
        let turn = self.turn.clone().acquire_owned().await.map_err(|_| AgentError::Interrupted)?;
        let work = move || {
            let _held = (room, turn);
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| AgentError::Interrupted)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn many_at_once_run_one_after_the_other_and_too_many_are_refused_at_once() {
        let reckoner = Reckoner::default();
        let (running, most, done) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let counts = Arc::new((running, most, done));
        let asked = (0..MOST + 5).map(|_| {
            let counts = counts.clone();
            reckoner.reckon(move || {
                let (running, most, done) = &*counts;
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(3));
                running.fetch_sub(1, Ordering::SeqCst);
                done.fetch_add(1, Ordering::SeqCst);
            })
        });
        let answers = futures::future::join_all(asked).await;
        let refused = answers.iter().filter(|answer| matches!(answer, Err(AgentError::TooManySearches { .. })));
        assert_eq!(refused.count(), 5);
        assert_eq!((counts.1.load(Ordering::SeqCst), counts.2.load(Ordering::SeqCst)), (1, MOST));
        assert_eq!(reckoner.reckon(|| 7).await.unwrap(), 7, "what is done makes room");
    }

    #[tokio::test]
    async fn whoever_leaves_the_queue_makes_room_and_a_fall_does_not_stop_the_next() {
        let reckoner = Reckoner::default();
        let held = reckoner.turn.clone().acquire_owned().await.unwrap();
        for _ in 0..2 * MOST {
            let gone = tokio::time::timeout(Duration::from_millis(1), reckoner.reckon(|| ())).await;
            assert!(gone.is_err(), "nobody comes before their turn");
        }
        drop(held);
        assert!(matches!(reckoner.reckon(|| panic!("it falls")).await, Err(AgentError::Interrupted)));
        assert!(reckoner.reckon(|| ()).await.is_ok());
    }
}
