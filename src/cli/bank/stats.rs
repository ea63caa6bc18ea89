//! `kindred bank stats`: who is in a bank, and how varied it is.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::super::bars::{bars, draw};
use super::super::findings::embeddings;
use super::super::page::{dim, print, print_json, wrap};
use super::super::{open, paths};
use crate::evaluation::bank::stats;
use crate::evaluation::sorting::{self, Sorted, SortingFigures};
use crate::evaluation::words::COMPARED_WORDS;
use crate::evaluation::{Rows, counted, share};
use crate::persona::Character;

/// Count who is in a bank: types, countries, ages, worries, lengths, variety
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kindred bank stats
  kindred bank stats --svg bank.svg
  kindred bank stats --types mbti_list.json    # can a reader tell the types?
  kindred bank stats --bank my_characters.jsonl --json")]
pub(super) struct BankStats {
    /// Also draw the counts as a picture, in light and dark
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Sort every character blindly to the nearest of sixteen descriptions: a JSON list of {"type", "description"}, such as
    /// CharacterChat's mbti_list.json; needs the sentence encoder
    #[arg(long, value_name = "FILE")]
    types: Option<PathBuf>,
    /// Leave out what needs the sentence encoder
    #[arg(long)]
    quick: bool,
    /// Sentence encoder all-MiniLM-L6-v2 [default: where `make setup` puts it]
    #[arg(long, value_name = "DIR")]
    encoder: Option<PathBuf>,
}

impl BankStats {
    pub(super) fn run(self, path: &Path, encoder: Option<&Path>, json: bool) -> anyhow::Result<ExitCode> {
        let rows = Rows::read(path)?;
        anyhow::ensure!(!rows.rows.is_empty(), "there is no character to count: expected rows of the published format");
        let mut stats = stats::count(&rows);
        match self.sort(&rows, encoder)? {
            Sorting::Done(figures) => stats = stats.with_sorting(figures),
            Sorting::LeftOut(why) => stats.sorting_left_out = Some(why),
        }
        let under = format!(
            "{} characters of {} countries in {} jobs; {} words. Software, not people.",
            counted(stats.characters),
            stats.countries,
            stats.jobs,
            counted(stats.variety.words)
        );
        if let Some(file) = &self.svg {
            draw(file, "The bank of characters", &under, &stats.charts)?;
        }
        if json {
            print_json(&stats)?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut out = wrap(&under, 0);
        if let Some(share) = stats.commonest_fours {
            let words = counted(COMPARED_WORDS);
            out += &wrap(&format!("The hundred commonest 4-grams are {:.2} % of {words} words.", 100.0 * share), 0);
        }
        if !stats.broken.is_empty() {
            let broken = counted(stats.broken.len());
            out += &wrap(&format!("{broken} lines are no characters; `kindred bank check` names them."), 0);
        }
        out += &stats.charts.iter().map(bars).collect::<String>();
        out.push('\n');
        out += &stats.sorting.as_ref().map(sorted).unwrap_or_default();
        let left_out = stats.sorting_left_out.as_ref();
        out += &left_out.map(|why| dim(&wrap(&format!("No blind sorting: {why}"), 0))).unwrap_or_default();
        print(&out)?;
        Ok(ExitCode::SUCCESS)
    }

    /// What needs an encoder is left out with a word where set-up fetched none and none is named: the counts are worth
    /// having without. One that was asked for must be there.
    fn sort(&self, rows: &Rows<Character>, encoder: Option<&Path>) -> anyhow::Result<Sorting> {
        let Some(file) = &self.types else {
            return Ok(Sorting::LeftOut("--types names the descriptions of the sixteen types.".to_owned()));
        };
        let types = sorting::read_types(file)?;
        if self.quick {
            return Ok(Sorting::LeftOut("--quick leaves it out.".to_owned()));
        }
        let named = self.encoder.as_deref().or(encoder);
        let default = paths::encoder();
        if named.is_none() && !default.exists() {
            let why = format!("no sentence encoder in {}; `make setup` fetches it.", default.display());
            return Ok(Sorting::LeftOut(why));
        }
        let mut embeddings = embeddings(named)?;
        let figures = open::block_on(async { Ok(sorting::sort(rows, &types, &mut embeddings).await?) })?;
        Ok(Sorting::Done(figures))
    }
}

enum Sorting {
    Done(SortingFigures),
    LeftOut(String),
}

fn sorted(figures: &SortingFigures) -> String {
    let told = |sorted: &Sorted| {
        let (low, high) = (100.0 * sorted.interval.low, 100.0 * sorted.interval.high);
        format!("{} [{low:.1}, {high:.1}]", share(sorted.right, figures.characters))
    };
    wrap(
        &format!(
            "Blind sorting of {} characters by tone and personality: {} to the nearest description, {} with what a description \
             is near to everybody taken off; chance {:.1} %. Intervals of 95 %.",
            counted(figures.characters),
            told(&figures.plain),
            told(&figures.centred),
            100.0 * figures.chance
        ),
        0,
    )
}
