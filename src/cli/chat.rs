//! `kindred chat`: Talk with a character in the terminal.

use std::process::ExitCode;

use clap::Args;

/// Talk with a character in the terminal.
#[derive(Debug, Args)]
pub(super) struct Chat {}

impl Chat {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        anyhow::bail!("not written yet")
    }
}
