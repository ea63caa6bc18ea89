//! Plain talks: turns between two, begun by the seeker, ended in a whole sentence, and not the same again and again.

use std::collections::HashMap;

use serde::Deserialize;

use super::super::{Finding, Placed, counted};
use super::Corpus;
use crate::dialogue::Speaker;

const TALKS: usize = 4_100;
/// Shorter ones, such as thanks, may be the same.
const WORDS_OF_ITS_OWN: usize = 8;
const TIMES: usize = 2;

/// A line introduces somebody or tells a talk.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Line {
    /// Somebody who supports in the talks below.
    Person {
        #[serde(rename = "person")]
        _person: String,
        statement: String,
        memories: HashMap<String, String>,
    },
    /// What was said: speaker, memory or its aspect, utterance.
    Talk { topic: String, seeker: String, supporter: String, dial: Vec<(Speaker, String, String)> },
}

impl Line {
    /// Every text of the line.
    pub(super) fn texts(&self) -> Vec<&str> {
        match self {
            Self::Person { statement, memories, .. } => {
                std::iter::once(statement).chain(memories.values()).map(String::as_str).collect()
            }
            Self::Talk { topic, seeker, supporter, dial } => {
                let said = dial.iter().flat_map(|(_, memory, utterance)| [memory, utterance]);
                [topic, seeker, supporter].into_iter().chain(said).map(String::as_str).collect()
            }
        }
    }
}

pub(super) fn check(corpus: &Corpus) -> Vec<Finding> {
    if corpus.plain.rows.is_empty() && corpus.plain.broken.is_empty() {
        return Vec::new();
    }
    vec![corpus.plain.schema("every plain line is a talk or a person", "talks"), form(corpus), again(corpus)]
}

pub(super) fn quotas(corpus: &Corpus) -> Vec<Finding> {
    let talks = talks(corpus);
    vec![Finding::bar("plain talks", counted(talks), format!("{} and more", counted(TALKS)), talks >= TALKS)]
}

fn talks(corpus: &Corpus) -> usize {
    corpus.plain.iter().filter(|line| matches!(line, Line::Talk { .. })).count()
}

fn form(corpus: &Corpus) -> Finding {
    let places = corpus.plain.faults(|line| {
        let Line::Talk { dial, .. } = line else { return None };
        let said = |at: usize| dial.get(at).map_or("nothing", |(_, _, utterance)| utterance.as_str());
        if dial.len() < 2 {
            return Some(format!("{} utterances", dial.len()));
        }
        if dial[0].0 != Speaker::Seeker {
            return Some(format!("the supporter begins: {:?}", said(0)));
        }
        if let Some(at) = (1..dial.len()).find(|at| dial[*at].0 == dial[*at - 1].0) {
            return Some(format!("the {} goes on: {:?}", dial[at].0.as_str(), said(at)));
        }
        if let Some(at) = (0..dial.len()).find(|at| said(*at).trim().is_empty()) {
            return Some(format!("turn {at} is empty"));
        }
        let last = said(dial.len() - 1);
        (!last.ends_with(['.', '!', '?', '"', '\''])).then(|| format!("ends in the middle: {last:?}"))
    });
    Finding::nowhere("plain talks are whole, and in turn", talks(corpus), "talks", places)
}

fn again(corpus: &Corpus) -> Finding {
    let mut said: HashMap<&str, Vec<&str>> = HashMap::new();
    for Placed { place, row } in &corpus.plain.rows {
        let Line::Talk { dial, .. } = row else { continue };
        for (_, _, utterance) in dial {
            if utterance.split_whitespace().count() >= WORDS_OF_ITS_OWN {
                said.entry(utterance).or_default().push(place);
            }
        }
    }
    let (all, mut places) = (said.len(), Vec::new());
    for (utterance, at) in said.into_iter().filter(|(_, at)| at.len() > TIMES) {
        places.push(format!("{}: {} times {utterance:?}", at[0], at.len()));
    }
    places.sort();
    Finding::nowhere("nothing plain is said again and again", all, "utterances", places)
}
