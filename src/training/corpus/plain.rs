//! Short talks in simple words written for the project (`corpus/plain/*.jsonl`): both statements, and `dial` as
//! `[speaker, memory, utterance]` with an empty memory where there is none.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::authored::rows;
use super::{Content, Conversation, Document, Source};
use crate::dialogue::{Speaker, Turn};
use crate::persona::{Aspect, Memory};
use crate::training::TrainingError;

#[derive(Deserialize)]
struct Talk {
    seeker: String,
    supporter: String,
    dial: Vec<(Speaker, String, String)>,
}

pub(super) fn read(path: &Path) -> Result<Vec<Document>, TrainingError> {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    rows(path)?
        .into_iter()
        .map(|(line, row): (u64, Value)| {
            let talk = Talk::deserialize(row).map_err(|error| {
                let expected = "expected seeker, supporter and dial with [speaker, memory, utterance]";
                TrainingError::row(path, line, format!("{expected}: {error}"))
            })?;
            let turns = talk
                .dial
                .into_iter()
                .map(|(speaker, memory, utterance)| Turn {
                    memory: (!memory.is_empty())
                        .then_some(Memory { aspect: Aspect::AdditionalInformation, content: memory }),
                    ..Turn::new(speaker, utterance)
                })
                .collect();
            Ok(Document {
                source: Source::Plain,
                group: format!("{file} {line}"),
                content: Content::Conversation(Conversation {
                    seeker_statement: talk.seeker,
                    supporter_statement: talk.supporter,
                    turns,
                }),
            })
        })
        .collect()
}
