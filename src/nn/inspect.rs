//! A look into any checkpoint: what it is, where it runs, what it says next, as plain numbers for people to read.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;
use tch::{Kind, Tensor};

use super::bert::{Bert, BertInput, mean_pool};
use super::config::read_json;
use super::device::{DeviceChoice, Number, Placement, device_name, kind_name};
use super::error::NnError;
use super::llama::Llama;
use super::source::LoadOptions;

/// How many of the likeliest tokens are shown.
const BEST: usize = 5;

/// What to look at.
#[derive(Clone, Debug, Default)]
pub struct InspectRequest {
    /// Where to run.
    pub device: DeviceChoice,
    /// In which numbers; `None` takes the device's fastest.
    pub dtype: Option<Number>,
    /// A LoRA adapter to merge.
    pub adapter: Option<PathBuf>,
    /// Tokens to read; none: only load and describe.
    pub ids: Vec<i64>,
    /// Tokens to continue with, the likeliest each time.
    pub greedy: usize,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspection {
    /// `model_type` of the configuration.
    pub family: String,
    /// Sizes by their names in the configuration.
    pub sizes: Vec<(&'static str, i64)>,
    /// Rotary scaling, ties and biases, as short phrases.
    pub traits: Vec<String>,
    /// Number of weights; a tied head counts once.
    pub parameters: u64,
    /// Number type computed in.
    pub dtype: &'static str,
    /// Device computed on.
    pub device: String,
    /// Device and number type with the reason for each, in one line.
    pub placement: String,
    /// The tokens read.
    pub ids: Vec<i64>,
    /// The likeliest next tokens, best first; of a classifier, the labels by number.
    pub best: Vec<Candidate>,
    /// The greedy continuation; ends early after an end-of-text token.
    pub continuation: Vec<i64>,
    /// Names of a classifier's labels; empty for a language model.
    pub labels: Vec<String>,
    /// An encoder's mean embedding, of unit length; empty for a language model.
    pub embedding: Vec<f32>,
}

/// A token and its logit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// Token or label.
    pub id: i64,
    /// Its logit.
    pub logit: f32,
}

/// Loads a checkpoint and looks at it.
///
/// # Errors
/// Every error of loading, and [`NnError::Input`] for ids outside the vocabulary or texts longer than the context.
pub fn inspect(folder: &Path, request: &InspectRequest) -> Result<Inspection, NnError> {
    let placement = Placement::choose(request.device)?.with_dtype(request.dtype);
    // The dtype is settled here, so that what is reported is what runs.
    let options =
        LoadOptions { device: placement.device, dtype: Some(placement.kind), adapter: request.adapter.clone() };
    let config = read_json(&folder.join("config.json"))?;
    let _no_grad = tch::no_grad_guard();
    let mut found = match config.get("model_type").and_then(Value::as_str) {
        Some("bert") => encoder(&Bert::load(folder, options)?, request)?,
        _ => language(&Llama::load(folder, options)?, request)?,
    };
    found.placement = placement.reason;
    Ok(found)
}

/// The likeliest continuation of `ids`, at most `most` tokens, the end-of-text token included. The model must have
/// room for all of them ([`check_ids`]).
pub fn greedy(model: &Llama, ids: &[i64], most: usize) -> Vec<i64> {
    let _no_grad = tch::no_grad_guard();
    let mut cache = model.cache(1, (ids.len() + most) as i64);
    let mut next = row(model, ids);
    let mut continuation = Vec::with_capacity(most);
    while continuation.len() < most {
        let id = last_logits(model, &model.hidden(&next, Some(&mut cache))).argmax(-1, false).int64_value(&[]);
        continuation.push(id);
        if model.config().eos_token_ids.contains(&id) {
            break;
        }
        next = row(model, &[id]);
    }
    continuation
}

/// Checks that every id is in the vocabulary and that `ids` and `more` tokens fit the context.
///
/// # Errors
/// [`NnError::Input`].
pub fn check_ids(ids: &[i64], more: usize, vocabulary: i64, context: i64) -> Result<(), NnError> {
    if let Some(found) = ids.iter().find(|id| !(0..vocabulary).contains(id)) {
        let expected = format!("0 to {} (vocab_size - 1)", vocabulary - 1);
        return Err(NnError::Input { what: "token id", expected, found: found.to_string() });
    }
    let found = ids.len().saturating_add(more);
    if found as u64 > context.unsigned_abs() {
        let expected = format!("at most {context} in all (max_position_embeddings)");
        return Err(NnError::Input { what: "tokens", expected, found: found.to_string() });
    }
    Ok(())
}

fn language(model: &Llama, request: &InspectRequest) -> Result<Inspection, NnError> {
    let config = model.config();
    check_ids(&request.ids, request.greedy, config.vocab_size, config.max_position_embeddings)?;
    let mut traits = vec![format!("rotary base {}, {}", config.rope_theta, config.rope_scaling)];
    traits.extend(config.tie_word_embeddings.then(|| "head tied to the embedding".into()));
    traits.extend(config.attention_bias.then(|| "biases on q, k, v".into()));
    let mut found = Inspection {
        family: config.model_type.clone(),
        sizes: vec![
            ("vocab_size", config.vocab_size),
            ("hidden_size", config.hidden_size),
            ("intermediate_size", config.intermediate_size),
            ("num_hidden_layers", config.num_hidden_layers as i64),
            ("num_attention_heads", config.num_attention_heads),
            ("num_key_value_heads", config.num_key_value_heads),
            ("head_dim", config.head_dim),
            ("max_position_embeddings", config.max_position_embeddings),
        ],
        traits,
        parameters: model.parameters().iter().map(|(_, tensor)| tensor.numel() as u64).sum(),
        ..Inspection::of(model.kind(), model.device(), &request.ids)
    };
    if !request.ids.is_empty() {
        let states = model.hidden(&row(model, &request.ids), None);
        let (logits, ids) =
            last_logits(model, &states).topk(BEST.min(config.vocab_size as usize) as i64, -1, true, true);
        found.best = candidates(&ids, &logits);
        found.continuation = greedy(model, &request.ids, request.greedy);
    }
    Ok(found)
}

fn encoder(model: &Bert, request: &InspectRequest) -> Result<Inspection, NnError> {
    let config = model.config();
    if request.greedy > 0 {
        let (expected, found) = ("0 for an encoder, which does not continue texts".into(), request.greedy.to_string());
        return Err(NnError::Input { what: "greedy tokens", expected, found });
    }
    check_ids(&request.ids, 0, config.vocab_size, config.max_position_embeddings)?;
    let mut found = Inspection {
        family: "bert".into(),
        sizes: vec![
            ("vocab_size", config.vocab_size),
            ("hidden_size", config.hidden_size),
            ("intermediate_size", config.intermediate_size),
            ("num_hidden_layers", config.num_hidden_layers),
            ("num_attention_heads", config.num_attention_heads),
            ("max_position_embeddings", config.max_position_embeddings),
        ],
        parameters: model.parameter_count(),
        ..Inspection::of(model.kind(), model.device(), &request.ids)
    };
    if !request.ids.is_empty() {
        let ids = Tensor::from_slice(&request.ids).unsqueeze(0).to_device(model.device());
        let states = model.states(&BertInput { ids, types: None, mask: None });
        found.embedding = floats(&mean_pool(&states, None));
        if let Some(logits) = model.classify(&states) {
            found.labels.clone_from(&config.labels);
            let number = |(id, logit)| Candidate { id: id as i64, logit };
            found.best = floats(&logits).into_iter().enumerate().map(number).collect();
        }
    }
    Ok(found)
}

impl Inspection {
    fn of(kind: Kind, device: tch::Device, ids: &[i64]) -> Self {
        Self {
            family: String::new(),
            sizes: Vec::new(),
            traits: Vec::new(),
            parameters: 0,
            dtype: kind_name(kind),
            device: device_name(device),
            placement: String::new(),
            ids: ids.to_vec(),
            best: Vec::new(),
            continuation: Vec::new(),
            labels: Vec::new(),
            embedding: Vec::new(),
        }
    }
}

/// `[1, tokens]` on the model's device.
fn row(model: &Llama, ids: &[i64]) -> Tensor {
    Tensor::from_slice(ids).unsqueeze(0).to_device(model.device())
}

/// Float32 logits `[vocab]` of the last token.
fn last_logits(model: &Llama, states: &Tensor) -> Tensor {
    model.head(&states.select(1, -1)).squeeze_dim(0).to_kind(Kind::Float)
}

fn candidates(ids: &Tensor, logits: &Tensor) -> Vec<Candidate> {
    (0..ids.numel() as i64)
        .map(|at| ids.int64_value(&[at]))
        .zip(floats(logits))
        .map(|(id, logit)| Candidate { id, logit })
        .collect()
}

fn floats(tensor: &Tensor) -> Vec<f32> {
    let flat = tensor.to_kind(Kind::Float).to_device(tch::Device::Cpu).reshape([-1]).contiguous();
    let mut values = vec![0.0; flat.numel()];
    flat.copy_data(&mut values, flat.numel());
    values
}
