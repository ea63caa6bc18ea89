//! The bounded queue before a thread that owns tensors: admission is counted before anything is started, and what its
//! caller has given up frees its place.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// A job that can wait in an [`Inbox`].
pub trait Job {
    /// How many places it takes.
    fn weight(&self) -> usize;
    /// Whether nobody waits for its answer any more.
    fn abandoned(&self) -> bool;
    /// Tells whoever waits that it will not be done, and why.
    fn dismiss(self, reason: &str);
}

/// Why a job was not admitted; it comes back to its sender.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused<J> {
    /// No place.
    Full {
        /// The job.
        job: J,
        /// Places taken.
        waiting: usize,
    },
    /// The thread takes no more jobs.
    Closed(J),
}

/// Jobs between many callers and one thread.
#[derive(Debug)]
pub struct Inbox<J> {
    state: Mutex<State<J>>,
    arrived: Condvar,
    limit: usize,
}

#[derive(Debug)]
struct State<J> {
    jobs: VecDeque<J>,
    open: bool,
}

impl<J: Job> Inbox<J> {
    /// An inbox of `limit` places.
    pub fn new(limit: usize) -> Self {
        Self { state: Mutex::new(State { jobs: VecDeque::new(), open: true }), arrived: Condvar::new(), limit }
    }

    /// The number of places.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Admits a job, at once or not at all. A job heavier than the limit is admitted when nothing else waits.
    ///
    /// # Errors
    /// [`Refused`], with the job.
    pub fn push(&self, job: J) -> Result<(), Refused<J>> {
        let mut state = self.lock();
        if !state.open {
            return Err(Refused::Closed(job));
        }
        let mut waiting = weight(&state.jobs);
        if waiting + job.weight() > self.limit {
            state.jobs.retain(|job| !job.abandoned());
            waiting = weight(&state.jobs);
        }
        // `limit` 0 is a full inbox always; otherwise a lone job may be of any weight.
        if waiting + job.weight() > self.limit && (waiting > 0 || self.limit == 0) {
            return Err(Refused::Full { job, waiting });
        }
        state.jobs.push_back(job);
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// Waits for the oldest job; `None` once the inbox is closed. Abandoned jobs are skipped.
    pub fn next(&self) -> Option<J> {
        let mut state = self.lock();
        loop {
            if !state.open {
                return None;
            }
            match state.jobs.pop_front() {
                Some(job) if job.abandoned() => {}
                Some(job) => return Some(job),
                None => state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Everything that waits now, without waiting for it. Abandoned jobs are skipped.
    pub fn take_all(&self) -> Vec<J> {
        self.lock().jobs.drain(..).filter(|job| !job.abandoned()).collect()
    }

    /// Whether jobs are taken.
    pub fn is_open(&self) -> bool {
        self.lock().open
    }

    /// Takes no more jobs, wakes the thread, and dismisses what waited.
    pub fn close(&self, reason: &str) {
        let mut state = self.lock();
        state.open = false;
        let jobs: Vec<J> = state.jobs.drain(..).collect();
        drop(state);
        self.arrived.notify_all();
        jobs.into_iter().for_each(|job| job.dismiss(reason));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes an inbox when its thread ends, however it ends: nobody may wait for a thread that is gone.
#[derive(Debug)]
pub struct ClosedAtEnd<J: Job>(pub Arc<Inbox<J>>);

impl<J: Job> Drop for ClosedAtEnd<J> {
    fn drop(&mut self) {
        self.0.close("its thread ended");
    }
}

fn weight<J: Job>(jobs: &VecDeque<J>) -> usize {
    jobs.iter().map(Job::weight).sum()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[derive(Debug)]
    struct Note(usize, Arc<AtomicBool>);

    impl Job for Note {
        fn weight(&self) -> usize {
            self.0
        }

        fn abandoned(&self) -> bool {
            self.1.load(Ordering::SeqCst)
        }

        fn dismiss(self, reason: &str) {
            assert_eq!(reason, "its thread ended");
            self.1.store(true, Ordering::SeqCst);
        }
    }

    fn note(weight: usize) -> Note {
        Note(weight, Arc::default())
    }

    #[test]
    fn a_full_inbox_refuses_with_numbers_and_gives_the_job_back() {
        let inbox = Inbox::new(3);
        inbox.push(note(2)).unwrap();
        assert!(matches!(inbox.push(note(2)), Err(Refused::Full { job: Note(2, _), waiting: 2 })));
        inbox.push(note(1)).unwrap();
        assert_eq!(inbox.take_all().len(), 2);
    }

    #[test]
    fn what_was_given_up_frees_its_place_and_is_skipped() {
        let inbox = Inbox::new(1);
        let first = note(1);
        let given_up = Arc::clone(&first.1);
        inbox.push(first).unwrap();
        given_up.store(true, Ordering::SeqCst);
        inbox.push(note(1)).unwrap();
        assert!(!inbox.next().unwrap().abandoned());
    }

    #[test]
    fn a_job_heavier_than_the_limit_is_taken_alone() {
        let inbox = Inbox::new(2);
        inbox.push(note(5)).unwrap();
        assert!(inbox.push(note(1)).is_err());
    }

    #[test]
    fn an_end_wakes_the_thread_and_dismisses_what_waited() {
        let inbox = Arc::new(Inbox::new(2));
        let waiting = {
            let inbox = Arc::clone(&inbox);
            std::thread::spawn(move || inbox.next().is_none())
        };
        std::thread::sleep(std::time::Duration::from_millis(20));
        inbox.close("nothing waits");
        assert!(waiting.join().unwrap());
        assert!(matches!(inbox.push(note(1)), Err(Refused::Closed(_))));

        let inbox = Arc::new(Inbox::new(2));
        let late = note(1);
        let dismissed = Arc::clone(&late.1);
        inbox.push(late).unwrap();
        drop(ClosedAtEnd(inbox));
        assert!(dismissed.load(Ordering::SeqCst));
    }
}
