//! Least squares with a ridge, by the normal equations and Cholesky's factor: for tens of features, not for thousands.

/// A fitted plane: `y = intercept + Σ weight · feature`.
#[derive(Clone, Debug, PartialEq)]
pub struct Ridge {
    intercept: f64,
    weights: Vec<f64>,
}

impl Ridge {
    /// Minimises `Σ (y − ŷ)² + strength · Σ weight²` over rows of features of equal number; the intercept is free. None
    /// without rows, with rows of different lengths, or where the features leave it open (a strength of zero and too few
    /// rows).
    pub fn fit(rows: &[(Vec<f64>, f64)], strength: f64) -> Option<Self> {
        let features = rows.first()?.0.len();
        if rows.iter().any(|(row, _)| row.len() != features) {
            return None;
        }
        // With features and targets about their means, the intercept drops out of the equations.
        let count = rows.len() as f64;
        let middle: Vec<f64> =
            (0..features).map(|at| rows.iter().map(|(row, _)| row[at]).sum::<f64>() / count).collect();
        let target = rows.iter().map(|(_, y)| y).sum::<f64>() / count;
        let mut normal = vec![vec![0.0; features]; features];
        let mut right = vec![0.0; features];
        for (row, y) in rows {
            let about: Vec<f64> = row.iter().zip(&middle).map(|(x, mean)| x - mean).collect();
            for a in 0..features {
                right[a] += about[a] * (y - target);
                for b in 0..=a {
                    normal[a][b] += about[a] * about[b];
                }
            }
        }
        for (at, row) in normal.iter_mut().enumerate() {
            row[at] += strength;
        }
        let weights = solve(normal, &right)?;
        let intercept = target - weights.iter().zip(&middle).map(|(weight, mean)| weight * mean).sum::<f64>();
        Some(Self { intercept, weights })
    }

    /// What it predicts for these features.
    pub fn at(&self, features: &[f64]) -> f64 {
        self.intercept + self.weights.iter().zip(features).map(|(weight, x)| weight * x).sum::<f64>()
    }
}

/// Solves `A x = b` for a symmetric positive definite `A`, given by its lower half; none where it is not definite.
fn solve(mut lower: Vec<Vec<f64>>, right: &[f64]) -> Option<Vec<f64>> {
    let size = right.len();
    for row in 0..size {
        for column in 0..=row {
            let sum: f64 = (0..column).map(|at| lower[row][at] * lower[column][at]).sum();
            let rest = lower[row][column] - sum;
            if row == column {
                // Not above zero, or no number.
                if rest.is_nan() || rest <= 0.0 {
                    return None;
                }
                lower[row][row] = rest.sqrt();
            } else {
                lower[row][column] = rest / lower[column][column];
            }
        }
    }
    let mut solution = right.to_vec();
    for row in 0..size {
        let sum: f64 = (0..row).map(|at| lower[row][at] * solution[at]).sum();
        solution[row] = (solution[row] - sum) / lower[row][row];
    }
    for row in (0..size).rev() {
        let sum: f64 = (row + 1..size).map(|at| lower[at][row] * solution[at]).sum();
        solution[row] = (solution[row] - sum) / lower[row][row];
    }
    Some(solution)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_a_symmetric_system() {
        let solution = solve(vec![vec![4.0], vec![2.0, 5.0], vec![1.0, 3.0, 6.0]], &[11.0, 21.0, 25.0]).unwrap();
        for (row, expected) in [([4.0, 2.0, 1.0], 11.0), ([2.0, 5.0, 3.0], 21.0), ([1.0, 3.0, 6.0], 25.0)] {
            let found: f64 = row.iter().zip(&solution).map(|(a, x)| a * x).sum();
            assert!((found - expected).abs() < 1e-12, "{solution:?}");
        }
        assert_eq!(solve(vec![vec![1.0], vec![2.0, 1.0]], &[1.0, 1.0]), None, "not definite");
    }

    #[test]
    fn finds_the_plane_and_shrinks_it() {
        let plane = |a: f64, b: f64| 3.0 + 2.0 * a - b;
        let rows: Vec<_> =
            (0..25).map(|at| (f64::from(at % 5), f64::from(at / 5))).map(|(a, b)| (vec![a, b], plane(a, b))).collect();
        let found = Ridge::fit(&rows, 0.0).unwrap();
        assert!((found.at(&[7.0, -2.0]) - plane(7.0, -2.0)).abs() < 1e-9, "{found:?}");
        let mean = rows.iter().map(|(_, y)| y).sum::<f64>() / 25.0;
        let shrunk = Ridge::fit(&rows, 1e12).unwrap();
        assert!((shrunk.at(&[7.0, -2.0]) - mean).abs() < 1e-6, "a strong ridge leaves the mean: {shrunk:?}");
        assert_eq!(Ridge::fit(&[], 1.0), None);
        assert_eq!(Ridge::fit(&rows[..1], 0.0), None, "one row tells nothing of two features");
    }
}
