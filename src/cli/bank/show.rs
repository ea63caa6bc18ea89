//! `kindred bank show`: everything about one character.

use std::path::Path;

use anyhow::Context as _;
use clap::Args;

use crate::cli::page::{bold, cell, dim, plain, print, wrap};
use crate::matching::find;
use crate::persona::{Bank, Character, indented, read_bank_rows};

/// Everything about one character
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kindred bank show 4\n  kindred bank show \"Soo-ah Baek\"\n  kindred bank show baek --json"
)]
pub(super) struct Show {
    /// Index, name, a part of the name, or a type (the first of it)
    #[arg(value_name = "INDEX|NAME|TYPE", required = true, num_args = 1..)]
    who: Vec<String>,
}

impl Show {
    /// `path` is the one that `bank` was loaded from.
    pub(super) fn run(self, bank: &Bank, path: &Path, json: bool) -> anyhow::Result<()> {
        let character = find(bank, &self.who.join(" "))?;
        if !json {
            return print(&portrait(character));
        }
        // The row as its file has it: a character in memory lacks what Kindred does not know.
        let rows = read_bank_rows(path)?;
        let row = rows.get(&character.index).context("the bank changed while it was read; try again")?;
        print(&(indented(row) + "\n"))
    }
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

/// "4  Soo-ah Baek, 33, INFJ · maker of prosthetic hands".
pub(in crate::cli) fn heading(character: &Character) -> String {
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
