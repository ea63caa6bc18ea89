//! The LLaMA family: embedding, layers of attention and feed-forward, norm, head. One code path trains and infers.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use tch::{Device, Kind, Tensor};

use super::cache::KvCache;
use super::config::LlamaConfig;
use super::error::NnError;
use super::rope::{Rope, rotate};
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

#[derive(Debug)]
struct Layer {
    attention_norm: Tensor,
    q: Linear,
    k: Linear,
    v: Linear,
    o: Linear,
    feed_norm: Tensor,
    gate: Linear,
    up: Linear,
    down: Linear,
    /// One product instead of three, for a model that is not trained; q, k and v are views of it.
    qkv: Option<Linear>,
    /// One product instead of two; gate and up are views of it.
    gate_up: Option<Linear>,
}

#[derive(Debug)]
struct Linear {
    /// `[out, in]`.
    weight: Tensor,
    /// `[out]`.
    bias: Option<Tensor>,
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

/// What all layers share in one pass.
struct Step<'a> {
    config: &'a LlamaConfig,
    /// Cosine and sine of the new tokens' positions.
    turn: (Tensor, Tensor),
    /// Which keys each new token sees; absent where plain causality or a single query says it all.
    mask: Option<Tensor>,
}

impl Layer {
    fn build(
        config: &LlamaConfig,
        number: usize,
        tensor: &mut impl FnMut(&str, &[i64]) -> Result<Tensor, NnError>,
    ) -> Result<Self, NnError> {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        let queries = config.num_attention_heads * config.head_dim;
        let keys = config.num_key_value_heads * config.head_dim;
        let mut norm = |name: &str| tensor(&format!("model.layers.{number}.{name}.weight"), &[hidden]);
        let attention_norm = norm("input_layernorm")?;
        let feed_norm = norm("post_attention_layernorm")?;
        let mut linear = |name: &str, rows: i64, columns: i64, bias: bool| {
            let name = format!("model.layers.{number}.{name}");
            let weight = tensor(&format!("{name}.weight"), &[rows, columns])?;
            let bias = if bias { Some(tensor(&format!("{name}.bias"), &[rows])?) } else { None };
            Ok::<_, NnError>(Linear { weight, bias })
        };
        Ok(Self {
            attention_norm,
            q: linear("self_attn.q_proj", queries, hidden, config.attention_bias)?,
            k: linear("self_attn.k_proj", keys, hidden, config.attention_bias)?,
            v: linear("self_attn.v_proj", keys, hidden, config.attention_bias)?,
            o: linear("self_attn.o_proj", hidden, queries, config.output_bias)?,
            feed_norm,
            gate: linear("mlp.gate_proj", inner, hidden, false)?,
            up: linear("mlp.up_proj", inner, hidden, false)?,
            down: linear("mlp.down_proj", hidden, inner, false)?,
            qkv: None,
            gate_up: None,
        })
    }

    fn linears(&self) -> [(&'static str, &Linear); 7] {
        [
            ("self_attn.q_proj", &self.q),
            ("self_attn.k_proj", &self.k),
            ("self_attn.v_proj", &self.v),
            ("self_attn.o_proj", &self.o),
            ("mlp.gate_proj", &self.gate),
            ("mlp.up_proj", &self.up),
            ("mlp.down_proj", &self.down),
        ]
    }

    /// Joins the products that read the same input. Not for training: the parts become views, not leaves.
    fn fuse(&mut self) {
        self.qkv = Some(Linear::fuse(&mut [&mut self.q, &mut self.k, &mut self.v]));
        self.gate_up = Some(Linear::fuse(&mut [&mut self.gate, &mut self.up]));
    }

    fn forward(&self, states: Tensor, step: &Step, cache: Option<(&mut KvCache, usize)>) -> Tensor {
        let eps = step.config.rms_norm_eps;
        let norm = |states: &Tensor, weight: &Tensor| states.rms_norm(&weight.size()[..], Some(weight), eps);
        let states = &states + self.attend(&norm(&states, &self.attention_norm), step, cache);
        let fed = norm(&states, &self.feed_norm);
        let (gate, up) = match &self.gate_up {
            Some(both) => {
                let both = both.apply(&fed);
                let inner = step.config.intermediate_size;
                (both.narrow(2, 0, inner), both.narrow(2, inner, inner))
            }
            None => (self.gate.apply(&fed), self.up.apply(&fed)),
        };
        states + self.down.apply(&(gate.silu() * up))
    }

    fn attend(&self, states: &Tensor, step: &Step, cache: Option<(&mut KvCache, usize)>) -> Tensor {
        let config = step.config;
        let (batch, tokens) = (states.size()[0], states.size()[1]);
        let (heads, kv_heads, dim) = (config.num_attention_heads, config.num_key_value_heads, config.head_dim);
        let (q, k, v) = match &self.qkv {
            Some(all) => {
                let all = all.apply(states).view([batch, tokens, heads + 2 * kv_heads, dim]);
                let turned = rotate(&all.narrow(2, 0, heads + kv_heads), &step.turn);
                let v = all.narrow(2, heads + kv_heads, kv_heads);
                (turned.narrow(2, 0, heads), turned.narrow(2, heads, kv_heads), v)
            }
            None => {
                let split = |linear: &Linear, heads| linear.apply(states).view([batch, tokens, heads, dim]);
                let q = rotate(&split(&self.q, heads), &step.turn);
                let k = rotate(&split(&self.k, kv_heads), &step.turn);
                (q, k, split(&self.v, kv_heads))
            }
        };
        let (q, mut k, mut v) = (q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2));
        if let Some((cache, layer)) = cache {
            let first = cache.is_empty();
            let (all_k, all_v) = cache.write(layer, &k, &v);
            // The first tokens' own keys are all there is: better laid out than the buffer's.
            if !first {
                (k, v) = (all_k, all_v);
            }
        }
        let mixed = if tokens == 1 {
            attend_one(&q, &k, &v, config.group())
        } else {
            let (k, v) = (repeat_heads(&k, config.group()), repeat_heads(&v, config.group()));
            let causal = step.mask.is_none();
            Tensor::scaled_dot_product_attention(&q, &k, &v, step.mask.as_ref(), 0.0, causal, None, false)
        };
        self.o.apply(&mixed.transpose(1, 2).reshape([batch, tokens, heads * dim]))
    }
}

impl Linear {
    fn apply(&self, states: &Tensor) -> Tensor {
        states.linear(&self.weight, self.bias.as_ref())
    }

    /// One matrix with the rows of all parts; each part becomes a view of its rows.
    fn fuse(parts: &mut [&mut Linear]) -> Linear {
        let weights: Vec<&Tensor> = parts.iter().map(|part| &part.weight).collect();
        let weight = Tensor::cat(&weights, 0);
        let biases: Vec<&Tensor> = parts.iter().filter_map(|part| part.bias.as_ref()).collect();
        let bias = (biases.len() == parts.len()).then(|| Tensor::cat(&biases, 0));
        let mut row = 0;
        for part in parts.iter_mut() {
            let rows = part.weight.size()[0];
            part.weight = weight.narrow(0, row, rows);
            part.bias = bias.as_ref().map(|bias| bias.narrow(0, row, rows));
            row += rows;
        }
        Linear { weight, bias }
    }
}

/// Attention of a single query, `[batch, heads, 1, head_dim]`, over keys and values `[batch, kv_heads, len, head_dim]`.
///
/// Two batched products: `scaled_dot_product_attention` takes several times as long for one query on a CPU. Heads that
/// share keys are rows of one product, so grouped heads copy nothing.
fn attend_one(q: &Tensor, k: &Tensor, v: &Tensor, group: i64) -> Tensor {
    let size = q.size();
    let (batch, heads, dim) = (size[0], size[1], size[3]);
    let q = q.reshape([batch, heads / group, group, dim]);
    let scores = q.matmul(&k.transpose(2, 3)) * (dim as f64).powf(-0.5);
    let shares = scores.softmax(-1, Kind::Float).to_kind(v.kind());
    shares.matmul(v).reshape([batch, heads, 1, dim])
}

/// `[batch, kv_heads, len, head_dim]` → `[batch, kv_heads × group, len, head_dim]`. The CPU's flash attention wants
/// as many key heads as query heads.
fn repeat_heads(states: &Tensor, group: i64) -> Tensor {
    if group == 1 {
        return states.shallow_clone();
    }
    let size = states.size();
    let (batch, kv_heads, len, dim) = (size[0], size[1], size[2], size[3]);
    states.unsqueeze(2).expand([batch, kv_heads, group, len, dim], false).reshape([batch, kv_heads * group, len, dim])
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
