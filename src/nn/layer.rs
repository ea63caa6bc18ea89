//! One layer of the LLaMA family: attention with rotary positions and grouped heads, then the gated feed-forward.

use tch::{Kind, Tensor};

use super::cache::KvCache;
use super::config::LlamaConfig;
use super::error::NnError;
use super::rope::rotate;

/// The weights of one layer.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) attention_norm: Tensor,
    q: Linear,
    k: Linear,
    v: Linear,
    o: Linear,
    pub(super) feed_norm: Tensor,
    gate: Linear,
    up: Linear,
    down: Linear,
    /// One product instead of three, for a model that is not trained; q, k and v are views of it.
    qkv: Option<Linear>,
    /// One product instead of two; gate and up are views of it.
    gate_up: Option<Linear>,
}

/// A product and perhaps a sum.
#[derive(Debug)]
pub(super) struct Linear {
    /// `[out, in]`.
    pub(super) weight: Tensor,
    /// `[out]`.
    pub(super) bias: Option<Tensor>,
}

/// What all layers share in one pass.
pub(super) struct Step<'a> {
    pub(super) config: &'a LlamaConfig,
    /// Cosine and sine of the new tokens' positions.
    pub(super) turn: (Tensor, Tensor),
    /// Which keys each new token sees; absent where plain causality or a single query says it all.
    pub(super) mask: Option<Tensor>,
}

impl Layer {
    /// Reads a layer's tensors by Hugging Face name and shape.
    pub(super) fn build(
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

    /// The products under their names in a layer.
    pub(super) fn linears(&self) -> [(&'static str, &Linear); 7] {
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
    pub(super) fn fuse(&mut self) {
        self.qkv = Some(Linear::fuse(&mut [&mut self.q, &mut self.k, &mut self.v]));
        self.gate_up = Some(Linear::fuse(&mut [&mut self.gate, &mut self.up]));
    }

    /// States in and out, `[batch, tokens, hidden]`; with a cache, its number says which layer this is.
    pub(super) fn forward(&self, states: Tensor, step: &Step, cache: Option<(&mut KvCache, usize)>) -> Tensor {
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
