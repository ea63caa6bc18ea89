//! `kindred train`: Train tokenizers and models.

use std::process::ExitCode;

use clap::Args;

/// Train tokenizers and models.
#[derive(Debug, Args)]
pub(super) struct Train {}

impl Train {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        anyhow::bail!("not written yet")
    }
}
