//! `kindred model`: Look into a checkpoint.

use std::process::ExitCode;

use clap::Args;

/// Look into a checkpoint.
#[derive(Debug, Args)]
pub(super) struct ModelCommand {}

impl ModelCommand {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        anyhow::bail!("not written yet")
    }
}
