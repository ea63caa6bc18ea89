//! `kindred simulate`: Let seeker and supporter models talk.

use std::process::ExitCode;

use clap::Args;

/// Let seeker and supporter models talk.
#[derive(Debug, Args)]
pub(super) struct Simulate {}

impl Simulate {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        anyhow::bail!("not written yet")
    }
}
