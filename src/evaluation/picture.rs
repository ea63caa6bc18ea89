//! A page of charts as one self-contained SVG that is read in light and dark.

use std::fmt::Write as _;

use super::chart::Chart;

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
    let tallest = columns.iter().map(|column| column.iter().map(|chart| height(chart)).sum::<usize>()).max();
    let whole = TOP + tallest.unwrap_or(0) + MARGIN - GAP;
    let mut out = String::new();
    // Writing to a string can not fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {whole}\" width=\"{width}\" height=\"{whole}\" \
         role=\"img\" aria-labelledby=\"title under\">\n<style>{STYLE}</style>\n\
         <rect class=\"paper\" width=\"{width}\" height=\"{whole}\"/>\n\
         <text class=\"ink title\" id=\"title\" x=\"{MARGIN}\" y=\"46\">{}</text>\n\
         <text class=\"soft under\" id=\"under\" x=\"{MARGIN}\" y=\"70\">{}</text>\n",
        escaped(title),
        escaped(under)
    );
    for (at, column) in columns.iter().enumerate() {
        let mut top = TOP;
        for chart in column {
            draw(&mut out, MARGIN + at * COLUMN, top, chart);
            top += height(chart);
        }
    }
    out + "</svg>\n"
}

fn height(chart: &Chart) -> usize {
    HEAD + chart.bars.len() * ROW + GAP
}

/// The charts of each column: the tallest are placed first, each where most room is, so that columns end about level; in a
/// column, and from column to column, they stand in the order given.
fn columns(charts: &[Chart]) -> Vec<Vec<&Chart>> {
    let mut order: Vec<usize> = (0..charts.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(height(&charts[*at])));
    let mut columns: Vec<(usize, Vec<usize>)> = vec![(0, Vec::new()); COLUMNS];
    for at in order {
        if let Some((filled, column)) = columns.iter_mut().min_by_key(|(filled, _)| *filled) {
            *filled += height(&charts[at]);
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

/// The text as XML has it. What is no character of XML 1.0 becomes a space, or a label could make the picture unreadable.
fn escaped(text: &str) -> String {
    let told = |c: char| if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') { ' ' } else { c };
    let text: String = text.chars().map(told).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_stands_alone_and_markup_in_labels_stays_text() {
        let charts: Vec<Chart> = (0..7).map(|at| Chart::counts(format!("chart {at}"), [("<b>&\"", at)])).collect();
        let picture = svg("Title", "under it", &charts);
        assert_eq!(picture.matches("class=\"bar\"").count(), 7);
        assert!(picture.contains("&lt;b&gt;&amp;&quot;") && !picture.contains("<b>"), "{picture}");
        assert!(picture.contains("prefers-color-scheme:dark"));
        let odd = svg("a\u{1b}[31m\u{0}", "b\u{ffff}\n", &[Chart::counts("c\u{b}", [("d\u{1}", 1)])]);
        let markup = |c: char| !c.is_control() || c == '\n';
        assert!(odd.chars().all(|c| markup(c) && c != '\u{ffff}') && odd.contains("a [31m "), "{odd}");
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
