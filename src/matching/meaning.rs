//! Who is it about: finds characters by the sentence of theirs that says the nearest thing.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use serde::Serialize;

use super::similar::Alike;
use super::told::all_else;
use super::{MatchError, Matcher};
use crate::encoder::{Embedding, KeptEmbeddings, cosine, embed_all, embed_one};
use crate::persona::{Aspect, Bank};

/// What the next best sentence adds to the best one: of two whose best lies equally near, the one of whom more is told that
/// fits comes first. Small, so that one telling sentence is not outvoted by several that are vaguely near.
///
/// Measured on twenty hand-written messages and the first sixteen characters: somebody of whom the like is told is among the
/// first three for 19 of 20. Subtracting the bank's mean from every embedding changed neither that nor much else.
const NEXT_SHARE: f32 = 0.1;

/// A character, and the sentence by which it was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fit {
    /// The character's index in the bank.
    pub index: u32,
    /// What the order goes by: the cosine, and a small share of the next best sentence's.
    pub score: f32,
    /// What the sentence is about: a kind of memory, or `job` or `personality`.
    pub field: Aspect,
    /// The nearest sentence.
    pub quote: Arc<str>,
    /// Cosine of that sentence and what was asked.
    pub cosine: f32,
}

/// A sentence, and where its embedding lies.
pub(super) struct Line {
    pub(super) text: Arc<str>,
    row: usize,
}

/// What is told of one character under one field.
pub(super) struct Topic {
    /// Place in [`Meanings::fields`].
    pub(super) field: usize,
    /// Never empty.
    pub(super) lines: Vec<Line>,
}

/// All that is told of one character, each field once.
pub(super) struct Person {
    pub(super) index: u32,
    pub(super) topics: Vec<Topic>,
}

impl Person {
    fn add(&mut self, field: usize, line: Line) {
        match self.topics.iter_mut().find(|topic| topic.field == field) {
            Some(topic) => topic.lines.push(line),
            None => self.topics.push(Topic { field, lines: vec![line] }),
        }
    }

    /// What is told of them under this field.
    pub(super) fn under(&self, field: usize) -> Option<&Topic> {
        self.topics.iter().find(|topic| topic.field == field)
    }
}

/// The place of a field among those that are known; a new one is put at their end.
fn place(fields: &mut Vec<Aspect>, field: &Aspect) -> usize {
    fields.iter().position(|known| known == field).unwrap_or_else(|| {
        fields.push(field.clone());
        fields.len() - 1
    })
}

/// The sentences of a bank, embedded. Those that the matcher holds too are the matcher's own.
pub struct Meanings {
    matcher: Arc<Matcher>,
    /// Everything that is told of anybody, in the order it was met.
    pub(super) fields: Vec<Aspect>,
    /// In order of index.
    pub(super) people: Vec<Person>,
    /// Embeddings of what the matcher has not; their rows count on from the matcher's.
    beside: Vec<f32>,
    /// For each of `people`, who is nearest: reckoned when somebody asks first.
    pub(super) neighbours: Vec<OnceLock<Vec<Alike>>>,
}

impl Meanings {
    /// The sentences of a bank that this matcher was made of.
    ///
    /// # Errors
    /// The encoder's.
    pub async fn new(bank: &Bank, matcher: Arc<Matcher>) -> Result<Self, MatchError> {
        Self::build(bank, matcher, None, &mut |_, _| ()).await
    }

    /// As [`Self::new`], but what is embedded beside the matcher's sentences is read from and written to `kept`. Forty
    /// seconds for a thousand characters on two cores, once: `told` hears how many texts of how many are done.
    ///
    /// # Errors
    /// The encoder's.
    pub async fn new_kept(
        bank: &Bank,
        matcher: Arc<Matcher>,
        kept: &KeptEmbeddings,
        told: &mut (dyn FnMut(usize, usize) + Send),
    ) -> Result<Self, MatchError> {
        Self::build(bank, matcher, Some(kept), told).await
    }

    async fn build(
        bank: &Bank,
        matcher: Arc<Matcher>,
        kept: Option<&KeptEmbeddings>,
        told: &mut (dyn FnMut(usize, usize) + Send),
    ) -> Result<Self, MatchError> {
        let mut rows: HashMap<Arc<str>, usize> = HashMap::new();
        let mut fields: Vec<Aspect> = Vec::new();
        let mut lived: HashMap<u32, Person> = HashMap::new();
        let nobody = |index| Person { index, topics: Vec::new() };
        for (index, field, text, row) in matcher.sentences() {
            let text: Arc<str> = text.into();
            rows.entry(text.clone()).or_insert(row);
            let field = place(&mut fields, field);
            lived.entry(index).or_insert_with(|| nobody(index)).add(field, Line { text, row });
        }
        let mut texts: Vec<String> = Vec::new();
        let mut people = Vec::with_capacity(bank.len());
        for character in bank.iter() {
            let mut person = lived.remove(&character.index).unwrap_or_else(|| nobody(character.index));
            for (field, text) in all_else(character) {
                let text: Arc<str> = text.into();
                let row = *rows.entry(text.clone()).or_insert_with(|| {
                    texts.push(text.to_string());
                    matcher.row_count() + texts.len() - 1
                });
                person.add(place(&mut fields, &field), Line { text, row });
            }
            people.push(person);
        }
        let beside = match &texts[..] {
            [] => Vec::new(),
            texts => embed_all(matcher.embedder().as_ref(), texts, kept, told).await?,
        };
        let neighbours = people.iter().map(|_| OnceLock::new()).collect();
        Ok(Self { matcher, fields, people, beside, neighbours })
    }

    /// The characters of whom anything is told, the one first whose sentence lies nearest to `asked`. Equal ones are
    /// ordered by index.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub async fn search(&self, asked: &str) -> Result<Vec<Fit>, MatchError> {
        Ok(self.nearest_to(&self.query(asked).await?))
    }

    /// The embedding of what is asked.
    ///
    /// # Errors
    /// [`MatchError::NothingSaid`] for an empty text; the encoder's.
    pub async fn query(&self, asked: &str) -> Result<Embedding, MatchError> {
        match asked.trim() {
            "" => Err(MatchError::NothingSaid),
            asked => Ok(embed_one(self.matcher.embedder().as_ref(), asked).await?),
        }
    }

    /// The second half of [`Self::search`]: no waiting, only reckoning: 9 ms for a thousand characters on one core.
    pub fn nearest_to(&self, query: &[f32]) -> Vec<Fit> {
        let mut found: Vec<Fit> = self.people.iter().filter_map(|person| self.fit(person, query)).collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.index.cmp(&b.index)));
        found
    }

    fn fit(&self, person: &Person, query: &[f32]) -> Option<Fit> {
        let mut best: Option<(&Topic, &Line, f32)> = None;
        let mut next = 0.0_f32;
        let lines = person.topics.iter().flat_map(|topic| topic.lines.iter().map(move |line| (topic, line)));
        for (topic, line) in lines {
            let near = cosine(self.embedding(line), query);
            match best {
                Some((.., nearest)) if near <= nearest => next = next.max(near),
                _ => next = next.max(best.replace((topic, line, near)).map_or(0.0, |(.., before)| before)),
            }
        }
        best.map(|(topic, line, cosine)| Fit {
            index: person.index,
            score: cosine + NEXT_SHARE * next,
            field: self.fields[topic.field].clone(),
            quote: line.text.clone(),
            cosine,
        })
    }

    pub(super) fn embedding(&self, line: &Line) -> &[f32] {
        let shared = self.matcher.row_count();
        if line.row < shared {
            return self.matcher.row(line.row);
        }
        let dimension = self.matcher.embedder().dimension();
        &self.beside[(line.row - shared) * dimension..][..dimension]
    }
}
