//! Facts of characters: whole, the bank's own, and told in words that do not give a label away.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;

use super::super::words::words;
use super::super::{Finding, counted, share};
use super::Corpus;
use crate::faithfulness::{FactGroup, NliLabel, NliRow, nli_rows, relevance_rows};
use crate::persona::{Bank, Split};

const STATEMENT_WORDS: RangeInclusive<usize> = 6..=26;
const QUERY_WORDS: RangeInclusive<usize> = 3..=22;
const REPLY_WORDS: RangeInclusive<usize> = 8..=40;
const CHARACTERS: usize = 200;
const TEST_CHARACTERS: usize = 40;
const RELEVANCE_ROWS: usize = 4_000;
const NLI_ROWS: usize = 6_000;
/// A guesser who counts words must stay nearer to one in three than to knowing: the labels are about meaning.
const TOLD_PERCENT: usize = 60;
/// Shorter words are of the language, not of the fact.
const FACT_LETTERS: usize = 4;

pub(super) fn check(corpus: &Corpus) -> Vec<Finding> {
    let facts = &corpus.faithfulness;
    if facts.rows.is_empty() && facts.broken.is_empty() {
        return Vec::new();
    }
    let all = facts.rows.len();
    vec![
        facts.schema("every line is a group of facts", "facts"),
        Finding::nowhere(
            "facts are of memories of the bank",
            all,
            "groups",
            facts.faults(|group| stray(&corpus.bank, group)),
        ),
        Finding::nowhere(
            "no memory has two groups of facts",
            all,
            "groups",
            facts.repeated(|group| format!("{:?} of character {}", group.aspect, group.character)),
        ),
        Finding::nowhere("facts name the character, queries and replies are of their length", all, "groups", {
            facts.faults(|group| shape(corpus, group))
        }),
        Finding::nowhere(
            "no fact, query or reply stands twice in a group, no reply twice",
            all,
            "groups",
            repeated(corpus),
        ),
    ]
}

pub(super) fn quotas(corpus: &Corpus) -> Vec<Finding> {
    let groups: Vec<&FactGroup> = corpus.faithfulness.iter().collect();
    let characters: BTreeSet<u32> = groups.iter().map(|group| group.character).collect();
    let tested = |index: &&u32| corpus.readable_splits().and_then(|splits| splits.of(**index)) == Some(Split::Test);
    let test = characters.iter().filter(tested).count();
    // Groups of nobody are told above and make no rows.
    let known: Vec<&FactGroup> =
        groups.into_iter().filter(|group| corpus.bank.get(group.character).is_some()).collect();
    let relevance = relevance_rows(&known, &corpus.bank).map_or(0, |rows| rows.len());
    let nli = nli_rows(&known, &corpus.bank).unwrap_or_default();
    let least = |what, found: usize, bar: usize| {
        Finding::bar(what, counted(found), format!("{} and more", counted(bar)), found >= bar)
    };
    vec![
        least("characters with facts", characters.len(), CHARACTERS),
        least("of them of the test split", test, TEST_CHARACTERS),
        least("rows of relevance, half of them yes", relevance, RELEVANCE_ROWS),
        least("rows of inference, a third of each label", nli.len(), NLI_ROWS),
        told_by_words(&nli),
    ]
}

/// How many labels a guesser tells right who only counts which tenths of the fact's words the reply says, and guesses the
/// commonest label of as many. Neither text alone tells any: each stands under every label once.
fn told_by_words(rows: &[NliRow]) -> Finding {
    let mut labels_of: BTreeMap<usize, BTreeMap<NliLabel, usize>> = BTreeMap::new();
    for row in rows {
        *labels_of.entry(tenths(row)).or_default().entry(row.label).or_default() += 1;
    }
    let right: usize = labels_of.values().filter_map(|labels| labels.values().max()).sum();
    let found = format!("{} of {}", share(right, rows.len()), counted(rows.len()));
    let holds = !rows.is_empty() && 100 * right < TOLD_PERCENT * rows.len();
    Finding::bar("labels told by words that fact and reply share", found, format!("below {TOLD_PERCENT} %"), holds)
}

fn tenths(row: &NliRow) -> usize {
    let said: BTreeSet<String> = words(&row.response).collect();
    let of_the_fact: BTreeSet<String> =
        words(&row.statement).filter(|word| word.chars().count() >= FACT_LETTERS).collect();
    10 * of_the_fact.intersection(&said).count() / of_the_fact.len().max(1)
}

/// What a group names that the bank does not have, or has no text of.
pub(super) fn stray(bank: &Bank, group: &FactGroup) -> Option<String> {
    let Some(character) = bank.get(group.character) else {
        return Some(format!("character {} is not in the bank", group.character));
    };
    let mut told = character.aspects().filter(|(_, text)| !text.trim().is_empty());
    let absent = !told.any(|(aspect, _)| aspect == group.aspect);
    absent.then(|| format!("{} has no memory {:?}", character.name(), group.aspect))
}

fn shape(corpus: &Corpus, group: &FactGroup) -> Option<String> {
    let length = |what: &str, text: &str, words: &RangeInclusive<usize>| {
        let count = text.split_whitespace().count();
        (!words.contains(&count)).then(|| format!("{what} of {count} words: {text}"))
    };
    // Whose name it should be is told above where nobody has it.
    let name = corpus.bank.get(group.character)?.name();
    let named = |statement: &str| says(statement, name);
    group
        .statements
        .iter()
        .find_map(|text| {
            (!named(text)).then(|| format!("no part of {name:?} in {text}")).or(length("fact", text, &STATEMENT_WORDS))
        })
        .or_else(|| group.asks.iter().chain([&group.open]).find_map(|text| length("query", text, &QUERY_WORDS)))
        .or_else(|| group.replies.iter().find_map(|text| length("reply", text, &REPLY_WORDS)))
}

fn repeated(corpus: &Corpus) -> Vec<String> {
    let within = corpus.faithfulness.faults(|group| {
        let mut seen = BTreeSet::new();
        group.texts().find(|text| !seen.insert(text.to_lowercase())).map(|text| format!("twice: {text}"))
    });
    let mut first: HashMap<&str, &str> = HashMap::new();
    let mut places = within;
    for placed in &corpus.faithfulness.rows {
        for reply in &placed.row.replies {
            if let Some(before) = first.insert(reply, &placed.place).filter(|before| *before != placed.place) {
                places.push(format!("{}: stands already in {before}: {reply}", placed.place));
            }
        }
    }
    places
}

/// Whether a text says one of the names: as a word, of somebody ("Karaca's") or of the family ("the Karacas"). A small "de"
/// or "al" is nobody's name.
fn says(text: &str, name: &str) -> bool {
    let bare = |word: &'_ str| word.trim_matches(|letter: char| !letter.is_alphanumeric()).to_owned();
    let parts: Vec<String> =
        name.split_whitespace().map(bare).filter(|part| part.starts_with(char::is_uppercase)).collect();
    text.split_whitespace().map(bare).any(|word| {
        let owner = word.strip_suffix("'s").or(word.strip_suffix("’s")).unwrap_or(&word);
        parts.iter().any(|part| part == owner || owner.strip_suffix('s') == Some(part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_word() {
        for text in ["Ed rows.", "It was Ed's boat.", "“Ed” is what they call him.", "The Ivars’ boat is his."] {
            assert!(says(text, "Ed Ivar"), "{text}");
        }
        for text in ["He needed a boat.", "Edna rows.", "He rows by the river."] {
            assert!(!says(text, "Ed Ivar"), "{text}");
        }
        assert!(!says("She rows in Rio de Janeiro.", "Ana de Souza") && says("James' boat.", "James Al"));
    }

    #[test]
    fn labels_that_shared_words_tell_are_seen() {
        let row = |response: &str, label| NliRow {
            character: "A".into(),
            statement: "A rows every morning.".into(),
            query: "Do you?".into(),
            response: response.into(),
            label,
        };
        let labels = [NliLabel::Contradicted, NliLabel::Neutral, NliLabel::Entailed];
        let alike: Vec<NliRow> = labels.iter().map(|label| row("I row.", *label)).collect();
        assert!(told_by_words(&alike).holds);
        let replies = ["Never.", "It rains every day.", "One rows every morning."];
        let copied: Vec<NliRow> = labels.iter().zip(replies).map(|(label, said)| row(said, *label)).collect();
        let finding = told_by_words(&copied);
        assert!(!finding.holds && finding.found.starts_with("100.0 %"), "{finding:?}");
        assert!(!told_by_words(&[]).holds, "nothing measured is nothing shown");
    }
}
