//! Topical-Chat (JSON: conversations of two agents with a sentiment a turn). Chit-chat about facts: its turns are long
//! enough to learn sentences from, so the talk is kept, without a persona; how often it is read is the example's choice.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::{Content, Conversation, Document, Source, text};
use crate::dialogue::{Speaker, Turn};
use crate::training::TrainingError;

const LONGEST_TURN_WORDS: usize = 45;
const FEWEST_TURNS: usize = 4;

#[derive(Deserialize)]
struct Talk {
    content: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    message: String,
    agent: String,
}

pub(super) fn read(path: &Path) -> Result<Vec<Document>, TrainingError> {
    let all = fs::read_to_string(path).map_err(TrainingError::io(path))?;
    let talks: BTreeMap<String, Talk> = serde_json::from_str(&all).map_err(|error| {
        TrainingError::row(path, error.line() as u64, format!("expected conversations by id: {error}"))
    })?;
    Ok(talks
        .into_iter()
        .flat_map(|(id, talk)| {
            stretches(&talk.content).into_iter().map(move |turns| Document {
                source: Source::TopicalChat,
                group: id.clone(),
                split: None,
                content: Content::Conversation(Conversation {
                    seeker_statement: String::new(),
                    supporter_statement: String::new(),
                    turns,
                }),
            })
        })
        .collect())
}

/// The runs of clean, alternating turns; a turn that is dropped ends a run.
fn stretches(messages: &[Message]) -> Vec<Vec<Turn>> {
    let mut out = vec![Vec::new()];
    let mut last: Option<&str> = None;
    for message in messages {
        let said = text::clean(&message.message).filter(|said| text::words(said) <= LONGEST_TURN_WORDS);
        if said.is_none() || last == Some(message.agent.as_str()) {
            out.push(Vec::new());
        }
        last = Some(&message.agent);
        if let (Some(said), Some(turns)) = (said, out.last_mut()) {
            let speaker = if message.agent == "agent_1" { Speaker::Seeker } else { Speaker::Supporter };
            turns.push(Turn::new(speaker, said));
        }
    }
    out.retain(|turns| turns.len() >= FEWEST_TURNS);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_turn_splits_the_talk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("valid.json");
        let said = |at: usize| if at == 4 { "see www.example.org".to_owned() } else { format!("Turn {at} .") };
        let content: Vec<_> = (0..10)
            .map(|at| serde_json::json!({"message": said(at), "agent": format!("agent_{}", at % 2 + 1)}))
            .collect();
        std::fs::write(&path, serde_json::json!({"t_1": {"content": content}}).to_string()).unwrap();
        let documents = read(&path).unwrap();
        let lengths: Vec<usize> = documents
            .iter()
            .map(|document| match &document.content {
                Content::Conversation(talk) => talk.turns.len(),
                Content::Passage(_) => 0,
            })
            .collect();
        assert_eq!(lengths, [4, 5]);
        assert!(documents.iter().all(|document| document.group == "t_1"));
        std::fs::write(&path, "{\n\"t_1\": 3}").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("valid.json, line 2"));
    }
}
