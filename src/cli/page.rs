//! Text for the terminal: 80 columns, wrapped, bold only where a person looks at it.

use std::io::{self, IsTerminal as _, Write};

use anyhow::Context as _;

/// Lines are at most this long.
pub(super) const WIDTH: usize = 80;

/// Whether bold and dim may be used: standard output is a terminal and `NO_COLOR` is unset (no-color.org).
pub(super) fn styled() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Bold, where style is allowed.
pub(super) fn bold(text: &str) -> String {
    if styled() { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// Dim, where style is allowed.
pub(super) fn dim(text: &str) -> String {
    if styled() { format!("\u{1b}[2m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// The text in lines of at most [`WIDTH`] columns, each after `indent` spaces. Control characters become spaces: what a
/// file says must not steer a terminal.
pub(super) fn wrap(text: &str, indent: usize) -> String {
    let room = WIDTH - indent;
    let mut out = String::new();
    let mut line = String::new();
    let mut used = 0;
    for word in plain(text).split_whitespace() {
        let length = columns(word);
        if used > 0 && used + 1 + length > room {
            out.push_str(&format!("{:indent$}{line}\n", ""));
            line.clear();
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += length;
    }
    if used > 0 {
        out.push_str(&format!("{:indent$}{line}\n", ""));
    }
    out
}

/// The text cut to `width` columns with an ellipsis, filled up with spaces.
pub(super) fn cell(text: &str, width: usize) -> String {
    let text = plain(text);
    let mut out = String::new();
    let mut used = 0;
    let cut = columns(&text) > width;
    for c in text.chars() {
        if used + column(c) > width - usize::from(cut) {
            break;
        }
        out.push(c);
        used += column(c);
    }
    if cut {
        out.push('…');
        used += 1;
    }
    out.extend(std::iter::repeat_n(' ', width.saturating_sub(used)));
    out
}

/// Prints to standard output. A closed pipe ends the program quietly (see `main`).
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("standard output")
}

/// Prints a value as JSON, indented.
pub(super) fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    print(&(serde_json::to_string_pretty(value)? + "\n"))
}

pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Columns of a text; wide East Asian characters take two.
fn columns(text: &str) -> usize {
    text.chars().map(column).sum()
}

fn column(c: char) -> usize {
    let wide = matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{1f300}'..='\u{1faff}');
    1 + usize::from(wide)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_within_the_width_and_tames_control_characters() {
        let text = wrap(&"word ".repeat(60), 4);
        assert!(text.lines().all(|line| line.len() <= WIDTH && line.starts_with("    word")));
        assert_eq!(wrap("a\u{1b}[31mb\n\nc", 0), "a [31mb c\n");
    }

    #[test]
    fn cells_are_of_equal_width() {
        assert_eq!(cell("abc", 5), "abc  ");
        assert_eq!(cell("abcdef", 5), "abcd…");
        assert_eq!(cell("好好好", 5), "好好…");
    }
}
