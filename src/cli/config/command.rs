//! `kindred config`: what is configured, and where it comes from.

use std::process::ExitCode;

use clap::Args;

use super::flags::ServeFlags;
use super::show;
use crate::cli::page::print;

/// Print the configuration in effect, and where each value comes from.
///
/// Takes the flags of `kindred serve`. Flags win over variables (`KINDRED_<SECTION>_<KEY>`), variables over the file,
/// the file over the defaults. Secrets are shown as "(set)".
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kindred config
  kindred config --default > ~/.config/kindred/kindred.toml
  KINDRED_VISITORS_REPLIES=4 kindred config --port 9000")]
pub(in crate::cli) struct ConfigCommand {
    /// Print a file of all keys with their meanings and defaults
    #[arg(long)]
    default: bool,
    #[command(flatten)]
    flags: ServeFlags,
}

impl ConfigCommand {
    pub(in crate::cli) fn run(self) -> anyhow::Result<ExitCode> {
        print(&if self.default { show::template() } else { show::effective(&self.flags.settle()?) })?;
        Ok(ExitCode::SUCCESS)
    }
}
