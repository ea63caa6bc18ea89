//! Reads rows out of a text and judges them one by one, so that all that is wrong can be told at once.

use std::sync::Arc;

use serde::de::IgnoredAny;
use serde_json::Value;

use super::Character;
use super::judge::{faults, shown};
use super::raw::{self, WHITE};
use super::row::{Place, Row, RowError, RowErrors};

/// What marks a text as UTF-8 in files of some editors; no part of the rows.
pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';
/// The longest row, in bytes: a hundred times the longest that ships. What is longer is not even parsed, for the
/// smallest of values take a multiple of their text in memory.
const LONGEST_ROW: usize = 1 << 20;

/// The rows of a text: one JSON array, JSON Lines, or JSON values that go over several lines. `file` names it in what
/// is told. Rows that are wrong are told of, and the others are read all the same; only what follows broken JSON in
/// an array or between values of several lines cannot be.
pub fn read_rows(file: &str, text: &str) -> (Vec<Row>, RowErrors) {
    let mut reading = Reading::new(file);
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let start = text.trim_start_matches(WHITE);
    if start.starts_with('[') {
        reading.array(text);
    } else if raw::extent(start).is_some_and(|length| start[..length].contains('\n')) {
        reading.values(text);
    } else {
        reading.lines(text);
    }
    (reading.rows, reading.errors)
}

/// The rows of a file of a bank, which has one character a line and nothing else.
pub fn read_lines(file: &str, text: &str) -> (Vec<Row>, RowErrors) {
    let mut reading = Reading::new(file);
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    if text.trim_start().starts_with('[') {
        reading.wrong(1, "row", "one character a line, as a bank has them", "one JSON array".to_owned());
    } else {
        reading.lines(text);
    }
    (reading.rows, reading.errors)
}

struct Reading {
    file: Arc<str>,
    rows: Vec<Row>,
    errors: RowErrors,
}

/// A text and how far it is read.
struct Progress<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Progress<'a> {
    /// What is still to be read, from the next token on.
    fn rest(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let next = rest.trim_start_matches(WHITE);
        self.pass(rest.len() - next.len());
        next
    }

    fn pass(&mut self, bytes: usize) {
        let passed = &self.text[self.at..self.at + bytes];
        self.line += passed.bytes().filter(|byte| *byte == b'\n').count();
        self.at += bytes;
    }
}

impl Reading {
    fn new(file: &str) -> Self {
        Self { file: file.into(), rows: Vec::new(), errors: RowErrors::default() }
    }

    fn lines(&mut self, text: &str) {
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            self.take(at + 1, line.trim_matches(WHITE));
        }
    }

    fn values(&mut self, text: &str) {
        let mut progress = Progress { text, at: 0, line: 1 };
        while !progress.rest().is_empty() {
            if !self.value(&mut progress) {
                return;
            }
        }
    }

    /// Element by element, so that each has its line.
    fn array(&mut self, text: &str) {
        let mut progress = Progress { text, at: 0, line: 1 };
        progress.rest();
        progress.pass(1);
        let mut first = true;
        loop {
            let rest = progress.rest();
            let line = progress.line;
            match (rest.chars().next(), first) {
                (Some(']'), _) => {
                    let after = rest[1..].trim();
                    if !after.is_empty() {
                        self.wrong(line, "array", "the end of the file after the array", shown(after));
                    }
                    return;
                }
                (Some(','), false) => progress.pass(1),
                (Some(_), true) => {}
                (Some(_), false) => return self.wrong(line, "array", "a comma or the end of the array", shown(rest)),
                (None, _) => {
                    return self.wrong(line, "array", "the end of the array", "the end of the file".to_owned());
                }
            }
            first = false;
            if progress.rest().is_empty() {
                return self.wrong(progress.line, "array", "a row", "the end of the file".to_owned());
            }
            if !self.value(&mut progress) {
                return;
            }
        }
    }

    /// Takes the value that comes next, unless it is broken: then nobody knows where the next one begins.
    fn value(&mut self, progress: &mut Progress<'_>) -> bool {
        let rest = progress.rest();
        let Some(length) = raw::extent(rest) else {
            if let Err(error) = serde_json::from_str::<IgnoredAny>(rest) {
                self.broken(progress.line, &error);
            }
            return false;
        };
        let whole = self.take(progress.line, &rest[..length]);
        progress.pass(length);
        whole
    }

    /// Takes a row; gives whether it was JSON, as far as is known.
    fn take(&mut self, line: usize, json: &str) -> bool {
        if json.len() > LONGEST_ROW {
            self.wrong(line, "row", "a row of at most 1048576 bytes", format!("{} bytes", json.len()));
            return true;
        }
        let value: Value = match serde_json::from_str(json) {
            Ok(value) => value,
            Err(error) => {
                self.broken(line, &error);
                return false;
            }
        };
        let faults = faults(&value);
        if !faults.is_empty() {
            for (field, expected, found) in faults {
                self.wrong(line, &field, expected, found);
            }
            return true;
        }
        // What is judged above is what a character is read from; should they ever differ, as over a field that comes
        // twice, the reader of banks has the last word.
        match serde_json::from_str::<Character>(json) {
            Ok(character) => self.rows.push(Row {
                place: self.place(line),
                json: raw::on_one_line(json),
                index: character.index,
                mbti: character.mbti,
                name: character.profile.name,
                said: raw::said_beside_index(json),
            }),
            Err(error) => self.wrong(line, "row", "a character", error.to_string()),
        }
        true
    }

    fn broken(&mut self, line: usize, error: &serde_json::Error) {
        self.wrong(line, "row", "a character as a JSON object", format!("broken JSON ({error})"));
    }

    fn wrong(&mut self, line: usize, field: &str, expected: &'static str, found: String) {
        let place = self.place(line);
        self.errors.push(|| RowError::Unexpected { place, field: field.to_owned(), expected, found });
    }

    fn place(&self, line: usize) -> Place {
        Place { file: self.file.clone(), line }
    }
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
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(rows.iter().map(|row| (row.index, row.place.line)).collect::<Vec<_>>(), [(1, 1), (2, 3)]);
        assert_eq!(rows[0].json, row(1).to_string());
        assert_eq!((rows[0].name.as_str(), rows[0].mbti.as_str()), ("Ada", "INFJ"));
        let (rows, errors) = read_rows("a", &array);
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(rows.iter().map(|row| (row.index, row.place.line)).collect::<Vec<_>>(), [(1, 3), (2, 18)]);
        for none in ["", " \n", "[]", "\u{feff} [ ] "] {
            assert_eq!(read_rows("a", none), (Vec::new(), RowErrors::default()), "{none:?}");
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
        let told: Vec<String> = errors.first().iter().map(ToString::to_string).collect();
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
            (rows.len(), errors.first().iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
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

    fn told(read: (Vec<Row>, RowErrors)) -> Vec<String> {
        read.1.first().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn values_of_several_lines_are_read_one_after_the_other() {
        let (rows, errors) = read_rows("a", &format!("{:#}\n{}\n{:#}", row(1), row(2), row(3)));
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(rows.iter().map(|row| (row.index, row.place.line)).collect::<Vec<_>>(), [(1, 1), (2, 16), (3, 17)]);
        assert_eq!(rows[2].json, row(3).to_string());
        let broken = format!("{:#}\n{:#}", row(1), row(2)).replace("\"index\": 2", "\"index\": ");
        let told = told(read_rows("a", &broken));
        assert!(told.len() == 1 && told[0].starts_with("a:16: row: expected a character as"), "{told:?}");
    }

    #[test]
    fn numbers_keep_their_digits() {
        let numbers = r#""note": [122.416294033786585, 123456789012345678901234567890, 0.10, 1E2]"#;
        let line = row(1).to_string().replace(r#""note":1.5"#, numbers);
        let array = format!("[\n{}\n]", line.replace("\"mbti\"", "\n\"mbti\""));
        assert_eq!(read_rows("a", &line).0[0].json, line);
        let (rows, _) = read_rows("a", &array);
        assert!(rows[0].json.contains("[122.416294033786585,123456789012345678901234567890,0.10,1E2]"), "{rows:?}");
        assert_eq!(rows[0].said, read_rows("a", &line).0[0].said);
    }

    #[test]
    fn a_field_that_comes_twice_is_no_character_as_no_bank_reads_it() {
        let twice = row(1).to_string().replacen('{', "{\"mbti\":\"INFJ\",", 1);
        let told = told(read_rows("a", &twice));
        assert!(told[0].starts_with("a:1: row: expected a character, found duplicate field `mbti`"), "{told:?}");
    }

    #[test]
    fn a_file_of_a_bank_has_lines_only() {
        let array = format!("\n[{}]", row(1));
        assert_eq!(
            told(read_lines("a", &array)),
            ["a:1: row: expected one character a line, as a bank has them, found one JSON array"]
        );
        assert_eq!(read_lines("a", &format!("{}\n{}", row(1), row(2))).0.len(), 2);
        assert!(read_lines("a", &format!("{:#}", row(1))).1.count() > 1);
    }

    #[test]
    fn neither_many_faults_nor_a_long_row_take_memory() {
        let (rows, errors) = read_rows("a", &"7\n".repeat(1000));
        assert_eq!((rows.len(), errors.first().len(), errors.count()), (0, 50, 1000));
        let long = format!("{{\"a\": [{}0]}}", "0,".repeat(LONGEST_ROW / 2));
        for text in [&long, &format!("[{long}, 7]"), &format!("{long}\n7")] {
            let told = told(read_rows("a", text));
            let said = format!("a:1: row: expected a row of at most 1048576 bytes, found {} bytes", long.len());
            assert_eq!(told[0], said);
        }
    }
}
