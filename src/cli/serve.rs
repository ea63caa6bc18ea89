//! `kindred serve`: Serve the web page and its API.

use std::process::ExitCode;

use clap::Args;

/// Serve the web page and its API.
#[derive(Debug, Args)]
pub(super) struct Serve {}

impl Serve {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        anyhow::bail!("not written yet")
    }
}
