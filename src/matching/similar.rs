//! Who is like whom, and in what: characters beside one another, sentence by sentence.

use std::sync::Arc;

use serde::Serialize;

use super::Meanings;
use super::meaning::{Line, Person};
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
    /// In what they are alike: as a whole, where they are nearer than others are to the one asked about, most so first.
    pub common: Vec<Common>,
}

/// Places of two sentences, and how near they are.
#[derive(Clone, Copy)]
struct Pair<'a> {
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
        let mut known: Vec<&Aspect> = Vec::new();
        for line in self.people.iter().flat_map(|person| &person.lines) {
            if !known.contains(&&line.field) {
                known.push(&line.field);
            }
        }
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
            Nearness::Whole if self.people[at].lines.is_empty() => Err(nothing(WHOLE)),
            Nearness::Field(field) if !self.people[at].lines.iter().any(|line| line.field == *field) => {
                Err(nothing(field.as_str()))
            }
            Nearness::Whole => Ok(first(self.by_whole(at), k)),
            Nearness::Field(field) => Ok(first(self.by_field(at, field), k)),
        }
    }

    /// The [`NEIGHBOURS`] most like this one as a whole: reckoned once, and read from then on. None where there is no such
    /// character.
    pub fn neighbours(&self, index: u32) -> Option<&[Alike]> {
        let at = self.at(index).ok()?;
        Some(self.neighbours[at].get_or_init(|| first(self.by_whole(at), NEIGHBOURS)))
    }

    fn at(&self, index: u32) -> Result<usize, SimilarError> {
        let found = self.people.binary_search_by_key(&index, |person| person.index);
        found.map_err(|_| SimilarError::NoCharacter { index })
    }

    fn by_field(&self, at: usize, field: &Aspect) -> Vec<Alike> {
        let own = &self.people[at];
        let others = self.people.iter().filter(|other| other.index != own.index);
        let alike = others.filter_map(|other| {
            let pair = self.nearest(own, other, field)?;
            Some(Alike { index: other.index, score: pair.cosine, common: vec![pair.told()] })
        });
        alike.collect()
    }

    fn by_whole(&self, at: usize) -> Vec<Alike> {
        let own = &self.people[at];
        let mut fields: Vec<&Aspect> = Vec::new();
        for line in &own.lines {
            if !fields.contains(&&line.field) {
                fields.push(&line.field);
            }
        }
        let others: Vec<&Person> = self.people.iter().filter(|other| other.index != own.index).collect();
        // For each field, the nearest pair with each of the others.
        let pairs: Vec<Vec<Option<Pair<'_>>>> =
            fields.iter().map(|field| others.iter().map(|other| self.nearest(own, other, field)).collect()).collect();
        let cosine = |pair: &Option<Pair<'_>>| pair.map_or(0.0, |pair| pair.cosine);
        let average = |numbers: &mut dyn Iterator<Item = f32>, count: usize| numbers.sum::<f32>() / count.max(1) as f32;
        // Tones are all a little alike and jobs are not: what tells is how much nearer two are than usual.
        let usual: Vec<f32> = pairs.iter().map(|pairs| average(&mut pairs.iter().map(cosine), others.len())).collect();
        let alike = others.iter().enumerate().map(|(to, other)| {
            let score = average(&mut pairs.iter().map(|pairs| cosine(&pairs[to])), fields.len());
            let mut common: Vec<(f32, Pair<'_>)> = pairs
                .iter()
                .zip(&usual)
                .filter_map(|(pairs, usual)| pairs[to].map(|p| (p.cosine - usual, p)))
                .collect();
            common.sort_by(|a, b| b.0.total_cmp(&a.0));
            let common = common.into_iter().take(TOLD).map(|(_, pair)| pair.told()).collect();
            Alike { index: other.index, score, common }
        });
        alike.collect()
    }

    /// The two sentences under this field that lie nearest to each other.
    fn nearest<'a>(&'a self, own: &'a Person, other: &'a Person, field: &Aspect) -> Option<Pair<'a>> {
        let under = |person: &'a Person| person.lines.iter().filter(move |line| line.field == *field);
        let pairs = under(own).flat_map(|own| {
            under(other).map(move |other| Pair {
                own,
                other,
                cosine: cosine(self.embedding(own), self.embedding(other)),
            })
        });
        pairs.reduce(|best, next| if next.cosine > best.cosine { next } else { best })
    }
}

impl Pair<'_> {
    fn told(&self) -> Common {
        Common {
            field: self.own.field.clone(),
            quote: self.other.text.clone(),
            like: self.own.text.clone(),
            cosine: self.cosine,
        }
    }
}

fn first(mut alike: Vec<Alike>, k: usize) -> Vec<Alike> {
    alike.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.index.cmp(&b.index)));
    alike.truncate(k);
    alike
}
