//! JSON as it is written: where a value ends, what it says, and the same in another layout. Nothing here reads a
//! number, so that none loses a digit.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

/// What JSON has between its tokens.
pub(super) const WHITE: [char; 4] = [' ', '\t', '\n', '\r'];
/// What ends a number or a word.
const ENDS: [char; 11] = [' ', '\t', '\n', '\r', '{', '}', '[', ']', ',', ':', '"'];

/// What a value says, as a number that no other has.
pub(super) type Said = [u8; 32];

/// The brackets, commas, colons, texts, numbers and words of a text. Ends at a string that its line does not close.
struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.text[self.at..].trim_start_matches(WHITE);
        let length = match rest.chars().next()? {
            '"' => string_length(rest)?,
            '{' | '}' | '[' | ']' | ',' | ':' => 1,
            _ => rest.find(ENDS).unwrap_or(rest.len()),
        };
        self.at = self.text.len() - rest.len() + length;
        Some(&rest[..length])
    }
}

fn tokens(text: &str) -> Tokens<'_> {
    Tokens { text, at: 0 }
}

fn string_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\n' => return None,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Where the first value of this text ends, if its brackets and quotes are in order. Builds nothing, however long it
/// is.
pub(super) fn extent(text: &str) -> Option<usize> {
    let mut tokens = tokens(text);
    let mut depth = 0usize;
    while let Some(token) = tokens.next() {
        match token {
            "{" | "[" => depth += 1,
            "}" | "]" => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(tokens.at);
        }
    }
    None
}

/// A value that may stand on several lines, on one.
pub(super) fn on_one_line(json: &str) -> String {
    if json.contains('\n') { tokens(json).collect() } else { json.to_owned() }
}

/// A value with one member a line, indented by two spaces; every text and number as it came.
pub fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0usize;
    let mut opened = false;
    for token in tokens(json) {
        let closes = matches!(token, "}" | "]");
        if closes {
            depth = depth.saturating_sub(1);
        }
        // An empty pair of brackets stays together.
        if opened != closes {
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", depth));
        }
        out.push_str(token);
        opened = matches!(token, "{" | "[" | ",");
        if matches!(token, "{" | "[") {
            depth += 1;
        }
        if token == ":" {
            out.push(' ');
        }
    }
    out
}

/// An object with another `index`, and all else byte by byte as it was.
pub(super) fn with_index(object: &str, index: u32) -> String {
    let mut tokens = tokens(object);
    let mut depth = 0usize;
    let mut before = "";
    while let Some(token) = tokens.next() {
        match token {
            "{" | "[" => depth += 1,
            "}" | "]" => depth = depth.saturating_sub(1),
            ":" if depth == 1 && unescaped(before) == "index" => {
                let old = tokens.next().unwrap_or_default();
                let (upto, from) = (tokens.at - old.len(), tokens.at);
                return format!("{}{index}{}", &object[..upto], &object[from..]);
            }
            _ => {}
        }
        before = token;
    }
    object.to_owned()
}

/// What an object that was read without fault says beside its `index`: the same for two objects that differ only in
/// the order of their members, in layout or in how they escape. Numbers are the same if their digits are.
pub(super) fn said_beside_index(object: &str) -> Said {
    let mut tokens = tokens(object);
    tokens.next();
    let mut members = members(&mut tokens);
    members.remove(&said_text("index"));
    together(&members)
}

fn said(tokens: &mut Tokens<'_>, first: &str) -> Said {
    match first {
        "{" => together(&members(tokens)),
        "[" => {
            let mut all = Sha256::new_with_prefix("[");
            while let Some(token) = tokens.next().filter(|token| *token != "]") {
                if token != "," {
                    all.update(said(tokens, token));
                }
            }
            all.finalize().into()
        }
        text if text.starts_with('"') => said_text(&unescaped(text)),
        word => Sha256::new_with_prefix("=").chain_update(word).finalize().into(),
    }
}

fn members(tokens: &mut Tokens<'_>) -> BTreeMap<Said, Said> {
    let mut members = BTreeMap::new();
    while let Some(name) = tokens.next().filter(|token| *token != "}") {
        if name == "," {
            continue;
        }
        tokens.next();
        let Some(first) = tokens.next() else { break };
        members.insert(said_text(&unescaped(name)), said(tokens, first));
    }
    members
}

fn together(members: &BTreeMap<Said, Said>) -> Said {
    let mut all = Sha256::new_with_prefix("{");
    for (name, value) in members {
        all.update(name);
        all.update(value);
    }
    all.finalize().into()
}

fn said_text(text: &str) -> Said {
    Sha256::new_with_prefix("\"").chain_update(text).finalize().into()
}

fn unescaped(string: &str) -> String {
    serde_json::from_str(string).unwrap_or_else(|_| string.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_value_ends_where_its_brackets_do() {
        for (text, length) in [
            ("{\"a\": \"}\\\"\"} {}", Some(12)),
            (" [1, [2]]x", Some(9)),
            ("7]", Some(1)),
            ("{\"a\": 1", None),
            ("{\"a\nb\": 1}", None),
            ("]", None),
            ("\"\\", None),
            ("", None),
        ] {
            assert_eq!(extent(text), length, "{text:?}");
        }
    }

    #[test]
    fn layouts_say_the_same_and_are_those_of_serde_json() {
        let value = json!({"a": [1, {"b": "x: {\"y\", 2}"}, [], {}], "é\u{1}": null, "c": {"d": [[-1.5e-7]]}});
        let pretty = format!("{value:#}");
        assert_eq!(indented(&value.to_string()), pretty);
        assert_eq!(indented(&pretty), pretty);
        assert_eq!(on_one_line(&pretty), value.to_string());
        assert_eq!(on_one_line("{\"a\":  1}"), "{\"a\":  1}", "what is on one line is left alone");
    }

    #[test]
    fn only_the_index_of_the_row_itself_is_another() {
        let row = r#"{"a": {"index": 3, "x": 0.10}, "\u0069ndex" : 4, "n": 123456789012345678901234567890}"#;
        assert_eq!(with_index(row, 17), row.replace(": 4,", ": 17,"));
        assert_eq!(with_index("{}", 17), "{}");
    }

    #[test]
    fn the_same_is_said_whatever_the_order_layout_and_index_but_not_with_other_digits() {
        let said = said_beside_index;
        let one = r#"{"index": 1, "a": ["x", {"b": "é", "c": 0.10}], "d": "[", "e": {"index": 5}}"#;
        assert_eq!(
            said(one),
            said(r#"{ "e":{"index":5}, "d":"\u005b", "a":["x",{"c":0.10,"b":"\u00e9"}],"index":2 }"#)
        );
        for (from, to) in [("0.10", "0.1"), ("5", "6"), ("\"x\"", "x"), ("\"[\"", "[]"), ("\"x\", ", "")] {
            assert_ne!(said(one), said(&one.replace(from, to)), "{from} and {to}");
        }
        assert_ne!(said(r#"{"a": ["b", "c"]}"#), said(r#"{"a": ["c", "b"]}"#));
    }

    #[test]
    fn a_long_list_of_zeros_is_passed_over() {
        let zeros = format!("{{\"a\": [{}0]}}", "0,".repeat(1 << 16));
        assert_eq!(extent(&zeros), Some(zeros.len()));
        assert!(serde_json::from_str::<Value>(&zeros).is_ok());
    }
}
