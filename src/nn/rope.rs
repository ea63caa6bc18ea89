//! Rotary position embedding: the frequencies of a configuration and their cosine and sine tables.

use std::cell::RefCell;
use std::f64::consts::PI;

use tch::{Device, Kind, Tensor};

use super::config::{LlamaConfig, RopeScaling};

/// Tables start at this many positions and double as they must.
const FIRST_TABLE: i64 = 512;

/// Turns pairs of coordinates `(i, i + head_dim / 2)` by an angle that grows with the position.
#[derive(Debug)]
pub struct Rope {
    /// `[head_dim / 2]`, float32, on the device.
    frequencies: Tensor,
    kind: Kind,
    /// Grown when a longer text comes: a table for 131,072 positions would cost more than a small model.
    tables: RefCell<Tables>,
}

#[derive(Debug)]
struct Tables {
    positions: i64,
    /// `[positions, head_dim / 2]`.
    cos: Tensor,
    sin: Tensor,
}

impl Rope {
    /// The rotation of this configuration, applied to tensors of `kind` on `device`.
    pub fn new(config: &LlamaConfig, kind: Kind, device: Device) -> Self {
        let frequencies = Tensor::from_slice(&frequencies(config)).to_device(device);
        let tables = RefCell::new(tables(&frequencies, FIRST_TABLE, kind));
        Self { frequencies, kind, tables }
    }

    /// Cosine and sine for `tokens` positions from `start`, each `[tokens, 1, head_dim / 2]`.
    pub fn at(&self, start: i64, tokens: i64) -> (Tensor, Tensor) {
        let mut table = self.tables.borrow_mut();
        if start + tokens > table.positions {
            let positions = usize::try_from(start + tokens).map_or(start + tokens, |n| n.next_power_of_two() as i64);
            *table = tables(&self.frequencies, positions, self.kind);
        }
        let part = |whole: &Tensor| whole.narrow(0, start, tokens).unsqueeze(1);
        (part(&table.cos), part(&table.sin))
    }
}

/// Applies the rotation to `[batch, tokens, heads, head_dim]`.
pub fn rotate(states: &Tensor, (cos, sin): &(Tensor, Tensor)) -> Tensor {
    let half = states.size()[3] / 2;
    let (first, second) = (states.narrow(3, 0, half), states.narrow(3, half, half));
    Tensor::cat(&[&first * cos - &second * sin, second * cos + first * sin], 3)
}

fn tables(frequencies: &Tensor, positions: i64, kind: Kind) -> Tables {
    tch::no_grad(|| {
        let angles = Tensor::arange(positions, (Kind::Float, frequencies.device())).outer(frequencies);
        Tables { positions, cos: angles.cos().to_kind(kind), sin: angles.sin().to_kind(kind) }
    })
}

/// Angle per position of each pair, in radians. In float32 step by step, as `transformers` computes them.
fn frequencies(config: &LlamaConfig) -> Vec<f32> {
    let dim = config.head_dim as f32;
    let base = config.rope_theta as f32;
    let plain = (0..config.head_dim / 2).map(|pair| 1.0 / base.powf((2 * pair) as f32 / dim));
    match config.rope_scaling {
        RopeScaling::None => plain.collect(),
        RopeScaling::Linear { factor } => plain.map(|frequency| frequency / factor as f32).collect(),
        RopeScaling::Llama3 {
            factor,
            low_freq_factor: low,
            high_freq_factor: high,
            original_max_position_embeddings: original,
        } => plain
            .map(|frequency| {
                let frequency = f64::from(frequency);
                let wavelength = 2.0 * PI / frequency;
                let scaled = if wavelength < original / high {
                    frequency
                } else if wavelength > original / low {
                    frequency / factor
                } else {
                    let smooth = (original / wavelength - low) / (high - low);
                    (1.0 - smooth) * frequency / factor + smooth * frequency
                };
                scaled as f32
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_grows_and_keeps_its_values() {
        let frequencies = Tensor::from_slice(&[1.0f32, 0.01]);
        let rope = Rope { tables: RefCell::new(tables(&frequencies, 4, Kind::Float)), frequencies, kind: Kind::Float };
        let before = rope.at(3, 1).0;
        let after = rope.at(0, 1000).0.narrow(0, 3, 1);
        assert_eq!(before.size(), [1, 1, 2]);
        assert!((before - after).abs().max().double_value(&[]) < 1e-7);
        assert!((rope.at(900, 1).1.double_value(&[0, 0, 0]) - 900f64.sin()).abs() < 1e-4);
    }
}
