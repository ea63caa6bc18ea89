//! Facts of characters: whole, the bank's own, and told in words that do not give a label away.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;

use super::super::words::words;
use super::super::{Finding, counted};
use super::Corpus;
use crate::faithfulness::{FactGroup, NliLabel};
use crate::persona::Split;

const STATEMENT_WORDS: RangeInclusive<usize> = 6..=26;
const QUERY_WORDS: RangeInclusive<usize> = 3..=22;
const REPLY_WORDS: RangeInclusive<usize> = 8..=40;
const CHARACTERS: usize = 200;
const TEST_CHARACTERS: usize = 40;
const RELEVANCE_ROWS: usize = 4_000;
const NLI_ROWS: usize = 6_000;
/// Of three balanced labels, whoever sees the reply alone must not tell more than this share right.
const TOLD_BY_REPLY: f64 = 0.45;
/// Added to each count of a word, so that one that was never met decides nothing (Laplace).
const SMOOTHING: f64 = 1.0;

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
            facts.faults(|group| stray(corpus, group)),
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
    let mut of_one: BTreeMap<u32, usize> = BTreeMap::new();
    groups.iter().for_each(|group| *of_one.entry(group.character).or_default() += 1);
    // A character with one group has no query for another memory, and so no rows.
    let relevance: usize = of_one.values().filter(|count| **count > 1).map(|count| 12 * count).sum();
    let nli = 9 * groups.len();
    let least = |what, found: usize, bar: usize| {
        Finding::bar(what, counted(found), format!("{} and more", counted(bar)), found >= bar)
    };
    let told = told_by_reply(corpus, &groups);
    vec![
        least("characters with facts", characters.len(), CHARACTERS),
        least("of them of the test split", test, TEST_CHARACTERS),
        least("rows of relevance, half of them yes", relevance, RELEVANCE_ROWS),
        least("rows of inference, a third of each label", nli, NLI_ROWS),
        Finding::bar(
            "labels told right by the reply alone, on test",
            told.map_or("nothing to try".to_owned(), |told| format!("{:.1} %", 100.0 * told)),
            format!("below {:.0} %", 100.0 * TOLD_BY_REPLY),
            told.is_some_and(|told| told < TOLD_BY_REPLY),
        ),
    ]
}

fn stray(corpus: &Corpus, group: &FactGroup) -> Option<String> {
    match corpus.bank.get(group.character) {
        None => Some(format!("character {} is not in the bank", group.character)),
        Some(character) if !character.profile_trans.contains_key(&group.aspect) => {
            Some(format!("{} has no memory {:?}", character.name(), group.aspect))
        }
        Some(_) => None,
    }
}

fn shape(corpus: &Corpus, group: &FactGroup) -> Option<String> {
    let length = |what: &str, text: &str, words: &RangeInclusive<usize>| {
        let count = text.split_whitespace().count();
        (!words.contains(&count)).then(|| format!("{what} of {count} words: {text}"))
    };
    let name = corpus.bank.get(group.character).map(|character| character.name().to_owned()).unwrap_or_default();
    let named = |statement: &str| name.split_whitespace().any(|part| statement.contains(part));
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

/// How many labels of the test characters are told right by somebody who sees the reply alone and has learnt from the others:
/// naive Bayes over its words. None without characters on both sides.
///
/// As each reply stands under each of the three labels, no guess can be right more often than one time in three. The check is
/// there for the day when somebody adds rows of another make.
fn told_by_reply(corpus: &Corpus, groups: &[&FactGroup]) -> Option<f64> {
    let splits = corpus.readable_splits()?;
    let (test, learnt): (Vec<&FactGroup>, Vec<&FactGroup>) =
        groups.iter().partition(|group| splits.of(group.character) == Some(Split::Test));
    let mut counts: HashMap<String, [f64; 3]> = HashMap::new();
    let mut all = [0.0; 3];
    for (_, _, reply, label) in learnt.iter().flat_map(|group| group.nli()) {
        for word in words(reply) {
            counts.entry(word).or_default()[label as usize] += 1.0;
            all[label as usize] += 1.0;
        }
    }
    let vocabulary = counts.len() as f64;
    let guess = |reply: &str| {
        let mut scores = [0.0; 3];
        for word in words(reply) {
            let seen = counts.get(&word).copied().unwrap_or_default();
            for (score, (count, all)) in scores.iter_mut().zip(seen.iter().zip(all)) {
                *score += ((count + SMOOTHING) / (all + SMOOTHING * vocabulary)).ln();
            }
        }
        let best = (0..3).max_by(|a, b| f64::total_cmp(&scores[*a], &scores[*b]));
        [NliLabel::Contradicted, NliLabel::Neutral, NliLabel::Entailed][best.unwrap_or_default()]
    };
    let (mut right, mut tried) = (0usize, 0usize);
    for (_, _, reply, label) in test.iter().flat_map(|group| group.nli()) {
        tried += 1;
        right += usize::from(guess(reply) == label);
    }
    (tried > 0 && !learnt.is_empty()).then(|| right as f64 / tried as f64)
}
