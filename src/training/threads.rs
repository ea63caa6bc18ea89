//! How many threads compute: a limit, or what pays off right now, tried in turn, as other work on the machine comes and
//! goes.

use super::TrainingError;

/// Lets products use at most this many threads.
///
/// # Errors
/// [`TrainingError::Setting`] below one.
pub fn limit(threads: i32) -> Result<(), TrainingError> {
    if threads < 1 {
        let expected = "at least 1".to_owned();
        return Err(TrainingError::Setting { setting: "--threads", expected, found: threads.to_string() });
    }
    tch::set_num_threads(threads);
    Ok(())
}

/// Steps between two trials.
const TRIAL_EVERY: u64 = 24;
/// Steps that each count gets in a trial.
const TRIAL_STEPS: u64 = 2;

/// Chooses between one thread and all by the speed of a few steps of each.
#[derive(Debug)]
pub(super) struct Threads {
    all: i32,
    many: f64,
    one: f64,
    trying: Option<bool>,
}

impl Threads {
    pub(super) fn new(all: i32) -> Self {
        Self { all, many: 0.0, one: 0.0, trying: None }
    }

    /// The count for a step.
    pub(super) fn choose(&mut self, step: u64) -> i32 {
        let place = step % TRIAL_EVERY;
        if place == 0 {
            (self.many, self.one) = (0.0, 0.0);
        }
        self.trying = (place < 2 * TRIAL_STEPS).then_some(place < TRIAL_STEPS);
        let many = self.trying.unwrap_or(self.many >= self.one);
        if many { self.all } else { 1 }
    }

    /// How fast the step went that was chosen last, in tokens a second.
    pub(super) fn observe(&mut self, speed: f64) {
        match self.trying {
            Some(true) => self.many = self.many.max(speed),
            Some(false) => self.one = self.one.max(speed),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_faster_count_is_kept_until_the_next_trial() {
        let mut threads = Threads::new(8);
        for (many, one, expected) in [(100.0, 300.0, 1), (500.0, 300.0, 8)] {
            for step in 0..TRIAL_EVERY {
                let count = threads.choose(step);
                threads.observe(if count == 1 { one } else { many });
                if step >= 2 * TRIAL_STEPS {
                    assert_eq!(count, expected);
                }
            }
        }
    }
}
