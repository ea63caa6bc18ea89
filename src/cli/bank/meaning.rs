//! Opens the index of meanings for the commands that ask it.

use std::path::Path;

use crate::cli::matching::ask_matcher;
use crate::matching::Meanings;
use crate::persona::Bank;

/// Asks the index of this bank, by the encoder in this folder or the one that set-up fetched; what is not embedded
/// yet is, and kept.
pub(super) fn ask<T>(
    bank: &Bank,
    encoder: Option<&Path>,
    question: impl AsyncFnOnce(&Meanings) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    ask_matcher(bank, encoder, None, async |matcher, kept, told| {
        let index = Meanings::new_kept(bank, matcher, kept, told).await?;
        question(&index).await
    })
}
