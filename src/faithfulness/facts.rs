//! The corpus's facts: three of one memory, what asks for each, and replies that get one right, one wrong, and leave one
//! unsaid.

use serde::{Deserialize, Serialize};

use super::rows::{NliLabel, Relevance};

/// Three facts of one memory of a character, as a line of `corpus/faithfulness/*.jsonl`.
///
/// All labels follow from the places, and each text stands under every label equally often, so that neither a statement
/// nor a query nor a reply tells its label by itself. A statement and a query together tell a little: its own question is
/// entailed or contradicted, never neutral, so that whoever knows which query is whose tells 4 of 9 labels right, not 3.
///
/// - `asks[i]` is answered with `statements[i]`, not with the other two; `open` with any of them.
/// - `replies[0]` answers `open`, `replies[1]` answers `asks[1]`, `replies[2]` answers `asks[0]`.
/// - `replies[i]` entails `statements[i]`, contradicts `statements[i + 1]` and is neutral to `statements[i + 2]`, modulo 3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactGroup {
    /// Whose facts: place in the bank.
    pub character: u32,
    /// The memory they are from: a key of `profile_trans`.
    pub aspect: String,
    /// The facts, in the third person.
    pub statements: [String; 3],
    /// A query for each.
    pub asks: [String; 3],
    /// A query for all of them.
    pub open: String,
    /// Replies in the first person.
    pub replies: [String; 3],
}

/// Why facts could not be told as rows.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// A group names somebody or something that the bank does not have.
    #[error("{what} of the facts of character {character}: expected it in the bank, found none")]
    Absent {
        /// "the character", or the aspect.
        what: String,
        /// Whose facts.
        character: u32,
    },
}

impl FactGroup {
    /// All its texts: facts, queries, replies.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let queries = self.asks.iter().chain([&self.open]);
        self.statements.iter().chain(queries).chain(&self.replies).map(String::as_str)
    }

    /// What a reply is an answer to.
    pub fn query_of(&self, reply: usize) -> &str {
        match reply {
            0 => &self.open,
            1 => &self.asks[1],
            _ => &self.asks[0],
        }
    }

    /// What a reply says of a statement, both by their place.
    pub fn label(reply: usize, statement: usize) -> NliLabel {
        match (statement + 3 - reply) % 3 {
            0 => NliLabel::Entailed,
            1 => NliLabel::Contradicted,
            _ => NliLabel::Neutral,
        }
    }

    /// Twelve rows (statement, query, relevant), half of them yes. `other` is a query for another memory of the same
    /// character. Each statement is wanted by its own question and the open one, and is not by its neighbour's question (the
    /// hard negative: same topic, other fact) and the other memory's.
    pub fn relevance<'a>(&'a self, other: &'a str) -> Vec<(&'a str, &'a str, Relevance)> {
        (0..3)
            .flat_map(|at| {
                let statement = self.statements[at].as_str();
                [
                    (statement, self.asks[at].as_str(), Relevance::Yes),
                    (statement, self.open.as_str(), Relevance::Yes),
                    (statement, self.asks[(at + 1) % 3].as_str(), Relevance::No),
                    (statement, other, Relevance::No),
                ]
            })
            .collect()
    }

    /// Nine rows (statement, query, response, label), three of each label.
    pub fn nli(&self) -> Vec<(&str, &str, &str, NliLabel)> {
        (0..3)
            .flat_map(|reply| {
                (0..3).map(move |statement| {
                    (
                        self.statements[statement].as_str(),
                        self.query_of(reply),
                        self.replies[reply].as_str(),
                        Self::label(reply, statement),
                    )
                })
            })
            .collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::*;

    pub(in crate::faithfulness) fn group(character: u32, aspect: &str) -> FactGroup {
        let three = |word: &str| [0, 1, 2].map(|at| format!("{word} {at} of {character} {aspect}"));
        FactGroup {
            character,
            aspect: aspect.into(),
            statements: three("statement"),
            asks: three("ask"),
            open: format!("open of {character} {aspect}"),
            replies: three("reply"),
        }
    }

    #[test]
    fn no_text_tells_its_label_by_itself() {
        let group = group(1, "hobby");
        let mut counts: BTreeMap<(&str, NliLabel), usize> = BTreeMap::new();
        for (statement, _, reply, label) in group.nli() {
            *counts.entry((statement, label)).or_default() += 1;
            *counts.entry((reply, label)).or_default() += 1;
        }
        assert_eq!(counts.len(), 18, "three statements and three replies under three labels");
        assert!(counts.values().all(|count| *count == 1));
        let mut wanted: BTreeMap<(&str, Relevance), usize> = BTreeMap::new();
        for (statement, _, relevant) in group.relevance("another") {
            *wanted.entry((statement, relevant)).or_default() += 1;
        }
        assert!(wanted.len() == 6 && wanted.values().all(|count| *count == 2));
    }

    #[test]
    fn replies_answer_what_they_are_written_for() {
        let group = group(1, "hobby");
        let rows = group.nli();
        let of = |reply: &str, label| rows.iter().find(|row| row.2.starts_with(reply) && row.3 == label).unwrap();
        assert!(of("reply 1", NliLabel::Entailed).0.starts_with("statement 1"));
        assert!(of("reply 1", NliLabel::Entailed).1.starts_with("ask 1"));
        assert!(of("reply 2", NliLabel::Contradicted).0.starts_with("statement 0"));
        assert!(of("reply 2", NliLabel::Contradicted).1.starts_with("ask 0"));
        assert!(of("reply 0", NliLabel::Neutral).0.starts_with("statement 2"));
        assert!(of("reply 0", NliLabel::Neutral).1.starts_with("open"));
    }

    #[test]
    fn a_statement_and_its_kind_of_query_tell_four_labels_of_nine() {
        let group = group(1, "hobby");
        let mut counts: BTreeMap<&str, BTreeMap<NliLabel, usize>> = BTreeMap::new();
        for (statement, query, _, label) in group.nli() {
            let own = group.statements.iter().zip(&group.asks).any(|pair| pair == (&statement.into(), &query.into()));
            let kind = if own {
                "own"
            } else if query == group.open {
                "open"
            } else {
                "another's"
            };
            *counts.entry(kind).or_default().entry(label).or_default() += 1;
        }
        assert_eq!(counts["own"].get(&NliLabel::Neutral), None);
        let right: usize = counts.values().filter_map(|labels| labels.values().max()).sum();
        assert_eq!(right, 4, "{counts:?}");
    }
}
