//! `kindred match`: Find the characters most likely to help.

use std::process::ExitCode;

use clap::Args;

/// Find the characters most likely to help.
#[derive(Debug, Args)]
pub(super) struct Match {}

impl Match {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        anyhow::bail!("not written yet")
    }
}
