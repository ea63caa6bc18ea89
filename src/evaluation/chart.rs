//! Small bar charts of counts and shares: what is drawn, in a terminal or a picture.

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
}
