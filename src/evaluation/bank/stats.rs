//! The bank in figures: who is in it, what worries them, how long and how varied their texts are.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::chart::{Chart, Unit};
use super::super::sorting::SortingFigures;
use super::super::words::{COMPARED_WORDS, Numbered, Variety};
use super::super::{Rows, worry};
use super::texts;
use crate::persona::{Aspect, Character, Mbti};

/// So many of the commonest countries are shown.
const COUNTRIES: usize = 12;

/// The first age band that is a part of a decade.
const GROWN_UP: u32 = 18;
const NOT_TOLD: &str = "not told";

/// The bank in figures.
#[derive(Clone, Debug, Serialize)]
pub struct BankStats {
    /// How many there are.
    pub characters: usize,
    /// Different countries.
    pub countries: usize,
    /// Different jobs.
    pub jobs: usize,
    /// Words of all texts, and how many of them and of their pairs and triples are distinct.
    pub variety: Variety,
    /// Share of the hundred commonest 4-grams in [`COMPARED_WORDS`] words; none of fewer.
    pub commonest_fours: Option<f64>,
    /// The counts.
    pub charts: Vec<Chart>,
    /// Lines that are no characters, each with its place; they are not counted.
    pub broken: Vec<String>,
    /// How well the types are told by a reader; none where no descriptions of types or no encoder were there.
    pub sorting: Option<SortingFigures>,
    /// Why there is no sorting.
    pub sorting_left_out: Option<String>,
}

/// Counts everything that needs no encoder.
pub fn count(rows: &Rows<Character>) -> BankStats {
    let countries = told(rows, |character| character.profile.country());
    let jobs = told(rows, |character| Some(character.profile.job.trim()).filter(|job| !job.is_empty()));
    let genders = told(rows, |character| Some(character.profile.gender.trim()).filter(|gender| !gender.is_empty()));
    let numbered = Numbered::new(rows.iter().flat_map(texts).map(|(_, text)| text));
    let variety = numbered.variety(usize::MAX);
    let types = counted(rows, |character| character.mbti);
    let charts = vec![
        Chart::counts("Types", Mbti::all().map(|mbti| (mbti.as_str(), types.get(&mbti).copied().unwrap_or(0)))),
        Chart::counts("Genders", commonest(genders.clone()).into_iter().chain(not_told(rows, &genders))),
        Chart::counts("Ages", counted(rows, age_band).into_iter().map(|((_, band), count)| (band, count))),
        Chart::counts(
            format!("Countries: the commonest of {}", countries.len()),
            commonest(countries.clone()).into_iter().take(COUNTRIES).chain(not_told(rows, &countries)),
        ),
        Chart::counts("Recent worry, by kind", commonest(counted(rows, worry::kind))),
        lengths(rows),
        variety.chart("Distinct words, pairs and triples"),
    ];
    BankStats {
        characters: rows.rows.len(),
        countries: countries.len(),
        jobs: jobs.len(),
        variety,
        commonest_fours: numbered.commonest_fours_of(COMPARED_WORDS),
        charts,
        broken: rows.broken.clone(),
        sorting: None,
        sorting_left_out: None,
    }
}

impl BankStats {
    /// With the figures of the blind sorting, which add a chart.
    pub fn with_sorting(mut self, figures: SortingFigures) -> Self {
        let recall = figures.recall.iter().map(|(mbti, share)| (mbti.to_string(), *share));
        self.charts.push(Chart::new("Type found by a reader, of each type", Unit::Share, recall));
        self.sorting = Some(figures);
        self
    }
}

/// The name of an age's decade, after a number by which they stand in order.
fn age_band(character: &Character) -> (u32, String) {
    match character.profile.age.years() {
        Some(years) if years < GROWN_UP => (0, format!("under {GROWN_UP}")),
        Some(years) if years < 20 => (1, format!("{GROWN_UP} to 19")),
        Some(years) => (years / 10, format!("{0}0 to {0}9", years / 10)),
        None => (u32::MAX, NOT_TOLD.to_owned()),
    }
}

/// How often each value comes, where there is one.
fn told<'a>(rows: &'a Rows<Character>, of: impl Fn(&'a Character) -> Option<&'a str>) -> BTreeMap<&'a str, usize> {
    super::super::tally(rows.iter().filter_map(of))
}

/// The bar of those of whom no value is told, if there are any.
fn not_told(rows: &Rows<Character>, told: &BTreeMap<&str, usize>) -> Option<(&'static str, usize)> {
    let missing = rows.rows.len() - told.values().sum::<usize>();
    (missing > 0).then_some((NOT_TOLD, missing))
}

/// The middle length of each aspect, in the order in which they are published.
fn lengths(rows: &Rows<Character>) -> Chart {
    let mut lengths: Vec<(String, Vec<usize>)> = Vec::new();
    let mut add = |name: String, text: &str| {
        let words = text.split_whitespace().count();
        match lengths.iter_mut().find(|(of, _)| *of == name) {
            Some((_, all)) => all.push(words),
            None => lengths.push((name, vec![words])),
        }
    };
    for character in rows.iter() {
        character.aspects().for_each(|(name, text)| add(Aspect::from(name).label(), text));
        add("seeker statement".to_owned(), &character.seeker_statement);
        add("supporter statement".to_owned(), &character.supporter_statement);
    }
    let middle = lengths.into_iter().map(|(name, mut all)| {
        all.sort_unstable();
        (name, all[all.len() / 2])
    });
    Chart::counts("Words of a text, median", middle)
}

fn counted<K: Ord>(rows: &Rows<Character>, of: impl Fn(&Character) -> K) -> BTreeMap<K, usize> {
    super::super::tally(rows.iter().map(of))
}

fn commonest<K: Ord>(counts: BTreeMap<K, usize>) -> Vec<(K, usize)> {
    let mut ordered: Vec<_> = counts.into_iter().collect();
    ordered.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::Placed;

    #[test]
    fn ages_stand_by_number_and_what_is_not_told_is_no_value() {
        let person = |(age, region, job): (serde_json::Value, &str, &str)| {
            let row = serde_json::json!({"index": 0, "mbti": "INFP", "profile": {"age": age, "region": region, "job": job},
                "profile_trans": {}, "seeker_statement": "", "supporter_statement": ""});
            Placed { place: String::new(), row: serde_json::from_value(row).unwrap() }
        };
        let people = [
            (7.into(), "Turku, Finland", "cook"),
            (103.into(), "Espoo, Finland", " "),
            ("41".into(), "", ""),
            (18.into(), "Lima, Peru", "cook"),
            ("old".into(), " ", "baker"),
        ];
        let rows = Rows { rows: people.map(person).into(), broken: vec!["a:6: no row".to_owned()] };
        let stats = count(&rows);
        assert_eq!((stats.countries, stats.jobs, stats.broken.len()), (2, 2, 1));
        let bars = |title: &str| {
            let chart = stats.charts.iter().find(|chart| chart.title.starts_with(title)).unwrap();
            chart.bars.iter().map(|(label, count)| (label.as_str(), *count as u32)).collect::<Vec<_>>()
        };
        let ages = ["under 18", "18 to 19", "40 to 49", "100 to 109", "not told"];
        assert_eq!(bars("Ages"), ages.map(|age| (age, 1)));
        assert_eq!(bars("Countries: the commonest of 2"), [("Finland", 2), ("Peru", 1), ("not told", 2)]);
        assert_eq!(bars("Genders"), [("not told", 5)]);
    }
}
