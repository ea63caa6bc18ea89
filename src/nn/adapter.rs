//! PEFT LoRA adapters: `adapter_config.json` and `adapter_model.safetensors`, merged into weights while they load.

use std::cell::RefCell;
use std::collections::HashSet;
use std::path::Path;

use regex::Regex;
use serde::Deserialize;
use serde_json::{Map, Value};
use tch::{Device, Kind, Tensor};

use super::config::{read_json, refuse, unreadable, wrong};
use super::error::NnError;
use super::weights::Weights;

const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";
/// What PEFT puts before the base model's own names.
const PREFIX: &str = "base_model.model.";

/// A low-rank change of some weights: `W + scale × B·A` (LoRA, arXiv 2106.09685, section 4.1), or whole tensors where
/// PEFT saved a module in full.
#[derive(Debug)]
pub struct Adapter {
    weights: Weights,
    scaling: Scaling,
    /// Names of the file that no tensor of the model has asked for yet.
    unused: RefCell<HashSet<String>>,
}

/// How strong the change of a module is.
#[derive(Debug)]
struct Scaling {
    alpha: f64,
    /// Divide by the root of the rank (rsLoRA, arXiv 2312.03732) instead of the rank.
    by_root: bool,
    /// Alphas of single modules, by PEFT's patterns; the first of the file that fits counts.
    patterns: Vec<(Regex, f64)>,
}

#[derive(Deserialize)]
struct Raw {
    lora_alpha: f64,
    #[serde(default)]
    use_rslora: bool,
    #[serde(default)]
    use_dora: bool,
    #[serde(default)]
    fan_in_fan_out: bool,
    #[serde(default)]
    alpha_pattern: Option<Map<String, Value>>,
}

impl Adapter {
    /// Opens an adapter's folder.
    ///
    /// # Errors
    /// [`NnError::Config`] for another kind of adapter than LoRA, and those of [`Weights::open_file`].
    pub fn open(folder: &Path) -> Result<Self, NnError> {
        let path = folder.join(CONFIG);
        let value = read_json(&path)?;
        refuse(&path, "peft_type", "LORA", value.get("peft_type").and_then(|kind| kind.as_str()).unwrap_or("none"))?;
        let raw = Raw::deserialize(&value).map_err(|error| unreadable(&path, &error))?;
        refuse(&path, "use_dora", "false", if raw.use_dora { "true" } else { "false" })?;
        refuse(&path, "fan_in_fan_out", "false", if raw.fan_in_fan_out { "true" } else { "false" })?;
        if !raw.lora_alpha.is_finite() {
            return Err(wrong(&path, "lora_alpha", "a number", raw.lora_alpha));
        }
        let pattern = |(key, alpha): (String, Value)| {
            let Some(alpha) = alpha.as_f64() else { return Err(wrong(&path, "alpha_pattern", "numbers", alpha)) };
            // As PEFT reads them: the end of a module's name, from a dot on.
            let regex = Regex::new(&format!(r"^(.*\.)?(?:{key})$"));
            regex
                .map(|regex| (regex, alpha))
                .map_err(|error| wrong(&path, "alpha_pattern", "regular expressions", error))
        };
        let patterns = raw.alpha_pattern.unwrap_or_default().into_iter().map(pattern).collect::<Result<_, _>>()?;
        let weights = Weights::open_file(folder, WEIGHTS)?;
        let unused = RefCell::new(weights.names().map(str::to_owned).collect());
        let scaling = Scaling { alpha: raw.lora_alpha, by_root: raw.use_rslora, patterns };
        Ok(Self { weights, scaling, unused })
    }

    /// The tensor of this name with the adapter's change in it. Float32 on the CPU, in and out.
    ///
    /// # Errors
    /// [`NnError::MissingTensor`], [`NnError::WrongShape`] and the like, of the adapter's file.
    pub fn apply(&self, name: &str, tensor: Tensor) -> Result<Tensor, NnError> {
        let shape = tensor.size();
        let whole = format!("{PREFIX}{name}");
        if self.take(&whole) {
            return self.weights.tensor(&whole, &shape, Kind::Float, Device::Cpu);
        }
        let Some(module) = name.strip_suffix(".weight") else { return Ok(tensor) };
        let a = format!("{PREFIX}{module}.lora_A.weight");
        let b = format!("{PREFIX}{module}.lora_B.weight");
        if !self.weights.contains(&a) && !self.weights.contains(&b) {
            return Ok(tensor);
        }
        let rank = self.weights.shape(&a).and_then(|shape| shape.first().copied()).unwrap_or(0);
        if rank < 1 || shape.len() != 2 {
            let expected = vec![1, shape.last().copied().unwrap_or(0)];
            return Err(NnError::MissingTensor { path: self.weights.source().to_owned(), tensor: a, expected });
        }
        let low = |name: &str, rows: i64, columns: i64| {
            self.take(name);
            self.weights.tensor(name, &[rows, columns], Kind::Float, Device::Cpu)
        };
        let change = low(&b, shape[0], rank)?.matmul(&low(&a, rank, shape[1])?);
        Ok(tensor + change * self.scaling.of(module, rank))
    }

    /// Every tensor of the adapter has found its place.
    ///
    /// # Errors
    /// [`NnError::StrayTensor`] otherwise: the adapter is for another model.
    pub fn finish(&self) -> Result<(), NnError> {
        match self.unused.borrow().iter().min() {
            None => Ok(()),
            Some(tensor) => Err(NnError::StrayTensor {
                path: self.weights.source().to_owned(),
                tensor: tensor.clone(),
                expected: "lora_A and lora_B weights of the model's linear layers, or whole tensors of it",
            }),
        }
    }

    fn take(&self, name: &str) -> bool {
        self.unused.borrow_mut().remove(name)
    }
}

impl Scaling {
    fn of(&self, module: &str, rank: i64) -> f64 {
        let special = self.patterns.iter().find(|(pattern, _)| pattern.is_match(module)).map(|(_, alpha)| *alpha);
        let rank = rank as f64;
        special.unwrap_or(self.alpha) / if self.by_root { rank.sqrt() } else { rank }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_follows_rank_root_and_pattern() {
        let patterns = vec![(Regex::new(r"^(.*\.)?(?:self_attn.v_proj)$").unwrap(), 64.0)];
        let scaling = Scaling { alpha: 32.0, by_root: false, patterns };
        assert_eq!(scaling.of("model.layers.0.self_attn.q_proj", 8), 4.0);
        assert_eq!(scaling.of("model.layers.0.self_attn.v_proj", 8), 8.0);
        assert_eq!(Scaling { by_root: true, ..scaling }.of("q_proj", 16), 8.0);
    }
}
