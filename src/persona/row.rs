//! Rows of characters as they stand in a file: kept as they came, and judged one by one, so that all that is wrong can be
//! told at once.

use std::fmt;
use std::sync::Arc;

use serde_json::{Deserializer, Map, Value};

use super::judge::{faults, kind, shown};
use super::{Character, Mbti};

/// What marks a text as UTF-8 in files of some editors; no part of the rows.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// It is not what the published format has there.
    #[error("{place}: {field}: expected {expected}, found {found}")]
    Unexpected {
        /// Where.
        place: Place,
        /// The field, or `row`.
        field: String,
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// Its index belongs to somebody else.
    #[error("{place}: index: {index} is taken by {holder} ({at}); every character needs an index of its own")]
    Taken {
        /// Where.
        place: Place,
        /// The index.
        index: u32,
        /// The name of the character that has it.
        holder: String,
        /// Where that one stands.
        at: Place,
    },
    /// There is no index left to give.
    #[error("{place}: index: no index above {highest} is left to give", highest = u32::MAX)]
    NoneLeft {
        /// Where.
        place: Place,
    },
}

/// A row that is a character.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Where it stands.
    pub place: Place,
    /// All of it, as it came.
    pub fields: Map<String, Value>,
    /// Place in the bank.
    pub index: u32,
    /// Myers–Briggs type.
    pub mbti: Mbti,
}

impl Row {
    /// The character's name.
    pub fn name(&self) -> &str {
        self.fields["profile"]["name"].as_str().unwrap_or_default()
    }
}

/// The rows of a text: one JSON array, or JSON Lines. `file` names it in what is told. Rows that are wrong are told of, and
/// the others are read all the same; only what follows broken JSON in an array cannot be.
pub fn read_rows(file: &str, text: &str) -> (Vec<Row>, Vec<RowError>) {
    let file: Arc<str> = file.into();
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let mut reading = Reading { file, rows: Vec::new(), errors: Vec::new() };
    if text.trim_start().starts_with('[') {
        reading.array(text);
    } else {
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            reading.take(at + 1, serde_json::from_str(line));
        }
    }
    (reading.rows, reading.errors)
}

struct Reading {
    file: Arc<str>,
    rows: Vec<Row>,
    errors: Vec<RowError>,
}

impl Reading {
    /// Element by element, so that each has its line.
    fn array(&mut self, text: &str) {
        let mut at = text.find('[').map_or(0, |at| at + 1);
        let mut line = 1 + newlines(&text[..at]);
        let mut first = true;
        loop {
            let gap = text[at..].len() - text[at..].trim_start().len();
            line += newlines(&text[at..at + gap]);
            at += gap;
            let rest = &text[at..];
            let next = match (rest.chars().next(), first) {
                (Some(']'), _) => {
                    let after = rest[1..].trim();
                    if !after.is_empty() {
                        self.broken(line, "the end of the file after the array", shown(after));
                    }
                    return;
                }
                (Some(','), false) => rest[1..].trim_start(),
                (Some(_), true) => rest,
                (Some(_), false) => return self.broken(line, "a comma or the end of the array", shown(rest)),
                (None, _) => return self.broken(line, "the end of the array", "the end of the file".to_owned()),
            };
            first = false;
            let skipped = rest.len() - next.len();
            line += newlines(&rest[..skipped]);
            let mut values = Deserializer::from_str(next).into_iter::<Value>();
            let read = values.next();
            let length = values.byte_offset();
            match read {
                Some(Ok(value)) => self.take(line, Ok(value)),
                Some(Err(error)) => return self.take(line, Err(error)),
                None => return self.broken(line, "a row", "the end of the file".to_owned()),
            }
            line += newlines(&next[..length]);
            at += skipped + length;
        }
    }

    fn broken(&mut self, line: usize, expected: &'static str, found: String) {
        let place = Place { file: self.file.clone(), line };
        self.errors.push(RowError::Unexpected { place, field: "array".into(), expected, found });
    }

    fn take(&mut self, line: usize, read: serde_json::Result<Value>) {
        let place = Place { file: self.file.clone(), line };
        let wrong = |field: &str, expected, found| RowError::Unexpected {
            place: place.clone(),
            field: field.to_owned(),
            expected,
            found,
        };
        let value = match read {
            Ok(value) => value,
            Err(error) => {
                let found = format!("broken JSON ({error})");
                return self.errors.push(wrong("row", "a character as a JSON object", found));
            }
        };
        let faults = faults(&value);
        if !faults.is_empty() {
            return self
                .errors
                .extend(faults.into_iter().map(|(field, expected, found)| wrong(&field, expected, found)));
        }
        // What is judged above is what a character is read from; should they ever differ, the reader has the last word.
        match (serde_json::from_value::<Character>(value.clone()), value) {
            (Ok(character), Value::Object(fields)) => {
                self.rows.push(Row { place, fields, index: character.index, mbti: character.mbti });
            }
            (Err(error), _) => self.errors.push(wrong("row", "a character", error.to_string())),
            (Ok(_), value) => self.errors.push(wrong("row", "a JSON object", kind(Some(&value)))),
        }
    }
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(index: u32) -> Value {
        json!({
            "index": index, "mbti": "infj", "profile": {"name": "Ada", "age": "20", "faith": "none"}, "note": 1.5,
            "profile_trans": {"dream": "You fly."}, "seeker_statement": "", "supporter_statement": "",
        })
    }

    #[test]
    fn lines_and_arrays_are_read_alike_with_their_lines_and_kept_as_they_came() {
        let lines = format!("\u{feff}{}\r\n\n{}\n", row(1), row(2));
        let array = format!("\u{feff}\n[\n{:#},\n{}\n]\n", row(1), row(2));
        let (rows, errors) = read_rows("a", &lines);
        assert_eq!(errors, []);
        assert_eq!(rows.iter().map(|row| (row.index, row.place.line)).collect::<Vec<_>>(), [(1, 1), (2, 3)]);
        assert_eq!(Value::Object(rows[0].fields.clone()), row(1));
        assert_eq!((rows[0].name(), rows[0].mbti.as_str()), ("Ada", "INFJ"));
        let (rows, errors) = read_rows("a", &array);
        assert_eq!(errors, []);
        assert_eq!(rows.iter().map(|row| (row.index, row.place.line)).collect::<Vec<_>>(), [(1, 3), (2, 18)]);
        for none in ["", " \n", "[]", "\u{feff} [ ] "] {
            assert_eq!(read_rows("a", none), (Vec::new(), Vec::new()), "{none:?}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let mut wrong = row(0);
        wrong["index"] = json!("4");
        wrong["mbti"] = json!("ABCD");
        wrong["profile"] = json!({"name": " ", "age": -3, "hobby": ["chess"]});
        wrong.as_object_mut().unwrap().remove("profile_trans");
        let text = format!("{wrong}\n{}\n{{\"index\": \n7", row(1));
        let (rows, errors) = read_rows("people.jsonl", &text);
        assert_eq!(rows.len(), 1, "the good one is read all the same");
        let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            told[..6],
            [
                "people.jsonl:1: index: expected a whole number from 0 to 4294967295, found the text \"4\"",
                "people.jsonl:1: mbti: expected one of the sixteen types, such as INFJ, found the text \"ABCD\"",
                "people.jsonl:1: profile_trans: expected an object of memories, found nothing",
                "people.jsonl:1: profile.name: expected a name, found the text \" \"",
                "people.jsonl:1: profile.age: expected a whole number of years, or a text, found -3",
                "people.jsonl:1: profile.hobby: expected a text, found a list",
            ]
        );
        assert!(
            told[6].starts_with("people.jsonl:3: row: expected a character as a JSON object, found broken"),
            "{told:?}"
        );
        assert_eq!(told[7], "people.jsonl:4: row: expected a character as a JSON object, found 7");
    }

    #[test]
    fn a_broken_array_is_told_of_where_it_breaks() {
        let told = |text: &str| {
            let (rows, errors) = read_rows("a", text);
            (rows.len(), errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
        };
        let good = row(1);
        assert_eq!(
            told(&format!("[{good}\n {good}]")).1,
            format!("a:2: array: expected a comma or the end of the array, found {}", shown(&format!("{good}]")))
        );
        let (read, message) = told(&format!("[{good},\n 5,\n {good}"));
        assert_eq!(read, 2);
        assert!(
            message.contains("a:2: row:") && message.contains("a:3: array: expected the end of the array"),
            "{message}"
        );
        assert!(told(&format!("[{good},]")).1.contains("a:1: row:"));
        assert!(told(&format!("[{good}] x")).1.contains("after the array"));
        assert!(told("[{\"index\": \n\n}]").1.contains("a:1: row: expected a character"));
    }
}
