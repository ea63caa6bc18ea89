//! What a check says: what was looked at, what was found, what is expected, and where it is not so.

use std::borrow::Cow;
use std::fmt::Display;

use serde::Serialize;

/// What is expected of what must be nowhere.
pub const NONE: &str = "none";

/// How far a check goes.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// Also what only the bank or corpus that ships promises, beside the form of any.
    pub quotas: bool,
}

/// The outcome of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub what: Cow<'static, str>,
    /// What was found.
    pub found: String,
    /// What is expected.
    pub expected: String,
    /// Whether it is as expected.
    pub holds: bool,
    /// Where it is not, each with its file and line or its index; empty where no single place is at fault.
    pub places: Vec<String>,
}

impl Finding {
    /// Something that must be nowhere among `of` things.
    pub fn nowhere(what: impl Into<Cow<'static, str>>, of: usize, things: &str, places: Vec<String>) -> Self {
        let found = format!("{} of {} {things} at fault", counted(places.len()), counted(of));
        Self { what: what.into(), found, expected: NONE.into(), holds: places.is_empty(), places }
    }

    /// A figure and its bar.
    pub fn bar(what: impl Into<Cow<'static, str>>, found: impl Display, expected: impl Display, holds: bool) -> Self {
        Self { what: what.into(), found: found.to_string(), expected: expected.to_string(), holds, places: Vec::new() }
    }

    /// With the places that are at fault, which are told only where the check is.
    pub fn at(mut self, places: Vec<String>) -> Self {
        if !self.holds {
            self.places = places;
        }
        self
    }
}

/// A whole number as a person reads it: "23,717".
pub fn counted(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A share of a whole in per cent, none of nothing: "44.4 %".
pub fn share(part: usize, whole: usize) -> String {
    format!("{:.1} %", 100.0 * part as f64 / whole.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_places_told_of_faults_only() {
        assert_eq!([0, 999, 1_000, 23_717, 1_234_567].map(counted), ["0", "999", "1,000", "23,717", "1,234,567"]);
        assert_eq!(share(1, 3), "33.3 %");
        let places = vec!["a.jsonl:1".to_owned()];
        assert!(Finding::bar("x", 1, "at most 2", true).at(places.clone()).places.is_empty());
        assert_eq!(Finding::bar("x", 3, "at most 2", false).at(places).places.len(), 1);
    }
}
