//! Opens the index of meanings for the commands that ask it.

use std::sync::Arc;

use anyhow::Context as _;

use crate::cli::config::Models;
use crate::cli::matching::open_encoder;
use crate::cli::open::{first_reading, waiting_for};
use crate::cli::paths;
use crate::encoder::KeptEmbeddings;
use crate::matching::{Matcher, Meanings};
use crate::persona::Bank;

/// Asks the index of this bank; what is not embedded yet is, and kept.
pub(super) fn ask<T>(
    bank: &Bank,
    models: &Models,
    question: impl AsyncFnOnce(&Meanings) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let encoder = open_encoder(&models.encoder.clone().unwrap_or_else(paths::encoder))?;
    let kept = KeptEmbeddings::new(paths::embeddings());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no async runtime")?;
    let spinner = waiting_for("reading the bank");
    let answer = runtime.block_on(async {
        let mut told = first_reading(&spinner);
        let matcher = Matcher::new_kept(bank, encoder, None, &kept, &mut told).await?;
        let index = Meanings::new_kept(bank, Arc::new(matcher), &kept, &mut told).await?;
        question(&index).await
    });
    spinner.finish_and_clear();
    answer
}
