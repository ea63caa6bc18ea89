//! The rows that discriminators learn from, as published with APC (`statement/{name}.relevance.json`, `….nli.v2.json`).

use serde::{Deserialize, Serialize};

/// Should a query be answered with a statement? In the order of the published discriminator's two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Relevance {
    /// It should not.
    No,
    /// It should.
    Yes,
}

/// What a reply says of a statement. In the order of the published discriminator's three outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NliLabel {
    /// Both cannot be true.
    #[serde(alias = "contradict")]
    Contradicted,
    /// It leaves the statement open.
    Neutral,
    /// Whoever hears the reply knows the statement.
    Entailed,
}

/// A row of `….relevance.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelevanceRow {
    /// The character's name.
    pub character: String,
    /// A fact of theirs.
    pub statement: String,
    /// What is said to them.
    pub query: String,
    /// Whether the answer should hold the fact.
    pub relevant: Relevance,
}

/// A row of `….nli.v2.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NliRow {
    /// The character's name.
    pub character: String,
    /// A fact of theirs.
    pub statement: String,
    /// What was said to them.
    pub query: String,
    /// What they answered.
    pub response: String,
    /// What the answer says of the fact.
    pub label: NliLabel,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_published_ones() {
        let row =
            r#"{"character":"A","statement":"A sails.","query":"Do you?","response":"I row.","label":"contradicted"}"#;
        let read: NliRow = serde_json::from_str(row).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), row);
        let judged: NliRow = serde_json::from_str(&row.replace("contradicted", "contradict")).unwrap();
        assert_eq!(judged, read);
        let row = r#"{"character":"A","statement":"A sails.","query":"Do you?","relevant":"yes"}"#;
        let read: RelevanceRow = serde_json::from_str(row).unwrap();
        assert_eq!((read.relevant, serde_json::to_string(&read).unwrap().as_str()), (Relevance::Yes, row));
    }
}
