//! The bank in figures: who is in it, what worries them, how long and how varied their texts are.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::chart::{Chart, Unit};
use super::super::sorting::SortingFigures;
use super::super::words::{Numbered, Variety};
use super::super::{Rows, worry};
use super::texts;
use crate::persona::{Aspect, Character, Mbti};

/// So many of the commonest countries are shown.
const COUNTRIES: usize = 12;

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
    /// Share of the hundred commonest 4-grams.
    pub commonest_fours: f64,
    /// The counts.
    pub charts: Vec<Chart>,
    /// How well the types are told by a reader; none where no descriptions of types or no encoder were there.
    pub sorting: Option<SortingFigures>,
}

/// Counts everything that needs no encoder.
pub fn count(rows: &Rows<Character>) -> BankStats {
    let countries = counted(rows, |character| character.profile.country().unwrap_or_default().to_owned());
    let numbered = Numbered::new(rows.iter().flat_map(texts).map(|(_, text)| text));
    let variety = numbered.variety(usize::MAX);
    let types = counted(rows, |character| character.mbti);
    let charts = vec![
        Chart::counts("Types", Mbti::all().map(|mbti| (mbti.as_str(), types.get(&mbti).copied().unwrap_or(0)))),
        Chart::counts("Genders", commonest(counted(rows, |character| character.profile.gender.clone()))),
        Chart::counts("Ages", counted(rows, age_band)),
        Chart::counts(
            format!("Countries: the commonest of {}", countries.len()),
            commonest(countries.clone()).into_iter().take(COUNTRIES),
        ),
        Chart::counts("Recent worry, by kind", commonest(counted(rows, worry::kind))),
        lengths(rows),
        variety.chart("Distinct words, pairs and triples"),
    ];
    BankStats {
        characters: rows.rows.len(),
        countries: countries.len(),
        jobs: counted(rows, |character| character.profile.job.clone()).len(),
        variety,
        commonest_fours: numbered.commonest_fours().0,
        charts,
        sorting: None,
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

fn age_band(character: &Character) -> String {
    match character.profile.age.years() {
        Some(years) if years < 20 => "18 to 19".to_owned(),
        Some(years) => format!("{0}0 to {0}9", years / 10),
        None => "no number".to_owned(),
    }
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
