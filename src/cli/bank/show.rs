//! `kindred bank show`: everything about one character.

use clap::Args;

use crate::cli::page::{bold, cell, dim, plain, print, print_json, wrap};
use crate::matching::find;
use crate::persona::{Bank, Character};

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
    pub(super) fn run(self, bank: &Bank, json: bool) -> anyhow::Result<()> {
        let character = find(bank, &self.who.join(" "))?;
        if json { print_json(character.as_ref()) } else { print(&portrait(character)) }
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
