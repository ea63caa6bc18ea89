//! Checks as a person or a program reads them, and what an encoder needs to add its share.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::json;

use super::matching::open_encoder;
use super::open::waiting_for;
use super::page::{dim, plain, print, print_json, wrap};
use super::paths;
use crate::encoder::KeptEmbeddings;
use crate::evaluation::embedded::Embeddings;
use crate::evaluation::{Finding, NONE, counted};

/// So many places are shown of a fault; `--json` has all.
const PLACES: usize = 20;

/// Prints the checks; the exit code says whether anything is at fault.
pub(super) fn report(findings: &[Finding], json: bool) -> anyhow::Result<ExitCode> {
    let faults = findings.iter().filter(|finding| !finding.holds).count();
    if json {
        print_json(&json!({"checks": findings, "faults": faults}))?;
    } else {
        let mut out: String = findings.iter().map(told).collect();
        out += &match faults {
            0 => format!("{} checks, no fault.\n", findings.len()),
            faults => format!("{} checks, {faults} at fault.\n", findings.len()),
        };
        print(&out)?;
    }
    Ok(if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn told(finding: &Finding) -> String {
    let verdict = if finding.holds { "ok" } else { "fault" };
    let mut said = format!("{verdict:7}{}: {}", finding.what, finding.found);
    // Of what must be nowhere, "0 of 1,024 at fault" says enough.
    if finding.expected != NONE {
        said += &format!("; expected {}", finding.expected);
    }
    let mut out = hanging(&said, 7);
    for place in finding.places.iter().take(PLACES) {
        out += &wrap(&plain(place), 9);
    }
    if finding.places.len() > PLACES {
        let more = format!("and {} more; --json has all", counted(finding.places.len() - PLACES));
        out += &dim(&wrap(&more, 9));
    }
    out
}

/// Wrapped, the first line from the left, the others after `indent`.
fn hanging(text: &str, indent: usize) -> String {
    let (head, rest) = text.split_at(indent);
    wrap(rest, indent).replacen(&" ".repeat(indent), head, 1)
}

/// The encoder in this folder, or where set-up puts it, with the embeddings that are kept; shows how far it is.
pub(super) fn embeddings(encoder: Option<&Path>) -> anyhow::Result<Embeddings> {
    let folder = encoder.map_or_else(paths::encoder, Path::to_owned);
    let encoder = open_encoder(&folder).context("what texts mean needs the sentence encoder; --quick does without")?;
    let mut spinner = None;
    let told = move |what: &str, done: usize, of: usize| {
        let spinner = spinner.get_or_insert_with(|| waiting_for("reading"));
        spinner.set_message(format!("reading {what}, {} %", done * 100 / of.max(1)));
    };
    Ok(Embeddings::new(encoder, KeptEmbeddings::new(paths::embeddings()), Box::new(told)))
}

/// Whether two paths are one place.
pub(super) fn same_place(one: &Path, other: &Path) -> bool {
    match (std::fs::canonicalize(one), std::fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_a_line_and_its_places_are_bounded() {
        let places = (0..30).map(|at| format!("a.jsonl:{at}: \u{1b}[31mwrong")).collect();
        let told = told(&Finding::nowhere("names", 30, "characters", places));
        assert!(told.starts_with("fault  names: 30 of 30 characters at fault\n"), "{told}");
        assert_eq!(told.lines().count(), 1 + PLACES + 1);
        assert!(told.contains("and 10 more") && !told.contains('\u{1b}'), "{told}");
        let long = Finding::bar("what is looked at and found to be long", "x ".repeat(60), "less", true);
        let told = super::told(&long);
        assert!(told.starts_with("ok     what") && told.lines().all(|line| line.len() <= 80), "{told}");
        assert!(told.lines().nth(1).is_some_and(|line| line.starts_with("       x")), "{told}");
    }
}
