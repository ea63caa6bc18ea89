//! `config.json` of the LLaMA family, read leniently over the years of `transformers` and checked strictly.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::NnError;

/// The families whose layers are LLaMA's. SmolLM2 calls itself `llama`.
const FAMILIES: [&str; 3] = ["llama", "mistral", "qwen2"];
const FAMILIES_TEXT: &str = "llama, mistral, qwen2";
/// A configuration is a few kilobytes; more is not one.
const MAX_CONFIG_BYTES: u64 = 1 << 20;
/// Far above every published model, far below what overflows a product of two sizes.
const MAX_SIZE: i64 = 1 << 24;
const MAX_LAYERS: i64 = 1024;
/// Four times the widest published head. The rotary tables are as wide, whatever the size of the weights.
const MAX_HEAD_DIM: i64 = 1024;
/// `transformers`' defaults of these keys.
const DEFAULT_NORM_EPS: f64 = 1e-6;
const DEFAULT_ROPE_THETA: f64 = 10_000.0;
const DEFAULT_POSITIONS: i64 = 2048;

/// How rotary frequencies are stretched for contexts longer than the trained one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum RopeScaling {
    /// As trained.
    #[default]
    None,
    /// Positions divided by `factor`.
    Linear {
        /// The divisor.
        factor: f64,
    },
    /// LLaMA-3.1's: long wavelengths divided, short ones kept, a ramp between
    /// (`transformers`, `modeling_rope_utils._compute_llama3_parameters`).
    Llama3 {
        /// The divisor of long wavelengths.
        factor: f64,
        /// Original context over this: wavelengths above are divided.
        low_freq_factor: f64,
        /// Original context over this: wavelengths below are kept.
        high_freq_factor: f64,
        /// The context in training, in tokens.
        original_max_position_embeddings: f64,
    },
}

impl std::fmt::Display for RopeScaling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => write!(f, "not scaled"),
            Self::Linear { factor } => write!(f, "scaled linearly by {factor}"),
            Self::Llama3 { factor, original_max_position_embeddings: original, .. } => {
                write!(f, "scaled the llama3 way by {factor} from {original} tokens")
            }
        }
    }
}

/// The shape of a model of the LLaMA family. Names are those of `transformers`.
#[derive(Clone, Debug, PartialEq)]
pub struct LlamaConfig {
    /// `llama`, `mistral` or `qwen2`.
    pub model_type: String,
    /// Rows of the embedding.
    pub vocab_size: i64,
    /// Width of the residual stream.
    pub hidden_size: i64,
    /// Width inside a feed-forward block.
    pub intermediate_size: i64,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: i64,
    /// Key and value heads; divides the query heads.
    pub num_key_value_heads: i64,
    /// Width of a head; not always `hidden_size / num_attention_heads`.
    pub head_dim: i64,
    /// Added to the mean square in the norms.
    pub rms_norm_eps: f64,
    /// Base of the rotary frequencies.
    pub rope_theta: f64,
    /// Stretching of the rotary frequencies.
    pub rope_scaling: RopeScaling,
    /// Most tokens the model was made for. A sliding window caps it, so that the window never has to be cut.
    pub max_position_embeddings: i64,
    /// The head is the embedding.
    pub tie_word_embeddings: bool,
    /// q, k and v have biases.
    pub attention_bias: bool,
    /// The output projection of attention has a bias.
    pub output_bias: bool,
    /// First token of a text.
    pub bos_token_id: Option<i64>,
    /// Tokens that end a text, those of `generation_config.json` included.
    pub eos_token_ids: Vec<i64>,
}

impl LlamaConfig {
    /// Reads `config.json` of a Hugging Face folder.
    ///
    /// # Errors
    /// [`NnError::Io`], [`NnError::Config`] or [`NnError::UnknownFamily`].
    pub fn load(folder: &Path) -> Result<Self, NnError> {
        let path = folder.join("config.json");
        let value = read_json(&path)?;
        let mut config = Self::from_value(&value, &path)?;
        let generation = folder.join("generation_config.json");
        if generation.is_file() {
            for id in eos_ids(&read_json(&generation)?, &generation)? {
                if !config.eos_token_ids.contains(&id) {
                    config.eos_token_ids.push(id);
                }
            }
        }
        config.check(&path)?;
        Ok(config)
    }

    /// Writes a `config.json` that `transformers` reads.
    ///
    /// # Errors
    /// [`NnError::Io`].
    pub fn save(&self, folder: &Path) -> Result<(), NnError> {
        let path = folder.join("config.json");
        let mut text = format!("{:#}", self.to_value());
        text.push('\n');
        std::fs::write(&path, text).map_err(NnError::io(&path))
    }

    /// Query heads that share one key head.
    pub fn group(&self) -> i64 {
        self.num_attention_heads / self.num_key_value_heads
    }

    fn from_value(value: &Value, path: &Path) -> Result<Self, NnError> {
        let family = value.get("model_type").and_then(Value::as_str).unwrap_or("none");
        if !FAMILIES.contains(&family) {
            return Err(NnError::UnknownFamily {
                path: path.to_owned(),
                expected: FAMILIES_TEXT,
                found: family.chars().take(80).collect(),
            });
        }
        let raw = Raw::deserialize(value).map_err(|error| unreadable(path, &error))?;
        refuse(path, "hidden_act", "silu", raw.hidden_act.as_deref().unwrap_or("silu"))?;
        refuse(path, "mlp_bias", "false", if raw.mlp_bias { "true" } else { "false" })?;
        let rope = raw.rope_parameters.or(raw.rope_scaling).unwrap_or_default();
        let rotated = rope.partial_rotary_factor.or(raw.partial_rotary_factor).unwrap_or(1.0);
        refuse(path, "partial_rotary_factor", "1", &rotated.to_string())?;
        let rope_theta = rope.rope_theta.or(raw.rope_theta).unwrap_or(DEFAULT_ROPE_THETA);
        let positions = raw.max_position_embeddings.unwrap_or(DEFAULT_POSITIONS);
        let window = raw.sliding_window.filter(|_| raw.use_sliding_window.unwrap_or(family == "mistral"));
        let heads = raw.num_attention_heads;
        Ok(Self {
            model_type: family.to_owned(),
            vocab_size: raw.vocab_size,
            hidden_size: raw.hidden_size,
            intermediate_size: raw.intermediate_size,
            num_hidden_layers: usize::try_from(raw.num_hidden_layers.clamp(0, MAX_LAYERS + 1)).unwrap_or(0),
            num_attention_heads: heads,
            num_key_value_heads: raw.num_key_value_heads.unwrap_or(heads),
            head_dim: raw.head_dim.unwrap_or(if heads > 0 { raw.hidden_size / heads } else { 0 }),
            rms_norm_eps: raw.rms_norm_eps.unwrap_or(DEFAULT_NORM_EPS),
            rope_theta,
            rope_scaling: rope.scaling(path, positions)?,
            max_position_embeddings: window.map_or(positions, |window| window.min(positions)),
            tie_word_embeddings: raw.tie_word_embeddings,
            attention_bias: raw.attention_bias || family == "qwen2",
            output_bias: raw.attention_bias && family != "qwen2",
            bos_token_id: raw.bos_token_id,
            eos_token_ids: eos_ids(value, path)?,
        })
    }

    fn check(&self, path: &Path) -> Result<(), NnError> {
        let layers = i64::try_from(self.num_hidden_layers).unwrap_or(i64::MAX);
        let sizes = [
            ("vocab_size", self.vocab_size, MAX_SIZE),
            ("hidden_size", self.hidden_size, MAX_SIZE),
            ("intermediate_size", self.intermediate_size, MAX_SIZE),
            ("num_hidden_layers", layers, MAX_LAYERS),
            ("num_attention_heads", self.num_attention_heads, MAX_SIZE),
            ("num_key_value_heads", self.num_key_value_heads, MAX_SIZE),
            ("head_dim", self.head_dim, MAX_HEAD_DIM),
            ("max_position_embeddings", self.max_position_embeddings, MAX_SIZE),
        ];
        for (field, found, most) in sizes {
            if !(1..=most).contains(&found) {
                return Err(wrong(path, field, format!("1 to {most}"), found));
            }
        }
        if self.num_attention_heads % self.num_key_value_heads != 0 {
            let expected = format!("a divisor of num_attention_heads {}", self.num_attention_heads);
            return Err(wrong(path, "num_key_value_heads", expected, self.num_key_value_heads));
        }
        if self.head_dim % 2 != 0 {
            return Err(wrong(path, "head_dim", "an even number", self.head_dim));
        }
        for (field, found) in [("rms_norm_eps", self.rms_norm_eps), ("rope_theta", self.rope_theta)] {
            if !(found.is_finite() && found > 0.0) {
                return Err(wrong(path, field, "a positive number", found));
            }
        }
        let ids = self.bos_token_id.iter().map(|id| ("bos_token_id", id));
        for (field, &id) in ids.chain(self.eos_token_ids.iter().map(|id| ("eos_token_id", id))) {
            if !(0..self.vocab_size).contains(&id) {
                return Err(wrong(path, field, format!("0 to vocab_size - 1 = {}", self.vocab_size - 1), id));
            }
        }
        Ok(())
    }

    fn to_value(&self) -> Value {
        let architecture = match self.model_type.as_str() {
            "mistral" => "MistralForCausalLM",
            "qwen2" => "Qwen2ForCausalLM",
            _ => "LlamaForCausalLM",
        };
        let scaling = match self.rope_scaling {
            RopeScaling::None => Value::Null,
            RopeScaling::Linear { factor } => json!({"rope_type": "linear", "type": "linear", "factor": factor}),
            RopeScaling::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_max_position_embeddings: original,
            } => json!({
                "rope_type": "llama3",
                "factor": factor,
                "low_freq_factor": low_freq_factor,
                "high_freq_factor": high_freq_factor,
                "original_max_position_embeddings": original as i64,
            }),
        };
        let eos = match self.eos_token_ids.as_slice() {
            [] => Value::Null,
            [one] => json!(one),
            many => json!(many),
        };
        json!({
            "architectures": [architecture],
            "model_type": self.model_type,
            "vocab_size": self.vocab_size,
            "hidden_size": self.hidden_size,
            "intermediate_size": self.intermediate_size,
            "num_hidden_layers": self.num_hidden_layers,
            "num_attention_heads": self.num_attention_heads,
            "num_key_value_heads": self.num_key_value_heads,
            "head_dim": self.head_dim,
            "hidden_act": "silu",
            "rms_norm_eps": self.rms_norm_eps,
            "rope_theta": self.rope_theta,
            "rope_scaling": scaling,
            "max_position_embeddings": self.max_position_embeddings,
            "tie_word_embeddings": self.tie_word_embeddings,
            "attention_bias": self.attention_bias,
            "mlp_bias": false,
            "bos_token_id": self.bos_token_id,
            "eos_token_id": eos,
        })
    }
}

#[derive(Deserialize)]
struct Raw {
    vocab_size: i64,
    hidden_size: i64,
    intermediate_size: i64,
    num_hidden_layers: i64,
    num_attention_heads: i64,
    num_key_value_heads: Option<i64>,
    head_dim: Option<i64>,
    rms_norm_eps: Option<f64>,
    rope_theta: Option<f64>,
    /// Until transformers 4.
    rope_scaling: Option<RawRope>,
    /// Since transformers 5; holds `rope_theta` as well.
    rope_parameters: Option<RawRope>,
    /// Share of a head's width that turns with the position.
    partial_rotary_factor: Option<f64>,
    max_position_embeddings: Option<i64>,
    sliding_window: Option<i64>,
    use_sliding_window: Option<bool>,
    #[serde(default)]
    tie_word_embeddings: bool,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    mlp_bias: bool,
    hidden_act: Option<String>,
    bos_token_id: Option<i64>,
}

#[derive(Default, Deserialize)]
struct RawRope {
    rope_type: Option<String>,
    /// The name of `rope_type` until transformers 4.43.
    r#type: Option<String>,
    rope_theta: Option<f64>,
    partial_rotary_factor: Option<f64>,
    factor: Option<f64>,
    low_freq_factor: Option<f64>,
    high_freq_factor: Option<f64>,
    original_max_position_embeddings: Option<f64>,
}

impl RawRope {
    fn scaling(&self, path: &Path, positions: i64) -> Result<RopeScaling, NnError> {
        let positive = |field: &str, value: Option<f64>| match value {
            Some(value) if value.is_finite() && value > 0.0 => Ok(value),
            Some(value) => Err(wrong(path, field, "a positive number", value)),
            None => Err(wrong(path, field, "a positive number", "nothing")),
        };
        match self.rope_type.as_deref().or(self.r#type.as_deref()).unwrap_or("default") {
            "default" => Ok(RopeScaling::None),
            "linear" => Ok(RopeScaling::Linear { factor: positive("rope_scaling.factor", self.factor)? }),
            "llama3" => {
                let low = positive("rope_scaling.low_freq_factor", self.low_freq_factor)?;
                let high = positive("rope_scaling.high_freq_factor", self.high_freq_factor)?;
                if high <= low {
                    return Err(wrong(path, "rope_scaling.high_freq_factor", format!("more than {low}"), high));
                }
                Ok(RopeScaling::Llama3 {
                    factor: positive("rope_scaling.factor", self.factor)?,
                    low_freq_factor: low,
                    high_freq_factor: high,
                    original_max_position_embeddings: positive(
                        "rope_scaling.original_max_position_embeddings",
                        self.original_max_position_embeddings.or(Some(positions as f64)),
                    )?,
                })
            }
            other => Err(wrong(path, "rope_scaling.rope_type", "default, linear or llama3", other)),
        }
    }
}

/// Reads a JSON object of at most a megabyte.
pub(super) fn read_json(path: &Path) -> Result<Value, NnError> {
    read_json_up_to(path, MAX_CONFIG_BYTES)
}

/// Reads a JSON object of at most `most` bytes.
pub(super) fn read_json_up_to(path: &Path, most: u64) -> Result<Value, NnError> {
    let length = std::fs::metadata(path).map_err(NnError::io(path))?.len();
    if length > most {
        return Err(wrong(path, "file", format!("at most {most} bytes"), format!("{length} bytes")));
    }
    let text = std::fs::read(path).map_err(NnError::io(path))?;
    let value: Value = serde_json::from_slice(&text).map_err(|error| unreadable(path, &error))?;
    if value.is_object() { Ok(value) } else { Err(wrong(path, "file", "a JSON object", kind_of(&value))) }
}

pub(super) fn wrong(path: &Path, field: &str, expected: impl Into<String>, found: impl std::fmt::Display) -> NnError {
    NnError::Config {
        path: path.to_owned(),
        field: field.to_owned(),
        expected: expected.into(),
        found: found.to_string(),
    }
}

pub(super) fn unreadable(path: &Path, error: &serde_json::Error) -> NnError {
    wrong(path, "file", "a JSON object with the keys of this model", error)
}

pub(super) fn refuse(path: &Path, field: &str, expected: &str, found: &str) -> Result<(), NnError> {
    if expected == found { Ok(()) } else { Err(wrong(path, field, expected, found)) }
}

fn eos_ids(value: &Value, path: &Path) -> Result<Vec<i64>, NnError> {
    let bad = |found: &Value| wrong(path, "eos_token_id", "an integer or a list of integers", kind_of(found));
    match value.get("eos_token_id") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(ids)) => ids.iter().map(|id| id.as_i64().ok_or_else(|| bad(id))).collect(),
        Some(id) => Ok(vec![id.as_i64().ok_or_else(|| bad(id))?]),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
