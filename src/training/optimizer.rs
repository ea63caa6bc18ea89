//! The optimizers: AdamW for everything, or Muon for the matrices inside the layers and AdamW for the rest.
//!
//! AdamW: Loshchilov and Hutter 2019. Muon: Jordan et al. 2024 (the momentum of a matrix is replaced by the nearest
//! orthogonal one, by Newton-Schulz steps), scaled to AdamW's usual update size as in Liu et al. 2025, so that both
//! share one learning rate. Written here because `tch::nn::Optimizer` wants a `VarStore`, which models do not use.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.95;
const EPS: f64 = 1e-8;
const MOMENTUM: f64 = 0.95;
/// Newton-Schulz coefficients of Muon's authors: they trade exactness for few steps.
const NEWTON_SCHULZ: (f64, f64, f64) = (3.4445, -4.7750, 2.0315);
const NEWTON_SCHULZ_STEPS: usize = 5;
/// An AdamW update's usual root mean square (Liu et al. 2025, section 2.2).
const UPDATE_RMS: f64 = 0.2;

/// Which optimizer moves the matrices inside the layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// AdamW for all weights.
    #[default]
    AdamW,
    /// Muon for the matrices inside the layers.
    Muon,
}

struct Slot {
    name: String,
    weight: Tensor,
    first: Tensor,
    /// Absent under Muon, which keeps no second moment.
    second: Option<Tensor>,
    decays: bool,
}

/// Moves weights by their gradients. State is float32.
pub struct Optimizer {
    slots: Vec<Slot>,
    decay: f64,
    clip: f64,
    steps: i64,
}

impl Optimizer {
    /// For these weights, which share storage with the model. `decay` is spared to norms and biases; the gradient is
    /// scaled down to the norm `clip`.
    pub fn new(parameters: Vec<(String, Tensor)>, method: Method, decay: f64, clip: f64) -> Self {
        let slots = parameters
            .into_iter()
            .map(|(name, weight)| {
                let matrix = weight.dim() == 2;
                let inside = matrix && !name.contains("embed") && !name.contains("lm_head");
                let zeros = || weight.detach().zeros_like();
                let second = (method == Method::AdamW || !inside).then(zeros);
                Slot { first: zeros(), second, decays: matrix, name, weight }
            })
            .collect();
        Self { slots, decay, clip, steps: 0 }
    }

    /// One step with the gradients that are there, which are cleared. Returns their norm before clipping. Where that
    /// is no number, nothing moves.
    pub fn step(&mut self, rate: f64) -> f64 {
        tch::no_grad(|| {
            let gradients: Vec<Tensor> = self.slots.iter().map(|slot| slot.weight.grad()).collect();
            let squares: Vec<Tensor> =
                gradients.iter().filter(|g| g.defined()).map(|g| g.square().sum(Kind::Float)).collect();
            let norm = Tensor::stack(&squares, 0).sum(Kind::Double).sqrt().double_value(&[]);
            if !norm.is_finite() {
                return norm;
            }
            let scale = if norm > self.clip { self.clip / norm } else { 1.0 };
            self.steps += 1;
            for (slot, gradient) in self.slots.iter_mut().zip(gradients) {
                if gradient.defined() {
                    slot.step(&(gradient * scale), rate, self.decay, self.steps);
                    slot.weight.zero_grad();
                }
            }
            norm
        })
    }

    /// What must be kept to go on exactly: moments by name, and the count of steps.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        let mut out = vec![("steps".to_owned(), Tensor::from_slice(&[self.steps]))];
        for slot in &self.slots {
            out.push((format!("{}.first", slot.name), slot.first.shallow_clone()));
            out.extend(slot.second.iter().map(|second| (format!("{}.second", slot.name), second.shallow_clone())));
        }
        out
    }

    /// Takes up a kept state.
    ///
    /// # Errors
    /// A moment that is missing or has another shape, in words.
    pub fn restore(&mut self, state: &[(String, Tensor)]) -> Result<(), String> {
        let find = |name: &str| {
            state.iter().find(|(key, _)| key == name).map(|(_, value)| value).ok_or(format!("no tensor {name}"))
        };
        self.steps = find("steps")?.int64_value(&[0]);
        for slot in &mut self.slots {
            fill(&mut slot.first, find(&format!("{}.first", slot.name))?, &slot.name)?;
            if let Some(second) = &mut slot.second {
                fill(second, find(&format!("{}.second", slot.name))?, &slot.name)?;
            }
        }
        Ok(())
    }
}

/// Copies `from` into `into` if the shapes agree.
pub(super) fn fill(into: &mut Tensor, from: &Tensor, name: &str) -> Result<(), String> {
    if into.size() != from.size() {
        return Err(format!("{name}: expected shape {:?}, found {:?}", into.size(), from.size()));
    }
    tch::no_grad(|| into.copy_(from));
    Ok(())
}

impl Slot {
    fn step(&mut self, gradient: &Tensor, rate: f64, decay: f64, steps: i64) {
        if self.decays {
            let _ = self.weight.g_mul_scalar_(1.0 - rate * decay);
        }
        match &mut self.second {
            Some(second) => {
                let _ = self.first.lerp_(gradient, 1.0 - BETA1);
                let _ = second.g_mul_scalar_(BETA2);
                let _ = second.addcmul_(&(gradient * (1.0 - BETA2)), gradient);
                let steps = steps as f64;
                let (fix1, fix2) = (1.0 - BETA1.powf(steps), 1.0 - BETA2.powf(steps));
                let spread = (second.sqrt() / fix2.sqrt()).g_add_scalar_(EPS);
                let _ = self.weight.addcdiv_(&(&self.first * (-rate / fix1)), &spread);
            }
            None => {
                let _ = self.first.lerp_(gradient, 1.0 - MOMENTUM);
                let ahead = gradient.lerp(&self.first, MOMENTUM);
                let size = self.weight.size();
                let longer = size.iter().copied().max().unwrap_or(1) as f64;
                let update = orthogonal(&ahead) * (rate * UPDATE_RMS * longer.sqrt());
                let _ = self.weight.g_sub_(&update);
            }
        }
    }
}

/// Nearly the orthogonal matrix nearest to `matrix`, by Newton-Schulz steps on the smaller side.
fn orthogonal(matrix: &Tensor) -> Tensor {
    let (a, b, c) = NEWTON_SCHULZ;
    let size = matrix.size();
    let tall = size[0] > size[1];
    let mut x = if tall { matrix.transpose(0, 1) } else { matrix.shallow_clone() };
    x = &x / (x.norm() + 1e-7);
    for _ in 0..NEWTON_SCHULZ_STEPS {
        let square = x.matmul(&x.transpose(0, 1));
        let mix = &square * b + square.matmul(&square) * c;
        x = &x * a + mix.matmul(&x);
    }
    if tall { x.transpose(0, 1) } else { x }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    fn weight(size: &[i64]) -> Tensor {
        Tensor::ones(size, (Kind::Float, Device::Cpu)).set_requires_grad(true)
    }

    #[test]
    fn the_first_adamw_step_is_the_rate_and_norms_do_not_decay() {
        let (matrix, norm) = (weight(&[2, 3]), weight(&[3]));
        let parameters = vec![("m".into(), matrix.shallow_clone()), ("n".into(), norm.shallow_clone())];
        let mut optimizer = Optimizer::new(parameters, Method::AdamW, 0.1, 1e9);
        (matrix.sum(Kind::Float) * 2 + norm.sum(Kind::Float)).backward();
        let length = optimizer.step(0.01);
        assert!((length - (6.0f64 * 4.0 + 3.0).sqrt()).abs() < 1e-5);
        // 1 · (1 − 0.01 · 0.1) − 0.01 and 1 − 0.01.
        assert!((matrix.double_value(&[1, 2]) - 0.989).abs() < 1e-6);
        assert!((norm.double_value(&[0]) - 0.99).abs() < 1e-6);
        assert_eq!(matrix.grad().abs().sum(Kind::Float).double_value(&[]), 0.0);
    }

    #[test]
    fn muon_updates_have_equal_singular_values_and_both_methods_descend() {
        tch::manual_seed(1);
        let matrix = Tensor::randn([12, 5], (Kind::Float, Device::Cpu));
        let (_, values, _) = orthogonal(&matrix).svd(true, false);
        let values = Vec::<f32>::try_from(values).unwrap();
        assert!(values.iter().all(|value| (0.5..1.4).contains(value)), "{values:?}");
        for method in [Method::AdamW, Method::Muon] {
            let w = Tensor::randn([6, 4], (Kind::Float, Device::Cpu)).set_requires_grad(true);
            let mut optimizer = Optimizer::new(vec![("w".into(), w.shallow_clone())], method, 0.0, 1.0);
            let loss = || w.square().sum(Kind::Float);
            let before = loss().double_value(&[]);
            for _ in 0..50 {
                loss().backward();
                optimizer.step(0.1);
            }
            assert!(loss().double_value(&[]) < before * 0.5, "{method:?}");
        }
    }
}
