//! `kindred doctor`: looks at everything a server needs, and says what to do about what is wrong.

mod address;
mod checksums;
mod finding;
mod folders;
mod helplines;
mod machine;
mod place;

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use self::finding::{Finding, Outcome};
use super::config::{ServeFlags, Settled};
use super::open;
use super::page::{print, print_json};

/// How much of a folder is hashed, and how large a database is read through, unless all is asked for: a second's work.
const QUICK_BYTES: u64 = 200 << 20;

/// Look at everything a server needs, and say what to do.
///
/// Takes the flags of `kindred serve`. Loads no model and changes nothing; takes a second. Exit code 0 if there is no
/// problem, else 1.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kindred doctor
  kindred doctor --config /etc/kindred/kindred.toml
  kindred doctor --model /models/llama-2-7b-supporter --full
  kindred doctor --json | jq '.checks[] | select(.outcome != \"ok\")'")]
pub(super) struct Doctor {
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
    /// Verify large models and databases too, however long that takes
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    flags: ServeFlags,
}

impl Doctor {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let findings = match self.flags.settle() {
            Ok(settled) => self.look(&settled)?,
            Err(error) => vec![
                Finding::problem("configuration", error.to_string(), "all else waits until it can be read"),
                machine::libtorch(),
            ],
        };
        let worst = findings.iter().map(|finding| finding.outcome).max().unwrap_or(Outcome::Ok);
        if self.json {
            print_json(&json!({"outcome": worst, "checks": findings}))?;
        } else {
            print(&findings.iter().map(Finding::line).collect::<String>())?;
        }
        Ok(if worst == Outcome::Problem { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    fn look(&self, settled: &Settled) -> anyhow::Result<Vec<Finding>> {
        let most = if self.full { u64::MAX } else { QUICK_BYTES };
        let server = &settled.config.server;
        let mut findings = vec![configuration(settled), machine::libtorch(), machine::device(settled)];
        findings.extend(folders::all(settled, most));
        findings.push(place::folder(settled));
        let data = place::data(settled);
        let (store, held) = open::block_on(async { Ok(place::store(&data, most).await) })?;
        findings.push(store);
        findings.push(address::port(server, held));
        findings.push(address::key(settled, self.flags.models.config.file()));
        findings.push(address::https(server));
        findings.push(helplines::table(!server.host.is_loopback()));
        Ok(findings)
    }
}

/// What was set, and where.
fn configuration(settled: &Settled) -> Finding {
    let mut sources: BTreeMap<&str, usize> = BTreeMap::new();
    let origins = settled.origins();
    for origin in &origins {
        if let Some(kind) = ["file", "variable", "flag"].into_iter().find(|kind| origin.starts_with(kind)) {
            *sources.entry(kind).or_default() += 1;
        }
    }
    let count = |(kind, count): (&&str, &usize)| format!("{count} by {kind}");
    let set = sources.iter().map(count).collect::<Vec<_>>().join(", ");
    let set = if set.is_empty() { "all defaults".to_owned() } else { format!("set: {set}") };
    Finding::ok(
        "configuration",
        match &settled.file {
            Some(file) => format!("{}; {set}", file.display()),
            None => format!("no file; {set}"),
        },
    )
}
