//! How far a figure may be off: intervals that hold the truth in 95 of 100 cases.

use std::collections::BTreeSet;

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

/// A value with the two it belongs to, as a talk belongs to its seeker and its supporter.
pub type Crossed = (u32, u32, f64);

/// The 95 % interval of a mean where both sides recur: those of each side are drawn by themselves, and a value counts as
/// often as its first times as often as its second (the pigeonhole bootstrap, Owen 2007). The same seed gives the same
/// interval; none without values.
pub fn of_crossed_mean(values: &[Crossed], seed: u64) -> Option<Interval> {
    let side = |of: fn(&Crossed) -> u32| {
        let people: Vec<u32> = values.iter().map(of).collect::<BTreeSet<_>>().into_iter().collect();
        let places: Vec<usize> = values.iter().map(|value| people.partition_point(|one| *one < of(value))).collect();
        (people.len(), places)
    };
    let ((firsts, first_of), (seconds, second_of)) = (side(|value| value.0), side(|value| value.1));
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut drawn = |people: usize| {
        let mut times = vec![0.0; people];
        (0..people).for_each(|_| times[rng.random_range(0..people)] += 1.0);
        times
    };
    let mut means: Vec<f64> = (0..DRAWS)
        .filter_map(|_| {
            let (of_firsts, of_seconds) = (drawn(firsts), drawn(seconds));
            let weighed = values.iter().zip(first_of.iter().zip(&second_of));
            let (sum, all) = weighed.fold((0.0, 0.0), |(sum, all), ((_, _, value), (first, second))| {
                let weight = of_firsts[*first] * of_seconds[*second];
                (sum + weight * value, all + weight)
            });
            // Few values may all be left out of a draw, which then tells nothing.
            (all > 0.0).then(|| sum / all)
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
    fn whoever_recurs_on_either_side_widens_the_interval() {
        // Forty of one side with five of the other each, all five alike; and 200 who meet once.
        let value = |at: u32| f64::from(at % 4);
        let crossed = |pair: fn(u32) -> (u32, u32)| -> Vec<Crossed> {
            (0..200).map(|at| (pair(at).0, pair(at).1, value(at / 5))).collect()
        };
        let width = |values: &[Crossed]| of_crossed_mean(values, 1).map(|found| found.high - found.low).unwrap();
        let alone = width(&crossed(|at| (at, at)));
        assert!(width(&crossed(|at| (at / 5, at))) > 1.3 * alone && width(&crossed(|at| (at, at / 5))) > 1.3 * alone);
        let values = crossed(|at| (at / 5, at));
        let found = of_crossed_mean(&values, 1).unwrap();
        assert!(found.low < 1.5 && found.high > 1.5, "{found:?}");
        assert_eq!(of_crossed_mean(&values, 1), Some(found));
        assert_eq!(of_crossed_mean(&[], 1), None);
    }
}
