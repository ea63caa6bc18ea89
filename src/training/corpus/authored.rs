//! Dialogues written for the project (JSONL): the published `dial` turns, with characters named by their index in the
//! bank or, as in the published rows, given whole.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Content, Conversation, Document, Source, text};
use crate::dialogue::{Speaker, Turn};
use crate::persona::{Aspect, Bank, Memory, Split, Splits};
use crate::training::TrainingError;

/// The bank's characters, and what each is used for.
#[derive(Debug, Default)]
pub(super) struct People {
    bank: Option<Bank>,
    splits: Splits,
}

/// Both keys that a turn's memory may have; the text is looked up where only its kind is written.
#[derive(Debug, Default, Deserialize)]
struct Chosen {
    #[serde(default)]
    aspect: String,
    #[serde(default)]
    content: String,
}

#[derive(Debug, Deserialize)]
struct Said {
    speaker: Speaker,
    #[serde(default)]
    choose_info: Chosen,
    utterance: String,
}

/// What somebody remembers, by aspect, as files have it.
type Memories<'a> = Option<&'a Map<String, Value>>;

impl People {
    /// Reads the bank; nobody without one.
    pub(super) fn read(bank: Option<&Path>, splits: Splits) -> Result<Self, TrainingError> {
        Ok(Self { bank: bank.filter(|bank| bank.exists()).map(Bank::load).transpose()?, splits })
    }

    /// What each is told it is as a supporter, in the order of the bank; of those of whom is learnt.
    pub(super) fn supporter_statements(&self) -> Vec<String> {
        let learnt = |index: u32| self.splits.of(index).is_none_or(|split| split == Split::Train);
        let all = self.bank.iter().flat_map(Bank::iter).filter(|character| learnt(character.index));
        all.map(|character| tidy(&character.supporter_statement)).filter(|statement| !statement.is_empty()).collect()
    }

    /// The one who speaks in this row: its statement, and its memories by aspect.
    fn side<'a>(&'a self, row: &'a Value, side: Speaker) -> Result<(String, Memories<'a>), String> {
        let name = side.as_str();
        if let Some(info) = row.get(format!("{name}_info")) {
            let key = format!("{name}_statement");
            let text = info.get(&key).and_then(Value::as_str).ok_or(format!("expected a text {key}, found none"))?;
            return Ok((tidy(text), info.get(format!("{name}_profile_trans")).and_then(Value::as_object)));
        }
        let index = named(row, name).ok_or(format!("expected {name}, {name}_index or {name}_info"))?;
        let character = self.bank.as_ref().and_then(|bank| bank.get(index));
        let character =
            character.ok_or_else(|| format!("expected character {index} in the bank, found none (--bank)"))?;
        Ok((tidy(side.statement(character)), Some(&character.profile_trans)))
    }

    /// The split that both of a row are in; none where the splits do not know them.
    fn split(&self, row: &Value) -> Result<Option<Split>, String> {
        let of = |side| named(row, side).and_then(|index| self.splits.of(index));
        match (of("seeker"), of("supporter")) {
            (seeker, supporter) if seeker == supporter => Ok(seeker),
            (seeker, supporter) => {
                let told = |split: Option<Split>| split.map_or("none", Split::as_str);
                Err(format!(
                    "expected seeker and supporter in one split, found {} and {} (--splits none: everybody trains)",
                    told(seeker),
                    told(supporter)
                ))
            }
        }
    }
}

/// A place in the bank.
fn place(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|index| u32::try_from(index).ok())
}

/// The place in the bank by which a row names this side.
fn named(row: &Value, side: &str) -> Option<u32> {
    ["", "_index"].iter().find_map(|end| row.get(format!("{side}{end}")).and_then(place))
}

fn tidy(statement: &str) -> String {
    statement.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn rows(path: &Path) -> Result<Vec<(u64, Value)>, TrainingError> {
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
            let dial = Vec::<Said>::deserialize(dial)
                .map_err(|error| wrong(format!("dial: expected a list of turns: {error}")))?;
            let (seeker_statement, seekers) = people.side(&row, Speaker::Seeker).map_err(wrong)?;
            let (supporter_statement, supporters) = people.side(&row, Speaker::Supporter).map_err(wrong)?;
            let turns = dial
                .into_iter()
                // The published talks open with a bare greeting, which training histories drop.
                .skip_while(|said| text::words(&said.utterance) <= 2)
                .map(|said| {
                    let memories = if said.speaker == Speaker::Seeker { seekers } else { supporters };
                    let memory = memory(&said.choose_info, memories).map_err(wrong)?;
                    Ok(Turn { memory, ..Turn::new(said.speaker, tidy(&said.utterance)) })
                })
                .collect::<Result<Vec<_>, TrainingError>>()?;
            Ok(Document {
                source: Source::Authored,
                group: format!("{file} {line}"),
                split: people.split(&row).map_err(wrong)?,
                content: Content::Conversation(Conversation { seeker_statement, supporter_statement, turns }),
            })
        })
        .collect()
}

fn memory(chosen: &Chosen, memories: Memories<'_>) -> Result<Option<Memory>, String> {
    let content = match (chosen.content.trim(), chosen.aspect.trim()) {
        ("", "") => return Ok(None),
        ("", aspect) => match memories.and_then(|memories| memories.get(aspect)).and_then(Value::as_str) {
            Some(content) => content,
            None => return Err(format!("expected a memory {aspect:?} of the one who speaks, found none")),
        },
        (content, _) => content,
    };
    Ok(Some(Memory { aspect: Aspect::from(chosen.aspect.as_str()), content: tidy(content) }))
}
