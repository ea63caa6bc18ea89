//! `kindred train matcher`: Fit a matcher's head to rated dialogues, and say whether they carry it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use super::bank::open_bank;
use super::matching::open_encoder;
use super::train_data::chosen_splits;
use super::{open, paths};
use crate::encoder::KeptEmbeddings;
use crate::persona::Splits;
use crate::training::matcher;

/// Fit a matcher's head (`persona_score`) to rated dialogues, and measure it.
///
/// The head is written only if it rises with the cosine by more than chance and predicts people it has not seen better than
/// the mean does: where it is loaded, it decides who is proposed to whom.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  kindred train matcher
writes models/matcher, which match, serve and chat load, if the ratings carry it; prints the figures in any case")]
pub(super) struct TrainMatcher {
    /// Folder of rated dialogues (*.jsonl) [default: corpus/dialogues].
    #[arg(long, value_name = "DIR")]
    dialogues: Option<PathBuf>,
    /// The bank whose characters they name [default: the one that ships].
    #[arg(long, value_name = "PATH")]
    bank: Option<PathBuf>,
    /// Which characters it is fitted to and which it is measured on; `none`: every fifth seeker measures [default:
    /// corpus/splits.json, with the bank that ships].
    #[arg(long, value_name = "FILE")]
    splits: Option<PathBuf>,
    /// Folder of the sentence encoder [default: where `make setup` puts it].
    #[arg(long, value_name = "DIR")]
    encoder: Option<PathBuf>,
    /// Folder to write to [default: models/matcher].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write the head even if the ratings do not carry it; its card says so.
    #[arg(long)]
    anyway: bool,
}

impl TrainMatcher {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let bank = open_bank(self.bank.as_deref())?;
        let rated = matcher::read(&self.dialogues.unwrap_or_else(|| paths::corpus().join("dialogues")), &bank)?;
        let splits = chosen_splits(self.splits, self.bank.as_deref());
        let splits = splits.as_deref().map(Splits::load).transpose()?;
        let (train, test) = matcher::divide(&rated, splits.as_ref())?;
        let folder = self.encoder.unwrap_or_else(paths::encoder);
        let encoder = open_encoder(&folder)?;
        let kept = KeptEmbeddings::new(paths::embeddings());
        let fit = open::block_on(async {
            let comparison = matcher::Comparison::new(&bank, encoder, &kept).await?;
            let (train, test) = (comparison.of(&train).await?, comparison.of(&test).await?);
            matcher::fit(&train, &test).context("no head can be fitted")
        })?;
        print!("{}", matcher::figures(&fit));
        let out = self.out.unwrap_or_else(paths::matcher);
        if fit.holds() || self.anyway {
            matcher::save(&fit, &out)?;
            println!("written to {}", out.display());
        } else {
            println!(
                "nothing is written: the ratings do not carry a head (its slope must be positive by two standard errors, \
                 and its error below the mean's); --anyway writes it"
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}
