//! How far a figure may be off: intervals that hold the truth in 95 of 100 cases.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// 97.5 % of the standard normal distribution lie below.
const Z: f64 = 1.959_964;
const DRAWS: usize = 2_000;

/// From `low` to `high`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// The 95 % interval of a share, `part` of `whole` (Wilson's score interval): also good near nought and one. Of nothing,
/// any share may be true: from nought to one. A part is at most the whole.
pub fn of_share(part: usize, whole: usize) -> Interval {
    if whole == 0 {
        return Interval { low: 0.0, high: 1.0 };
    }
    let (n, p) = (whole as f64, part.min(whole) as f64 / whole as f64);
    let middle = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    Interval { low: (middle - half).max(0.0), high: (middle + half).min(1.0) }
}

/// The 95 % interval of a mean by the bootstrap, whole groups drawn: what belongs together (the talks of one seeker) is
/// not independent. The same seed gives the same interval; none without groups.
pub fn of_mean_by_group(groups: &[Vec<f64>], seed: u64) -> Option<Interval> {
    if groups.iter().all(Vec::is_empty) {
        return None;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let sums: Vec<(f64, usize)> = groups.iter().map(|group| (group.iter().sum(), group.len())).collect();
    let mut means: Vec<f64> = (0..DRAWS)
        .filter_map(|_| {
            let drawn = (0..sums.len()).map(|_| sums[rng.random_range(0..sums.len())]);
            let (sum, count) = drawn.fold((0.0, 0), |(sum, count), (more, of)| (sum + more, count + of));
            (count > 0).then(|| sum / count as f64)
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let at = |share: f64| means[((means.len() - 1) as f64 * share).round() as usize];
    (!means.is_empty()).then(|| Interval { low: at(0.025), high: at(0.975) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_held_by_its_interval() {
        // 81 of 263, the example of Newcombe (1998): 0.2553 to 0.3662.
        let interval = of_share(81, 263);
        assert!((interval.low - 0.2553).abs() < 1e-4 && (interval.high - 0.3662).abs() < 1e-4, "{interval:?}");
        let never = of_share(0, 20);
        assert!(never.low == 0.0 && (never.high - 0.1611).abs() < 1e-4, "{never:?}");
        assert_eq!(of_share(0, 0), Interval { low: 0.0, high: 1.0 }, "nothing is known of nothing");
        assert_eq!(of_share(3, 2), of_share(2, 2), "more than all is all");
    }

    #[test]
    fn groups_are_drawn_whole_and_the_seed_decides() {
        let alike: Vec<Vec<f64>> = (0..40).map(|at| vec![f64::from(at % 4); 5]).collect();
        let alone: Vec<Vec<f64>> = alike.concat().into_iter().map(|value| vec![value]).collect();
        let (wide, narrow) = (of_mean_by_group(&alike, 1).unwrap(), of_mean_by_group(&alone, 1).unwrap());
        assert!(wide.low < 1.5 && wide.high > 1.5);
        assert!(wide.high - wide.low > 1.5 * (narrow.high - narrow.low), "{wide:?} {narrow:?}");
        assert_eq!(of_mean_by_group(&alike, 1), Some(wide));
        assert_eq!(of_mean_by_group(&[], 1), None);
    }
}
