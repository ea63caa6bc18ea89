//! Brings new characters into a bank: none is taken twice, and nobody's index is taken away.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::row::{Place, Row, RowError};

/// What becomes of rows that are to come into a bank.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Merge {
    /// Those that come in, with the index they have from now on.
    pub added: Vec<Row>,
    /// The index of each that is there already, and the one it is there under.
    pub already: Vec<(u32, u32)>,
    /// The old and the new index of each of `added` that got another one.
    pub renumbered: Vec<(u32, u32)>,
}

/// Puts `incoming` beside `present`. A row that equals one that is there, whatever its index, is there already. One whose
/// index is taken gets a new one if `renumber` says so: above all others, so that an index that somebody once had is not
/// given to another, whom kept conversations would then seem to be with.
///
/// # Errors
/// Every row whose index is taken.
pub fn merge(present: &[Row], incoming: Vec<Row>, renumber: bool) -> Result<Merge, Vec<RowError>> {
    let mut holders: HashMap<u32, (String, Place)> = HashMap::new();
    let mut known: HashMap<Map<String, Value>, u32> = HashMap::new();
    for row in present {
        holders.insert(row.index, (row.name().to_owned(), row.place.clone()));
        known.insert(without_index(row), row.index);
    }
    let mut highest = present.iter().chain(&incoming).map(|row| row.index).max().unwrap_or_default();

    let mut merge = Merge::default();
    let mut errors = Vec::new();
    for mut row in incoming {
        let body = without_index(&row);
        if let Some(index) = known.get(&body) {
            merge.already.push((row.index, *index));
            continue;
        }
        if let Some((holder, at)) = holders.get(&row.index) {
            if !renumber {
                let (place, index) = (row.place, row.index);
                errors.push(RowError::Taken { place, index, holder: holder.clone(), at: at.clone() });
                continue;
            }
            let Some(next) = highest.checked_add(1) else {
                errors.push(RowError::NoneLeft { place: row.place });
                continue;
            };
            highest = next;
            merge.renumbered.push((row.index, next));
            row.index = next;
            row.fields.insert("index".to_owned(), next.into());
        }
        holders.insert(row.index, (row.name().to_owned(), row.place.clone()));
        known.insert(body, row.index);
        merge.added.push(row);
    }
    if errors.is_empty() { Ok(merge) } else { Err(errors) }
}

fn without_index(row: &Row) -> Map<String, Value> {
    row.fields.iter().filter(|(name, _)| *name != "index").map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::row::read_rows;
    use super::*;

    fn rows(of: &[(u32, &str)]) -> Vec<Row> {
        let line = |(index, name): &(u32, &str)| {
            format!(
                r#"{{"index": {index}, "mbti": "INTJ", "profile": {{"name": "{name}"}}, "profile_trans": {{}}, "seeker_statement": "", "supporter_statement": ""}}"#
            )
        };
        let (rows, errors) = read_rows("in", &of.iter().map(line).collect::<Vec<_>>().join("\n"));
        assert_eq!(errors, []);
        rows
    }

    fn indices(rows: &[Row]) -> Vec<u32> {
        rows.iter().map(|row| row.index).collect()
    }

    #[test]
    fn the_same_row_is_there_already_whatever_its_index() {
        let present = rows(&[(0, "Ada"), (7, "Bo")]);
        let merged = merge(&present, rows(&[(7, "Bo"), (9, "Ada"), (3, "Cy"), (4, "Cy")]), false).unwrap();
        assert_eq!(indices(&merged.added), [3]);
        assert_eq!(merged.already, [(7, 7), (9, 0), (4, 3)]);
    }

    #[test]
    fn a_taken_index_is_an_error_or_gets_one_above_all_others() {
        let present = rows(&[(0, "Ada"), (7, "Bo")]);
        let incoming = [(0, "Cy"), (12, "Di"), (12, "Ed")];
        let errors = merge(&present, rows(&incoming), false).unwrap_err();
        assert_eq!(
            errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "in:1: index: 0 is taken by Ada (in:1); every character needs an index of its own",
                "in:3: index: 12 is taken by Di (in:2); every character needs an index of its own",
            ]
        );
        let merged = merge(&present, rows(&incoming), true).unwrap();
        assert_eq!((indices(&merged.added), &merged.renumbered[..]), (vec![13, 12, 14], &[(0, 13), (12, 14)][..]));
        assert_eq!(merged.added[0].fields["index"], 13);
        // Once more: all of them are there.
        let again = merge(&[present, merged.added].concat(), rows(&incoming), true).unwrap();
        assert_eq!((again.added.len(), again.already), (0, vec![(0, 13), (12, 12), (12, 14)]));
    }

    #[test]
    fn an_index_that_cannot_be_given_is_an_error() {
        let errors = merge(&rows(&[(u32::MAX, "Ada")]), rows(&[(u32::MAX, "Bo")]), true).unwrap_err();
        assert!(matches!(errors[..], [RowError::NoneLeft { .. }]));
    }
}
