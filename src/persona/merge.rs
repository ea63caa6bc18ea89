//! Brings new characters into a bank: none is taken twice, and nobody's index is taken away.

use std::collections::HashMap;

use super::raw::Said;
use super::row::{Place, Row, RowError, RowErrors};

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

/// Why rows do not come in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// Those that are there are no bank: an index stands there twice.
    #[error("two characters of the bank have one index: {0}")]
    Present(RowErrors),
    /// An index of those that come is taken, or none is left to give.
    #[error("{0}")]
    Incoming(RowErrors),
}

impl MergeError {
    /// What is wrong with which rows.
    pub fn errors(&self) -> &RowErrors {
        let (Self::Present(errors) | Self::Incoming(errors)) = self;
        errors
    }
}

/// Puts `incoming` beside `present`. A row that says what one that is there says, whatever its index, is there
/// already. One whose index is taken gets a new one if `renumber` says so: one above all that are in the bank and
/// among those that come. So nobody who is there is taken for somebody else; but where the character with the highest
/// index was removed, its index is given anew, and what was kept of talks with it then seems to be with another.
///
/// # Errors
/// [`MergeError`] with every row whose index is taken.
pub fn merge(present: &[Row], incoming: Vec<Row>, renumber: bool) -> Result<Merge, MergeError> {
    let mut holders: HashMap<u32, (String, Place)> = HashMap::new();
    let mut known: HashMap<Said, u32> = HashMap::new();
    let mut errors = RowErrors::default();
    for row in present {
        if let Some(holder) = holders.insert(row.index, holder(row)) {
            errors.push(|| taken(row, &holder));
        }
        known.insert(row.said, row.index);
    }
    if !errors.is_empty() {
        return Err(MergeError::Present(errors));
    }
    let mut highest = present.iter().chain(&incoming).map(|row| row.index).max().unwrap_or_default();

    let mut merge = Merge::default();
    for mut row in incoming {
        if let Some(index) = known.get(&row.said) {
            merge.already.push((row.index, *index));
            continue;
        }
        if let Some(holder) = holders.get(&row.index) {
            if !renumber {
                errors.push(|| taken(&row, holder));
                continue;
            }
            let Some(next) = highest.checked_add(1) else {
                errors.push(|| RowError::NoneLeft { place: row.place });
                continue;
            };
            highest = next;
            merge.renumbered.push((row.index, next));
            row.renumber(next);
        }
        holders.insert(row.index, holder(&row));
        known.insert(row.said, row.index);
        merge.added.push(row);
    }
    if errors.is_empty() { Ok(merge) } else { Err(MergeError::Incoming(errors)) }
}

fn holder(row: &Row) -> (String, Place) {
    (row.name.clone(), row.place.clone())
}

fn taken(row: &Row, (holder, at): &(String, Place)) -> RowError {
    RowError::Taken { place: row.place.clone(), index: row.index, holder: holder.clone(), at: at.clone() }
}

#[cfg(test)]
mod tests {
    use super::super::reading::read_rows;
    use super::*;

    fn rows(of: &[(u32, &str)]) -> Vec<Row> {
        let line = |(index, name): &(u32, &str)| {
            format!(
                r#"{{"index": {index}, "mbti": "INTJ", "profile": {{"name": "{name}"}}, "profile_trans": {{}}, "seeker_statement": "", "supporter_statement": ""}}"#
            )
        };
        let (rows, errors) = read_rows("in", &of.iter().map(line).collect::<Vec<_>>().join("\n"));
        assert!(errors.is_empty(), "{errors:?}");
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
            errors.errors().first().iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "in:1: index: 0 is taken by Ada (in:1); every character needs an index of its own",
                "in:3: index: 12 is taken by Di (in:2); every character needs an index of its own",
            ]
        );
        let merged = merge(&present, rows(&incoming), true).unwrap();
        assert_eq!((indices(&merged.added), &merged.renumbered[..]), (vec![13, 12, 14], &[(0, 13), (12, 14)][..]));
        assert!(merged.added[0].json.starts_with(r#"{"index": 13, "mbti""#), "{:?}", merged.added[0]);
        // Once more: all of them are there.
        let again = merge(&[present, merged.added].concat(), rows(&incoming), true).unwrap();
        assert_eq!((again.added.len(), again.already), (0, vec![(0, 13), (12, 12), (12, 14)]));
    }

    #[test]
    fn an_index_that_cannot_be_given_is_an_error() {
        let errors = merge(&rows(&[(u32::MAX, "Ada")]), rows(&[(u32::MAX, "Bo")]), true).unwrap_err();
        assert!(matches!(errors.errors().first(), [RowError::NoneLeft { .. }]));
    }

    #[test]
    fn an_index_that_two_have_already_is_an_error_even_if_nobody_comes() {
        let errors = merge(&rows(&[(4, "Ada"), (7, "Bo"), (4, "Cy")]), Vec::new(), true).unwrap_err();
        assert_eq!(
            errors.errors().first().iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["in:3: index: 4 is taken by Ada (in:1); every character needs an index of its own"]
        );
        assert!(matches!(errors, MergeError::Present(_)));
    }
}
