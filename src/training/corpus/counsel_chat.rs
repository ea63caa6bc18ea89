//! CounselChat (CSV): questions of people in need and what counsellors answered.
//!
//! The question, shortened at a sentence's end, is the seeker's turn; each stretch of one to three sentences of the
//! answer is a supporter's reply to it. The whole answer is also read as running text, for its words.

use std::path::Path;

use serde::Deserialize;

use super::{Content, Conversation, Document, Source, text};
use crate::dialogue::{Speaker, Turn};
use crate::persona::{Aspect, Memory};
use crate::training::TrainingError;

const LONGEST_QUESTION_WORDS: usize = 70;
const REPLY_WORDS: std::ops::RangeInclusive<usize> = 10..=50;
const SENTENCES_A_REPLY: usize = 3;
/// The first stretches of an answer speak to the question; later ones wander.
const REPLIES_AN_ANSWER: usize = 4;

#[derive(Deserialize)]
struct Row {
    #[serde(rename = "questionID")]
    question_id: String,
    #[serde(rename = "questionTitle")]
    title: String,
    #[serde(rename = "questionText")]
    question: String,
    #[serde(rename = "answerText")]
    answer: String,
}

pub(super) fn read(path: &Path) -> Result<Vec<Document>, TrainingError> {
    let mut reader =
        csv::ReaderBuilder::new().from_path(path).map_err(|error| TrainingError::row(path, 1, error.to_string()))?;
    let mut out = Vec::new();
    let mut last_question = String::new();
    for row in reader.deserialize::<Row>() {
        let row = row.map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            TrainingError::row(path, line, error.to_string())
        })?;
        let question =
            if text::words(&row.question) < 5 { format!("{} {}", row.title, row.question) } else { row.question };
        let Some(question) = text::clean(&question) else { continue };
        let group = format!("question {}", row.question_id);
        let asked = shorten(&question);
        if text::words(&asked) < 4 {
            continue;
        }
        if question != last_question {
            out.extend(opening(&group, &asked));
            last_question.clone_from(&question);
        }
        let Some(answer) = text::clean(&row.answer) else { continue };
        let kept: Vec<&str> = text::sentences(&answer).into_iter().filter(|sentence| is_sayable(sentence)).collect();
        for reply in replies(&kept) {
            out.push(Document {
                source: Source::CounselChat,
                group: group.clone(),
                split: None,
                content: Content::Conversation(Conversation {
                    seeker_statement: String::new(),
                    supporter_statement: String::new(),
                    turns: vec![Turn::new(Speaker::Seeker, asked.clone()), Turn::new(Speaker::Supporter, reply)],
                }),
            });
        }
        let passage = kept.join(" ");
        if text::words(&passage) >= 60 {
            out.push(Document { source: Source::CounselChat, group, split: None, content: Content::Passage(passage) });
        }
    }
    Ok(out)
}

/// Someone who carries this worry tells it in their own words: the worry is statement and memory.
fn opening(group: &str, asked: &str) -> Option<Document> {
    if text::words(asked) > 45 {
        return None;
    }
    let told = text::to_second_person(asked);
    Some(Document {
        source: Source::CounselChat,
        group: group.to_owned(),
        split: None,
        content: Content::Conversation(Conversation {
            seeker_statement: told.clone(),
            supporter_statement: String::new(),
            turns: vec![
                Turn::new(Speaker::Supporter, "Hello. What is on your mind today?"),
                Turn {
                    memory: Some(Memory { aspect: Aspect::RecentWorryOrAnxiety, content: told }),
                    ..Turn::new(Speaker::Seeker, asked)
                },
            ],
        }),
    })
}

fn shorten(question: &str) -> String {
    let mut out = String::new();
    for sentence in text::sentences(question) {
        if !out.is_empty() && text::words(&out) + text::words(sentence) > LONGEST_QUESTION_WORDS {
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(sentence);
    }
    if text::words(&out) > LONGEST_QUESTION_WORDS { String::new() } else { out }
}

/// What a character that is no therapist can say.
fn is_sayable(sentence: &str) -> bool {
    let low = sentence.to_ascii_lowercase();
    let professional = [
        "therap",
        "counsel",
        "psycholog",
        "psychiat",
        "client",
        "my practice",
        "licens",
        "clinic",
        "diagnos",
        "session",
        "your question",
        "for reaching out",
        "this site",
        "medication",
        "hotline",
        "my name is",
        "contact me",
        "call me",
        "email",
        "book",
        "article",
    ];
    !professional.iter().any(|word| low.contains(word)) && sentence.len() > 3
}

fn replies(sentences: &[&str]) -> Vec<String> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < sentences.len() && out.len() < REPLIES_AN_ANSWER {
        let mut reply = sentences[at].to_owned();
        let mut used = 1;
        while used < SENTENCES_A_REPLY {
            let Some(next) = sentences.get(at + used) else { break };
            if text::words(&reply) + text::words(next) > *REPLY_WORDS.end() {
                break;
            }
            reply.push(' ');
            reply.push_str(next);
            used += 1;
        }
        at += used;
        if REPLY_WORDS.contains(&text::words(&reply)) && reply.ends_with(['.', '!', '?', '"', ')']) {
            out.push(reply);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_becomes_replies_that_a_character_could_give() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("counsel.csv");
        let answer = "As a therapist I see this often. It sounds as if you carry this alone at night.Try to tell one friend \
                      about it this week. That can be a very small step, and small steps count too.";
        let rows = format!(
            "questionID,questionTitle,questionText,answerText\n7,Sleep,I am awake all night. My mind races.,\"{answer}\"\n"
        );
        std::fs::write(&path, rows).unwrap();
        let documents = read(&path).unwrap();
        assert!(documents.iter().all(|document| document.group == "question 7"));
        let talks: Vec<&Conversation> = documents
            .iter()
            .filter_map(|document| match &document.content {
                Content::Conversation(talk) => Some(talk),
                Content::Passage(_) => None,
            })
            .collect();
        let [told, answered] = talks.as_slice() else { panic!("{talks:?}") };
        assert_eq!(told.seeker_statement, "You are awake all night. Your mind races.");
        assert_eq!(told.turns[1].text, "I am awake all night. My mind races.");
        assert!(answered.turns[1].text.starts_with("It sounds as if you carry this alone at night. Try to tell"));
        assert!(!answered.turns[1].text.contains("therapist"));
    }
}
