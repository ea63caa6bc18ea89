//! A line in the cosine of two statements, and how much of the ratings it carries.

use std::collections::BTreeMap;

use super::Pair;
use crate::matching::PersonaScoreHead;
use crate::statistics::{Line, mean, spearman};
use crate::training::TrainingError;

/// A slope further from zero than this many standard errors is taken for one (about 95 of 100 by chance are nearer).
const CLEAR: f64 = 2.0;
/// Fewer seekers than this, on either side, leave nothing to measure.
const FEWEST_SEEKERS: usize = 3;

/// Spearman's correlation of a score with the ratings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// Over all pairs.
    pub overall: f64,
    /// Mean over the seekers of the correlation among their own supporters: what a ranking is about.
    pub within: f64,
    /// Standard error of that mean; NaN with one seeker.
    pub within_error: f64,
}

/// How many talks, and how many people sought help in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Talks.
    pub pairs: usize,
    /// Seekers.
    pub seekers: usize,
}

/// The fitted head, and what was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// The head, fitted to the talks of train.
    pub head: PersonaScoreHead,
    /// How many talks it was fitted to, and how many people sought help in them.
    pub train: Size,
    /// How many talks, of other people, it was measured on.
    pub test: Size,
    /// Mean rating of train.
    pub mean: f64,
    /// Standard error of the slope, by leaving out one seeker at a time (jackknife): one seeker's talks are no independent
    /// draws.
    pub slope_error: f64,
    /// Mean absolute error on test.
    pub error: f64,
    /// The same for predicting the mean of train.
    pub mean_error: f64,
    /// Of the cosine of the statements with the ratings of test.
    pub statements: Agreement,
    /// Of the similarity that matching ranks by without a head.
    pub similarity: Agreement,
}

impl Fit {
    /// Whether the ratings carry the head: it rises, by more than chance, and predicts people it has not seen better than
    /// the mean does.
    pub fn holds(&self) -> bool {
        f64::from(self.head.weight) > CLEAR * self.slope_error && self.error < self.mean_error
    }
}

/// Fits the head to the pairs of `train` and measures it on those of `test`.
///
/// # Errors
/// [`TrainingError::Ratings`] with fewer than three seekers in either, or where cosines or ratings do not vary.
pub fn fit(train: &[Pair], test: &[Pair]) -> Result<Fit, TrainingError> {
    let alike = || TrainingError::Ratings { expected: "ratings and cosines that vary", found: "one value".to_owned() };
    let (learnt, measured) = (by_seeker(train), by_seeker(test));
    for (seekers, expected) in [
        (learnt.len(), "at least three seekers to learn from"),
        (measured.len(), "at least three other seekers to measure on"),
    ] {
        if seekers < FEWEST_SEEKERS {
            return Err(TrainingError::Ratings { expected, found: seekers.to_string() });
        }
    }
    let point = |pair: &Pair| (pair.statements, pair.rated.rating);
    let points: Vec<(f64, f64)> = train.iter().map(point).collect();
    let line = Line::fit(&points).ok_or_else(alike)?;
    let average = mean(points.iter().map(|(_, rating)| *rating)).ok_or_else(alike)?;
    let slopes = learnt
        .keys()
        .map(|seeker| {
            let others: Vec<_> = train.iter().filter(|pair| pair.rated.seeker != *seeker).map(point).collect();
            Ok(Line::fit(&others).ok_or_else(alike)?.weight)
        })
        .collect::<Result<Vec<f64>, TrainingError>>()?;
    let middle = mean(slopes.iter().copied()).ok_or_else(alike)?;
    let spread: f64 = slopes.iter().map(|slope| (slope - middle).powi(2)).sum();
    let count = slopes.len() as f64;

    let agreement = |score: fn(&Pair) -> f64| -> Option<Agreement> {
        let order =
            |pairs: &[&Pair]| spearman(&pairs.iter().map(|pair| (score(pair), pair.rated.rating)).collect::<Vec<_>>());
        let each: Vec<f64> = measured.values().filter_map(|own| order(own)).collect();
        let within = mean(each.iter().copied())?;
        let spread: f64 = each.iter().map(|one| (one - within).powi(2)).sum();
        let count = each.len() as f64;
        Some(Agreement {
            overall: order(&test.iter().collect::<Vec<_>>())?,
            within,
            within_error: (spread / (count - 1.0) / count).sqrt(),
        })
    };
    let missed = |predict: &dyn Fn(f64) -> f64| {
        mean(test.iter().map(|pair| (predict(pair.statements) - pair.rated.rating).abs())).ok_or_else(alike)
    };
    Ok(Fit {
        head: PersonaScoreHead { weight: line.weight as f32, bias: line.bias as f32 },
        train: Size { pairs: train.len(), seekers: learnt.len() },
        test: Size { pairs: test.len(), seekers: measured.len() },
        mean: average,
        slope_error: ((count - 1.0) / count * spread).sqrt(),
        error: missed(&|cosine| line.at(cosine))?,
        mean_error: missed(&|_| average)?,
        statements: agreement(|pair| pair.statements).ok_or_else(alike)?,
        similarity: agreement(|pair| pair.similarity).ok_or_else(alike)?,
    })
}

fn by_seeker(pairs: &[Pair]) -> BTreeMap<u32, Vec<&Pair>> {
    let mut by_seeker: BTreeMap<u32, Vec<&Pair>> = BTreeMap::new();
    for pair in pairs {
        by_seeker.entry(pair.rated.seeker).or_default().push(pair);
    }
    by_seeker
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::Rated;
    use super::*;

    /// Four seekers with five supporters each, `rating` of cosine and a number that differs from pair to pair; and three
    /// others.
    pub(in crate::training::matcher) fn fitted(rating: impl Fn(f64, f64) -> f64) -> Result<Fit, TrainingError> {
        let all = pairs(rating);
        let (train, test) = all.split_at(20);
        fit(train, test)
    }

    pub(in crate::training::matcher) fn pairs(rating: impl Fn(f64, f64) -> f64) -> Vec<Pair> {
        (0..35u32)
            .map(|at| {
                let statements = f64::from(at * 7 % 20) / 25.0;
                let noise = f64::from(at * 13 % 11) / 5.0 - 1.0;
                let rated = Rated { seeker: at / 5, supporter: at % 5, rating: rating(statements, noise) };
                Pair { rated, statements, similarity: -statements }
            })
            .collect()
    }

    #[test]
    fn recovers_the_line_and_measures_it() {
        let exact = fitted(|cosine, _| 2.5 * cosine + 1.25).unwrap();
        assert!((exact.head.weight - 2.5).abs() < 1e-5 && (exact.head.bias - 1.25).abs() < 1e-5);
        assert!(exact.error < 1e-9 && exact.mean_error > 0.1 && exact.slope_error < 1e-9);
        assert_eq!((exact.train, exact.test), (Size { pairs: 20, seekers: 4 }, Size { pairs: 15, seekers: 3 }));
        assert!((exact.statements.overall - 1.0).abs() < 1e-12 && (exact.similarity.within + 1.0).abs() < 1e-12);
        assert!(exact.holds());
        let noisy = fitted(|cosine, noise| 2.5 * cosine + 1.25 + 0.1 * noise).unwrap();
        assert!((noisy.head.weight - 2.5).abs() < 0.3 && noisy.error > 0.0 && noisy.holds());
    }

    #[test]
    fn a_line_that_falls_or_is_chance_does_not_hold() {
        assert!(!fitted(|cosine, _| 4.0 - cosine).unwrap().holds());
        let chance = fitted(|_, noise| 3.0 + noise).unwrap();
        assert!(!chance.holds(), "{chance:?}");
    }

    #[test]
    fn says_what_is_missing() {
        let all = pairs(|cosine, _| cosine);
        let told = |train: &[Pair], test: &[Pair]| fit(train, test).unwrap_err().to_string();
        assert!(told(&all[..10], &all[10..]).contains("at least three seekers to learn from, found 2"));
        assert!(told(&all[..25], &all[25..]).contains("three other seekers to measure on, found 2"));
        assert!(fitted(|_, _| 3.0).is_err());
    }
}
