//! `kindred bank`: list, show and search the characters.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::bank_check::BankCheck;
use super::bank_stats::BankStats;
use super::config::ConfigFlag;
use super::matching::{print_matches, rank};
use super::page::{WIDTH, bold, cell, dim, plain, print, print_json, wrap};
use super::paths;
use crate::matching::{find, search_words};
use crate::persona::{Bank, BankError, Character, Mbti};

/// List, show and search the characters.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kindred bank list --type INFJ
  kindred bank show 4
  kindred bank show baek
  kindred bank search bakery night
  kindred bank search --meaning \"somebody who knows what grief is\"
  kindred bank list --bank my_characters.jsonl --json | jq '.[].name'")]
pub(super) struct BankCommand {
    #[command(subcommand)]
    action: Action,
    /// A JSONL file or a folder of them, in the published row format [default: the bank that ships]
    #[arg(long, global = true, value_name = "PATH")]
    bank: Option<PathBuf>,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    config: ConfigFlag,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// One line a character
    #[command(after_help = "Examples:\n  kindred bank list\n  kindred bank list --type INFJ")]
    List {
        /// Only this Myers–Briggs type
        #[arg(long = "type", value_name = "TYPE")]
        mbti: Option<Mbti>,
    },
    /// Everything about one character
    #[command(
        after_help = "Examples:\n  kindred bank show 4\n  kindred bank show \"Soo-ah Baek\"\n  kindred bank show baek --json"
    )]
    Show {
        /// Index, name, a part of the name, or a type (the first of it)
        #[arg(value_name = "INDEX|NAME|TYPE", required = true, num_args = 1..)]
        who: Vec<String>,
    },
    /// Find characters by words, or by meaning
    #[command(
        after_help = "Examples:\n  kindred bank search widow garden\n  kindred bank search --meaning \"lost a job late in life\""
    )]
    Search {
        /// Words to look for in every field
        #[arg(required = true, num_args = 1..)]
        words: Vec<String>,
        /// By meaning (with the sentence encoder) instead of by words
        #[arg(long)]
        meaning: bool,
        /// At most this many
        #[arg(long, default_value_t = 10, value_name = "N")]
        top: usize,
    },
    Check(BankCheck),
    Stats(BankStats),
}

/// The bank at this path, or the one that ships.
pub(super) fn open_bank(path: Option<&Path>) -> Result<Bank, BankError> {
    Bank::load(path.unwrap_or(&paths::bank()))
}

impl BankCommand {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let mut flags = self.config.flags();
        flags.set_path("--bank", "models.bank", self.bank.as_deref());
        let models = flags.settle()?.config.models;
        let bank = || open_bank(models.bank.as_deref());
        match self.action {
            Action::List { mbti } => list(&bank()?, mbti, self.json)?,
            Action::Show { who } => {
                let bank = bank()?;
                let character = find(&bank, &who.join(" "))?;
                if self.json { print_json(character.as_ref())? } else { print(&portrait(character))? }
            }
            Action::Search { words, meaning: true, top } => {
                let bank = bank()?;
                let matches = rank(&bank, &words.join(" "), top, None, models.encoder.as_deref())?;
                print_matches(&bank, &matches, self.json)?;
            }
            Action::Search { words, meaning: false, top } => search(&bank()?, &words.join(" "), top, self.json)?,
            Action::Check(check) => return check.run(models.bank.as_deref(), models.encoder.as_deref(), self.json),
            Action::Stats(stats) => return stats.run(models.bank.as_deref(), models.encoder.as_deref(), self.json),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn list(bank: &Bank, mbti: Option<Mbti>, json: bool) -> anyhow::Result<()> {
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
        out += line([&index, character.mbti.as_str(), &profile.name, &age, &profile.region, &profile.job]).trim_end();
        out += "\n";
    }
    out += &dim(&match (listed.len(), mbti) {
        (1, _) => "One character. It is software, not a person.\n".to_owned(),
        (count, Some(mbti)) => format!("{count} characters of type {mbti}. They are software, not people.\n"),
        (count, None) => format!("{count} characters. They are software, not people.\n"),
    });
    print(&out)
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

fn portrait(character: &Character) -> String {
    let profile = &character.profile;
    let age = profile.age.years().map(|years| format!(", {years}")).unwrap_or_default();
    let mut out = format!("{}{age}, {}\n", bold(&plain(&profile.name)), plain(&profile.region));
    out += &wrap(&format!("{} · {} · number {} in the bank", character.mbti, profile.job, character.index), 0);
    out += "\n";
    out += &wrap(&profile.personality, 0);
    out += &section("As a supporter", &character.supporter_statement);
    out += &section("As a seeker", &character.seeker_statement);
    out += &format!("\n{}\n", bold("Remembers"));
    for memory in character.seeker_memories() {
        out += &format!("  {}\n", dim(&plain(&memory.aspect.label())));
        out += &wrap(&memory.content, 4);
    }
    if let Some(tone) = character.profile_trans.get("tone").and_then(|tone| tone.as_str()) {
        out += &section("Tone", tone);
    }
    out + &format!("\n{}", dim("A character in software, not a person.\n"))
}

fn section(title: &str, text: &str) -> String {
    if text.trim().is_empty() { String::new() } else { format!("\n{}\n{}", bold(title), wrap(text, 2)) }
}

fn search(bank: &Bank, query: &str, top: usize, json: bool) -> anyhow::Result<()> {
    let found = search_words(bank, query);
    if json {
        let rows = found.iter().take(top).map(|found| {
            let name = bank.get(found.index).map(|character| character.name());
            json!({"name": name, "found": found})
        });
        return print_json(&rows.collect::<Vec<_>>());
    }
    if found.is_empty() {
        return print(&wrap(
            &format!(
                "No character mentions {query:?}. Fewer or shorter words find more; --meaning looks for what is meant."
            ),
            0,
        ));
    }
    let mut out = String::new();
    for found in found.iter().take(top) {
        if let Some(character) = bank.get(found.index) {
            out += &heading(character);
            out += &wrap(&format!("{}: {}", found.field, found.quote), 6);
        }
    }
    if found.len() > top {
        out += &dim(&format!("{} more; --top {} shows all.\n", found.len() - top, found.len()));
    }
    print(&out)
}

/// "4  Soo-ah Baek, 33, INFJ · maker of prosthetic hands".
pub(super) fn heading(character: &Character) -> String {
    let profile = &character.profile;
    let age = profile.age.years().map(|years| format!(", {years}")).unwrap_or_default();
    format!(
        "{:>4}  {}{age}, {} · {}\n",
        character.index,
        bold(cell(&profile.name, 30).trim_end()),
        character.mbti,
        cell(&profile.job, 30).trim_end()
    )
}
