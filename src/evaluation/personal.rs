//! What no text may hold: telephone numbers, e-mail and web addresses, and streets with a number of the house.

use std::sync::LazyLock;

use regex::Regex;

use super::telephone::telephone;

/// What each pattern finds, beside telephone numbers. A year, a time, a price or a bus is none of these.
const PATTERNS: [(&str, &str); 6] = [
    ("an e-mail address", r"[^\s@]+@[^\s@]+\.[A-Za-z]{2,}"),
    ("a web address", r"(?i)https?://|\bwww\.|\b[a-z0-9-]{2,}\.(?:com|org|net|info|io|edu|gov)\b"),
    ("a handle", r"(?:^|[\s(])@\w{3,}"),
    (
        "a street with a number",
        r"\b\d{1,4}[a-z]?,? (?:[A-Z][\w'’.-]+ ){1,3}(?:Street|St|Road|Rd|Avenue|Ave|Lane|Drive|Boulevard|Blvd|Way|Close|Court|Square|Terrace|Place|Crescent|Row)\b",
    ),
    (
        "a street with a number",
        r"\b(?:Rua|Calle|Carrer|Via|Rue|rue|Avenida|Avenue|Jalan|Ulica|ulica|ul\.|Strada|Travessa|Carrera|Plaza|Piazza|Prospekt) (?:(?:de|da|do|das|dos|del|della|des|du|la|los|las|le) ){0,2}[A-Z]\w+(?: [A-Z]\w+)?,? (?:No\.? ?|#|n[.º°] ?)?\d{1,4}\b",
    ),
    (
        "a street with a number",
        r"\b[A-ZÄÅÖØÜ]\w{2,}(?:stra(?:ß|ss)e|straat|gracht|gatan|gata|gade|vej|veien|katu|utca) \d{1,4}\b",
    ),
];

static COMPILED: LazyLock<Vec<(&'static str, Regex)>> = LazyLock::new(|| {
    #[expect(clippy::unwrap_used, reason = "the patterns are constants that the tests compile")]
    PATTERNS.iter().map(|(what, pattern)| (*what, Regex::new(pattern).unwrap())).collect()
});

/// The first thing of this kind in a text: what it is, and the words.
pub fn personal(text: &str) -> Option<(&'static str, &str)> {
    let number = telephone(text).map(|found| ("a telephone number", found));
    let other =
        || COMPILED.iter().find_map(|(what, pattern)| pattern.find(text).map(|found| (*what, found.as_str().trim())));
    number.or_else(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_to_a_person_is_seen() {
        for (text, what) in [
            ("Ring me on +49 170 1234567.", "telephone"),
            ("Call 555-0134 tonight.", "telephone"),
            ("It is 06 12 34 56 78 now.", "telephone"),
            ("(415) 555-0134", "telephone"),
            ("Write to ada.l@example.org, please", "e-mail"),
            ("See example.com for it", "web"),
            ("at https://example", "web"),
            ("find me: @ada_l", "handle"),
            ("You live at 14 Elm Tree Road with a cat", "street"),
            ("in Rua das Flores 12", "street"),
            ("in der Bergmannstraße 4", "street"),
            ("on Calle de la Luna, 9", "street"),
        ] {
            let found = personal(text).unwrap_or_else(|| panic!("{text}: nothing found"));
            assert!(found.0.contains(what), "{text}: {found:?}");
        }
    }

    #[test]
    fn years_buses_prices_and_names_are_left_alone() {
        for text in [
            "From 1998 to 2003, or 1998-2003, you drove bus 42.",
            "He is 66. Rifkatu, 66, a matron; Agata, 24.",
            "At 9.30 p.m. she owed 12,500 pesos; 23,000,000 in all.",
            "Two streets on, at the Road of Ages, 3 of them",
            "An ambulance went to 14th Street, not the Avenue",
            "A4 paper, 100 000 copies",
            "I read it. No. 12 is mine.",
        ] {
            assert_eq!(personal(text), None, "{text}");
        }
    }
}
