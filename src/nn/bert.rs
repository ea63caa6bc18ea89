//! BERT: an encoder of whole texts, with its pooler, a classification head, and the mean of its states.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use tch::{Device, Kind, Tensor};

use super::config::{read_json, unreadable, wrong};
use super::error::NnError;
use super::source::{LoadOptions, Source};

const FAMILY: &str = "bert";
/// Far above every published model, far below what overflows a product of two sizes.
const MAX_SIZE: i64 = 1 << 24;
const MAX_LAYERS: i64 = 1024;
/// `transformers`' default.
const DEFAULT_NORM_EPS: f64 = 1e-12;
/// Keeps a mean over nothing, and a text of length zero, from dividing by zero (sentence-transformers' value).
const SMALLEST: f64 = 1e-9;

/// The shape of a BERT. Names are those of `transformers`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct BertConfig {
    /// Rows of the word embedding.
    pub vocab_size: i64,
    /// Width of the states.
    pub hidden_size: i64,
    /// Layers.
    pub num_hidden_layers: i64,
    /// Heads; divides the width.
    pub num_attention_heads: i64,
    /// Width inside a feed-forward block.
    pub intermediate_size: i64,
    /// Most tokens of a text.
    pub max_position_embeddings: i64,
    /// Kinds of segments (two: first text, second text).
    #[serde(default = "two")]
    pub type_vocab_size: i64,
    /// Added to the variance in the norms.
    #[serde(default = "default_norm_eps")]
    pub layer_norm_eps: f64,
    /// `gelu`, or one of its approximations by tanh.
    #[serde(default = "gelu")]
    pub hidden_act: String,
    /// Token that fills short rows of a batch.
    #[serde(default)]
    pub pad_token_id: Option<i64>,
    /// Names of the classes, by number. The checkpoint's classifier settles how many there are.
    #[serde(skip)]
    pub labels: Vec<String>,
}

fn two() -> i64 {
    2
}

fn default_norm_eps() -> f64 {
    DEFAULT_NORM_EPS
}

fn gelu() -> String {
    "gelu".into()
}

impl BertConfig {
    /// Reads `config.json` of a Hugging Face folder.
    ///
    /// # Errors
    /// [`NnError::Io`], [`NnError::Config`] or [`NnError::UnknownFamily`].
    pub fn load(folder: &Path) -> Result<Self, NnError> {
        let path = folder.join("config.json");
        let value = read_json(&path)?;
        let family = value.get("model_type").and_then(Value::as_str).unwrap_or("none");
        if family != FAMILY {
            return Err(NnError::UnknownFamily { path, expected: FAMILY, found: family.chars().take(80).collect() });
        }
        let mut config = Self::deserialize(&value).map_err(|error| unreadable(&path, &error))?;
        if let Some(names) = value.get("id2label") {
            let label = |number: usize| names.get(number.to_string())?.as_str().map(str::to_owned);
            config.labels = (0..).map_while(label).collect();
        }
        config.check(&path)?;
        match value.get("position_embedding_type").and_then(Value::as_str) {
            None | Some("absolute") => Ok(config),
            Some(other) => Err(wrong(&path, "position_embedding_type", "absolute", other)),
        }
    }

    fn check(&self, path: &Path) -> Result<(), NnError> {
        let sizes = [
            ("vocab_size", self.vocab_size, MAX_SIZE),
            ("hidden_size", self.hidden_size, MAX_SIZE),
            ("num_hidden_layers", self.num_hidden_layers, MAX_LAYERS),
            ("num_attention_heads", self.num_attention_heads, MAX_SIZE),
            ("intermediate_size", self.intermediate_size, MAX_SIZE),
            ("max_position_embeddings", self.max_position_embeddings, MAX_SIZE),
            ("type_vocab_size", self.type_vocab_size, MAX_SIZE),
        ];
        for (field, found, most) in sizes {
            if !(1..=most).contains(&found) {
                return Err(wrong(path, field, format!("1 to {most}"), found));
            }
        }
        if self.hidden_size % self.num_attention_heads != 0 {
            let expected = format!("a divisor of hidden_size {}", self.hidden_size);
            return Err(wrong(path, "num_attention_heads", expected, self.num_attention_heads));
        }
        if let Some(pad) = self.pad_token_id
            && !(0..self.vocab_size).contains(&pad)
        {
            return Err(wrong(path, "pad_token_id", format!("0 to vocab_size - 1 = {}", self.vocab_size - 1), pad));
        }
        if !["gelu", "gelu_new", "gelu_pytorch_tanh"].contains(&self.hidden_act.as_str()) {
            return Err(wrong(path, "hidden_act", "gelu, gelu_new or gelu_pytorch_tanh", &self.hidden_act));
        }
        Ok(())
    }
}

/// A BERT encoder. It is `Send`, not `Sync`: one thread owns it. Call it under `tch::no_grad`.
#[derive(Debug)]
pub struct Bert {
    config: BertConfig,
    kind: Kind,
    device: Device,
    words: Tensor,
    positions: Tensor,
    types: Tensor,
    norm: Affine,
    layers: Vec<Layer>,
    pooler: Option<Affine>,
    classifier: Option<Affine>,
}

/// A weight and a bias: of a linear layer, `[out, in]` and `[out]`, or of a norm, `[hidden]` both.
#[derive(Debug)]
struct Affine {
    weight: Tensor,
    bias: Tensor,
}

#[derive(Debug)]
struct Layer {
    /// Rows of query, key and value, in this order: one product instead of three.
    qkv: Affine,
    attended: Affine,
    attended_norm: Affine,
    inner: Affine,
    output: Affine,
    output_norm: Affine,
}

impl Bert {
    /// Loads `BertModel` (names without prefix) or a model around one (names with `bert.`), with pooler and classifier
    /// where the file has them.
    ///
    /// # Errors
    /// Every variant of [`NnError`] but `Device` and `Input`.
    pub fn load(folder: &Path, options: LoadOptions) -> Result<Self, NnError> {
        let config = BertConfig::load(folder)?;
        let source = Source::open(folder, &options)?;
        let prefix = if source.contains("bert.embeddings.word_embeddings.weight") { "bert." } else { "" };
        let model = Self::build(config, &source, prefix)?;
        source.finish()?;
        Ok(model)
    }

    /// Builds an encoder from the tensors whose names begin with `prefix`, so that a file may hold several (the two
    /// towers of `persona_score`: `bert1.`, `bert2.`).
    ///
    /// # Errors
    /// [`NnError::MissingTensor`], [`NnError::WrongShape`] and the like.
    pub fn build(mut config: BertConfig, source: &Source, prefix: &str) -> Result<Self, NnError> {
        let _no_grad = tch::no_grad_guard();
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        let table =
            |name: &str, rows: i64| source.tensor(&format!("{prefix}embeddings.{name}.weight"), &[rows, hidden]);
        let affine = |name: &str, shape: &[i64]| Affine::read(source, &format!("{prefix}{name}"), shape);
        let layer = |number: i64| {
            let part = |name: &str, shape: &[i64]| affine(&format!("encoder.layer.{number}.{name}"), shape);
            let own = |name: &str| part(&format!("attention.self.{name}"), &[hidden, hidden]);
            Ok(Layer {
                qkv: Affine::join(&[own("query")?, own("key")?, own("value")?]),
                attended: part("attention.output.dense", &[hidden, hidden])?,
                attended_norm: part("attention.output.LayerNorm", &[hidden])?,
                inner: part("intermediate.dense", &[inner, hidden])?,
                output: part("output.dense", &[hidden, inner])?,
                output_norm: part("output.LayerNorm", &[hidden])?,
            })
        };
        let has = |name: &str| source.contains(name);
        let pooler = if has(&format!("{prefix}pooler.dense.weight")) {
            Some(affine("pooler.dense", &[hidden, hidden])?)
        } else {
            None
        };
        // The classifier stands outside the encoder, so without its prefix; its rows are the labels.
        let classifier = match source.shape("classifier.weight").and_then(|shape| shape.first().copied()) {
            Some(labels) => {
                if config.labels.len() as i64 != labels {
                    config.labels = (0..labels).map(|label| format!("LABEL_{label}")).collect();
                }
                Some(Affine::read(source, "classifier", &[labels, hidden])?)
            }
            None => None,
        };
        Ok(Self {
            kind: source.kind(),
            device: source.device(),
            words: table("word_embeddings", config.vocab_size)?,
            positions: table("position_embeddings", config.max_position_embeddings)?,
            types: table("token_type_embeddings", config.type_vocab_size)?,
            norm: affine("embeddings.LayerNorm", &[hidden])?,
            layers: (0..config.num_hidden_layers).map(layer).collect::<Result<_, NnError>>()?,
            pooler,
            classifier,
            config,
        })
    }

    /// The shape of the model.
    pub fn config(&self) -> &BertConfig {
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

    /// Number of weights.
    pub fn parameter_count(&self) -> u64 {
        let affine = |part: &Affine| part.weight.numel() + part.bias.numel();
        let layer = |layer: &Layer| {
            let parts =
                [&layer.qkv, &layer.attended, &layer.attended_norm, &layer.inner, &layer.output, &layer.output_norm];
            parts.into_iter().map(affine).sum::<usize>()
        };
        let tables = self.words.numel() + self.positions.numel() + self.types.numel();
        let heads = self.pooler.iter().chain(&self.classifier).map(affine).sum::<usize>();
        (tables + affine(&self.norm) + self.layers.iter().map(layer).sum::<usize>() + heads) as u64
    }

    /// States `[batch, tokens, hidden]` of ids `[batch, tokens]` (int64, on the model's device).
    ///
    /// # Panics
    /// When an id is outside the vocabulary or a text longer than `max_position_embeddings`: callers check both.
    pub fn states(&self, input: &BertInput) -> Tensor {
        let size = input.ids.size();
        let embed = |table: &Tensor, ids: &Tensor| Tensor::embedding(table, ids, -1, false, false);
        let types = match &input.types {
            Some(types) => embed(&self.types, types),
            None => self.types.narrow(0, 0, 1),
        };
        let embedded = embed(&self.words, &input.ids) + types + self.positions.narrow(0, 0, size[1]);
        // `[batch, 1, 1, tokens]`: every token of a text sees the same keys.
        let mask = input.mask.as_ref().map(|mask| mask.to_kind(Kind::Bool).view([size[0], 1, 1, size[1]]));
        let mut states = self.norm.norm(&embedded, self.config.layer_norm_eps);
        for layer in &self.layers {
            states = layer.forward(&states, &self.config, mask.as_ref());
        }
        states
    }

    /// The first token's state through the pooler, `[batch, hidden]`; `None` when the checkpoint has no pooler.
    pub fn pool(&self, states: &Tensor) -> Option<Tensor> {
        self.pooler.as_ref().map(|pooler| pooler.apply(&states.select(1, 0)).tanh())
    }

    /// One logit per label, `[batch, labels]`; `None` when the checkpoint has no pooler or no classifier.
    pub fn classify(&self, states: &Tensor) -> Option<Tensor> {
        Some(self.classifier.as_ref()?.apply(&self.pool(states)?))
    }
}

/// A batch of texts as tokens, all tensors `[batch, tokens]` and int64.
#[derive(Debug)]
pub struct BertInput {
    /// Token ids.
    pub ids: Tensor,
    /// Segment of each token; `None`: all in the first.
    pub types: Option<Tensor>,
    /// 1 for tokens, 0 for padding; `None`: no padding. Every row needs a token.
    pub mask: Option<Tensor>,
}

/// The mean of the states of tokens that are no padding, `[batch, hidden]` of unit length: a sentence embedding as
/// sentence-transformers makes it. In float32, whatever the model computes in.
pub fn mean_pool(states: &Tensor, mask: Option<&Tensor>) -> Tensor {
    let states = states.to_kind(Kind::Float);
    let mean = match mask {
        None => states.mean_dim(1i64, false, Kind::Float),
        Some(mask) => {
            let mask = mask.to_kind(Kind::Float).unsqueeze(-1);
            let count = mask.sum_dim_intlist(1i64, false, Kind::Float).clamp_min(SMALLEST);
            (states * mask).sum_dim_intlist(1i64, false, Kind::Float) / count
        }
    };
    let length = mean.norm_scalaropt_dim(2.0, 1i64, true).clamp_min(SMALLEST);
    mean / length
}

impl Layer {
    fn forward(&self, states: &Tensor, config: &BertConfig, mask: Option<&Tensor>) -> Tensor {
        let size = states.size();
        let (heads, eps) = (config.num_attention_heads, config.layer_norm_eps);
        // `[3, batch, heads, tokens, head_dim]`
        let split = [size[0], size[1], 3, heads, size[2] / heads];
        let qkv = self.qkv.apply(states).view(split).permute([2, 0, 3, 1, 4]);
        let (q, k, v) = (qkv.select(0, 0), qkv.select(0, 1), qkv.select(0, 2));
        let mixed = Tensor::scaled_dot_product_attention(&q, &k, &v, mask, 0.0, false, None, false);
        let mixed = mixed.transpose(1, 2).reshape(&size[..]);
        let attended = self.attended_norm.norm(&(self.attended.apply(&mixed) + states), eps);
        let approximate = if config.hidden_act == "gelu" { "none" } else { "tanh" };
        let fed = self.output.apply(&self.inner.apply(&attended).gelu(approximate));
        self.output_norm.norm(&(fed + attended), eps)
    }
}

impl Affine {
    fn read(source: &Source, name: &str, shape: &[i64]) -> Result<Self, NnError> {
        // The first checkpoints call a norm's parameters gamma and beta.
        let old = format!("{name}.gamma");
        let (weight, bias) = if source.contains(&old) { ("gamma", "beta") } else { ("weight", "bias") };
        let weight = source.tensor(&format!("{name}.{weight}"), shape)?;
        Ok(Self { weight, bias: source.tensor(&format!("{name}.{bias}"), &shape[..1])? })
    }

    fn join(parts: &[Self; 3]) -> Self {
        let join = |part: fn(&Self) -> &Tensor| Tensor::cat(&parts.each_ref().map(part), 0);
        Self { weight: join(|part| &part.weight), bias: join(|part| &part.bias) }
    }

    fn apply(&self, states: &Tensor) -> Tensor {
        states.linear(&self.weight, Some(&self.bias))
    }

    fn norm(&self, states: &Tensor, eps: f64) -> Tensor {
        states.layer_norm(&self.weight.size()[..], Some(&self.weight), Some(&self.bias), eps, false)
    }
}
