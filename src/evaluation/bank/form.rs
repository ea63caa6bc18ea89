//! The form of any bank: whole rows, each text in its person and length, nobody's address in it.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::super::personal::personal;
use super::super::phrases::fours;
use super::super::words::Numbered;
use super::super::{Finding, Rows, counted, share};
use super::{others, texts};
use crate::matching::sentences;
use crate::persona::{Aspect, Character};

/// Words of a memory: shorter ones say too little to be spoken of, longer ones do not fit a prompt beside a talk.
const MEMORY_WORDS: std::ops::RangeInclusive<usize> = 25..=90;
/// Sentences of a memory. Some tell in many short ones what others tell in few, so that the bar is on a share of them.
const MEMORY_SENTENCES: std::ops::RangeInclusive<usize> = 2..=4;
const MEMORIES_OF_FEW_SENTENCES: f64 = 0.95;
/// "You" in a profile means anybody ("a village you can cross in six minutes"), which is seldom.
const ANYBODY: f64 = 0.01;

#[expect(clippy::unwrap_used, reason = "the patterns are constants that the tests compile")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap()
}

static YOU: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\b(?:you|your|yours|yourself)\b"));
/// What others are quoted with, and thanks, address somebody else. A single mark may be an elision (" 'til noon"): what it
/// opens ends with the sentence at the latest, and what closes it stands before a space or a mark (`after`).
static QUOTED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?ix)thank[-\ ]you
        | (?:^|[\s(])["“][^"”]*["”]
        | (?:^|[\s(])['‘][^'’.!?]*(?:['’]\w[^'’.!?]*)*[.!?…]*['’](?<after>$|[\s\p{P}])"#,
    )
});

/// The text without what is said to somebody else.
fn unquoted(text: &str) -> Cow<'_, str> {
    QUOTED.replace_all(text, " $after")
}

pub(super) fn check(rows: &Rows<Character>) -> Vec<Finding> {
    vec![
        rows.schema("every line is a character", "characters"),
        Finding::nowhere("indices", rows.rows.len(), "characters", rows.repeated(|character| character.index)),
        Finding::nowhere(
            "names",
            rows.rows.len(),
            "characters",
            rows.repeated(|character| character.name().to_owned()),
        ),
        each(rows, "the seventeen profile fields are filled", empty_field),
        each(rows, "memories are texts of known aspects", aspects),
        each(rows, "memories address the character", second_person),
        third_person(rows),
        each(rows, "statements begin \"You are NAME, a\"", opening),
        each(rows, "statements differ by role", |character| {
            (character.seeker_statement == character.supporter_statement).then(|| "both are the same".to_owned())
        }),
        memory_words(rows),
        memory_sentences(rows),
        commonest_fours(rows),
        each(rows, "no telephone, address or web page", |character| {
            let told =
                |name: &str, text: &str| personal(text).map(|(what, found)| format!("{name}: {what}, {found:?}"));
            let of_texts = texts(character).find_map(|(name, text)| told(&name, text));
            of_texts.or_else(|| others(character).find_map(|(name, text)| told(&name, &text)))
        }),
    ]
}

/// A check of each character by itself; its place is named with index and name.
pub(super) fn each(
    rows: &Rows<Character>,
    what: impl Into<Cow<'static, str>>,
    wrong: impl Fn(&Character) -> Option<String>,
) -> Finding {
    let named = |character: &Character| Some(format!("{}, {}", who(character), wrong(character)?));
    Finding::nowhere(what, rows.rows.len(), "characters", rows.faults(named))
}

/// "4 Soo-ah Baek".
pub(super) fn who(character: &Character) -> String {
    format!("{} {}", character.index, character.name())
}

fn empty_field(character: &Character) -> Option<String> {
    let empty = character.profile.texts().into_iter().find(|(_, text)| text.trim().is_empty());
    empty.map(|(name, _)| format!("profile.{name} is empty"))
}

fn aspects(character: &Character) -> Option<String> {
    character.profile_trans.iter().find_map(|(name, value)| match (Aspect::from(name.as_str()), value.as_str()) {
        (Aspect::Other(_), _) => Some(format!("unknown aspect {name:?}")),
        (_, None) => Some(format!("{name} is no text")),
        (_, Some(text)) if text.trim().is_empty() => Some(format!("{name} is empty")),
        _ => None,
    })
}

fn second_person(character: &Character) -> Option<String> {
    let silent = character.aspects().find(|(_, text)| !text.trim().is_empty() && !YOU.is_match(text));
    silent.map(|(name, _)| format!("{name} holds no \"you\" or \"your\""))
}

/// How somebody speaks may be told of a listener ("says your name"); all else is told of the character. To address it, a
/// sentence would begin with "You"; in the middle of one it means anybody, which must stay seldom.
fn third_person(rows: &Rows<Character>) -> Finding {
    let what = "profiles are in the third person";
    let (mut fields, mut anybody, mut addressed) = (0, Vec::new(), Vec::new());
    for placed in &rows.rows {
        for (name, text) in placed.row.profile.texts().into_iter().filter(|(name, _)| *name != "tone") {
            fields += 1;
            // Most fields hold neither: they need no second look.
            if !YOU.is_match(text) {
                continue;
            }
            let text = unquoted(text);
            let place = || format!("{}: {}, {name}: {text}", placed.place, who(&placed.row));
            if sentences(&text).iter().any(|sentence| YOU.find(sentence).is_some_and(|you| you.start() == 0)) {
                addressed.push(place());
            } else if YOU.is_match(&text) {
                anybody.push(place());
            }
        }
    }
    let seldom = anybody.len() as f64 <= ANYBODY * fields as f64;
    let found =
        format!("{} address somebody, {} say \"you\" for anybody", addressed.len(), share(anybody.len(), fields));
    let expected = format!("none, at most {:.0} %", 100.0 * ANYBODY);
    let holds = addressed.is_empty() && seldom;
    addressed.extend(if seldom { Vec::new() } else { anybody });
    Finding::bar(what, found, expected, holds).at(addressed)
}

fn opening(character: &Character) -> Option<String> {
    let opening = format!("You are {}, a", character.name());
    let wrong = [("seeker", &character.seeker_statement), ("supporter", &character.supporter_statement)]
        .into_iter()
        .find(|(_, statement)| !statement.starts_with(&opening));
    wrong.map(|(role, statement)| {
        format!("{role}: \"{}…\"", statement.chars().take(opening.chars().count()).collect::<String>())
    })
}

fn memory_words(rows: &Rows<Character>) -> Finding {
    let (mut lengths, mut places) = (Vec::new(), Vec::new());
    for placed in &rows.rows {
        for (name, text) in placed.row.aspects() {
            let words = text.split_whitespace().count();
            lengths.push(words);
            if !MEMORY_WORDS.contains(&words) {
                places.push(format!("{}: {}, {name}: {words} words", placed.place, who(&placed.row)));
            }
        }
    }
    lengths.sort_unstable();
    let middle = lengths.get(lengths.len() / 2).copied().unwrap_or(0);
    let (least, most) = (lengths.first().copied().unwrap_or(0), lengths.last().copied().unwrap_or(0));
    let expected = format!("{} to {}", MEMORY_WORDS.start(), MEMORY_WORDS.end());
    Finding::bar("words of a memory", format!("{least} to {most}, median {middle}"), expected, places.is_empty())
        .at(places)
}

fn memory_sentences(rows: &Rows<Character>) -> Finding {
    let (least, many) = (*MEMORY_SENTENCES.start(), *MEMORY_SENTENCES.end());
    let (mut all, mut single, mut long, mut most) = (0, Vec::new(), Vec::new(), 0);
    for placed in &rows.rows {
        for (name, text) in placed.row.aspects() {
            let count = sentences(text).len();
            all += 1;
            most = most.max(count);
            let place = || format!("{}: {}, {name}: {count}", placed.place, who(&placed.row));
            if count < least {
                single.push(place());
            } else if count > many {
                long.push(place());
            }
        }
    }
    let few = all - single.len() - long.len();
    let holds = single.is_empty() && few as f64 >= MEMORIES_OF_FEW_SENTENCES * all as f64;
    let found = format!("{least} to {many} in {} of {}, {most} at most", share(few, all), counted(all));
    let expected = format!("{least} to {many} in {:.0} %, none of fewer", 100.0 * MEMORIES_OF_FEW_SENTENCES);
    Finding::bar("sentences of a memory", found, expected, holds).at([single, long].concat())
}

fn commonest_fours(rows: &Rows<Character>) -> Finding {
    let all = rows.iter().flat_map(texts).map(|(_, text)| text);
    fours("all texts", &Numbered::new(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotations_and_thanks_address_somebody_else() {
        let told = |text: &str| unquoted(text).into_owned();
        assert!(!YOU.is_match(&told("She said 'I don't know you' and left the thank-you card.")));
        assert!(YOU.is_match(&told("Knows what's in your pocket, and it's yours.")));
        assert!(YOU.is_match(&told("The boys' boat is where you left it.")));
        assert!(!YOU.is_match(&told("Says 'I'll ask you, then.' and \"Why? Are you there?\" and 'You!', to anybody.")));
        let elided = told("Waits 'til noon. You mend nets, and the boys' boat waits.");
        assert!(sentences(&elided).iter().any(|sentence| sentence.starts_with("You mend nets")), "{elided}");
        let after = told("He says 'you'. You mend nets.");
        assert!(sentences(&after).iter().any(|sentence| sentence.starts_with("You")), "{after}");
    }
}
