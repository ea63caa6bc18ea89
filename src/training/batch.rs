//! Packing: rows of like length side by side, so that little of a batch is padding and short rows stay cheap.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use tch::{Device, Tensor};

use super::example::Example;

/// Rows are sorted by length only within pools of this many batches, so that an epoch stays mixed.
const POOL: usize = 50;

/// Rows for one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The rows, of like length.
    pub rows: Vec<Example>,
}

/// A batch as tensors.
#[derive(Debug)]
pub struct BatchTensors {
    /// `[rows, longest]` i64, short rows filled at the end: under a causal mask nothing before the fill sees it.
    pub ids: Tensor,
    /// Positions in the flattened `[rows · longest]` whose next token counts, i64.
    pub positions: Tensor,
    /// The next token of each position, i64.
    pub targets: Tensor,
    /// Its weight, f32.
    pub weights: Tensor,
}

impl Batch {
    /// How many tokens the rows hold.
    pub fn tokens(&self) -> usize {
        self.rows.iter().map(|row| row.ids.len()).sum()
    }

    /// The sum of the weights of all predictions.
    pub fn weight(&self) -> f64 {
        self.rows.iter().flat_map(|row| row.weights.iter().skip(1)).map(|&weight| f64::from(weight)).sum()
    }

    /// The tensors of the batch. Only positions that count are listed, so that the output layer, a good part of a small
    /// model's work, never sees the others.
    pub fn tensors(&self, pad: u32, device: Device) -> BatchTensors {
        let longest = self.rows.iter().map(|row| row.ids.len()).max().unwrap_or(0);
        let mut ids = vec![i64::from(pad); longest * self.rows.len()];
        let (mut positions, mut targets, mut weights) = (Vec::<i64>::new(), Vec::<i64>::new(), Vec::<f32>::new());
        for (at, row) in self.rows.iter().enumerate() {
            let start = at * longest;
            for (place, &id) in row.ids.iter().enumerate() {
                ids[start + place] = i64::from(id);
                if place > 0 && row.weights[place] > 0.0 {
                    positions.push((start + place - 1) as i64);
                    targets.push(i64::from(id));
                    weights.push(row.weights[place]);
                }
            }
        }
        let shape = [self.rows.len() as i64, longest as i64];
        BatchTensors {
            ids: Tensor::from_slice(&ids).view(shape).to_device(device),
            positions: Tensor::from_slice(&positions).to_device(device),
            targets: Tensor::from_slice(&targets).to_device(device),
            weights: Tensor::from_slice(&weights).to_device(device),
        }
    }
}

/// Cuts an epoch's rows into batches of at most `tokens` padded tokens (one row at least), in an order drawn with `rng`.
pub fn pack(mut rows: Vec<Example>, tokens: usize, rng: &mut ChaCha8Rng) -> Vec<Batch> {
    rows.retain(|row| row.weights.iter().skip(1).any(|&weight| weight > 0.0));
    rows.shuffle(rng);
    let mean = rows.iter().map(|row| row.ids.len()).sum::<usize>() / rows.len().max(1);
    let pool = (POOL * tokens / mean.max(1)).max(1);
    let mut out = Vec::new();
    while !rows.is_empty() {
        let mut near = rows.split_off(rows.len().saturating_sub(pool));
        near.sort_by_key(|row| row.ids.len());
        let mut batch = Vec::new();
        for row in near {
            // Sorted upwards: the newcomer is the longest, and sets the width of all.
            if !batch.is_empty() && (batch.len() + 1) * row.ids.len() > tokens {
                out.push(Batch { rows: std::mem::take(&mut batch) });
            }
            batch.push(row);
        }
        out.push(Batch { rows: batch });
    }
    out.shuffle(rng);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;

    use super::*;

    fn row(length: usize, weight: f32) -> Example {
        Example { ids: (0..length as u32).collect(), weights: vec![weight; length] }
    }

    proptest! {
        #[test]
        fn every_row_is_packed_once_and_no_batch_is_too_large(lengths in prop::collection::vec(2usize..60, 0..300), tokens in 1usize..200) {
            let rows: Vec<Example> = lengths.iter().map(|&length| row(length, 1.0)).collect();
            let batches = pack(rows, tokens, &mut ChaCha8Rng::seed_from_u64(1));
            let mut seen: Vec<usize> = batches.iter().flat_map(|batch| batch.rows.iter().map(|row| row.ids.len())).collect();
            seen.sort_unstable();
            let mut wanted = lengths.clone();
            wanted.sort_unstable();
            prop_assert_eq!(seen, wanted);
            for batch in &batches {
                let longest = batch.rows.iter().map(|row| row.ids.len()).max().unwrap();
                prop_assert!(batch.rows.len() == 1 || batch.rows.len() * longest <= tokens);
            }
        }
    }

    #[test]
    fn masked_tokens_and_padding_are_no_targets() {
        let mut short = row(2, 1.0);
        short.ids = vec![7, 8];
        let mut long = row(4, 1.0);
        long.weights = vec![1.0, 0.0, 0.5, 1.0];
        let tensors = Batch { rows: vec![short, long] }.tensors(99, Device::Cpu);
        assert_eq!(Vec::<Vec<i64>>::try_from(&tensors.ids).unwrap(), [[7, 8, 99, 99], [0, 1, 2, 3]]);
        assert_eq!(Vec::<i64>::try_from(&tensors.positions).unwrap(), [0, 5, 6]);
        assert_eq!(Vec::<i64>::try_from(&tensors.targets).unwrap(), [8, 2, 3]);
        assert_eq!(Vec::<f32>::try_from(&tensors.weights).unwrap(), [1.0, 0.5, 1.0]);
    }

    #[test]
    fn rows_without_a_target_are_dropped() {
        assert!(pack(vec![row(5, 0.0)], 100, &mut ChaCha8Rng::seed_from_u64(1)).is_empty());
    }
}
