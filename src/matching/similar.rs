//! Who is like whom, and in what: characters beside one another, sentence by sentence.

use std::sync::Arc;

use serde::Serialize;

use super::Meanings;
use super::meaning::{Line, Person, Topic};
use crate::encoder::cosine;
use crate::persona::Aspect;

/// How many of the nearest are kept for each character once somebody has asked.
pub const NEIGHBOURS: usize = 24;

/// How many things in common are told of two who are compared as a whole.
const TOLD: usize = 2;

/// The name of the comparison over all fields.
const WHOLE: &str = "whole";

/// Why nobody could be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SimilarError {
    /// Nothing by this name is told of anybody.
    #[error("cannot compare by {asked:?}: expected {WHOLE}, {expected}")]
    UnknownField {
        /// What was asked for, cut to a readable length.
        asked: String,
        /// What there is.
        expected: String,
    },
    /// The bank has no such character.
    #[error("there is no character {index} to compare with")]
    NoCharacter {
        /// What was asked for.
        index: u32,
    },
    /// Nothing is told of the character that could be compared.
    #[error("nothing is told of character {index} under {field}: there is nothing to compare by")]
    NothingTold {
        /// The character.
        index: u32,
        /// What was asked for.
        field: String,
    },
}

/// What two characters are compared by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nearness {
    /// Everything that is told of them.
    Whole,
    /// One field.
    Field(Aspect),
}

/// What two characters have in common.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Common {
    /// What both sentences are about.
    pub field: Aspect,
    /// The sentence of the one who was found …
    pub quote: Arc<str>,
    /// … and the sentence of the one who was asked about that it is like.
    pub like: Arc<str>,
    /// Cosine of the two.
    pub cosine: f32,
}

/// A character like another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alike {
    /// The character's index in the bank.
    pub index: u32,
    /// Cosine of the nearest two sentences: of the field, or on average over all fields that are told of the one asked
    /// about. A field that is not told of the other counts as 0.
    pub score: f32,
    /// In what they are alike: as a whole, only where they are nearer to the one asked about than others usually are, most
    /// so first; empty where they are so in nothing.
    pub common: Vec<Common>,
}

/// Two sentences under one field, and how near they are.
#[derive(Clone, Copy)]
struct Pair<'a> {
    field: usize,
    own: &'a Line,
    other: &'a Line,
    cosine: f32,
}

impl Meanings {
    /// What `name` asks to compare by: `whole`, or the name of a field, with underscores or spaces.
    ///
    /// # Errors
    /// [`SimilarError::UnknownField`] lists what there is.
    pub fn nearness(&self, name: &str) -> Result<Nearness, SimilarError> {
        let wanted = name.trim().to_lowercase().replace([' ', '-'], "_");
        if wanted == WHOLE {
            return Ok(Nearness::Whole);
        }
        let mut known: Vec<&Aspect> = self.fields.iter().collect();
        known.sort_by_key(|field| field.as_str());
        match known.iter().find(|field| field.as_str().to_lowercase() == wanted) {
            Some(field) => Ok(Nearness::Field((*field).clone())),
            None => Err(SimilarError::UnknownField {
                asked: name.chars().take(60).collect(),
                expected: known.iter().map(|field| field.as_str()).collect::<Vec<_>>().join(", "),
            }),
        }
    }

    /// The `k` characters most like this one, best first, itself left out. Equal ones are ordered by index.
    ///
    /// # Errors
    /// [`SimilarError`] if there is nothing to compare.
    pub fn similar(&self, index: u32, by: &Nearness, k: usize) -> Result<Vec<Alike>, SimilarError> {
        let at = self.at(index)?;
        let nothing = |field: &str| SimilarError::NothingTold { index, field: field.to_owned() };
        match by {
            Nearness::Whole if self.people[at].topics.is_empty() => Err(nothing(WHOLE)),
            Nearness::Whole => Ok(first(self.by_whole(at), k)),
            Nearness::Field(field) => {
                let place = self.fields.iter().position(|known| known == field);
                let own = place.and_then(|field| self.people[at].under(field));
                Ok(first(self.by_topic(at, own.ok_or_else(|| nothing(field.as_str()))?), k))
            }
        }
    }

    /// The [`NEIGHBOURS`] most like this one as a whole: reckoned once (25 ms for a thousand characters on one core), and read
    /// from then on. None where there is no such character.
    pub fn neighbours(&self, index: u32) -> Option<&[Alike]> {
        let at = self.at(index).ok()?;
        Some(self.neighbours[at].get_or_init(|| first(self.by_whole(at), NEIGHBOURS)))
    }

    /// As [`Self::neighbours`], but only if they were reckoned before.
    pub fn known_neighbours(&self, index: u32) -> Option<&[Alike]> {
        Some(self.neighbours[self.at(index).ok()?].get()?)
    }

    fn at(&self, index: u32) -> Result<usize, SimilarError> {
        let found = self.people.binary_search_by_key(&index, |person| person.index);
        found.map_err(|_| SimilarError::NoCharacter { index })
    }

    fn by_topic(&self, at: usize, own: &Topic) -> Vec<Alike> {
        let alike = self.others(at).filter_map(|other| {
            let pair = self.nearest(own, other)?;
            Some(Alike { index: other.index, score: pair.cosine, common: vec![self.told(pair)] })
        });
        alike.collect()
    }

    fn by_whole(&self, at: usize) -> Vec<Alike> {
        let topics = &self.people[at].topics;
        let others: Vec<&Person> = self.others(at).collect();
        // For each field, the nearest pair with each of the others.
        let pairs: Vec<Vec<Option<Pair<'_>>>> =
            topics.iter().map(|own| others.iter().map(|other| self.nearest(own, other)).collect()).collect();
        // Tones are all a little alike and jobs are not: what tells is how much nearer two are than usual, among those of
        // whom the field is told.
        let usual: Vec<f32> = pairs.iter().map(|pairs| mean(pairs.iter().flatten().map(|pair| pair.cosine))).collect();
        let alike = others.iter().enumerate().map(|(to, other)| {
            let score = mean(pairs.iter().map(|pairs| pairs[to].map_or(0.0, |pair| pair.cosine)));
            let told = pairs.iter().zip(&usual).filter_map(|(pairs, usual)| Some((pairs[to]?, usual)));
            let mut common: Vec<(f32, Pair<'_>)> = told.map(|(pair, usual)| (pair.cosine - usual, pair)).collect();
            common.retain(|(nearer, _)| *nearer > 0.0);
            common.sort_by(|a, b| b.0.total_cmp(&a.0));
            let common = common.into_iter().take(TOLD).map(|(_, pair)| self.told(pair)).collect();
            Alike { index: other.index, score, common }
        });
        alike.collect()
    }

    fn others(&self, at: usize) -> impl Iterator<Item = &Person> {
        self.people.iter().enumerate().filter(move |(other, _)| *other != at).map(|(_, other)| other)
    }

    /// The two sentences that lie nearest to each other: of these, and of what is told of the other one under the same field.
    fn nearest<'a>(&'a self, own: &'a Topic, other: &'a Person) -> Option<Pair<'a>> {
        let Topic { field, lines } = own;
        let theirs = &other.under(*field)?.lines;
        let pairs = lines.iter().flat_map(|own| {
            let mine = self.embedding(own);
            theirs.iter().map(move |other| Pair {
                field: *field,
                own,
                other,
                cosine: cosine(mine, self.embedding(other)),
            })
        });
        pairs.reduce(|best, next| if next.cosine > best.cosine { next } else { best })
    }

    fn told(&self, pair: Pair<'_>) -> Common {
        Common {
            field: self.fields[pair.field].clone(),
            quote: pair.other.text.clone(),
            like: pair.own.text.clone(),
            cosine: pair.cosine,
        }
    }
}

/// The mean, 0 of none.
fn mean(numbers: impl Iterator<Item = f32>) -> f32 {
    let (count, sum) = numbers.fold((0_usize, 0.0), |(count, sum), number| (count + 1, sum + number));
    sum / count.max(1) as f32
}

fn first(mut alike: Vec<Alike>, k: usize) -> Vec<Alike> {
    alike.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.index.cmp(&b.index)));
    alike.truncate(k);
    alike
}
