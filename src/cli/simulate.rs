//! `kindred simulate`: Let seeker and supporter models talk.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use super::INTERRUPTED;
use super::open::{self, Keep, ModelArgs};
use crate::simulation::{Job, Pairs, Simulation};

/// Let seeker and supporter models talk.
///
/// Writes DIR/dialogues.jsonl, one dialogue a line in CharacterChat's published format, in order. The same seed with the
/// same models gives the same rows. Ctrl-C ends cleanly; the same command goes on where it ended. A dialogue that
/// fails is written to DIR/failures.jsonl, and the others go on.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kindred simulate --dialogues 8 --turns 8 --seed 1 --out runs/first
  kindred simulate --dialogues 100 --pairs matched --out runs/matched
  kindred simulate --dialogues 2 --pair 0:12 --pair 5:3 --out runs/pairs
  kindred simulate --dialogues 10 --supporter DIR --seeker DIR --out runs/llama")]
pub(super) struct Simulate {
    /// How many dialogues
    #[arg(long, value_name = "N", default_value_t = 8)]
    dialogues: usize,
    /// Utterances of each dialogue, of both speakers, the seeker's opening "Hello" counted
    #[arg(long, value_name = "T", default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=1000))]
    turns: u16,
    /// Decides pairs, memories and words
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Where the rows go: an empty folder, or one of the same run
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How seekers and supporters are paired
    #[arg(long, value_enum, default_value_t = Pairing::Random)]
    pairs: Pairing,
    /// This pair, by index in the bank; may be repeated, the pairs take turns
    #[arg(long, value_name = "SEEKER:SUPPORTER", value_parser = pair, conflicts_with = "pairs")]
    pair: Vec<(u32, u32)>,
    /// Dialogues at once; changes the pace, not the rows
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=4096))]
    concurrency: u16,
    #[command(flatten)]
    models: ModelArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Pairing {
    /// Both by chance
    Random,
    /// The supporter who fits the seeker's recent worry best
    Matched,
}

fn pair(text: &str) -> Result<(u32, u32), String> {
    let parsed = text.split_once(':').and_then(|(a, b)| Some((a.trim().parse().ok()?, b.trim().parse().ok()?)));
    parsed.ok_or_else(|| "expected two indices of the bank with a colon between, such as 0:12".to_owned())
}

impl Simulate {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        open::quiet_logs();
        open::block_on(self.simulate())
    }

    async fn simulate(self) -> anyhow::Result<ExitCode> {
        let pairs = match (self.pair.is_empty(), self.pairs) {
            (false, _) => Pairs::Given(self.pair),
            (true, Pairing::Random) => Pairs::Random,
            (true, Pairing::Matched) => Pairs::Matched,
        };
        let job = Job {
            simulation: Simulation { dialogues: self.dialogues, turns: self.turns.into(), seed: self.seed, pairs },
            folder: self.out,
            concurrency: self.concurrency.into(),
        };
        let kindred = self.models.open(Keep::Nothing).await?;

        let bar = ProgressBar::new(job.simulation.dialogues as u64);
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} dialogues  {msg}  {elapsed}, {eta} to go");
        bar.set_style(style.context("the progress bar's template")?);
        let outcome = job
            .run(&kindred, interrupted(), |progress| {
                bar.set_position(progress.done as u64);
                let failed = if progress.failed > 0 { format!(", {} failed", progress.failed) } else { String::new() };
                bar.set_message(format!("{} utterances{failed}", progress.utterances));
            })
            .await;
        bar.finish_and_clear();
        kindred.shutdown().await;
        let summary = outcome?;
        println!("{summary}");
        println!("rows                 {}", job.folder.join("dialogues.jsonl").display());
        if summary.interrupted {
            return Ok(ExitCode::from(INTERRUPTED));
        }
        if summary.total.dialogues == 0 && summary.failed > 0 {
            return Err(anyhow!("every dialogue failed; {} says why", job.folder.join("failures.jsonl").display()));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Resolves at the first Ctrl-C; a second one ends the process at once.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler the system's own one ends the process.
        return std::future::pending().await;
    }
    tokio::spawn(async {
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(INTERRUPTED.into());
        }
    });
}
