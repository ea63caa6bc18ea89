//! How much of a talk's rating lies in the pair alone: predicted from the two types, for people nobody learnt from.
//!
//! Least squares with a ridge on the eight letters of the two types (each −1 or 1) and their sixteen products. The ridge is
//! chosen on the valid split, the plane then fitted on train and valid, and measured on test against the mean.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::dialogue::AuthoredDialogue;
use crate::persona::{Bank, Mbti, Split, Splits};
use crate::statistics::{Crossed, Interval, Ridge, mean, of_crossed_mean, spearman};

const STRENGTHS: [f64; 9] = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0];
const SEED: u64 = 1;

/// How well the pair foretells the rating.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PairFigures {
    /// Rated pairs of the test split.
    pub pairs: usize,
    /// Different seekers among them.
    pub seekers: usize,
    /// Different supporters among them.
    pub supporters: usize,
    /// The ridge that did best on valid.
    pub strength: f64,
    /// Mean squared error on test.
    pub error: f64,
    /// The same of predicting the mean.
    pub mean_error: f64,
    /// What predicting the mean loses to it.
    pub gain: f64,
    /// Its 95 % interval, by the bootstrap over seekers and supporters.
    pub gain_interval: Interval,
    /// Spearman's rank correlation of prediction and rating; none where either does not vary.
    pub spearman: Option<f64>,
}

/// One rated talk.
struct Rated {
    seeker: u32,
    supporter: u32,
    row: (Vec<f64>, f64),
}

/// The figures; none where a split holds no rated talk.
pub fn figures<'a>(
    dialogues: impl Iterator<Item = &'a AuthoredDialogue>,
    bank: &Bank,
    splits: &Splits,
) -> Option<PairFigures> {
    let (mut train, mut valid, mut test) = (Vec::new(), Vec::new(), Vec::new());
    for dialogue in dialogues {
        let (Some(seeker), Some(supporter)) = (bank.get(dialogue.seeker), bank.get(dialogue.supporter)) else {
            continue;
        };
        let row = (features(seeker.mbti, supporter.mbti), dialogue.rating.mean());
        let rated = Rated { seeker: dialogue.seeker, supporter: dialogue.supporter, row };
        match splits.of_pair(dialogue.seeker, dialogue.supporter) {
            Some(Split::Train) => train.push(rated.row),
            Some(Split::Valid) => valid.push(rated.row),
            Some(Split::Test) => test.push(rated),
            None => {}
        }
    }
    let tried = STRENGTHS.into_iter().filter_map(|strength| {
        let fitted = Ridge::fit(&train, strength)?;
        Some((squared(&valid, |features| fitted.at(features))?, strength))
    });
    let (_, strength) = tried.min_by(|a, b| a.0.total_cmp(&b.0))?;
    train.append(&mut valid);
    let fitted = Ridge::fit(&train, strength)?;
    let middle = mean(train.iter().map(|(_, rating)| *rating))?;

    let gain =
        |(features, rating): &(Vec<f64>, f64)| (middle - rating).powi(2) - (fitted.at(features) - rating).powi(2);
    let gains: Vec<Crossed> =
        test.iter().map(|Rated { seeker, supporter, row }| (*seeker, *supporter, gain(row))).collect();
    let points: Vec<(f64, f64)> = test.iter().map(|rated| (fitted.at(&rated.row.0), rated.row.1)).collect();
    let rows: Vec<_> = test.into_iter().map(|rated| rated.row).collect();
    let (error, mean_error) = (squared(&rows, |features| fitted.at(features))?, squared(&rows, |_| middle)?);
    Some(PairFigures {
        pairs: rows.len(),
        seekers: gains.iter().map(|of| of.0).collect::<BTreeSet<_>>().len(),
        supporters: gains.iter().map(|of| of.1).collect::<BTreeSet<_>>().len(),
        strength,
        error,
        mean_error,
        gain: mean_error - error,
        gain_interval: of_crossed_mean(&gains, SEED)?,
        spearman: spearman(&points),
    })
}

fn squared(rows: &[(Vec<f64>, f64)], predict: impl Fn(&[f64]) -> f64) -> Option<f64> {
    mean(rows.iter().map(|(features, rating)| (predict(features) - rating).powi(2)))
}

fn features(seeker: Mbti, supporter: Mbti) -> Vec<f64> {
    let (a, b) = (letters(seeker), letters(supporter));
    let products = a.iter().flat_map(|a| b.map(|b| a * b));
    a.into_iter().chain(b).chain(products).collect()
}

/// E, N, F and J are one, their opposites minus one.
fn letters(mbti: Mbti) -> [f64; 4] {
    let letters = mbti.as_str().as_bytes();
    [(0, b'E'), (1, b'N'), (2, b'F'), (3, b'J')].map(|(at, one)| if letters.get(at) == Some(&one) { 1.0 } else { -1.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten characters a type in train, two in valid and in test; everybody seeks with five others of the own split.
    fn world(rating: impl Fn(Mbti, Mbti, u32) -> u8) -> (Vec<AuthoredDialogue>, Bank, Splits) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("splits.json");
        let of = |range: std::ops::Range<u32>| range.collect::<Vec<_>>();
        let lists = serde_json::json!({"train": of(0..160), "valid": of(160..192), "test": of(192..224)});
        std::fs::write(&path, lists.to_string()).unwrap();
        let types: Vec<Mbti> = Mbti::all().collect();
        let mbti = |index: u32| types[index as usize % 16];
        let character = |index: u32| {
            let row = serde_json::json!({"index": index, "mbti": mbti(index).as_str(), "profile": {}, "profile_trans": {},
                "seeker_statement": "", "supporter_statement": ""});
            std::sync::Arc::new(serde_json::from_value(row).unwrap())
        };
        let mut dialogues = Vec::new();
        for (first, size) in [(0, 160), (160, 32), (192, 32)] {
            for seeker in 0..size {
                for step in [1, 4, 7, 11, 14] {
                    let (seeker, supporter) = (first + seeker, first + (seeker + step) % size);
                    let mean = rating(mbti(seeker), mbti(supporter), seeker * 31 + supporter * 17);
                    let row = serde_json::json!({"index": dialogues.len(), "seeker": seeker, "supporter": supporter, "dial": [],
                        "rating": {"mood": mean, "solved": mean, "active": mean, "reason": "so"}});
                    dialogues.push(serde_json::from_value(row).unwrap());
                }
            }
        }
        (dialogues, Bank::new((0..224).map(character).collect()), Splits::load(&path).unwrap())
    }

    #[test]
    fn what_lies_in_the_pair_is_found_and_chance_is_not() {
        // Alike in the third letter: well; else badly.
        let alike = |a: Mbti, b: Mbti, _| if a.as_str().as_bytes()[2] == b.as_str().as_bytes()[2] { 4 } else { 2 };
        let (dialogues, bank, splits) = world(alike);
        let found = figures(dialogues.iter(), &bank, &splits).unwrap();
        assert_eq!((found.pairs, found.seekers, found.supporters), (160, 32, 32));
        assert!(found.error < 0.01 && found.mean_error > 0.8 && found.spearman.unwrap() > 0.85, "{found:?}");
        assert!(found.gain_interval.low > 0.5, "{found:?}");
        let (dialogues, bank, splits) = world(|_, _, number| (number.wrapping_mul(2_654_435_761) >> 16) as u8 % 5 + 1);
        let chance = figures(dialogues.iter(), &bank, &splits).unwrap();
        assert!(chance.gain_interval.low < 0.0 && chance.spearman.unwrap().abs() < 0.3, "{chance:?}");
        assert_eq!(figures([].into_iter(), &bank, &splits), None);
    }
}
