//! How people lie to each other, through the matcher that visitors meet.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Rated;
use crate::encoder::{Embedder, KeptEmbeddings};
use crate::matching::{Match, Matcher, Reason};
use crate::persona::Bank;
use crate::training::TrainingError;

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
            let absent = |index: u32| TrainingError::Ratings {
                expected: "seekers and supporters of the bank",
                found: format!("character {index}"),
            };
            let person = self.bank.get(seeker).ok_or_else(|| absent(seeker))?;
            let by_statement = self.matcher.rank(&person.seeker_statement, self.bank.len()).await?;
            let by_worry = self.matcher.rank(&person.profile.recent_worry_or_anxiety, self.bank.len()).await?;
            for rated in talks {
                let of = |matches: &[Match], read: fn(&Match) -> Option<f32>| {
                    let found = matches.iter().find(|one| one.index == rated.supporter).and_then(read);
                    found.map(f64::from).ok_or_else(|| absent(rated.supporter))
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
