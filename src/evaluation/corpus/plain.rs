//! Plain talks: turns between two, begun by the seeker, ended in a whole sentence, and not the same again and again.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::super::{Finding, Placed, counted};
use super::Corpus;
use super::form::wordless;
use crate::dialogue::Speaker;

const TALKS: usize = 4_100;
/// Shorter ones, such as thanks, may be the same.
const WORDS_OF_ITS_OWN: usize = 8;
const TIMES: usize = 2;
/// Statements address whoever they are of.
const STATEMENT: &str = "You are ";

/// Marks that end a sentence, or what stands behind one.
const ENDS: [char; 12] = ['.', '!', '?', '…', '。', '！', '？', '"', '\'', '”', '’', ')'];

/// A line introduces somebody or tells a talk.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Value")]
pub(super) enum Line {
    /// Somebody who supports in the talks below.
    Person(Person),
    /// What was said.
    Talk(Talk),
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Person {
    person: String,
    statement: String,
    memories: HashMap<String, String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Talk {
    topic: String,
    seeker: String,
    /// A statement, or somebody introduced above in the file.
    supporter: String,
    /// Speaker, memory (of somebody introduced: its aspect), utterance.
    dial: Vec<(Speaker, String, String)>,
}

/// Why a line is neither.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    #[error("expected a person, {{person, statement, memories: {{aspect: text}}}}: {0}")]
    Person(serde_json::Error),
    #[error("expected a talk, {{topic, seeker, supporter, dial: [[speaker, memory, utterance]]}}, or a person: {0}")]
    Talk(serde_json::Error),
}

impl TryFrom<Value> for Line {
    type Error = LineError;

    fn try_from(line: Value) -> Result<Self, LineError> {
        if line.get("person").is_some() {
            return Person::deserialize(line).map(Self::Person).map_err(LineError::Person);
        }
        Talk::deserialize(line).map(Self::Talk).map_err(LineError::Talk)
    }
}

impl Line {
    /// Every text of the line.
    pub(super) fn texts(&self) -> Vec<&str> {
        match self {
            Self::Person(Person { statement, memories, .. }) => {
                std::iter::once(statement).chain(memories.values()).map(String::as_str).collect()
            }
            Self::Talk(Talk { topic, seeker, supporter, dial }) => {
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
    vec![
        corpus.plain.schema("every plain line is a talk or a person", "talks"),
        form(corpus),
        people(corpus),
        again(corpus),
    ]
}

pub(super) fn quotas(corpus: &Corpus) -> Vec<Finding> {
    let talks = talks(corpus);
    vec![Finding::bar("plain talks", counted(talks), format!("{} and more", counted(TALKS)), talks >= TALKS)]
}

fn talks(corpus: &Corpus) -> usize {
    corpus.plain.iter().filter(|line| matches!(line, Line::Talk(_))).count()
}

fn form(corpus: &Corpus) -> Finding {
    let places = corpus.plain.faults(|line| {
        let Line::Talk(Talk { dial, .. }) = line else { return None };
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
        if let Some(at) = (0..dial.len()).find(|at| wordless(said(*at))) {
            return Some(format!("turn {at} is empty"));
        }
        let last = said(dial.len() - 1).trim_end();
        (!last.ends_with(ENDS)).then(|| format!("ends in the middle: {last:?}"))
    });
    Finding::nowhere("plain talks are whole, and in turn", talks(corpus), "talks", places)
}

/// A supporter is somebody whom the file introduces above, with memories by aspect, or brings a statement along.
fn people(corpus: &Corpus) -> Finding {
    let mut known: HashMap<(&str, &str), &Person> = HashMap::new();
    let mut places = Vec::new();
    for Placed { place, row } in &corpus.plain.rows {
        let file = place.rsplit_once(':').map_or(place.as_str(), |(file, _)| file);
        let fault = match row {
            Line::Person(person) => {
                known.insert((file, &person.person), person);
                unaddressed(&person.statement)
            }
            Line::Talk(talk) => match known.get(&(file, &talk.supporter)) {
                Some(person) => forgotten(person, talk),
                None => unaddressed(&talk.supporter).map(|told| told + ", and nobody of that name is above"),
            },
        };
        places.extend(fault.map(|fault| format!("{place}: {fault}")));
    }
    Finding::nowhere("plain supporters and their memories are known", corpus.plain.rows.len(), "lines", places)
}

fn unaddressed(statement: &str) -> Option<String> {
    let begun: String = statement.chars().take(STATEMENT.len()).collect();
    (begun != STATEMENT).then(|| format!("the supporter's statement begins {begun:?}, expected {STATEMENT:?}"))
}

fn forgotten(person: &Person, talk: &Talk) -> Option<String> {
    let mut told = talk.dial.iter().filter(|(speaker, aspect, _)| *speaker == Speaker::Supporter && !aspect.is_empty());
    let absent = |aspect: &String| person.memories.get(aspect).is_none_or(|text| wordless(text));
    let (_, aspect, _) = told.find(|(_, aspect, _)| absent(aspect))?;
    Some(format!("expected a memory of {}, found {aspect:?}, which it has none of", person.person))
}

fn again(corpus: &Corpus) -> Finding {
    let mut said: HashMap<&str, Vec<&str>> = HashMap::new();
    for Placed { place, row } in &corpus.plain.rows {
        let Line::Talk(Talk { dial, .. }) = row else { continue };
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
