//! Short talks in simple words written for the project (`corpus/plain/*.jsonl`): both statements, and `dial` as
//! `[speaker, memory, utterance]` with an empty memory where there is none.
//!
//! A line with `person` introduces a supporter: `statement` and `memories` by aspect. The talks below it may name that
//! person as their `supporter`, and its memories by their aspect.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use super::authored::rows;
use super::{Content, Conversation, Document, Source};
use crate::dialogue::{Speaker, Turn};
use crate::persona::{Aspect, Memory};
use crate::training::TrainingError;

#[derive(Deserialize)]
struct Person {
    person: String,
    statement: String,
    memories: HashMap<String, String>,
}

#[derive(Deserialize)]
struct Talk {
    seeker: String,
    supporter: String,
    dial: Vec<(Speaker, String, String)>,
}

pub(super) fn read(path: &Path) -> Result<Vec<Document>, TrainingError> {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let mut people = HashMap::new();
    let mut out = Vec::new();
    for (line, row) in rows(path)? {
        let wrong = |reason: String| TrainingError::row(path, line, reason);
        if row.get("person").is_some() {
            let person = Person::deserialize(row)
                .map_err(|error| wrong(format!("expected person, statement and memories: {error}")))?;
            people.insert(person.person.clone(), person);
            continue;
        }
        let talk = Talk::deserialize(row).map_err(|error| {
            wrong(format!("expected seeker, supporter and dial with [speaker, memory, utterance]: {error}"))
        })?;
        let person = people.get(&talk.supporter);
        // Whoever shares a person shares its memories, and is kept or learnt together.
        let group = person.map_or_else(|| format!("{file} {line}"), |person| format!("{file} {}", person.person));
        let supporter_statement = person.map_or(talk.supporter, |person| person.statement.clone());
        let turns = talk.dial.into_iter().map(|(speaker, memory, utterance)| {
            let memory = match person {
                Some(person) if speaker == Speaker::Supporter => recalled(person, memory)?,
                _ => (!memory.is_empty()).then_some(Memory { aspect: Aspect::AdditionalInformation, content: memory }),
            };
            Ok(Turn { memory, ..Turn::new(speaker, utterance) })
        });
        let turns = turns.collect::<Result<_, String>>().map_err(wrong)?;
        let talk = Conversation { seeker_statement: talk.seeker, supporter_statement, turns };
        out.push(Document { source: Source::Plain, group, split: None, content: Content::Conversation(talk) });
    }
    Ok(out)
}

fn recalled(person: &Person, aspect: String) -> Result<Option<Memory>, String> {
    if aspect.is_empty() {
        return Ok(None);
    }
    let Some(content) = person.memories.get(&aspect) else {
        return Err(format!("expected a memory of {}, found {aspect:?}, which it has none of", person.person));
    };
    Ok(Some(Memory { aspect: Aspect::from(aspect.as_str()), content: content.clone() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_talk_names_its_supporter_or_gives_it_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("talks.jsonl");
        let person = r#"{"person":"A","statement":"You are Ida.","memories":{"hobby":"You row."}}"#;
        let named = r#"{"seeker":"You are Bo.","supporter":"A","dial":[["seeker","You fell.","I fell."],["supporter","hobby","I row."]]}"#;
        let whole = r#"{"seeker":"","supporter":"You are Kim.","dial":[["seeker","","Hello."],["supporter","You swim.","I swim."]]}"#;
        std::fs::write(&path, [person, named, whole].join("\n")).unwrap();
        let documents = read(&path).unwrap();
        let talks: Vec<&Conversation> = documents
            .iter()
            .map(|document| match &document.content {
                Content::Conversation(talk) => talk,
                Content::Passage(_) => unreachable!(),
            })
            .collect();
        assert_eq!(
            talks.iter().map(|talk| talk.supporter_statement.as_str()).collect::<Vec<_>>(),
            ["You are Ida.", "You are Kim."]
        );
        let memory = |talk: usize, turn: usize| talks[talk].turns[turn].memory.clone().map(|memory| memory.content);
        assert_eq!(memory(0, 0).as_deref(), Some("You fell."));
        assert_eq!(memory(0, 1).as_deref(), Some("You row."));
        assert_eq!(memory(1, 1).as_deref(), Some("You swim."));
        assert_eq!(documents[0].group, "talks.jsonl A");

        std::fs::write(&path, [person, &named.replace("hobby", "tone")].join("\n")).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("tone"), "{error}");
    }
}
