//! Talks that were rated, and which of them a head is fitted to.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::persona::{Bank, Split, Splits};
use crate::training::TrainingError;
use crate::training::corpus::files;

/// Without splits, each seeker of so many is kept for measuring.
const HELD_OUT: usize = 5;

/// A talk that was rated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rated {
    /// Place of the seeker in the bank.
    pub seeker: u32,
    /// Place of the supporter in the bank.
    pub supporter: u32,
    /// Mean of the three ratings, 1 to 5.
    pub rating: f64,
}

#[derive(Deserialize)]
struct Row {
    seeker: u32,
    supporter: u32,
    rating: Option<Rating>,
}

#[derive(Deserialize)]
struct Rating {
    mood: f64,
    solved: f64,
    active: f64,
}

/// Reads the rated talks of a folder (`*.jsonl`); rows without a rating are passed over.
///
/// # Errors
/// A file that can not be read, a row of another shape, a rating outside 1 to 5, a character that is not in the bank, or no
/// rating at all.
pub fn read(folder: &Path, bank: &Bank) -> Result<Vec<Rated>, TrainingError> {
    let mut all = Vec::new();
    for path in files(folder, "jsonl")? {
        let text = fs::read_to_string(&path).map_err(TrainingError::io(&path))?;
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let wrong = |reason: String| TrainingError::row(&path, at as u64 + 1, reason);
            let row: Row = serde_json::from_str(line)
                .map_err(|error| wrong(format!("expected seeker, supporter and perhaps a rating: {error}")))?;
            let Some(Rating { mood, solved, active }) = row.rating else { continue };
            if let Some(odd) = [mood, solved, active].into_iter().find(|rating| !(1.0..=5.0).contains(rating)) {
                return Err(wrong(format!("expected ratings from 1 to 5, found {odd}")));
            }
            if let Some(absent) = [row.seeker, row.supporter].into_iter().find(|index| bank.get(*index).is_none()) {
                return Err(wrong(format!("expected character {absent} in the bank, found none (--bank)")));
            }
            let rating = (mood + solved + active) / 3.0;
            all.push(Rated { seeker: row.seeker, supporter: row.supporter, rating });
        }
    }
    if all.is_empty() {
        return Err(TrainingError::NoData {
            folders: folder.display().to_string(),
            expected: "*.jsonl with seeker, supporter and rating {mood, solved, active}".to_owned(),
        });
    }
    Ok(all)
}

/// Divides talks into those a head is fitted to and those it is measured on: by the splits (train and valid; test), which
/// share nobody, or, without any, by every fifth seeker; supporters are then on both sides.
///
/// # Errors
/// [`TrainingError::Ratings`] for a talk whose two are not in one split.
pub fn divide(rated: &[Rated], splits: Option<&Splits>) -> Result<(Vec<Rated>, Vec<Rated>), TrainingError> {
    let Some(splits) = splits else {
        let mut seekers: Vec<u32> = rated.iter().map(|one| one.seeker).collect();
        seekers.sort_unstable();
        seekers.dedup();
        let kept: HashSet<u32> = seekers.into_iter().skip(HELD_OUT - 1).step_by(HELD_OUT).collect();
        return Ok(rated.iter().partition(|one| !kept.contains(&one.seeker)));
    };
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for one in rated {
        match splits.of_pair(one.seeker, one.supporter) {
            Some(Split::Test) => test.push(*one),
            Some(Split::Train | Split::Valid) => train.push(*one),
            None => {
                return Err(TrainingError::Ratings {
                    expected: "seeker and supporter of every talk in one split",
                    found: format!("{} and {}", one.seeker, one.supporter),
                });
            }
        }
    }
    Ok((train, test))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn nobody_is_learnt_from_and_measured_on() {
        let rated: Vec<Rated> =
            super::super::fit::tests::pairs(|_, noise| 3.0 + noise).iter().map(|pair| pair.rated).collect();
        let (train, test) = divide(&rated, None).unwrap();
        assert_eq!((train.len(), test.len()), (30, 5), "every fifth of seven seekers");
        assert!(test.iter().all(|one| train.iter().all(|other| other.seeker != one.seeker)));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("splits.json");
        fs::write(&file, r#"{"train": [0, 1, 2, 3, 4], "valid": [], "test": [5, 6]}"#).unwrap();
        let splits = Splits::load(&file).unwrap();
        let of_one_split: Vec<Rated> = rated.iter().copied().filter(|one| one.seeker < 5).collect();
        assert_eq!(divide(&of_one_split, Some(&splits)).unwrap().1, []);
        assert!(divide(&rated, Some(&splits)).unwrap_err().to_string().contains("in one split"));
    }

    #[test]
    fn reads_ratings_and_names_the_line_that_is_wrong() {
        let person = |index: u32| {
            let row = serde_json::json!({"index": index, "mbti": "INFP", "profile": {}, "profile_trans": {},
                "seeker_statement": "", "supporter_statement": ""});
            Arc::new(serde_json::from_value(row).unwrap())
        };
        let bank = Bank::new(vec![person(0), person(1)]);
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read(folder.path(), &bank), Err(TrainingError::NoData { .. })));
        let row = r#"{"seeker": 0, "supporter": 1, "dial": [], "rating": {"mood": 4, "solved": 3, "active": 5, "reason": ""}}"#;
        let write = |rows: &[&str]| fs::write(folder.path().join("a.jsonl"), rows.join("\n")).unwrap();
        write(&[row, "", r#"{"seeker": 1, "supporter": 0}"#]);
        assert_eq!(read(folder.path(), &bank).unwrap(), [Rated { seeker: 0, supporter: 1, rating: 4.0 }]);
        for (wrong, told) in [("\"solved\": 6", "found 6"), ("\"solved\": null", "expected seeker")] {
            write(&[row, &row.replace("\"solved\": 3", wrong)]);
            let message = read(folder.path(), &bank).unwrap_err().to_string();
            assert!(message.contains("line 2") && message.contains(told), "{message}");
        }
        write(&[&row.replace("\"supporter\": 1", "\"supporter\": 9")]);
        assert!(read(folder.path(), &bank).unwrap_err().to_string().contains("character 9"));
    }
}
