//! `kindred bank list`: one line a character.

use clap::Args;
use serde_json::json;

use crate::cli::page::{WIDTH, cell, dim, print, print_json};
use crate::persona::{Bank, Character, Mbti};

/// One line a character
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kindred bank list\n  kindred bank list --type INFJ")]
pub(super) struct List {
    /// Only this Myers–Briggs type
    #[arg(long = "type", value_name = "TYPE")]
    mbti: Option<Mbti>,
}

impl List {
    pub(super) fn run(self, bank: &Bank, json: bool) -> anyhow::Result<()> {
        let mbti = self.mbti;
        let listed: Vec<&Character> =
            bank.iter().map(AsRef::as_ref).filter(|character| mbti.is_none_or(|mbti| character.mbti == mbti)).collect();
        if json {
            return print_json(&listed.iter().map(|character| summary(character)).collect::<Vec<_>>());
        }
        let mut out = dim(&line(["index", "type", "name", "age", "region", "work"])) + "\n";
        for character in &listed {
            let profile = &character.profile;
            let age = profile.age.years().map(|years| years.to_string()).unwrap_or_default();
            let index = character.index.to_string();
            out +=
                line([&index, character.mbti.as_str(), &profile.name, &age, &profile.region, &profile.job]).trim_end();
            out += "\n";
        }
        out += &dim(&match (listed.len(), mbti) {
            (1, _) => "One character. It is software, not a person.\n".to_owned(),
            (count, Some(mbti)) => format!("{count} characters of type {mbti}. They are software, not people.\n"),
            (count, None) => format!("{count} characters. They are software, not people.\n"),
        });
        print(&out)
    }
}

/// A line of the list: columns that fill [`WIDTH`].
fn line([index, mbti, name, age, region, job]: [&str; 6]) -> String {
    const NAME: usize = 20;
    const REGION: usize = 20;
    const JOB: usize = WIDTH - 5 - 1 - 4 - 2 - NAME - 1 - 3 - 2 - REGION - 1;
    format!("{index:>5} {mbti:4}  {} {age:>3}  {} {}", cell(name, NAME), cell(region, REGION), cell(job, JOB))
}

fn summary(character: &Character) -> serde_json::Value {
    let profile = &character.profile;
    json!({
        "index": character.index, "mbti": character.mbti, "name": profile.name, "gender": profile.gender,
        "age": profile.age, "region": profile.region, "job": profile.job,
    })
}
