//! `kindred bank`: List, show and search the characters.

use std::process::ExitCode;

use clap::Args;

/// List, show and search the characters.
#[derive(Debug, Args)]
pub(super) struct BankCommand {}

impl BankCommand {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        anyhow::bail!("not written yet")
    }
}
