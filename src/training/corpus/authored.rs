//! Dialogues written for the project (JSONL): the published `dial` turns, with characters named by their index in the
//! bank or, as in the published rows, given whole.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::{Content, Conversation, Document, Source, text};
use crate::dialogue::{DialogueTurn, Turn};
use crate::persona::{Aspect, Memory};
use crate::training::TrainingError;

/// The statements of the bank's characters, by index.
#[derive(Debug, Default)]
pub(super) struct People(HashMap<u64, (String, String)>);

impl People {
    /// Reads `*.jsonl` of the bank; nobody without one.
    pub(super) fn read(bank: Option<&Path>) -> Result<Self, TrainingError> {
        let mut people = HashMap::new();
        for path in bank.map(|bank| super::files(bank, "jsonl")).transpose()?.unwrap_or_default() {
            for (line, row) in rows(&path)? {
                let index = row.get("index").and_then(Value::as_u64);
                let statement = |key: &str| row.get(key).and_then(Value::as_str).map(str::to_owned);
                let (Some(index), Some(seeker), Some(supporter)) =
                    (index, statement("seeker_statement"), statement("supporter_statement"))
                else {
                    let reason = "expected index, seeker_statement and supporter_statement of a character";
                    return Err(TrainingError::row(&path, line, reason));
                };
                people.insert(index, (seeker, supporter));
            }
        }
        Ok(Self(people))
    }

    fn statement(&self, row: &Value, side: &str) -> Result<String, String> {
        if let Some(info) = row.get(format!("{side}_info")) {
            let key = format!("{side}_statement");
            return info.get(&key).and_then(Value::as_str).map(tidy).ok_or(format!("expected {side}_info.{key}"));
        }
        let index = ["", "_index"]
            .iter()
            .find_map(|end| row.get(format!("{side}{end}")).and_then(Value::as_u64))
            .ok_or(format!("expected {side}, {side}_index or {side}_info"))?;
        let (seeker, supporter) = self.0.get(&index).ok_or(format!("no character {index} in the bank (--bank)"))?;
        Ok(tidy(if side == "seeker" { seeker } else { supporter }))
    }
}

fn tidy(statement: &str) -> String {
    statement.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn rows(path: &Path) -> Result<Vec<(u64, Value)>, TrainingError> {
    let file = fs::File::open(path).map_err(TrainingError::io(path))?;
    let mut out = Vec::new();
    for (at, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(TrainingError::io(path))?;
        let number = at as u64 + 1;
        if !line.trim().is_empty() {
            let row = serde_json::from_str(&line)
                .map_err(|error| TrainingError::row(path, number, format!("expected a JSON object: {error}")))?;
            out.push((number, row));
        }
    }
    Ok(out)
}

pub(super) fn read(path: &Path, people: &People) -> Result<Vec<Document>, TrainingError> {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    rows(path)?
        .into_iter()
        .map(|(line, row)| {
            let wrong = |reason: String| TrainingError::row(path, line, reason);
            let dial = row.get("dial").cloned().unwrap_or_default();
            let turns = Vec::<DialogueTurn>::deserialize(dial)
                .map_err(|error| wrong(format!("dial: expected a list of turns: {error}")))?;
            let turns: Vec<Turn> = turns
                .into_iter()
                .map(|turn| Turn {
                    speaker: turn.speaker,
                    text: tidy(&turn.utterance),
                    memory: (!turn.choose_info.content.trim().is_empty()).then(|| Memory {
                        aspect: Aspect::from(turn.choose_info.aspect.as_str()),
                        content: tidy(&turn.choose_info.content),
                    }),
                })
                // The published talks open with a bare greeting, which training histories drop.
                .skip_while(|turn| text::words(&turn.text) <= 2)
                .collect();
            Ok(Document {
                source: Source::Authored,
                group: format!("{file} {line}"),
                content: Content::Conversation(Conversation {
                    seeker_statement: people.statement(&row, "seeker").map_err(wrong)?,
                    supporter_statement: people.statement(&row, "supporter").map_err(wrong)?,
                    turns,
                }),
            })
        })
        .collect()
}
