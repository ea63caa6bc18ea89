//! Plain statistics: a line through points, a ridge over features, how well one order agrees with another, and how far
//! a figure may be off.

mod interval;
mod ridge;

pub use interval::{Crossed, Interval, of_crossed_mean, of_share};
pub use ridge::Ridge;

/// `y = weight · x + bias`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Its slope.
    pub weight: f64,
    /// Its height at zero.
    pub bias: f64,
}

impl Line {
    /// The line of least squares; none where the points have fewer than two places.
    pub fn fit(points: &[(f64, f64)]) -> Option<Self> {
        let (x0, y0) = (mean(points.iter().map(|(x, _)| *x))?, mean(points.iter().map(|(_, y)| *y))?);
        let spread: f64 = points.iter().map(|(x, _)| (x - x0).powi(2)).sum();
        let shared: f64 = points.iter().map(|(x, y)| (x - x0) * (y - y0)).sum();
        let weight = shared / spread;
        weight.is_finite().then_some(Self { weight, bias: y0 - weight * x0 })
    }

    /// Its height at `x`.
    pub fn at(self, x: f64) -> f64 {
        self.weight * x + self.bias
    }
}

/// The mean; none without values.
pub fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.into_iter().fold((0.0, 0usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

/// Spearman's rank correlation, equal values sharing their mean rank; none where one side does not vary.
pub fn spearman(points: &[(f64, f64)]) -> Option<f64> {
    let side = |of: fn(&(f64, f64)) -> f64| ranks(&points.iter().map(of).collect::<Vec<_>>());
    let (a, b) = (side(|point| point.0), side(|point| point.1));
    let middle = mean(a.iter().copied())?;
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| (x - middle) * (y - middle)).sum::<f64>();
    let correlation = product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt();
    correlation.is_finite().then_some(correlation)
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for equal in order.chunk_by(|a, b| values[*a] == values[*b]) {
        for at in equal {
            ranks[*at] = before as f64 + (equal.len() - 1) as f64 / 2.0;
        }
        before += equal.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_through_its_points() {
        let line = Line::fit(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]).unwrap();
        assert_eq!(line, Line { weight: 2.0, bias: 1.0 });
        assert_eq!(line.at(0.5), 2.0);
        assert_eq!(Line::fit(&[(1.0, 1.0), (1.0, 3.0)]), None);
        assert_eq!(Line::fit(&[]), None);
    }

    #[test]
    fn spearman_goes_by_order_and_shares_ranks() {
        assert_eq!(spearman(&[(1.0, 10.0), (2.0, 100.0), (3.0, 101.0)]), Some(1.0));
        assert_eq!(spearman(&[(1.0, 3.0), (2.0, 2.0), (3.0, -9.0)]), Some(-1.0));
        assert_eq!(spearman(&[(1.0, 5.0), (2.0, 5.0)]), None);
        // Ranks 0 1 2 3 and 0.5 0.5 2 3: 4.5 / √(5 · 4.5).
        let tied = spearman(&[(1.0, 4.0), (2.0, 4.0), (3.0, 5.0), (4.0, 9.0)]).unwrap();
        assert!((tied - 4.5 / 22.5f64.sqrt()).abs() < 1e-12, "{tied}");
        assert_eq!(ranks(&[2.0, 1.0, 2.0, 2.0]), [2.0, 0.0, 2.0, 2.0]);
    }
}
