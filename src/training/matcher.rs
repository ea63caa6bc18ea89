//! A matcher's head from rated dialogues: the published `persona_score` form, fitted by least squares, and what the
//! ratings say about the order that matching goes by now.
//!
//! Source of form and target: CharacterChat (arXiv 2308.10278): `score` is affine in the cosine of the two statements, and is
//! drawn towards the mean of three ratings from 1 to 5.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use super::TrainingError;
use super::corpus::files;
use crate::encoder::{Embedder, KeptEmbeddings};
use crate::matching::{HEAD_FILE, Match, MatchError, Matcher, PersonaScoreHead, Reason};
use crate::persona::Bank;
use crate::statistics::{Line, mean, spearman};

/// A slope further from zero than this many standard errors is taken for one (about 95 of 100 by chance are nearer).
const CLEAR: f64 = 2.0;
/// Fewer seekers than this leave nothing to hold out one by one.
const FEWEST_SEEKERS: usize = 3;

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

/// The fitted head, and what was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// The head, fitted to all pairs.
    pub head: PersonaScoreHead,
    /// How many talks.
    pub pairs: usize,
    /// How many people sought help in them.
    pub seekers: usize,
    /// Mean rating.
    pub mean: f64,
    /// Standard error of the slope, by leaving out one seeker at a time (jackknife): one seeker's talks are no independent
    /// draws.
    pub slope_error: f64,
    /// Mean absolute error on each seeker in turn, fitted without them.
    pub error: f64,
    /// The same for predicting the mean of the other seekers' ratings.
    pub mean_error: f64,
    /// Of the cosine of the statements with the ratings.
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

/// How each pair lies to each other, through the matcher that people meet: two rankings a seeker, the supporters embedded
/// once.
///
/// # Errors
/// The matcher's.
pub async fn compare(
    rated: &[Rated],
    bank: &Bank,
    embedder: Arc<dyn Embedder>,
    kept: &KeptEmbeddings,
) -> Result<Vec<Pair>, TrainingError> {
    let matcher = Matcher::new_kept(bank, embedder, None, kept, &mut |_, _| ()).await?;
    let mut by_seeker: BTreeMap<u32, Vec<&Rated>> = BTreeMap::new();
    for one in rated {
        by_seeker.entry(one.seeker).or_default().push(one);
    }
    let mut pairs = Vec::with_capacity(rated.len());
    for (seeker, talks) in by_seeker {
        let person = bank.get(seeker).ok_or(MatchError::NothingSaid)?;
        let by_statement = matcher.rank(&person.seeker_statement, bank.len()).await?;
        let by_worry = matcher.rank(&person.profile.recent_worry_or_anxiety, bank.len()).await?;
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

fn statement(one: &Match) -> Option<f32> {
    one.reasons.iter().find_map(|reason| match reason {
        Reason::Statement { cosine } => Some(*cosine),
        _ => None,
    })
}

/// Fits the head and measures it.
///
/// # Errors
/// [`TrainingError::Ratings`] with fewer than three seekers, or where cosines or ratings do not vary.
pub fn fit(pairs: &[Pair]) -> Result<Fit, TrainingError> {
    let mut by_seeker: BTreeMap<u32, Vec<&Pair>> = BTreeMap::new();
    for pair in pairs {
        by_seeker.entry(pair.rated.seeker).or_default().push(pair);
    }
    let seekers = by_seeker.len();
    if seekers < FEWEST_SEEKERS {
        return Err(TrainingError::Ratings { expected: "at least three seekers", found: seekers.to_string() });
    }
    let alike = || TrainingError::Ratings { expected: "ratings and cosines that vary", found: "one value".to_owned() };
    let points: Vec<(f64, f64)> = pairs.iter().map(|pair| (pair.statements, pair.rated.rating)).collect();
    let line = Line::fit(&points).ok_or_else(alike)?;

    let (mut slopes, mut errors, mut mean_errors) = (Vec::new(), Vec::new(), Vec::new());
    for (seeker, held_out) in &by_seeker {
        let others: Vec<(f64, f64)> =
            pairs.iter().filter(|p| p.rated.seeker != *seeker).map(|p| (p.statements, p.rated.rating)).collect();
        let without = Line::fit(&others).ok_or_else(alike)?;
        let middle = mean(others.iter().map(|(_, rating)| *rating)).ok_or_else(alike)?;
        slopes.push(without.weight);
        for pair in held_out {
            errors.push((without.at(pair.statements) - pair.rated.rating).abs());
            mean_errors.push((middle - pair.rated.rating).abs());
        }
    }
    let agreement = |score: fn(&Pair) -> f64| -> Option<Agreement> {
        let overall = spearman(&pairs.iter().map(|pair| (score(pair), pair.rated.rating)).collect::<Vec<_>>())?;
        let each: Vec<f64> = by_seeker
            .values()
            .filter_map(|own| spearman(&own.iter().map(|pair| (score(pair), pair.rated.rating)).collect::<Vec<_>>()))
            .collect();
        let within = mean(each.iter().copied())?;
        let spread: f64 = each.iter().map(|one| (one - within).powi(2)).sum();
        let count = each.len() as f64;
        Some(Agreement { overall, within, within_error: (spread / (count - 1.0) / count).sqrt() })
    };
    let middle = mean(slopes.iter().copied()).ok_or_else(alike)?;
    let spread: f64 = slopes.iter().map(|slope| (slope - middle).powi(2)).sum();
    Ok(Fit {
        head: PersonaScoreHead { weight: line.weight as f32, bias: line.bias as f32 },
        pairs: pairs.len(),
        seekers,
        mean: mean(points.iter().map(|(_, rating)| *rating)).ok_or_else(alike)?,
        slope_error: ((seekers as f64 - 1.0) / seekers as f64 * spread).sqrt(),
        error: mean(errors).ok_or_else(alike)?,
        mean_error: mean(mean_errors).ok_or_else(alike)?,
        statements: agreement(|pair| pair.statements).ok_or_else(alike)?,
        similarity: agreement(|pair| pair.similarity).ok_or_else(alike)?,
    })
}

/// The figures as lines of text, for a terminal and for the card.
pub fn figures(fit: &Fit) -> String {
    let Fit { head, pairs, seekers, mean, slope_error, error, mean_error, statements, similarity } = fit;
    let agreement = |of: &Agreement| {
        format!(
            "{:.3} over all pairs, {:.3} (standard error {:.3}) among one seeker's supporters",
            of.overall, of.within, of.within_error
        )
    };
    let mut text = String::new();
    // Writing to a string can not fail.
    let _ = writeln!(text, "- {pairs} rated talks of {seekers} seekers, mean rating {mean:.2}");
    let _ = writeln!(
        text,
        "- rating = {:.3} · cosine + {:.3}; standard error of the slope {slope_error:.3}",
        head.weight, head.bias
    );
    let _ =
        writeln!(text, "- mean absolute error on seekers left out: {error:.3}; predicting the mean: {mean_error:.3}");
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

    /// Four seekers with five supporters each, `rating` of cosine and a number that differs from pair to pair.
    fn pairs(rating: impl Fn(f64, f64) -> f64) -> Vec<Pair> {
        (0..20u32)
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
        let fitted = fit(&pairs(|cosine, _| 2.5 * cosine + 1.25)).unwrap();
        assert!((fitted.head.weight - 2.5).abs() < 1e-5 && (fitted.head.bias - 1.25).abs() < 1e-5);
        assert!(fitted.error < 1e-9 && fitted.mean_error > 0.1 && fitted.slope_error < 1e-9);
        assert_eq!((fitted.pairs, fitted.seekers), (20, 4));
        assert!((fitted.statements.overall - 1.0).abs() < 1e-12 && (fitted.similarity.within + 1.0).abs() < 1e-12);
        assert!(fitted.holds());
        let noisy = fit(&pairs(|cosine, noise| 2.5 * cosine + 1.25 + 0.1 * noise)).unwrap();
        assert!((noisy.head.weight - 2.5).abs() < 0.3 && noisy.error > 0.0 && noisy.holds());
    }

    #[test]
    fn a_line_that_falls_or_is_chance_does_not_hold() {
        assert!(!fit(&pairs(|cosine, _| 4.0 - cosine)).unwrap().holds());
        let chance = fit(&pairs(|_, noise| 3.0 + noise)).unwrap();
        assert!(!chance.holds(), "{chance:?}");
        assert!(card_text(&chance).contains("do not carry"));
    }

    #[test]
    fn says_what_is_missing() {
        let two: Vec<Pair> = pairs(|cosine, _| cosine).into_iter().filter(|pair| pair.rated.seeker < 2).collect();
        assert!(fit(&two).unwrap_err().to_string().contains("at least three seekers, found 2"));
        assert!(fit(&pairs(|_, _| 3.0)).is_err());
    }

    #[test]
    fn what_is_saved_is_the_fitted_line() {
        let fitted = fit(&pairs(|cosine, noise| 2.0 * cosine + 1.0 + 0.1 * noise)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        save(&fitted, &folder.path().join("matcher")).unwrap();
        let head = PersonaScoreHead::load(&folder.path().join("matcher").join(HEAD_FILE)).unwrap();
        assert_eq!(head, fitted.head);
        let card = fs::read_to_string(folder.path().join("matcher/README.md")).unwrap();
        assert!(card.contains("20 rated talks of 4 seekers") && card.contains("keep the order"), "{card}");
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
