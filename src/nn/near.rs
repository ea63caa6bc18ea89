//! Rows of a matrix that lie near each other: all against all, in blocks, with the tensor library's products.

use tch::{Kind, Tensor};

use super::{NnError, compute};

/// Rows of a block: its product with the rest, 4 MiB at a thousand columns, stays in reach of the caches.
const BLOCK: i64 = 1024;

/// Every pair of rows `a < b` of a matrix `[rows, dimension]` whose product is at least `least`, with the product: the
/// cosine, where rows are of unit length. In order of `a`, then `b`.
///
/// # Errors
/// A matrix that is not `[rows, dimension]`, or an operation that the tensor library refuses.
pub fn near_rows(matrix: &[f32], dimension: usize, least: f32) -> Result<Vec<(usize, usize, f32)>, NnError> {
    let _no_grad = tch::no_grad_guard();
    let refused = |cause| NnError::torch("near rows")(cause);
    let all =
        Tensor::f_from_slice(matrix).and_then(|all| all.f_reshape([-1, dimension.max(1) as i64])).map_err(refused)?;
    let rows = all.size()[0];
    let mut found = Vec::new();
    for first in (0..rows).step_by(BLOCK as usize) {
        let block = all.narrow(0, first, BLOCK.min(rows - first));
        for second in (first..rows).step_by(BLOCK as usize) {
            let _turn = compute::turn(tch::Device::Cpu);
            let other = all.narrow(0, second, BLOCK.min(rows - second));
            let mut near = || {
                let products = block.f_matmul(&other.f_tr()?)?;
                let places = products.f_ge(f64::from(least))?.f_nonzero()?;
                let values = products.f_masked_select(&products.f_ge(f64::from(least))?)?;
                let places: Vec<i64> = Vec::try_from(places.f_reshape([-1])?.f_to_kind(Kind::Int64)?)?;
                let values: Vec<f32> = Vec::try_from(values)?;
                // `nonzero` and `masked_select` both go row by row.
                found.extend(places.as_chunks::<2>().0.iter().zip(values).filter_map(|([a, b], value)| {
                    let (a, b) = (first + a, second + b);
                    (a < b).then_some((a as usize, b as usize, value))
                }));
                Ok::<_, tch::TchError>(())
            };
            near().map_err(refused)?;
        }
    }
    found.sort_unstable_by_key(|(a, b, _)| (*a, *b));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_near_pair_is_found_once_across_blocks() {
        // Points on a circle; two rows 1,500 apart are the same, and near ones are nearer than 0.9999.
        let angle = |row: usize| if row == 1_700 { 0.2 } else { row as f32 * 1e-3 };
        let matrix: Vec<f32> = (0..2_000).flat_map(|row| [angle(row).cos(), angle(row).sin()]).collect();
        let found = near_rows(&matrix, 2, 0.999_9).unwrap();
        let pairs: Vec<_> = found.iter().map(|(a, b, _)| (*a, *b)).collect();
        let expected = (0..2_000usize).flat_map(|a| (a + 1..2_000).map(move |b| (a, b)));
        let near = |(a, b): (usize, usize)| matrix[2 * a] * matrix[2 * b] + matrix[2 * a + 1] * matrix[2 * b + 1];
        let expected: Vec<_> = expected.filter(|pair| near(*pair) >= 0.999_9).collect();
        assert!(pairs.contains(&(200, 1_700)), "{pairs:?}");
        assert_eq!(pairs, expected);
        assert!(near_rows(&[], 2, 0.5).unwrap().is_empty());
        assert!(near_rows(&[1.0, 2.0, 3.0], 2, 0.5).is_err());
    }
}
