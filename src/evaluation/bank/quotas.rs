//! What `bank/README.md` promises of the bank that ships. A bank of one's own may promise something else.

use std::collections::BTreeMap;

use super::super::worry;
use super::super::{Finding, Rows, counted, share, tally};
use super::form::{each, who};
use crate::persona::{Age, Character, Mbti};

const CHARACTERS: usize = 1_024;
const OF_A_TYPE: usize = 64;
const MEMORIES: usize = 11;
const COUNTRIES: usize = 60;
/// Share of the characters that the commonest country may have.
const COMMONEST_COUNTRY: f64 = 0.12;
const JOBS: usize = 400;
const GENDERS: [&str; 3] = ["female", "male", "non-binary"];
const NON_BINARY: usize = 20;
const AGES: std::ops::RangeInclusive<u32> = 18..=80;
/// Share of each of the six decades from twenty to seventy-nine.
const DECADE: std::ops::RangeInclusive<f64> = 0.08..=0.25;
const WORRIES: usize = 24;
const OTHER_WORRIES: f64 = 0.1;

pub(super) fn check(rows: &Rows<Character>) -> Vec<Finding> {
    vec![
        size(rows),
        types(rows),
        memories(rows),
        each(rows, format!("ages from {} to {}", AGES.start(), AGES.end()), age),
        each(rows, "regions are \"City, Country\"", region),
        countries(rows),
        jobs(rows),
        genders(rows),
        ages(rows),
        worries(rows),
    ]
}

fn size(rows: &Rows<Character>) -> Finding {
    let found = rows.rows.len();
    Finding::bar("characters", counted(found), counted(CHARACTERS), found == CHARACTERS)
}

fn types(rows: &Rows<Character>) -> Finding {
    let counts = count(rows, |character| character.mbti);
    let odd: Vec<String> = Mbti::all()
        .map(|mbti| (mbti, counts.get(&mbti).copied().unwrap_or(0)))
        .filter(|(_, count)| *count != OF_A_TYPE)
        .map(|(mbti, count)| format!("{mbti}: {count}"))
        .collect();
    let found = format!("{} types, {} without {OF_A_TYPE}", counts.len(), odd.len());
    Finding::bar("characters of each type", found, format!("16 types of {OF_A_TYPE}"), odd.is_empty()).at(odd)
}

fn age(character: &Character) -> Option<String> {
    match (character.profile.age.years(), &character.profile.age) {
        (Some(years), _) if AGES.contains(&years) => None,
        (Some(years), _) => Some(format!("age {years}")),
        (None, Age::Text(text)) => Some(format!("age {text:?} is no number")),
        (None, Age::Years(_)) => None,
    }
}

fn region(character: &Character) -> Option<String> {
    let region = &character.profile.region;
    let parts: Vec<&str> = region.split(',').map(str::trim).collect();
    (parts.len() != 2 || parts.iter().any(|part| part.is_empty())).then(|| format!("region {region:?}"))
}

fn memories(rows: &Rows<Character>) -> Finding {
    let odd = |character: &Character| {
        let count = character.profile_trans.len();
        (count != MEMORIES).then(|| format!("{}, {count} aspects", who(character)))
    };
    Finding::nowhere("all eleven aspects are remembered", rows.rows.len(), "characters", rows.faults(odd))
}

fn countries(rows: &Rows<Character>) -> Finding {
    // Of whom none is told adds no country.
    let counts = tally(rows.iter().filter_map(|character| character.profile.country()));
    let (name, most) =
        counts.iter().max_by_key(|(_, count)| **count).map_or(("none", 0), |(name, most)| (*name, *most));
    let holds = counts.len() >= COUNTRIES && most as f64 <= COMMONEST_COUNTRY * rows.rows.len() as f64;
    let found = format!("{}, {name} {}", counts.len(), share(most, rows.rows.len()));
    Finding::bar(
        "countries",
        found,
        format!("{COUNTRIES} and more, none above {:.0} %", 100.0 * COMMONEST_COUNTRY),
        holds,
    )
}

fn jobs(rows: &Rows<Character>) -> Finding {
    let jobs = rows.iter().map(|character| character.profile.job.trim());
    let found = tally(jobs.filter(|job| !job.is_empty())).len();
    Finding::bar("different jobs", found, format!("{JOBS} and more"), found >= JOBS)
}

fn genders(rows: &Rows<Character>) -> Finding {
    let counts = count(rows, |character| character.profile.gender.clone());
    let names: Vec<&str> = counts.keys().map(String::as_str).collect();
    let holds = names == GENDERS && counts[GENDERS[2]] >= NON_BINARY;
    let found = counts.iter().map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ");
    Finding::bar("genders", found, format!("three, non-binary {NON_BINARY} and more"), holds)
}

fn ages(rows: &Rows<Character>) -> Finding {
    let counts = count(rows, |character| character.profile.age.years().unwrap_or(0) / 10);
    let shares: Vec<(u32, f64)> = (2..=7)
        .map(|decade| (decade, counts.get(&decade).copied().unwrap_or(0) as f64 / rows.rows.len().max(1) as f64))
        .collect();
    let odd: Vec<String> = shares
        .iter()
        .filter(|(_, share)| !DECADE.contains(share))
        .map(|(decade, share)| format!("{decade}0 to {decade}9: {:.1} %", 100.0 * share))
        .collect();
    let least = shares.iter().map(|(_, share)| *share).fold(1.0, f64::min);
    let most = shares.iter().map(|(_, share)| *share).fold(0.0, f64::max);
    let found = format!("{:.0} to {:.0} % a decade", 100.0 * least, 100.0 * most);
    let expected = format!("{:.0} to {:.0} %", 100.0 * DECADE.start(), 100.0 * DECADE.end());
    Finding::bar("ages from twenty to seventy-nine", found, expected, odd.is_empty()).at(odd)
}

fn worries(rows: &Rows<Character>) -> Finding {
    let counts = count(rows, worry::kind);
    let other = counts.get(worry::OTHER).copied().unwrap_or(0);
    let kinds = counts.keys().filter(|kind| **kind != worry::OTHER).count();
    let holds = kinds >= WORRIES && other as f64 <= OTHER_WORRIES * rows.rows.len() as f64;
    let found = format!("{kinds}, {} of no kind", share(other, rows.rows.len()));
    Finding::bar(
        "kinds of recent worry",
        found,
        format!("{WORRIES} and more, at most {:.0} % of none", 100.0 * OTHER_WORRIES),
        holds,
    )
}

fn count<K: Ord>(rows: &Rows<Character>, of: impl Fn(&Character) -> K) -> BTreeMap<K, usize> {
    tally(rows.iter().map(of))
}
