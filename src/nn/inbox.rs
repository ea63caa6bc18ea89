//! The bounded queue before a thread that owns tensors: admission is counted before anything is started, what its
//! caller has given up frees its place, and while the thread is away nobody waits for it.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Who waits: a live request is always served before a simulated one. The priority is strict, so that while live
/// requests keep coming simulated ones stand still; none is lost by it, as each lane has places of its own. What was
/// begun is brought to its end, whatever comes meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lane {
    /// A person waits for it.
    #[default]
    Live,
    /// Nobody reads along.
    Simulated,
}

impl Lane {
    /// Both, first served first.
    pub const ALL: [Self; 2] = [Self::Live, Self::Simulated];

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Simulated => "simulated",
        }
    }
}

/// Why nobody serves an inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absence {
    /// The thread fell and is being brought back.
    Restarting {
        /// What is known of why it fell.
        reason: String,
        /// When it may be back.
        retry_after: Duration,
    },
    /// The thread is gone for good.
    Gone {
        /// What is known of why.
        reason: String,
    },
}

/// A job that can wait in an [`Inbox`].
pub trait Job {
    /// How many places it takes.
    fn weight(&self) -> usize;
    /// Whether nobody waits for its answer any more.
    fn abandoned(&self) -> bool;
    /// Tells whoever waits that it will not be done, and why.
    fn dismiss(self, why: Absence);
    /// Where it waits.
    fn lane(&self) -> Lane {
        Lane::Live
    }
}

/// Why a job was not admitted; it comes back to its sender.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused<J> {
    /// No place.
    Full {
        /// The job.
        job: J,
        /// Places taken in its lane.
        waiting: usize,
    },
    /// The thread takes no jobs, now or ever.
    Absent {
        /// The job.
        job: J,
        /// Why, and until when.
        why: Absence,
    },
}

/// Jobs between many callers and one thread.
#[derive(Debug)]
pub struct Inbox<J> {
    state: Mutex<State<J>>,
    changed: Condvar,
    limit: usize,
}

#[derive(Debug)]
struct State<J> {
    /// By [`Lane`].
    lanes: [VecDeque<J>; 2],
    standing: Standing,
}

#[derive(Debug)]
enum Standing {
    Open,
    Away {
        reason: String,
        until: Instant,
        /// What is said once `until` is past.
        least: Duration,
    },
    Closed {
        reason: String,
    },
}

impl Standing {
    fn absence(&self) -> Option<Absence> {
        match self {
            Self::Open => None,
            Self::Away { reason, until, least } => {
                let retry_after = until.saturating_duration_since(Instant::now()).max(*least);
                Some(Absence::Restarting { reason: reason.clone(), retry_after })
            }
            Self::Closed { reason } => Some(Absence::Gone { reason: reason.clone() }),
        }
    }
}

impl<J: Job> Inbox<J> {
    /// An inbox of `limit` places in each lane.
    pub fn new(limit: usize) -> Self {
        let state = State { lanes: Default::default(), standing: Standing::Open };
        Self { state: Mutex::new(state), changed: Condvar::new(), limit }
    }

    /// The number of places in a lane.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Admits a job, at once or not at all. A job heavier than the limit is admitted when nothing else waits in its
    /// lane.
    ///
    /// # Errors
    /// [`Refused`], with the job.
    pub fn push(&self, job: J) -> Result<(), Refused<J>> {
        let mut state = self.lock();
        if let Some(why) = state.standing.absence() {
            return Err(Refused::Absent { job, why });
        }
        let lane = &mut state.lanes[job.lane() as usize];
        let mut waiting = weight(lane);
        if waiting + job.weight() > self.limit {
            lane.retain(|job| !job.abandoned());
            waiting = weight(lane);
        }
        // `limit` 0 is a full inbox always; otherwise a lone job may be of any weight.
        if waiting + job.weight() > self.limit && (waiting > 0 || self.limit == 0) {
            return Err(Refused::Full { job, waiting });
        }
        lane.push_back(job);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for the next job: the oldest of the first lane that has one. `None` once the inbox is closed. Abandoned
    /// jobs are skipped.
    pub fn next(&self) -> Option<J> {
        let mut state = self.lock();
        loop {
            if matches!(state.standing, Standing::Closed { .. }) {
                return None;
            }
            match state.lanes.iter_mut().find_map(VecDeque::pop_front) {
                Some(job) if job.abandoned() => {}
                Some(job) => return Some(job),
                None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Everything that waits now, without waiting for it, first served first. Abandoned jobs are skipped.
    pub fn take_all(&self) -> Vec<J> {
        self.lock().drain().into_iter().filter(|job| !job.abandoned()).collect()
    }

    /// Why no jobs are taken; `None` while they are.
    pub fn absence(&self) -> Option<Absence> {
        self.lock().standing.absence()
    }

    /// Takes no jobs for a while, and dismisses what waits, so that nobody waits for what may not come. Does nothing
    /// to a closed inbox. `pause` is how long it may take, `least` what is said once that is past.
    pub fn suspend(&self, reason: &str, pause: Duration, least: Duration) {
        let mut state = self.lock();
        if !matches!(state.standing, Standing::Closed { .. }) {
            // A pause beyond the clock's end is as good as one without an end.
            let until = Instant::now().checked_add(pause).unwrap_or_else(Instant::now);
            state.standing = Standing::Away { reason: reason.to_owned(), until, least };
        }
        dismiss(state);
    }

    /// Waits this long; whether the inbox was not closed meanwhile.
    pub fn rest(&self, pause: Duration) -> bool {
        let closed = |state: &State<J>| matches!(state.standing, Standing::Closed { .. });
        let state = self.lock();
        let (state, _) = self
            .changed
            .wait_timeout_while(state, pause, |state| !closed(state))
            .unwrap_or_else(PoisonError::into_inner);
        !closed(&state)
    }

    /// Takes jobs again, if it was not closed; whether it does.
    pub fn resume(&self) -> bool {
        let mut state = self.lock();
        if matches!(state.standing, Standing::Closed { .. }) {
            return false;
        }
        state.standing = Standing::Open;
        true
    }

    /// Takes no more jobs, wakes the thread, and dismisses what waited. What closes it first says why.
    pub fn close(&self, reason: &str) {
        let mut state = self.lock();
        if !matches!(state.standing, Standing::Closed { .. }) {
            state.standing = Standing::Closed { reason: reason.to_owned() };
        }
        dismiss(state);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J> State<J> {
    fn drain(&mut self) -> Vec<J> {
        self.lanes.iter_mut().flat_map(|lane| lane.drain(..)).collect()
    }
}

/// Tells all that wait why they wait no longer, without the lock: their callers may do anything.
fn dismiss<J: Job>(mut state: MutexGuard<'_, State<J>>) {
    let Some(why) = state.standing.absence() else { return };
    let jobs = state.drain();
    drop(state);
    jobs.into_iter().for_each(|job| job.dismiss(why.clone()));
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
    struct Note {
        weight: usize,
        lane: Lane,
        given_up: Arc<AtomicBool>,
        dismissed: Arc<Mutex<Option<Absence>>>,
    }

    impl Job for Note {
        fn weight(&self) -> usize {
            self.weight
        }

        fn abandoned(&self) -> bool {
            self.given_up.load(Ordering::SeqCst)
        }

        fn dismiss(self, why: Absence) {
            *self.dismissed.lock().unwrap() = Some(why);
        }

        fn lane(&self) -> Lane {
            self.lane
        }
    }

    fn note(weight: usize) -> Note {
        Note { weight, lane: Lane::Live, given_up: Arc::default(), dismissed: Arc::default() }
    }

    fn simulated(weight: usize) -> Note {
        Note { lane: Lane::Simulated, ..note(weight) }
    }

    #[test]
    fn a_full_inbox_refuses_with_numbers_and_gives_the_job_back() {
        let inbox = Inbox::new(3);
        inbox.push(note(2)).unwrap();
        assert!(matches!(inbox.push(note(2)), Err(Refused::Full { job: Note { weight: 2, .. }, waiting: 2 })));
        inbox.push(note(1)).unwrap();
        assert_eq!(inbox.take_all().len(), 2);
    }

    #[test]
    fn what_was_given_up_frees_its_place_and_is_skipped() {
        let inbox = Inbox::new(1);
        let first = note(1);
        let given_up = Arc::clone(&first.given_up);
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
    fn live_jobs_come_first_and_each_lane_has_places_of_its_own() {
        let inbox = Inbox::new(2);
        inbox.push(simulated(1)).unwrap();
        inbox.push(simulated(1)).unwrap();
        assert!(matches!(inbox.push(simulated(1)), Err(Refused::Full { waiting: 2, .. })));
        inbox.push(note(2)).unwrap();
        assert!(matches!(inbox.push(note(1)), Err(Refused::Full { waiting: 2, .. })));
        assert_eq!(inbox.next().unwrap().lane, Lane::Live);
        inbox.push(note(1)).unwrap();
        let rest: Vec<Lane> = inbox.take_all().iter().map(|note| note.lane).collect();
        assert_eq!(rest, [Lane::Live, Lane::Simulated, Lane::Simulated]);
    }

    #[test]
    fn an_end_wakes_the_thread_and_dismisses_what_waited() {
        let inbox = Arc::new(Inbox::new(2));
        let waiting = {
            let inbox = Arc::clone(&inbox);
            std::thread::spawn(move || inbox.next().is_none())
        };
        std::thread::sleep(Duration::from_millis(20));
        inbox.close("nothing waits");
        assert!(waiting.join().unwrap());
        let why = Absence::Gone { reason: "nothing waits".into() };
        assert!(matches!(inbox.push(note(1)), Err(Refused::Absent { why: found, .. }) if found == why));

        let inbox = Arc::new(Inbox::new(2));
        let late = note(1);
        let dismissed = Arc::clone(&late.dismissed);
        inbox.push(late).unwrap();
        drop(ClosedAtEnd(inbox));
        assert_eq!(*dismissed.lock().unwrap(), Some(Absence::Gone { reason: "its thread ended".into() }));
    }

    #[test]
    fn while_the_thread_is_away_nobody_waits_and_the_first_reason_for_a_close_stays() {
        let inbox = Inbox::new(2);
        let late = note(1);
        let dismissed = Arc::clone(&late.dismissed);
        inbox.push(late).unwrap();
        inbox.suspend("it fell", Duration::from_secs(60), Duration::from_secs(1));
        let told = dismissed.lock().unwrap().clone();
        assert!(matches!(told, Some(Absence::Restarting { reason, retry_after })
            if reason == "it fell" && retry_after > Duration::from_secs(50)));
        assert!(matches!(inbox.push(note(1)), Err(Refused::Absent { why: Absence::Restarting { .. }, .. })));
        // Once the time is past, the least is said.
        inbox.suspend("it fell", Duration::ZERO, Duration::from_secs(1));
        let why = Absence::Restarting { reason: "it fell".into(), retry_after: Duration::from_secs(1) };
        assert_eq!(inbox.absence(), Some(why));
        assert!(inbox.rest(Duration::from_millis(1)) && inbox.resume());
        inbox.push(note(1)).unwrap();
        inbox.close("first");
        inbox.close("second");
        assert!(!inbox.rest(Duration::from_secs(60)) && !inbox.resume());
        assert_eq!(inbox.absence(), Some(Absence::Gone { reason: "first".into() }));
    }
}
