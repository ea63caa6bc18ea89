//! `kindred train look`: What a trained model says, and figures of its replies.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::paths;
use super::train_data::chosen_splits;
use crate::encoder::Embedder;
use crate::engine::Sampling;
use crate::persona::{Bank, Split, Splits};
use crate::training::look::{self, Exchange, Figures};
use crate::{encoder, engine};

/// Show what a model says to a file of messages, and figures of its replies, as for its card.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kindred train look --model runs/first/model
      the 20 messages of models/messages.txt, each answered by a character of the bank
  kindred train look --model runs/first/model --esconv ../shared/data/esconv/valid.jsonl --count 300
      figures only, over messages of people in need")]
pub(super) struct TrainLook {
    /// Folder of the model [default: the one that ships].
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Characters who answer [default: those of the bank that ships who are kept for testing].
    #[arg(long, value_name = "DIR")]
    bank: Option<PathBuf>,
    /// Messages, one a line [default: models/messages.txt].
    #[arg(long, value_name = "FILE")]
    messages: Option<PathBuf>,
    /// Figures over seekers' turns of an ESConv file instead.
    #[arg(long, value_name = "FILE")]
    esconv: Option<PathBuf>,
    /// How many of them.
    #[arg(long, default_value_t = 300)]
    count: usize,
    /// Folder of the sentence encoder, for the relevance [default: the user's cache; left out if absent].
    #[arg(long, value_name = "DIR")]
    encoder: Option<PathBuf>,
    /// Temperature; 0 is greedy [default: the model's own].
    #[arg(long)]
    temperature: Option<f32>,
    /// Keep the likeliest tokens that together reach this probability [default: the model's own].
    #[arg(long)]
    top_p: Option<f32>,
    /// Divides the logits of tokens that were read or said before; 1 leaves them [default: the model's own].
    #[arg(long)]
    repetition_penalty: Option<f32>,
    /// Seed of every draw.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl TrainLook {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        // Characters whom the model has never met.
        let splits = chosen_splits(None, self.bank.as_deref());
        let bank = Bank::load(&self.bank.unwrap_or_else(paths::bank))?;
        let bank = match &splits {
            Some(path) => {
                let splits = Splits::load(path)?;
                bank.only(|character| splits.of(character.index) == Some(Split::Test))
            }
            None => bank,
        };
        anyhow::ensure!(
            !bank.is_empty(),
            "nobody is left to answer: expected characters of the test split in the bank"
        );
        let generator = engine::open(&self.model.unwrap_or_else(paths::model))?;
        let messages = match &self.esconv {
            Some(file) => look::esconv(file, self.count, self.seed)?,
            None => look::messages(&self.messages.unwrap_or_else(paths::messages))?,
        };
        let folder = self.encoder.unwrap_or_else(paths::encoder);
        let embedder = if folder.is_dir() { Some(encoder::open(&folder)?) } else { None };
        let embedder = embedder.as_deref().map(|embedder| embedder as &dyn Embedder);
        let own = generator.sampling();
        let sampling = Sampling {
            temperature: self.temperature.unwrap_or(own.temperature),
            top_p: self.top_p.unwrap_or(own.top_p),
            repetition_penalty: self.repetition_penalty.unwrap_or(own.repetition_penalty),
            seed: self.seed,
            ..own
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("the runtime")?;
        runtime.block_on(async {
            let exchanges = look::exchanges(generator.as_ref(), &bank, &messages, &sampling).await?;
            if self.esconv.is_none() {
                exchanges.iter().for_each(print_exchange);
            }
            print_figures(&look::figures(&exchanges, embedder, self.seed).await?);
            anyhow::Ok(())
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn print_exchange(exchange: &Exchange) {
    println!("> {}\n", exchange.message);
    if let Some(memory) = &exchange.memory {
        println!("*(memory: {memory})*\n");
    }
    println!("**{}**: {}{}\n", exchange.supporter, exchange.reply, if exchange.ended { "" } else { " …(cut)" });
}

fn print_figures(figures: &Figures) {
    println!("replies {}", figures.count);
    println!("ended by themselves {:.3}", figures.ended);
    println!("words a reply {:.1}", figures.words);
    if let (Some(relevance), Some(cosine)) = (figures.relevance, figures.cosine) {
        println!("relevance among ten {relevance:.3} (chance 0.100), cosine {cosine:.3}");
    }
    println!("content words of the message, of all words {:.3}", figures.reused);
    println!("copies six words in a row {:.3}", figures.copied);
    println!("distinct-2 over 2,000 words {:.3}", figures.distinct2);
    if let Some(used) = figures.memory_used {
        println!("memory used when given {used:.3}");
    }
}
