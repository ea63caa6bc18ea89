//! Groups of facts as the self-contained rows that APC published.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FactGroup, FactsError, NliRow, RelevanceRow};
use crate::persona::{Bank, Character};

/// A row of `statement/{name}.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// The character's name.
    pub character: String,
    /// The text that the statement is drawn from.
    pub passage: String,
    /// One fact of it.
    pub statement: String,
}

/// A row of `….query_relevant_to_statement.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementQueries {
    /// A fact.
    pub statement: String,
    /// What should be answered with it.
    pub queries: Vec<String>,
}

fn person<'a>(group: &FactGroup, bank: &'a Bank) -> Result<&'a Character, FactsError> {
    let absent = || FactsError::Absent { what: "the character".into(), character: group.character };
    bank.get(group.character).map(AsRef::as_ref).ok_or_else(absent)
}

/// Every statement with the memory it is drawn from.
///
/// # Errors
/// [`FactsError::Absent`] for somebody, or a memory of theirs, that the bank does not have.
pub fn passages(groups: &[&FactGroup], bank: &Bank) -> Result<Vec<Passage>, FactsError> {
    let mut rows = Vec::with_capacity(3 * groups.len());
    for group in groups {
        let person = person(group, bank)?;
        let memory = person.profile_trans.get(&group.aspect).and_then(|text| text.as_str());
        let absent =
            || FactsError::Absent { what: format!("the memory {:?}", group.aspect), character: group.character };
        let passage = memory.ok_or_else(absent)?;
        rows.extend(group.statements.iter().map(|statement| Passage {
            character: person.name().to_owned(),
            passage: passage.to_owned(),
            statement: statement.clone(),
        }));
    }
    Ok(rows)
}

/// Every statement with its own question and the open one.
pub fn queries(groups: &[&FactGroup]) -> Vec<StatementQueries> {
    groups
        .iter()
        .flat_map(|group| {
            group.statements.iter().zip(&group.asks).map(|(statement, ask)| StatementQueries {
                statement: statement.clone(),
                queries: vec![ask.clone(), group.open.clone()],
            })
        })
        .collect()
}

/// The rows of relevance: see [`FactGroup::relevance`]. The query for another memory is the open one of the character's next
/// group; a character with one group gets none.
///
/// # Errors
/// [`FactsError::Absent`] for somebody whom the bank does not have.
pub fn relevance_rows(groups: &[&FactGroup], bank: &Bank) -> Result<Vec<RelevanceRow>, FactsError> {
    let mut by_character: BTreeMap<u32, Vec<&FactGroup>> = BTreeMap::new();
    for group in groups.iter().copied() {
        by_character.entry(group.character).or_default().push(group);
    }
    let mut rows = Vec::with_capacity(12 * groups.len());
    for own in by_character.into_values().filter(|own| own.len() > 1) {
        for (at, group) in own.iter().enumerate() {
            let name = person(group, bank)?.name();
            let other = &own[(at + 1) % own.len()].open;
            rows.extend(group.relevance(other).into_iter().map(|(statement, query, relevant)| RelevanceRow {
                character: name.to_owned(),
                statement: statement.to_owned(),
                query: query.to_owned(),
                relevant,
            }));
        }
    }
    Ok(rows)
}

/// The rows of natural language inference: see [`FactGroup::nli`].
///
/// # Errors
/// [`FactsError::Absent`] for somebody whom the bank does not have.
pub fn nli_rows(groups: &[&FactGroup], bank: &Bank) -> Result<Vec<NliRow>, FactsError> {
    let mut rows = Vec::with_capacity(9 * groups.len());
    for group in groups {
        let name = person(group, bank)?.name();
        rows.extend(group.nli().into_iter().map(|(statement, query, response, label)| NliRow {
            character: name.to_owned(),
            statement: statement.to_owned(),
            query: query.to_owned(),
            response: response.to_owned(),
            label,
        }));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use super::super::facts::tests::group;
    use super::super::{NliLabel, Relevance};
    use super::*;

    fn bank() -> Bank {
        let person = |index: u32| {
            let row = serde_json::json!({"index": index, "mbti": "INFP", "profile": {"name": format!("N{index}")},
                "profile_trans": {"hobby": "You sail.", "tone": "You hum."}, "seeker_statement": "", "supporter_statement": ""});
            Arc::new(serde_json::from_value(row).unwrap())
        };
        Bank::new(vec![person(1), person(2)])
    }

    #[test]
    fn every_query_is_wanted_as_often_as_not() {
        let groups = [&group(1, "hobby"), &group(1, "tone"), &group(2, "hobby")];
        let rows = relevance_rows(&groups, &bank()).unwrap();
        assert_eq!(rows.len(), 24, "a character with one group has no query for another memory");
        let mut balance: HashMap<&str, i32> = HashMap::new();
        for row in &rows {
            *balance.entry(&row.query).or_default() += if row.relevant == Relevance::Yes { 1 } else { -1 };
        }
        assert!(balance.values().all(|balance| *balance == 0), "{balance:?}");
        assert!(rows.iter().all(|row| row.character == "N1"));
    }

    #[test]
    fn statements_know_their_passage_and_their_queries() {
        let groups = [&group(1, "hobby"), &group(2, "tone")];
        let passages = passages(&groups, &bank()).unwrap();
        assert_eq!(
            (passages.len(), passages[0].passage.as_str(), passages[5].passage.as_str()),
            (6, "You sail.", "You hum.")
        );
        assert_eq!(queries(&groups)[1].queries, ["ask 1 of 1 hobby", "open of 1 hobby"]);
        let nli = nli_rows(&groups, &bank()).unwrap();
        assert_eq!(nli.iter().filter(|row| row.label == NliLabel::Neutral).count(), 6);
        let told = nli_rows(&[&group(7, "hobby")], &bank()).unwrap_err().to_string();
        assert!(told.contains("character 7"), "{told}");
        let told = super::passages(&[&group(1, "dream")], &bank()).unwrap_err().to_string();
        assert!(told.contains("dream"), "{told}");
    }
}
