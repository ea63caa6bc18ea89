//! A matcher's head from rated dialogues: the published `persona_score` form, fitted by least squares, and what the
//! ratings say about the order that matching goes by now.
//!
//! Source of form and target: CharacterChat (arXiv 2308.10278): `score` is affine in the cosine of the two statements, and is
//! drawn towards the mean of three ratings from 1 to 5.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use super::TrainingError;
use super::corpus::files;
use crate::encoder::{Embedder, KeptEmbeddings};
use crate::matching::{HEAD_FILE, Match, MatchError, Matcher, PersonaScoreHead, Reason};
use crate::persona::{Bank, Split, Splits};
use crate::statistics::{Line, mean, spearman};

/// A slope further from zero than this many standard errors is taken for one (about 95 of 100 by chance are nearer).
const CLEAR: f64 = 2.0;
/// Fewer seekers than this, on either side, leave nothing to measure.
const FEWEST_SEEKERS: usize = 3;
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

/// How two people lie to each other, and how their talk was rated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// The talk.
    pub rated: Rated,
    /// Cosine of the seeker's and the supporter's statement: what a head is given.
    pub statements: f64,
    /// What [`Matcher`] without a head ranks by, for the seeker's recent worry as the text.
    pub similarity: f64,
}

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

/// Divides talks into those a head is fitted to and those it is measured on, which share nobody: by the splits (train and
/// valid; test), or, without any, by every fifth seeker.
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

/// How people lie to each other, through the matcher that visitors meet.
pub struct Comparison<'a> {
    bank: &'a Bank,
    matcher: Matcher,
}

impl<'a> Comparison<'a> {
    /// Reads the bank; the supporters are embedded once.
    ///
    /// # Errors
    /// The matcher's.
    pub async fn new(
        bank: &'a Bank,
        embedder: Arc<dyn Embedder>,
        kept: &KeptEmbeddings,
    ) -> Result<Self, TrainingError> {
        Ok(Self { bank, matcher: Matcher::new_kept(bank, embedder, None, kept, &mut |_, _| ()).await? })
    }

    /// Each talk with what matching says of its two: two rankings a seeker.
    ///
    /// # Errors
    /// The matcher's; a talk with somebody who is not in the bank.
    pub async fn of(&self, rated: &[Rated]) -> Result<Vec<Pair>, TrainingError> {
        let mut by_seeker: BTreeMap<u32, Vec<&Rated>> = BTreeMap::new();
        for one in rated {
            by_seeker.entry(one.seeker).or_default().push(one);
        }
        let mut pairs = Vec::with_capacity(rated.len());
        for (seeker, talks) in by_seeker {
            let person = self.bank.get(seeker).ok_or(MatchError::NothingSaid)?;
            let by_statement = self.matcher.rank(&person.seeker_statement, self.bank.len()).await?;
            let by_worry = self.matcher.rank(&person.profile.recent_worry_or_anxiety, self.bank.len()).await?;
            for rated in talks {
                let of = |matches: &[Match], read: fn(&Match) -> Option<f32>| {
                    let found = matches.iter().find(|one| one.index == rated.supporter).and_then(read);
                    found.map(f64::from).ok_or(TrainingError::Ratings {
                        expected: "supporters of the bank",
                        found: format!("character {}", rated.supporter),
                    })
                };
                pairs.push(Pair {
                    rated: *rated,
                    statements: of(&by_statement, statement)?,
                    similarity: of(&by_worry, |one| Some(one.score))?,
                });
            }
        }
        Ok(pairs)
    }
}

fn statement(one: &Match) -> Option<f32> {
    one.reasons.iter().find_map(|reason| match reason {
        Reason::Statement { cosine } => Some(*cosine),
        _ => None,
    })
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

/// The figures as lines of text, for a terminal and for the card.
pub fn figures(fit: &Fit) -> String {
    let Fit { head, train, test, mean, slope_error, error, mean_error, statements, similarity } = fit;
    let agreement = |of: &Agreement| {
        format!(
            "{:.3} over all pairs, {:.3} (standard error {:.3}) among one seeker's supporters",
            of.overall, of.within, of.within_error
        )
    };
    let mut text = String::new();
    // Writing to a string can not fail.
    let _ = writeln!(
        text,
        "- {} rated talks of {} seekers, mean rating {mean:.2}; measured on {} talks of {} others",
        train.pairs, train.seekers, test.pairs, test.seekers
    );
    let _ = writeln!(
        text,
        "- rating = {:.3} · cosine + {:.3}; standard error of the slope {slope_error:.3}",
        head.weight, head.bias
    );
    let _ = writeln!(text, "- mean absolute error on those: {error:.3}; predicting the mean: {mean_error:.3}");
    let _ = writeln!(text, "- Spearman of the statements' cosine: {}", agreement(statements));
    let _ = writeln!(text, "- Spearman of the similarity ranked by without a head: {}", agreement(similarity));
    text
}

/// Writes the head and its card into `folder`.
///
/// # Errors
/// Files that can not be written.
pub fn save(fit: &Fit, folder: &Path) -> Result<(), TrainingError> {
    fs::create_dir_all(folder).map_err(TrainingError::io(folder))?;
    let card = folder.join("README.md");
    fs::write(&card, card_text(fit)).map_err(TrainingError::io(&card))?;
    // The head last: with it the folder is complete.
    fit.head.save(&folder.join(HEAD_FILE))?;
    Ok(())
}

fn card_text(fit: &Fit) -> String {
    let verdict = if fit.holds() {
        "The slope is positive by more than chance, and the head predicts people it has not seen better than the mean does."
    } else {
        "**The ratings do not carry this head**: its slope is not clearly positive, or it predicts people it has not seen no \
         better than the mean does. It should not be used to choose anybody."
    };
    format!(
        "# Matcher head\n\nFitted by `kindred train matcher` to rated talks, in the form of CharacterChat's `persona_score` \
         (arXiv 2308.10278): the mean of three ratings (1 to 5) as a line in the cosine of two statements, embedded with \
         all-MiniLM-L6-v2.\n\n{}\n{verdict}\n\nA line can keep the order of the cosines or reverse it, nothing else. Where \
         this head is loaded, characters are ranked by their statement alone, as in the published form. A learned projection \
         or a reranker, trained on more talks rated by more than one judge, is left to later work.\n",
        figures(fit)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four seekers with five supporters each, `rating` of cosine and a number that differs from pair to pair; and three
    /// others.
    fn fitted(rating: impl Fn(f64, f64) -> f64) -> Result<Fit, TrainingError> {
        let all = pairs(rating);
        let (train, test) = all.split_at(20);
        fit(train, test)
    }

    fn pairs(rating: impl Fn(f64, f64) -> f64) -> Vec<Pair> {
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
        assert!(card_text(&chance).contains("do not carry"));
    }

    #[test]
    fn says_what_is_missing() {
        let all = pairs(|cosine, _| cosine);
        let told = |train: &[Pair], test: &[Pair]| fit(train, test).unwrap_err().to_string();
        assert!(told(&all[..10], &all[10..]).contains("at least three seekers to learn from, found 2"));
        assert!(told(&all[..25], &all[25..]).contains("three other seekers to measure on, found 2"));
        assert!(fitted(|_, _| 3.0).is_err());
    }

    #[test]
    fn what_is_saved_is_the_fitted_line() {
        let saved = fitted(|cosine, noise| 2.0 * cosine + 1.0 + 0.1 * noise).unwrap();
        let folder = tempfile::tempdir().unwrap();
        save(&saved, &folder.path().join("matcher")).unwrap();
        let head = PersonaScoreHead::load(&folder.path().join("matcher").join(HEAD_FILE)).unwrap();
        assert_eq!(head, saved.head);
        let card = fs::read_to_string(folder.path().join("matcher/README.md")).unwrap();
        assert!(card.contains("20 rated talks of 4 seekers") && card.contains("keep the order"), "{card}");
    }

    #[test]
    fn nobody_is_learnt_from_and_measured_on() {
        let rated: Vec<Rated> = pairs(|_, noise| 3.0 + noise).iter().map(|pair| pair.rated).collect();
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
