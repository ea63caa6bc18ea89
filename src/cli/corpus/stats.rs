//! `kindred corpus stats`: how the conversations are, in figures.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::super::bars::{bars, draw};
use super::super::page::{dim, print, print_json, wrap};
use super::Opened;
use crate::evaluation::corpus::stats::{self, Beside};
use crate::evaluation::counted;
use crate::evaluation::pairs::PairFigures;
use crate::evaluation::words::COMPARED_WORDS;

/// Count lengths, moods, emotions, strategies, memories and ratings, and measure what a pair tells of its rating
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kindred corpus stats
  kindred corpus stats --svg corpus.svg
  kindred corpus stats --beside esconv/valid.jsonl
  kindred corpus stats --json | jq .pair")]
pub(super) struct CorpusStats {
    /// Also draw the counts as a picture, in light and dark
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Another file's variety beside ours, over as many words drawn by dialogue: rows {"dialog": [{"text": …}]} as ESConv has them, or {"dial":
    /// [{"utterance": …}]}
    #[arg(long, value_name = "FILE")]
    beside: Option<PathBuf>,
}

impl CorpusStats {
    pub(super) fn run(self, opened: &Opened) -> anyhow::Result<ExitCode> {
        let corpus = &opened.corpus;
        anyhow::ensure!(
            !corpus.dialogues.rows.is_empty(),
            "there is no dialogue to count: expected *.jsonl in dialogues/"
        );
        let mut stats = stats::count(corpus);
        if let Some(file) = &self.beside {
            stats = stats.with_beside(corpus, file)?;
        }
        let under = format!(
            "{} dialogues, {} utterances, {} words; a memory on {:.0} % of the supporters' turns; mean rating {:.2}.",
            counted(stats.dialogues),
            counted(stats.utterances),
            counted(stats.words),
            100.0 * stats.memories_used,
            stats.mean_rating.unwrap_or(f64::NAN)
        );
        if let Some(file) = &self.svg {
            draw(file, "The conversations", &under, &stats.charts)?;
        }
        if opened.json {
            print_json(&stats)?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut out = wrap(&under, 0);
        if let Some(share) = stats.commonest_fours {
            let words = counted(COMPARED_WORDS);
            out += &wrap(&format!("The hundred commonest 4-grams are {:.2} % of {words} words.", 100.0 * share), 0);
        }
        if !corpus.dialogues.broken.is_empty() {
            let broken = corpus.dialogues.broken.len();
            out += &wrap(&format!("{broken} lines are no dialogues; `kindred corpus check` names them."), 0);
        }
        out += &stats.charts.iter().map(bars).collect::<String>();
        out.push('\n');
        if let Some(beside) = &stats.beside {
            out += &told_beside(beside);
        }
        out += &match &stats.pair {
            Some(figures) => told_pair(figures),
            None => dim(&wrap("What a pair tells of its rating needs splits.json with rated talks in each split.", 0)),
        };
        print(&out)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn told_beside(beside: &Beside) -> String {
    let shares = |of: [f64; 3]| of.map(|share| format!("{:.1} %", 100.0 * share)).join(", ");
    wrap(
        &format!(
            "Distinct words, pairs and triples of {} words each: here {}; in {} {}. The hundred commonest 4-grams of as many: \
             here {:.2} %, there {:.2} %.",
            counted(beside.ours.words),
            shares(beside.ours.distinct),
            beside.name,
            shares(beside.theirs.distinct),
            100.0 * beside.our_commonest_fours,
            100.0 * beside.their_commonest_fours
        ),
        0,
    )
}

fn told_pair(figures: &PairFigures) -> String {
    let spearman = figures.spearman.map_or("none".to_owned(), |spearman| format!("{spearman:.2}"));
    wrap(
        &format!(
            "Rating foretold from the two types alone, on {} pairs of people nobody learnt from, {} seekers and {} \
             supporters: mean squared error {:.3} against {:.3} of the mean; gain {:.3} [{:.3}, {:.3}] (95 %, seekers and \
             supporters both drawn); Spearman {spearman}; ridge {}.",
            figures.pairs,
            figures.seekers,
            figures.supporters,
            figures.error,
            figures.mean_error,
            figures.gain,
            figures.gain_interval.low,
            figures.gain_interval.high,
            figures.strength
        ),
        0,
    )
}
