//! Telephone numbers among other numbers: told by the code they begin with, or by how their digits are grouped.

use std::sync::LazyLock;

use regex::Regex;

/// Digits with single marks between their groups. A slash and brackets stand in numbers of some countries.
const RUN: &str = r"(?:\+ ?|\b)\d+(?:(?:[\s.\-‑/]|\)[\s.\-‑]?|[\s.\-‑]?\()\d+)*\b|\(\+?\d+\)(?:[\s.\-‑/]?\d+)+\b";

/// Groups of digits that are written so for telephones: North America, India, China, Brazil, France, Russia, Spain.
const SHAPES: [&[usize]; 9] = [
    &[3, 3, 4],
    &[1, 3, 3, 4],
    &[5, 5],
    &[3, 4, 4],
    &[2, 5, 4],
    &[2, 2, 2, 2, 2],
    &[1, 3, 3, 2, 2],
    &[3, 3, 3],
    &[3, 2, 2, 2],
];

static COMPILED: LazyLock<Regex> = LazyLock::new(|| {
    #[expect(clippy::unwrap_used, reason = "the pattern is a constant that the tests compile")]
    Regex::new(RUN).unwrap()
});

/// The first telephone number of a text. Eight digits in two halves are none, as a span of years is written so, and what
/// ends in groups of three, the last of them round, is read as one number.
pub(super) fn telephone(text: &str) -> Option<&str> {
    COMPILED.find_iter(text).map(|run| run.as_str().trim()).find(|run| is_telephone(run))
}

fn is_telephone(run: &str) -> bool {
    let groups: Vec<&str> = run.split(|c: char| !c.is_numeric()).filter(|group| !group.is_empty()).collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.chars().count()).collect();
    let digits: usize = lengths.iter().sum();
    let Some(first) = groups.first() else { return false };
    // With the code of a country, or with brackets about that of a town.
    if run.contains('+') || (first.starts_with("00") && digits > 9) {
        return (8..=17).contains(&digits);
    }
    if run.contains('(') || run.contains(')') {
        return (9..=12).contains(&digits);
    }
    if groups.len() == 1 {
        return digits >= 9;
    }
    if is_date(&groups) || is_fraction(run, &groups) || is_one_number(&groups, &lengths) {
        return false;
    }
    if first.starts_with('0') {
        return (9..=12).contains(&digits);
    }
    // A hyphen between three and four is American; with a space or a stop it may be anything.
    SHAPES.contains(&&lengths[..]) || (lengths == [3, 4] && run.contains('-'))
}

/// "03.04.1998 10" begins with a day.
fn is_date(groups: &[&str]) -> bool {
    matches!(groups, [day, month, year, ..]
        if day.len() <= 2 && month.len() <= 2 && year.len() == 4 && (year.starts_with("19") || year.starts_with("20")))
}

/// "0.123456789".
fn is_fraction(run: &str, groups: &[&str]) -> bool {
    groups.len() == 2 && groups[0] == "0" && run.contains('.')
}

/// "120 000 000", "1.234.567.890": one to three digits, then threes. Nine digits in three threes may be either; the number
/// of anything is round where it is told in words.
fn is_one_number(groups: &[&str], lengths: &[usize]) -> bool {
    let threes = lengths[0] <= 3 && lengths[1..].iter().all(|length| *length == 3) && !groups[0].starts_with('0');
    threes && (lengths != [3, 3, 3] || groups[2] == "000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_ring_somebody_are_seen_whole() {
        for number in [
            "+49 170 1234567",
            "+44 (0)20 7946 0958",
            "0049 170 1234567",
            "020 7946 0958",
            "07700 900123",
            "030 1234567",
            "030/1234567",
            "0151-23456789",
            "0400 123 456",
            "08 123 456 78",
            "98765 43210",
            "415 555 0134",
            "(415) 555-0134",
            "(11) 98765-4321",
            "1-800-555-0134",
            "555-0134",
            "06 12 34 56 78",
            "612 345 678",
            "138 1234 5678",
            "8 (912) 345-67-89",
            "4915112345678",
        ] {
            assert_eq!(telephone(&format!("Ring {number}, at night.")), Some(number));
        }
    }

    #[test]
    fn numbers_that_count_something_are_left_alone() {
        for text in [
            "120 000 000 souls",
            "23.000.000 in all, 1 234 567 890 stars",
            "100 000 copies, 12,500 pesos, 3.141592653 at last",
            "0.123456789 of it",
            "From 1998-2003, or 1998 2003, on bus 42",
            "On 03.04.1998 10 people came; on 03/04/1998 two.",
            "1998-04-03 at 10.30, 12.45 and 9:30",
            "192.168.100.200 and 10.0.0.1",
            "A score of 6-4 3-6 7-5, at 35 degrees",
            "Rooms 101, 102 and 103; form B07700900123",
        ] {
            assert_eq!(telephone(text), None, "{text}");
        }
    }
}
