//! Charts in the terminal, within its width, and as a picture in a file.

use std::path::Path;

use super::page::{WIDTH, bold, cell, plain};
use crate::evaluation::chart::Chart;
use crate::evaluation::picture::svg;
use crate::files::Draft;

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

/// Writes the charts as a picture, whole or not at all.
pub(super) fn draw(path: &Path, title: &str, under: &str, charts: &[Chart]) -> anyhow::Result<()> {
    let picture = svg(title, under, charts);
    Ok(Draft::text(path, &picture)?.put()?)
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

    #[test]
    fn a_picture_that_has_no_place_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("pictures");
        std::fs::create_dir(&folder).unwrap();
        let error = draw(&folder, "Title", "under", &[]).unwrap_err().to_string();
        assert!(error.contains("pictures"), "{error}");
        let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left, [folder]);
    }
}
