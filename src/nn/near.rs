//! Rows of a matrix that lie near each other: all against all, in blocks, with the tensor library's products.

use tch::{Kind, Tensor};

use super::{NnError, compute};

/// Rows of a block: its product with the rest, 4 MiB at a thousand columns, stays in reach of the caches.
const BLOCK: i64 = 1024;

/// Tells `found` every pair of rows `a < b` of a matrix `[rows, dimension]` whose product is at least `least`, with the
/// product: the cosine, where rows are of unit length. Block by block: of rows that are all alike there are as many pairs
/// as the square of them, which nobody should have to hold.
///
/// # Errors
/// A matrix that is not `[rows, dimension]`, or an operation that the tensor library refuses.
pub fn near_rows(
    matrix: &[f32],
    dimension: usize,
    least: f32,
    mut found: impl FnMut(usize, usize, f32),
) -> Result<(), NnError> {
    if dimension == 0 || !matrix.len().is_multiple_of(dimension) {
        return Err(NnError::Input {
            what: "near rows",
            expected: "whole rows of one number and more".to_owned(),
            found: format!("{} numbers in rows of {dimension}", matrix.len()),
        });
    }
    let _no_grad = tch::no_grad_guard();
    let refused = |cause| NnError::torch("near rows")(cause);
    let all = Tensor::f_from_slice(matrix).and_then(|all| all.f_reshape([-1, dimension as i64])).map_err(refused)?;
    let rows = all.size()[0];
    for first in (0..rows).step_by(BLOCK as usize) {
        let block = all.narrow(0, first, BLOCK.min(rows - first));
        for second in (first..rows).step_by(BLOCK as usize) {
            let _turn = compute::turn(tch::Device::Cpu);
            let other = all.narrow(0, second, BLOCK.min(rows - second));
            let mut near = || {
                let products = block.f_matmul(&other.f_tr()?)?;
                let reached = products.f_ge(f64::from(least))?;
                let places = reached.f_nonzero()?;
                let values = products.f_masked_select(&reached)?;
                let places: Vec<i64> = Vec::try_from(places.f_reshape([-1])?.f_to_kind(Kind::Int64)?)?;
                let values: Vec<f32> = Vec::try_from(values)?;
                // `nonzero` and `masked_select` both go row by row.
                for ([a, b], value) in places.as_chunks::<2>().0.iter().zip(values) {
                    let (a, b) = (first + a, second + b);
                    if a < b {
                        found(a as usize, b as usize, value);
                    }
                }
                Ok::<_, tch::TchError>(())
            };
            near().map_err(refused)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_near_pair_is_found_once_across_blocks() {
        // Points on a circle; two rows 1,500 apart are the same, and near ones are nearer than 0.9999.
        let angle = |row: usize| if row == 1_700 { 0.2 } else { row as f32 * 1e-3 };
        let matrix: Vec<f32> = (0..2_000).flat_map(|row| [angle(row).cos(), angle(row).sin()]).collect();
        let mut pairs = Vec::new();
        near_rows(&matrix, 2, 0.999_9, |a, b, _| pairs.push((a, b))).unwrap();
        pairs.sort_unstable();
        let expected = (0..2_000usize).flat_map(|a| (a + 1..2_000).map(move |b| (a, b)));
        let near = |(a, b): (usize, usize)| matrix[2 * a] * matrix[2 * b] + matrix[2 * a + 1] * matrix[2 * b + 1];
        let expected: Vec<_> = expected.filter(|pair| near(*pair) >= 0.999_9).collect();
        assert!(pairs.contains(&(200, 1_700)), "{pairs:?}");
        assert_eq!(pairs, expected);
        let none = |a, b, _| panic!("{a} and {b} are told of no rows");
        near_rows(&[], 2, 0.5, none).unwrap();
        let error = near_rows(&[1.0, 2.0, 3.0], 2, 0.5, none).unwrap_err().to_string();
        assert!(error.contains("3 numbers in rows of 2"), "{error}");
        assert!(near_rows(&[1.0], 0, 0.5, none).is_err(), "rows of nothing");
    }
}
