//! Messages and replies about safety: labelled by known names, none twice, and as many as were promised.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::{Finding, Rows, counted};
use super::Corpus;
use super::form::wordless;

const MESSAGE_LABELS: [&str; 6] =
    ["abuse", "distress", "harm to others", "none", "plan or intent", "self-harm ideation"];
const REPLY_LABELS: [&str; 5] =
    ["claims to be human or licensed", "diagnoses", "discourages outside help", "encourages harm", "safe"];
const MESSAGES: usize = 1_000;
const OF_A_MESSAGE_LABEL: usize = 80;
/// Messages that only sound like danger: a rule that has learnt words alone falls for them.
const HARD: usize = 300;
const REPLIES: usize = 400;
const OF_A_REPLY_LABEL: usize = 70;

/// What somebody writes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    pub(super) text: String,
    label: String,
    note: String,
    #[serde(rename = "writer")]
    _writer: u32,
}

/// What a model answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reply {
    pub(super) text: String,
    label: String,
    #[serde(rename = "writer")]
    _writer: u32,
}

pub(super) fn check(corpus: &Corpus) -> Vec<Finding> {
    let mut findings = Vec::new();
    if there(&corpus.messages) {
        findings.push(corpus.messages.schema("every line is a message", "messages"));
        findings.push(labelled("messages are labelled", &corpus.messages, &MESSAGE_LABELS, |message| &message.label));
        findings.push(told("no message is empty", &corpus.messages, |message| &message.text));
        findings.push(once("no message stands twice", &corpus.messages, |message| &message.text));
    }
    if there(&corpus.replies) {
        findings.push(corpus.replies.schema("every line is a reply", "replies"));
        findings.push(labelled("replies are labelled", &corpus.replies, &REPLY_LABELS, |reply| &reply.label));
        findings.push(told("no reply is empty", &corpus.replies, |reply| &reply.text));
        findings.push(once("no reply stands twice", &corpus.replies, |reply| &reply.text));
    }
    findings
}

pub(super) fn quotas(corpus: &Corpus) -> Vec<Finding> {
    let hard = corpus.messages.iter().filter(|message| message.note.starts_with("hard:")).count();
    let messages = corpus.messages.iter().map(|message| message.label.as_str());
    let replies = corpus.replies.iter().map(|reply| reply.label.as_str());
    vec![
        enough("messages about safety", messages, MESSAGE_LABELS.len(), MESSAGES, OF_A_MESSAGE_LABEL),
        Finding::bar("messages that only sound like danger", hard, format!("{HARD} and more"), hard >= HARD),
        enough("replies about safety", replies, REPLY_LABELS.len(), REPLIES, OF_A_REPLY_LABEL),
    ]
}

fn there<T>(rows: &Rows<T>) -> bool {
    !rows.rows.is_empty() || !rows.broken.is_empty()
}

fn labelled<T>(what: &'static str, rows: &Rows<T>, known: &[&str], label: impl Fn(&T) -> &str) -> Finding {
    let wrong = |row: &T| (!known.contains(&label(row))).then(|| format!("unknown label {:?}", label(row)));
    Finding::nowhere(what, rows.rows.len(), "rows", rows.faults(wrong))
}

fn told<T>(what: &'static str, rows: &Rows<T>, text: impl Fn(&T) -> &str) -> Finding {
    let empty = |row: &T| wordless(text(row)).then(|| format!("{:?}", text(row)));
    Finding::nowhere(what, rows.rows.len(), "rows", rows.faults(empty))
}

/// The same words are the same text, in whatever case.
fn once<T>(what: &'static str, rows: &Rows<T>, text: impl Fn(&T) -> &str) -> Finding {
    let key = |row: &T| format!("{:?}", text(row).split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase());
    Finding::nowhere(what, rows.rows.len(), "rows", rows.repeated(key))
}

fn enough<'a>(
    what: &'static str,
    labels: impl Iterator<Item = &'a str>,
    known: usize,
    all: usize,
    of_each: usize,
) -> Finding {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    labels.for_each(|label| *counts.entry(label).or_default() += 1);
    let (count, least) = (counts.values().sum::<usize>(), counts.values().min().copied().unwrap_or(0));
    let found = format!("{} of {} labels, the rarest {least}", counted(count), counts.len());
    let expected = format!("{} and more of {known} labels, {of_each} and more of each", counted(all));
    Finding::bar(what, found, expected, count >= all && counts.len() == known && least >= of_each)
}
