//! The learning rate over a run: a linear warm-up, then half a cosine down to a tenth of a tenth.

use std::f64::consts::PI;

/// Share of the peak that is left at the end.
const FLOOR: f64 = 0.01;

/// A warm-up and a cosine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// The highest rate.
    pub peak: f64,
    /// Steps until it is reached.
    pub warmup: u64,
}

impl Schedule {
    /// The rate of `step` (from 0), when `done` of the run, from 0 to 1, lies behind.
    pub fn rate(&self, step: u64, done: f64) -> f64 {
        let warm = ((step + 1) as f64 / (self.warmup + 1) as f64).min(1.0);
        let cosine = 0.5 * (1.0 + (PI * done.clamp(0.0, 1.0)).cos());
        self.peak * warm * (FLOOR + (1.0 - FLOOR) * cosine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_then_falls_to_the_floor() {
        let schedule = Schedule { peak: 1.0, warmup: 9 };
        assert!((schedule.rate(0, 0.0) - 0.1).abs() < 1e-12);
        assert!((schedule.rate(9, 0.0) - 1.0).abs() < 1e-12);
        assert!((schedule.rate(50, 0.5) - 0.505).abs() < 1e-12);
        assert!((schedule.rate(100, 1.0) - FLOOR).abs() < 1e-12);
        assert!((schedule.rate(100, 7.0) - FLOOR).abs() < 1e-12);
    }
}
