//! `kindred train`: Train tokenizers and models.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use super::INTERRUPTED;
use super::train_data::DataArguments;
use super::train_look::TrainLook;
use super::train_matcher::TrainMatcher;
use crate::nn::DeviceChoice;
use crate::training::corpus::Places;
use crate::training::example::Weights;
use crate::training::lm::{Event, Outcome, Trainer};
use crate::training::optimizer::Method;
use crate::training::settings::{Length, LmSettings, Mix, Shape};
use crate::training::{run, threads, tokenizer};

/// Train a tokenizer, then a small language model, from scratch.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kindred train tokenizer --vocabulary 8192 --out runs/tokenizer
  kindred train lm --tokenizer runs/tokenizer --out runs/first --minutes 60
  kindred train lm --resume --out runs/first")]
pub(super) struct Train {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Tokenizer(TrainTokenizer),
    Lm(Box<TrainLm>),
    Look(TrainLook),
    Matcher(TrainMatcher),
}

/// Train a byte-level BPE tokenizer on the data sets that are there.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  kindred train tokenizer --data ../shared/data --vocabulary 8192 --out runs/tokenizer
writes runs/tokenizer/tokenizer.json and tokenizer_config.json, for `kindred train lm --tokenizer`.")]
struct TrainTokenizer {
    #[command(flatten)]
    data: DataArguments,
    /// Entries, the 256 bytes and the special tokens <|pad|> <|bos|> <|eos|> among them.
    #[arg(long, default_value_t = 8192)]
    vocabulary: usize,
    /// Folder to write to.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum MethodArgument {
    Adamw,
    Muon,
}

/// Train a small LLaMA from scratch, in the CharacterChat prompt format.
///
/// The run folder holds run.json (settings, checksums of the data), metrics.jsonl, the newest checkpoint, and model/,
/// which every command with --model can load at any time. Ctrl-C saves and leaves.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kindred train lm --tokenizer runs/tokenizer --out runs/first --minutes 60
      trains for an hour; the learning rate follows the clock
  kindred train lm --tokenizer runs/tokenizer --out runs/first --epochs 3
      reads the mix of data three times; the same seed gives the same model
  kindred train lm --resume --out runs/first
      goes on after Ctrl-C or a crash
  kindred train lm --resume --new-data --minutes 90 --out runs/first
      goes on with data that has changed, until 90 minutes in all are spent
  kindred model inspect runs/first/model --prompt '<SYSTEM>' --greedy 20
      looks at the result")]
struct TrainLm {
    #[command(flatten)]
    data: DataArguments,
    /// Folder of the run.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Folder of the tokenizer.
    #[arg(long, value_name = "DIR", required_unless_present = "resume", conflicts_with = "resume")]
    tokenizer: Option<PathBuf>,
    /// Go on with the run in --out; its own settings hold, but for how long and how fast.
    #[arg(long)]
    resume: bool,
    /// With --resume: go on although the data changed.
    #[arg(long, requires = "resume")]
    new_data: bool,
    /// Stop after this many steps.
    #[arg(long, group = "length")]
    steps: Option<u64>,
    /// Stop after reading the mix of data this many times [default: 3].
    #[arg(long, group = "length")]
    epochs: Option<f64>,
    /// Stop after this many minutes, over all starts.
    #[arg(long, group = "length")]
    minutes: Option<f64>,
    /// Peak learning rate [default: 0.003].
    #[arg(long)]
    lr: Option<f64>,
    /// Steps until the peak.
    #[arg(long, default_value_t = 60)]
    warmup: u64,
    /// Weight decay; norms are spared.
    #[arg(long, default_value_t = 0.1)]
    decay: f64,
    /// Longest gradient.
    #[arg(long, default_value_t = 1.0)]
    clip: f64,
    /// What moves the matrices inside the layers.
    #[arg(long, value_enum, default_value = "muon")]
    optimizer: MethodArgument,
    /// Tokens of a batch, padding included.
    #[arg(long, default_value_t = 2048)]
    batch_tokens: usize,
    /// Batches of a step; the rows of one batch are of like length, several make a better mix.
    #[arg(long, default_value_t = 2)]
    accumulate: usize,
    /// Tokens of the longest row.
    #[arg(long, default_value_t = 1024)]
    longest: usize,
    /// Width of the model.
    #[arg(long, default_value_t = 320)]
    width: i64,
    /// Layers.
    #[arg(long, default_value_t = 6)]
    layers: usize,
    /// Attention heads.
    #[arg(long, default_value_t = 5)]
    heads: i64,
    /// Width inside a feed-forward block.
    #[arg(long, default_value_t = 896)]
    inner: i64,
    /// Most tokens of context.
    #[arg(long, default_value_t = 2048)]
    context: i64,
    /// Readings of Synthetic-Persona-Chat an epoch.
    #[arg(long, default_value_t = Mix::default().persona_chat)]
    persona_chat: f64,
    /// Readings of Topical-Chat an epoch.
    #[arg(long, default_value_t = Mix::default().topical_chat)]
    topical_chat: f64,
    /// Readings of CounselChat an epoch.
    #[arg(long, default_value_t = Mix::default().counsel_chat)]
    counsel_chat: f64,
    /// Readings of the character texts an epoch.
    #[arg(long, default_value_t = Mix::default().wiki)]
    wiki: f64,
    /// Readings of the project's own dialogues an epoch.
    #[arg(long, default_value_t = Mix::default().authored)]
    authored: f64,
    /// Readings of the project's plain talks an epoch.
    #[arg(long, default_value_t = Mix::default().plain)]
    plain_talks: f64,
    /// Count only replies in the loss, as published; for models that know English already.
    #[arg(long)]
    reply_only: bool,
    /// Steps between two validations.
    #[arg(long, default_value_t = 100)]
    valid_every: u64,
    /// Seconds between two checkpoints.
    #[arg(long, default_value_t = 300.0)]
    save_every: f64,
    /// Seed of every draw.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Processor threads [default: all cores].
    #[arg(long)]
    threads: Option<i32>,
    /// Change between all threads and one, whichever is faster beside the machine's other work.
    #[arg(long)]
    adapt_threads: bool,
}

impl Train {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match self.what {
            What::Tokenizer(command) => command.run(),
            What::Lm(command) => command.run(),
            What::Look(command) => command.run(),
            What::Matcher(command) => command.run(),
        }
    }
}

impl TrainTokenizer {
    fn run(self) -> anyhow::Result<ExitCode> {
        let corpus = self.data.read(Places::default())?;
        let tokenizer = tokenizer::train(&corpus.documents, self.vocabulary)?;
        tokenizer::save(&tokenizer, &self.out)?;
        println!("{} entries, written to {}", tokenizer.get_vocab_size(true), self.out.display());
        Ok(ExitCode::SUCCESS)
    }
}

impl TrainLm {
    fn length(&self) -> Option<Length> {
        let steps = self.steps.map(Length::Steps);
        steps.or(self.epochs.map(Length::Epochs)).or(self.minutes.map(Length::Minutes))
    }

    fn settings(&self) -> LmSettings {
        LmSettings {
            shape: Shape {
                width: self.width,
                layers: self.layers,
                heads: self.heads,
                inner: self.inner,
                context: self.context,
            },
            length: self.length().unwrap_or(Length::Epochs(3.0)),
            rate: self.lr.unwrap_or(3e-3),
            warmup: self.warmup,
            decay: self.decay,
            clip: self.clip,
            method: match self.optimizer {
                MethodArgument::Adamw => Method::AdamW,
                MethodArgument::Muon => Method::Muon,
            },
            batch_tokens: self.batch_tokens,
            accumulate: self.accumulate.max(1),
            longest: self.longest,
            weights: if self.reply_only { Weights::REPLY_ONLY } else { Weights::default() },
            mix: self.mix(),
            valid_share: 0.05,
            valid_every: self.valid_every.max(1),
            save_every: self.save_every,
            seed: self.seed,
        }
    }

    fn mix(&self) -> Mix {
        Mix {
            persona_chat: self.persona_chat,
            topical_chat: self.topical_chat,
            counsel_chat: self.counsel_chat,
            wiki: self.wiki,
            authored: self.authored,
            plain: self.plain_talks,
        }
    }

    fn run(self) -> anyhow::Result<ExitCode> {
        if let Some(threads) = self.threads {
            threads::limit(threads)?;
        }
        let (settings, length, rate, mix) = (self.settings(), self.length(), self.lr, self.mix());
        let before = if self.resume { run::places(&self.out)? } else { Places::default() };
        let corpus = self.data.read(before)?;
        let device = DeviceChoice::Cpu;
        let mut trainer = if self.resume {
            let change = |settings: &mut LmSettings| {
                settings.length = length.unwrap_or(settings.length);
                settings.rate = rate.unwrap_or(settings.rate);
                if self.new_data {
                    settings.mix = mix;
                }
            };
            Trainer::resume(&self.out, corpus, self.new_data, change, device)?
        } else {
            let tokenizer = self.tokenizer.context("--tokenizer is needed for a new run")?;
            Trainer::create(&self.out, &tokenizer, settings, corpus, device)?
        };
        eprintln!(
            "{:.1} M parameters, from step {}; Ctrl-C saves and leaves",
            trainer.parameters() as f64 / 1e6,
            trainer.place().step
        );
        if self.adapt_threads {
            trainer.adapt_threads();
        }
        let stop = Arc::new(AtomicBool::new(false));
        stop_on_interrupt(&stop)?;
        let bar = ProgressBar::new(1000);
        bar.set_style(ProgressStyle::with_template("{wide_bar} {msg}")?);
        bar.enable_steady_tick(Duration::from_secs(1));
        // Where this start began: what a resumed run did before says nothing of the speed now.
        let mut began = None;
        let outcome = trainer.train(&stop, &mut |event| show(&bar, &event, &mut began));
        bar.finish_and_clear();
        let place = trainer.place();
        let told = format!("step {}, {:.1} M tokens read", place.step, place.tokens as f64 / 1e6);
        match outcome? {
            Outcome::Done => {
                println!("done: {told}; the model is {}", self.out.join("model").display());
                Ok(ExitCode::SUCCESS)
            }
            Outcome::Interrupted => {
                println!("interrupted: {told}; go on with: kindred train lm --resume --out {}", self.out.display());
                Ok(ExitCode::from(INTERRUPTED))
            }
        }
    }
}

fn show(bar: &ProgressBar, event: &Event, began: &mut Option<f64>) {
    // Without a terminal the bar draws nothing: the lines are the log.
    let line = |text: String| if bar.is_hidden() { eprintln!("{text}") } else { bar.println(text) };
    match event {
        Event::Step { step, loss, speed, done } => {
            bar.set_position((done * 1000.0) as u64);
            let here = done - *began.get_or_insert(*done);
            let left = match bar.elapsed().as_secs_f64() {
                spent if here > 0.002 => time(spent * (1.0 - done) / here),
                _ => "…".to_owned(),
            };
            bar.set_message(format!("step {step} · loss {loss:.3} · {speed:.0} tokens/s · {left} left"));
            if bar.is_hidden() && step % 20 == 0 {
                eprintln!("step {step} loss {loss:.3} {speed:.0} tokens/s {:.1} %", done * 100.0);
            }
        }
        Event::Valid { step, losses, sample } => {
            let losses: Vec<String> =
                losses.iter().map(|(source, loss)| format!("{} {loss:.3}", source.as_str())).collect();
            line(format!("step {step} valid: {}\n  says: {sample}", losses.join(", ")));
        }
        Event::Saved { step } => line(format!("step {step} saved")),
    }
}

fn time(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round() as u64;
    if minutes >= 60 { format!("{} h {} min", minutes / 60, minutes % 60) } else { format!("{minutes} min") }
}

/// Sets `stop` at the first Ctrl-C (or SIGTERM); the second ends the process at once.
fn stop_on_interrupt(stop: &Arc<AtomicBool>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stop = Arc::clone(stop);
    std::thread::Builder::new().name("interrupt".into()).spawn(move || {
        runtime.block_on(async {
            let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
            for first in [true, false] {
                tokio::select! {
                    _ = tokio::signal::ctrl_c() => {}
                    () = async { match &mut terminate { Some(signal) => { signal.recv().await; } None => std::future::pending().await } } => {}
                }
                if !first {
                    std::process::exit(i32::from(INTERRUPTED));
                }
                stop.store(true, Ordering::Relaxed);
            }
        });
    })?;
    Ok(())
}
