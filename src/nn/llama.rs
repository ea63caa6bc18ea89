//! The LLaMA family: embedding, layers of attention and feed-forward, norm, head. One code path trains and infers.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use tch::{Device, Kind, Tensor};

use super::cache::KvCache;
use super::config::LlamaConfig;
use super::error::NnError;
use super::layer::{Layer, Step};
use super::rope::Rope;
use super::source::{LoadOptions, Source};
use super::weights;

/// Standard deviation of fresh weights (LLaMA's `initializer_range`).
const INIT_STD: f64 = 0.02;
const WEIGHTS_FILE: &str = "model.safetensors";

/// A causal language model of the LLaMA family. It is `Send`, not `Sync`: one thread owns it.
#[derive(Debug)]
pub struct Llama {
    config: LlamaConfig,
    kind: Kind,
    device: Device,
    embedding: Tensor,
    layers: Vec<Layer>,
    norm: Tensor,
    /// Absent when the head is the embedding.
    head: Option<Tensor>,
    rope: Rope,
}

impl Llama {
    /// Loads a Hugging Face folder for inference: no gradients are kept.
    ///
    /// # Errors
    /// Every variant of [`NnError`] but `Device` and `Input`.
    pub fn load(folder: &Path, options: LoadOptions) -> Result<Self, NnError> {
        let config = LlamaConfig::load(folder)?;
        let source = Source::open(folder, &options)?;
        let _no_grad = tch::no_grad_guard();
        let mut model = Self::build(config, source.kind(), source.device(), |name, shape| {
            // Checkpoints of a bare `LlamaModel` have no prefix.
            let bare = name.strip_prefix("model.").filter(|bare| !source.contains(name) && source.contains(bare));
            source.tensor(bare.unwrap_or(name), shape)
        })?;
        source.finish()?;
        for layer in &mut model.layers {
            layer.fuse();
        }
        Ok(model)
    }

    /// A fresh float32 model that can be trained. Weights are normal with deviation 0.02, those that write into the
    /// residual stream smaller by `sqrt(2 × layers)` (GPT-2, section 2.3). The same seed gives the same weights.
    ///
    /// # Panics
    /// When memory does not suffice.
    pub fn init(config: LlamaConfig, seed: i64, device: Device) -> Self {
        // libtorch has one random stream for the process: two models made at once would share it.
        static STREAM: Mutex<()> = Mutex::new(());
        let _alone = STREAM.lock().unwrap_or_else(PoisonError::into_inner);
        tch::manual_seed(seed);
        let residual = INIT_STD / (2.0 * config.num_hidden_layers as f64).sqrt();
        let fresh = |name: &str, shape: &[i64]| {
            let mut tensor = Tensor::zeros(shape, (Kind::Float, device));
            let _no_grad = tch::no_grad_guard();
            if name.ends_with("norm.weight") {
                let _ = tensor.fill_(1.0);
            } else if name.ends_with(".weight") {
                let writes_residual = name.ends_with("o_proj.weight") || name.ends_with("down_proj.weight");
                let _ = tensor.normal_(0.0, if writes_residual { residual } else { INIT_STD });
            }
            Ok(tensor.set_requires_grad(true))
        };
        match Self::build(config, Kind::Float, device, fresh) {
            Ok(model) => model,
            Err(error) => unreachable!("fresh weights are never refused: {error}"),
        }
    }

    /// Builds the layers from a source of tensors by Hugging Face name and shape.
    fn build(
        config: LlamaConfig,
        kind: Kind,
        device: Device,
        mut tensor: impl FnMut(&str, &[i64]) -> Result<Tensor, NnError>,
    ) -> Result<Self, NnError> {
        let hidden = config.hidden_size;
        let embedding = tensor("model.embed_tokens.weight", &[config.vocab_size, hidden])?;
        let layers = (0..config.num_hidden_layers)
            .map(|number| Layer::build(&config, number, &mut tensor))
            .collect::<Result<_, _>>()?;
        let norm = tensor("model.norm.weight", &[hidden])?;
        let head = match config.tie_word_embeddings {
            true => None,
            false => Some(tensor("lm_head.weight", &[config.vocab_size, hidden])?),
        };
        let rope = Rope::new(&config, kind, device);
        Ok(Self { config, kind, device, embedding, layers, norm, head, rope })
    }

    /// The shape of the model.
    pub fn config(&self) -> &LlamaConfig {
        &self.config
    }

    /// Number type of weights and products.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where it runs.
    pub fn device(&self) -> Device {
        self.device
    }

    /// An empty cache that fits this model.
    pub fn cache(&self, batch: i64, capacity: i64) -> KvCache {
        KvCache::new(&self.config, batch, capacity, self.kind, self.device)
    }

    /// All weights under their Hugging Face names, sharing storage with the model; a tied head is not repeated.
    pub fn parameters(&self) -> Vec<(String, Tensor)> {
        let mut all = vec![("model.embed_tokens.weight".to_owned(), self.embedding.shallow_clone())];
        for (number, layer) in self.layers.iter().enumerate() {
            let mut push = |name: &str, tensor: &Tensor| {
                all.push((format!("model.layers.{number}.{name}"), tensor.shallow_clone()));
            };
            push("input_layernorm.weight", &layer.attention_norm);
            push("post_attention_layernorm.weight", &layer.feed_norm);
            for (name, linear) in layer.linears() {
                push(&format!("{name}.weight"), &linear.weight);
                if let Some(bias) = &linear.bias {
                    push(&format!("{name}.bias"), bias);
                }
            }
        }
        all.push(("model.norm.weight".to_owned(), self.norm.shallow_clone()));
        all.extend(self.head.iter().map(|head| ("lm_head.weight".to_owned(), head.shallow_clone())));
        all
    }

    /// Logits of every token, `[batch, tokens, vocab]`, from ids `[batch, tokens]` (int64, on the model's device).
    ///
    /// Without a cache the ids are whole texts, and the result can be differentiated. With one they follow what the
    /// cache holds, are added to it, and no graph is built.
    ///
    /// # Panics
    /// When an id is outside the vocabulary or the cache is too small: callers check both when they admit a request.
    pub fn forward(&self, ids: &Tensor, cache: Option<&mut KvCache>) -> Tensor {
        self.head(&self.hidden(ids, cache))
    }

    /// States before the head, `[batch, tokens, hidden]`, for callers that want the logits of some tokens only.
    ///
    /// # Panics
    /// As [`Self::forward`].
    pub fn hidden(&self, ids: &Tensor, mut cache: Option<&mut KvCache>) -> Tensor {
        // A graph over a buffer that is written in place would be wrong.
        let _no_grad = cache.is_some().then(tch::no_grad_guard);
        let tokens = ids.size()[1];
        let start = cache.as_ref().map_or(0, |cache| cache.len());
        let step = Step {
            config: &self.config,
            turn: self.rope.at(start, tokens),
            mask: (start > 0 && tokens > 1).then(|| causal_mask(start, tokens, self.device)),
        };
        let mut states = Tensor::embedding(&self.embedding, ids, -1, false, false);
        for (number, layer) in self.layers.iter().enumerate() {
            states = layer.forward(states, &step, cache.as_deref_mut().map(|cache| (cache, number)));
        }
        if let Some(cache) = cache {
            cache.advance(tokens);
        }
        self.rms_norm(&states)
    }

    /// Logits `[.., vocab]` of states `[.., hidden]`.
    pub fn head(&self, hidden: &Tensor) -> Tensor {
        hidden.linear(self.head.as_ref().unwrap_or(&self.embedding), None::<Tensor>)
    }

    /// Writes `model.safetensors` and `config.json` into an existing folder.
    ///
    /// # Errors
    /// [`NnError::Io`], [`NnError::Torch`].
    pub fn save(&self, folder: &Path, dtype: Kind) -> Result<(), NnError> {
        weights::write(&folder.join(WEIGHTS_FILE), &self.parameters(), dtype)?;
        self.config.save(folder)
    }

    fn rms_norm(&self, states: &Tensor) -> Tensor {
        states.rms_norm(&self.norm.size()[..], Some(&self.norm), self.config.rms_norm_eps)
    }
}

/// True where new token `i` at position `start + i` may look, `[tokens, start + tokens]`.
fn causal_mask(start: i64, tokens: i64, device: Device) -> Tensor {
    Tensor::ones([tokens, start + tokens], (Kind::Bool, device)).tril(start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::config::RopeScaling;

    fn tiny() -> LlamaConfig {
        LlamaConfig {
            model_type: "llama".into(),
            vocab_size: 61,
            hidden_size: 32,
            intermediate_size: 48,
            num_hidden_layers: 2,
            num_attention_heads: 4,
            num_key_value_heads: 2,
            head_dim: 8,
            rms_norm_eps: 1e-5,
            rope_theta: 10_000.0,
            rope_scaling: RopeScaling::None,
            max_position_embeddings: 64,
            tie_word_embeddings: true,
            attention_bias: false,
            output_bias: false,
            bos_token_id: Some(1),
            eos_token_ids: vec![2],
        }
    }

    fn furthest(a: &Tensor, b: &Tensor) -> f64 {
        (a - b).abs().max().double_value(&[])
    }

    #[test]
    fn the_same_seed_gives_the_same_weights() {
        let (a, b) = (Llama::init(tiny(), 7, Device::Cpu), Llama::init(tiny(), 7, Device::Cpu));
        for ((name, x), (_, y)) in a.parameters().iter().zip(b.parameters()) {
            assert!(x.requires_grad(), "{name} cannot be trained");
            assert_eq!(furthest(x, &y), 0.0, "{name}");
        }
    }

    #[test]
    fn every_weight_gets_a_gradient_and_a_step_lowers_the_loss() {
        let model = Llama::init(tiny(), 1, Device::Cpu);
        let ids = Tensor::from_slice(&[1i64, 5, 9, 33, 60, 2, 7, 8]).view([2, 4]);
        let loss = || {
            let logits = model.forward(&ids.narrow(1, 0, 3), None).view([-1, 61]);
            logits.cross_entropy_for_logits(&ids.narrow(1, 1, 3).reshape([-1]))
        };
        let before = loss();
        before.backward();
        tch::no_grad(|| {
            for (name, parameter) in model.parameters() {
                let gradient = parameter.grad();
                assert!(gradient.abs().max().double_value(&[]) > 0.0, "{name} has no gradient");
                let mut parameter = parameter;
                let _ = parameter.g_sub_(&(gradient * 0.5));
            }
        });
        assert!(loss().double_value(&[]) < before.double_value(&[]));
    }

    #[test]
    fn a_saved_model_loads_to_the_same_logits_in_any_way_of_reading() {
        let model = Llama::init(tiny(), 3, Device::Cpu);
        let folder = tempfile::tempdir().unwrap();
        model.save(folder.path(), Kind::Float).unwrap();
        let options = LoadOptions { dtype: Some(Kind::Float), ..LoadOptions::default() };
        let loaded = Llama::load(folder.path(), options).unwrap();
        assert_eq!(loaded.config(), model.config());
        let ids = Tensor::from_slice(&[1i64, 5, 9, 33, 60, 2, 7, 8, 4, 4]).view([1, 10]);
        let whole = model.forward(&ids, None);
        assert!(furthest(&whole, &loaded.forward(&ids, None)) < 1e-5);
        // Read in pieces of four, three, one, one, one; then forget five and read them again.
        let mut cache = loaded.cache(1, 10);
        let read = |cache: &mut KvCache, at: i64, n: i64| loaded.forward(&ids.narrow(1, at, n), Some(cache));
        let mut pieces = vec![read(&mut cache, 0, 4), read(&mut cache, 4, 3)];
        pieces.extend((7..10).map(|at| read(&mut cache, at, 1)));
        assert!(furthest(&whole, &Tensor::cat(&pieces, 1)) < 1e-5);
        cache.truncate(5);
        assert!(furthest(&whole.narrow(1, 5, 5), &read(&mut cache, 5, 5)) < 1e-5);
        assert_eq!(cache.len(), 10);
    }
}
