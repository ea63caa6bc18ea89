//! Charts in the terminal, within its width, and as a picture in a file.

use std::path::Path;

use anyhow::Context as _;

use super::page::{WIDTH, bold, cell, plain};
use crate::evaluation::chart::{Chart, svg};

const LABEL: usize = 34;
const NUMBER: usize = 9;
const BAR: usize = WIDTH - 2 - LABEL - 1 - NUMBER - 2;

/// The chart as lines: label, number, bar.
pub(super) fn bars(chart: &Chart) -> String {
    let mut out = format!("\n{}\n", bold(&plain(&chart.title)));
    for (label, number) in &chart.bars {
        // Some are so few that only their number shows.
        let filled = (chart.length(*number) * BAR as f64).round() as usize;
        let told = chart.told(*number);
        out += format!("  {} {told:>NUMBER$}  {}", cell(label, LABEL), "█".repeat(filled)).trim_end();
        out.push('\n');
    }
    out
}

/// Writes the charts as a picture.
pub(super) fn draw(path: &Path, title: &str, under: &str, charts: &[Chart]) -> anyhow::Result<()> {
    let picture = svg(title, under, charts);
    let partial = path.with_extension(format!("{}.partial", std::process::id()));
    std::fs::write(&partial, picture)
        .and_then(|()| std::fs::rename(&partial, path))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_fit_the_width() {
        let label = "a label that is longer than there is room for it";
        let drawn = bars(&Chart::counts("Things", [(label, 1_234_567), ("b", 10), ("none", 0)]));
        assert!(drawn.lines().all(|line| line.chars().count() <= WIDTH), "{drawn}");
        let lines: Vec<&str> = drawn.lines().skip(2).collect();
        assert!(lines[0].ends_with(&"█".repeat(BAR)) && lines[2].ends_with(" 0"), "{drawn}");
    }
}
