//! Small bar charts of counts and shares, and a page of them as one self-contained SVG that is read in light and dark.

use std::fmt::Write as _;

use serde::Serialize;

/// How the numbers of a chart are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Whole numbers.
    Count,
    /// Shares of one, told in per cent.
    Share,
    /// Numbers with two decimals.
    Number,
}

/// A chart of horizontal bars.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chart {
    /// What is shown, with its unit in words.
    pub title: String,
    /// How the numbers are told.
    pub unit: Unit,
    /// Label and number, from top to bottom.
    pub bars: Vec<(String, f64)>,
}

impl Chart {
    /// A chart of numbers.
    pub fn new(title: impl Into<String>, unit: Unit, bars: impl IntoIterator<Item = (String, f64)>) -> Self {
        Self { title: title.into(), unit, bars: bars.into_iter().collect() }
    }

    /// A chart of counts.
    pub fn counts<L: Into<String>>(title: impl Into<String>, counts: impl IntoIterator<Item = (L, usize)>) -> Self {
        Self::new(title, Unit::Count, counts.into_iter().map(|(label, count)| (label.into(), count as f64)))
    }

    /// The number as it stands beside its bar.
    pub fn told(&self, number: f64) -> String {
        match self.unit {
            Unit::Count => super::counted(number as usize),
            Unit::Share => format!("{:.1} %", 100.0 * number),
            Unit::Number => format!("{number:.2}"),
        }
    }

    /// How long a bar is, from nought to one: the longest of the chart is one, and of shares the whole.
    pub fn length(&self, number: f64) -> f64 {
        let longest = match self.unit {
            Unit::Share => 1.0,
            Unit::Count | Unit::Number => self.bars.iter().map(|(_, number)| *number).fold(0.0, f64::max),
        };
        if longest > 0.0 { (number / longest).clamp(0.0, 1.0) } else { 0.0 }
    }

    fn height(&self) -> usize {
        HEAD + self.bars.len() * ROW + GAP
    }
}

const COLUMNS: usize = 3;
/// A label, a bar, a number, and room to the next column.
const COLUMN: usize = LABEL + 8 + BAR + 8 + NUMBER + BETWEEN;
const MARGIN: usize = 32;
/// From the top of a chart to its first bar.
const HEAD: usize = 38;
const ROW: usize = 20;
const GAP: usize = 28;
/// From the top of the picture to its first chart.
const TOP: usize = 96;
const LABEL: usize = 196;
const BAR: usize = 128;
const NUMBER: usize = 52;
const BETWEEN: usize = 32;
/// Room of a label in characters, at the width of a letter in the sans-serif fonts of the style.
const LETTERS: usize = 30;

/// Colours are those of the page: text on paper, bars with a contrast of 3 and more to it in either scheme (WCAG 1.4.11).
const STYLE: &str = "\
    .paper{fill:#fbfaf7}.ink{fill:#22252a}.soft{fill:#5b6068}.track{fill:#ebe8e0}.bar{fill:#3d6b8e}\
    text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif}\
    .title{font-size:24px;font-weight:600}.under{font-size:14px}.head{font-size:14px;font-weight:600}\
    .label{font-size:12px}.number{font-size:12px;font-variant-numeric:tabular-nums}\
    @media (prefers-color-scheme:dark){.paper{fill:#181a1e}.ink{fill:#eceae5}.soft{fill:#a9aeb7}.track{fill:#2a2d33}\
    .bar{fill:#7fb0d3}}";

/// The charts in three columns under a title, as a picture that needs nothing from elsewhere.
pub fn svg(title: &str, under: &str, charts: &[Chart]) -> String {
    let columns = columns(charts);
    let width = 2 * MARGIN + COLUMNS * COLUMN - BETWEEN;
    let tallest = columns.iter().map(|column| column.iter().map(|chart| chart.height()).sum::<usize>()).max();
    let height = TOP + tallest.unwrap_or(0) + MARGIN - GAP;
    let mut out = String::new();
    // Writing to a string can not fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\" aria-labelledby=\"title under\">\n<style>{STYLE}</style>\n\
         <rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n\
         <text class=\"ink title\" id=\"title\" x=\"{MARGIN}\" y=\"46\">{}</text>\n\
         <text class=\"soft under\" id=\"under\" x=\"{MARGIN}\" y=\"70\">{}</text>\n",
        escaped(title),
        escaped(under)
    );
    for (at, column) in columns.iter().enumerate() {
        let mut top = TOP;
        for chart in column {
            draw(&mut out, MARGIN + at * COLUMN, top, chart);
            top += chart.height();
        }
    }
    out + "</svg>\n"
}

/// The charts of each column: the tallest are placed first, each where most room is, so that columns end about level; in a
/// column, and from column to column, they stand in the order given.
fn columns(charts: &[Chart]) -> Vec<Vec<&Chart>> {
    let mut order: Vec<usize> = (0..charts.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(charts[*at].height()));
    let mut columns: Vec<(usize, Vec<usize>)> = vec![(0, Vec::new()); COLUMNS];
    for at in order {
        if let Some((height, column)) = columns.iter_mut().min_by_key(|(height, _)| *height) {
            *height += charts[at].height();
            column.push(at);
        }
    }
    columns.iter_mut().for_each(|(_, column)| column.sort_unstable());
    columns.sort_by_key(|(_, column)| column.first().copied().unwrap_or(usize::MAX));
    columns.into_iter().map(|(_, column)| column.into_iter().map(|at| &charts[at]).collect()).collect()
}

fn draw(out: &mut String, left: usize, top: usize, chart: &Chart) {
    let _ = writeln!(out, "<text class=\"ink head\" x=\"{left}\" y=\"{}\">{}</text>", top + 20, escaped(&chart.title));
    for (at, (label, number)) in chart.bars.iter().enumerate() {
        let (y, bar) = (top + HEAD + at * ROW, left + LABEL + 8);
        let length = chart.length(*number) * BAR as f64;
        let _ = writeln!(
            out,
            "<text class=\"soft label\" x=\"{}\" y=\"{}\">{}</text><rect class=\"track\" x=\"{bar}\" y=\"{y}\" \
             width=\"{BAR}\" height=\"12\" rx=\"2\"/><rect class=\"bar\" x=\"{bar}\" y=\"{y}\" width=\"{length:.1}\" \
             height=\"12\" rx=\"2\"/><text class=\"ink number\" x=\"{}\" y=\"{}\">{}</text>",
            left,
            y + 10,
            escaped(&shortened(label, LETTERS)),
            bar + BAR + 8,
            y + 10,
            escaped(&chart.told(*number))
        );
    }
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).collect::<String>().trim_end().to_owned() + "…"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_with_their_unit() {
        let chart = Chart::new("x", Unit::Share, [("a".to_owned(), 0.25), ("b".to_owned(), 0.5)]);
        assert_eq!((chart.told(0.25).as_str(), chart.length(0.25)), ("25.0 %", 0.25), "a share is one of the whole");
        assert_eq!(Chart::counts("x", [("a", 1), ("b", 4)]).length(1.0), 0.25);
        assert_eq!(Chart::counts("x", [("a", 1_024)]).told(1_024.0), "1,024");
        assert_eq!(Chart::counts("x", [("a", 0)]).length(0.0), 0.0);
    }

    #[test]
    fn the_picture_stands_alone_and_markup_in_labels_stays_text() {
        let charts: Vec<Chart> = (0..7).map(|at| Chart::counts(format!("chart {at}"), [("<b>&\"", at)])).collect();
        let picture = svg("Title", "under it", &charts);
        assert_eq!(picture.matches("class=\"bar\"").count(), 7);
        assert!(picture.contains("&lt;b&gt;&amp;&quot;") && !picture.contains("<b>"), "{picture}");
        assert!(picture.contains("prefers-color-scheme:dark"));
        // Nothing is fetched: the only address is the name of the format.
        assert_eq!(picture.matches("http").count(), 1, "{picture}");
    }

    #[test]
    fn columns_end_about_level_and_begin_in_order() {
        let chart = |bars: usize| Chart::counts("x", (0..bars).map(|at| (at.to_string(), at)));
        let charts = [chart(16), chart(3), chart(8), chart(39), chart(12)];
        let lengths: Vec<Vec<usize>> =
            columns(&charts).iter().map(|column| column.iter().map(|chart| chart.bars.len()).collect()).collect();
        assert_eq!(lengths, [vec![16, 3], vec![8, 12], vec![39]]);
    }

    #[test]
    fn a_long_label_is_cut() {
        assert_eq!(shortened("an illness in the family, caring", 12), "an illness…");
        assert_eq!(shortened("debt", 12), "debt");
    }
}
