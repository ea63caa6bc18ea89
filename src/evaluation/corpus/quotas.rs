//! What `corpus/README.md` promises of the dialogues that ship.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::super::{Finding, counted, share};
use super::{Corpus, form};
use crate::persona::{Mbti, Split};

const DIALOGUES: usize = 1_200;
const MEMORIES_USED: RangeInclusive<f64> = 0.4..=0.6;
const SEEKERS_OF_MANY: usize = 20;
const MANY: usize = 10;
const ROUGH: f64 = 3.2;
const ROUGHLY_ENDED: RangeInclusive<f64> = 0.2..=0.35;
const TEST_PAIRS: usize = 300;
/// Share of the characters in train, valid and test, and how far it may be off.
const SHARES: [f64; 3] = [0.8, 0.1, 0.1];
const OFF: f64 = 0.01;

pub(super) fn check(corpus: &Corpus) -> Vec<Finding> {
    let mut findings = vec![size(corpus), memories(corpus), seekers(corpus), many(corpus), rough(corpus)];
    findings.extend(splits(corpus));
    findings
}

fn size(corpus: &Corpus) -> Finding {
    let count = corpus.dialogues.rows.len();
    Finding::bar("dialogues", counted(count), format!("{} and more", counted(DIALOGUES)), count >= DIALOGUES)
}

fn memories(corpus: &Corpus) -> Finding {
    let (used, all) = form::memory_use(corpus);
    let holds = MEMORIES_USED.contains(&(used as f64 / all.max(1) as f64));
    Finding::bar("a memory is used", form::memory_share((used, all)), per_cent(&MEMORIES_USED), holds)
}

fn seekers(corpus: &Corpus) -> Finding {
    let seeking: BTreeSet<u32> = corpus.dialogues.iter().map(|dialogue| dialogue.seeker).collect();
    let never: Vec<String> = corpus
        .bank
        .iter()
        .filter(|character| !seeking.contains(&character.index))
        .map(|character| format!("{} {}", character.index, character.name()))
        .collect();
    Finding::nowhere("everybody seeks at least once", corpus.bank.len(), "characters", never)
}

fn many(corpus: &Corpus) -> Finding {
    let mut supporters: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for dialogue in corpus.dialogues.iter() {
        supporters.entry(dialogue.seeker).or_default().insert(dialogue.supporter);
    }
    let found = supporters.values().filter(|supporters| supporters.len() >= MANY).count();
    let expected = format!("{SEEKERS_OF_MANY} and more with {MANY} supporters");
    Finding::bar("seekers with many supporters", found, expected, found >= SEEKERS_OF_MANY)
}

fn rough(corpus: &Corpus) -> Finding {
    let rough = corpus.dialogues.iter().filter(|dialogue| dialogue.rating.mean() < ROUGH).count();
    let all = corpus.dialogues.rows.len();
    let holds = ROUGHLY_ENDED.contains(&(rough as f64 / all.max(1) as f64));
    let found = format!("{} of {} rated below {ROUGH}", share(rough, all), counted(all));
    Finding::bar("talks that go roughly", found, per_cent(&ROUGHLY_ENDED), holds)
}

/// "40 to 60 %".
fn per_cent(shares: &RangeInclusive<f64>) -> String {
    format!("{:.0} to {:.0} %", 100.0 * shares.start(), 100.0 * shares.end())
}

fn splits(corpus: &Corpus) -> Vec<Finding> {
    let what = "characters of train, valid and test";
    let Some(splits) = corpus.readable_splits() else {
        let found = if corpus.splits.is_some() { "an unreadable file" } else { "no splits.json" };
        return vec![Finding::bar(what, found, "every character in one", false)];
    };
    let all = corpus.bank.len();
    let members = Split::ALL.map(|split| splits.members(split));
    let near = |(count, share): (usize, f64)| (count as f64 / all.max(1) as f64 - share).abs() <= OFF;
    let sizes = members.each_ref().map(Vec::len);
    let whole = sizes.iter().sum::<usize>() == all && sizes.into_iter().zip(SHARES).all(near);
    let missing: Vec<String> = Split::ALL
        .into_iter()
        .zip(&members)
        .flat_map(|(split, members)| {
            let there: BTreeSet<Mbti> =
                members.iter().filter_map(|index| corpus.bank.get(*index)).map(|character| character.mbti).collect();
            Mbti::all().filter(move |mbti| !there.contains(mbti)).map(move |mbti| format!("no {mbti} in {split}"))
        })
        .collect();
    let pairs: BTreeSet<(u32, u32)> = corpus
        .dialogues
        .iter()
        .map(|dialogue| (dialogue.seeker, dialogue.supporter))
        .filter(|(seeker, supporter)| splits.of_pair(*seeker, *supporter) == Some(Split::Test))
        .collect();
    let [train, valid, test] = SHARES.map(|share| 100.0 * share);
    let expected = format!("all, {train:.0}, {valid:.0} and {test:.0} %, {:.0} % off at most", 100.0 * OFF);
    let found = format!("{}, {}, {} of {}", sizes[0], sizes[1], sizes[2], counted(all));
    vec![
        Finding::bar(what, found, expected, whole),
        Finding::nowhere("every type in every split", 3 * Mbti::all().count(), "types", missing),
        Finding::bar(
            "pairs of the test split",
            pairs.len(),
            format!("{TEST_PAIRS} and more"),
            pairs.len() >= TEST_PAIRS,
        ),
    ]
}
