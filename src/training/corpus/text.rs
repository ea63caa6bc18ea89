//! Cleaning of found text: what is kept, how it is spelled, where a sentence ends, who is addressed.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

#[expect(clippy::unwrap_used, reason = "the pattern is a constant that the tests compile")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap()
}

static MARKUP: LazyLock<Regex> = LazyLock::new(|| pattern(r"<[^<>]{1,200}>|&nbsp;|&#\d+;"));
static SPACE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\s+"));
static ODD_SPACE: LazyLock<Regex> = LazyLock::new(|| pattern(r" +([,.!?;:])"));
static UNWANTED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)https?:|www\.|\.(com|org|net)\b|\S@\S|\[[^\]]*\]|[{}|\\^~_=<>]|\d{3}.?\d{3}.?\d{4}")
});
static END: LazyLock<Regex> = LazyLock::new(|| pattern(r#"([.!?]+["')]*)(\s+|(?P<glued>[A-Z]))"#));
static WORD: LazyLock<Regex> = LazyLock::new(|| pattern(r"[A-Za-z']+"));

/// The text in plain ASCII spelling with single spaces, or `None` if it holds links, addresses, markup that is not
/// HTML, or characters that have no plain spelling.
pub fn clean(text: &str) -> Option<String> {
    let text = MARKUP.replace_all(text, " ");
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{2018}' | '\u{2019}' | '\u{b4}' | '`' => out.push('\''),
            '\u{201c}' | '\u{201d}' => out.push('"'),
            '\u{2013}' | '\u{2014}' => out.push_str(" - "),
            '\u{2026}' => out.push_str("..."),
            '\u{e9}' | '\u{e8}' => out.push('e'),
            '\u{200b}'..='\u{200f}' | '\u{feff}' => {}
            c if c.is_whitespace() => out.push(' '),
            c if c.is_ascii_graphic() => out.push(c),
            _ => return None,
        }
    }
    let out = SPACE.replace_all(out.trim(), " ");
    let out = ODD_SPACE.replace_all(&out, "$1").into_owned();
    (!out.is_empty() && !UNWANTED.is_match(&out)).then_some(out)
}

/// The sentences of a cleaned text. Also splits "end.Start", which scraped text is full of.
pub fn sentences(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while let Some(found) = END.captures_at(text, at) {
        let (Some(whole), Some(mark)) = (found.get(0), found.get(1)) else { break };
        let next = found.name("glued").map_or(whole.end(), |glued| glued.start());
        let head = text[start..mark.end()].trim();
        let last_word = head.rsplit(' ').next().unwrap_or_default();
        let abbreviation = matches!(last_word, "Dr." | "Mr." | "Mrs." | "Ms." | "St." | "e.g." | "i.e." | "vs.");
        if !abbreviation {
            if !head.is_empty() {
                out.push(head);
            }
            start = next;
        }
        at = next;
    }
    let rest = text[start..].trim();
    if !rest.is_empty() {
        out.push(rest);
    }
    out
}

/// How many words a text has, split at spaces.
pub fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

/// "I love my dog." → "You love your dog.": statements and memories address the character, data sets let it speak.
pub fn to_second_person(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut at = 0;
    let mut after_i = false;
    for word in WORD.find_iter(text) {
        let between = &text[at..word.start()];
        out.push_str(between);
        let starts = out.trim_end().is_empty() || out.trim_end().ends_with(['.', '!', '?']);
        let lower = word.as_str().to_ascii_lowercase();
        let swapped = match lower.as_str() {
            "i" => Some("you"),
            "i'm" | "im" => Some("you are"),
            "i've" | "ive" => Some("you have"),
            "i'd" => Some("you would"),
            "i'll" => Some("you will"),
            "my" => Some("your"),
            "me" => Some("you"),
            "mine" => Some("yours"),
            "myself" => Some("yourself"),
            "am" => Some("are"),
            "was" if after_i => Some("were"),
            "wasn't" if after_i => Some("weren't"),
            _ => None,
        };
        after_i = lower == "i" || (after_i && matches!(lower.as_str(), "always" | "never" | "also" | "once"));
        let spelled = swapped.unwrap_or(word.as_str());
        if starts {
            let mut letters = spelled.chars();
            out.extend(letters.next().map(|c| c.to_ascii_uppercase()));
            out.push_str(letters.as_str());
        } else {
            out.push_str(spelled);
        }
        at = word.end();
    }
    out.push_str(&text[at..]);
    out
}

const EMPTY_WORDS: &str = "a about after all also am an and any are as at be because been before but by can could did do \
    does doing don't for from get go going good got had has have he her him his how i i'd i'll i'm i've if in is it it's \
    its just know like lot love many me more most much my new no not now of on one or our out people really she so some \
    something sometimes than that that's the their them then there they thing things think this time to too two up us use \
    very want was we well were what when where which who will with would years you you're your";

static EMPTY: LazyLock<HashSet<&'static str>> = LazyLock::new(|| EMPTY_WORDS.split_whitespace().collect());

/// The words that carry meaning, lower case, roughly stemmed.
pub fn content_words(text: &str) -> HashSet<String> {
    WORD.find_iter(text)
        .map(|word| word.as_str().to_ascii_lowercase())
        .filter(|word| word.len() > 2 && !EMPTY.contains(word.as_str()))
        .map(|word| {
            let stem = ["ings", "ing", "ies", "ied", "es", "ed", "s", "y"]
                .iter()
                .find_map(|end| word.strip_suffix(end).filter(|stem| stem.len() > 2));
            stem.unwrap_or(&word).to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleaning_keeps_plain_text_and_drops_what_cannot_be_said() {
        assert_eq!(clean("I\u{2019}m <b>fine</b> ,\n thanks\u{a0}!").as_deref(), Some("I'm fine, thanks!"));
        assert_eq!(clean("see www.example.org"), None);
        assert_eq!(clean("\u{1f60a}"), None);
        assert_eq!(clean("  "), None);
    }

    #[test]
    fn sentences_end_at_marks_even_when_glued() {
        assert_eq!(sentences("One two.Three! Dr. Who? four"), ["One two.", "Three!", "Dr. Who?", "four"]);
        assert_eq!(sentences(""), Vec::<&str>::new());
    }

    #[test]
    fn first_person_becomes_second() {
        assert_eq!(
            to_second_person("i was born here. My dog loves me, I'm old."),
            "You were born here. Your dog loves you, you are old."
        );
    }

    #[test]
    fn content_words_meet_across_endings() {
        let (a, b) = (content_words("I love baking cookies"), content_words("Do you bake a cookie?"));
        assert!(a.contains("bak") && !a.contains("love"));
        assert!(!a.is_disjoint(&content_words("she bakes, baked cookies")), "{a:?} {b:?}");
    }
}
