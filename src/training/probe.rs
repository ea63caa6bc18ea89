//! Looks at a model in training: its loss on kept-back replies, and what it says to a fixed message.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Kind, Tensor};
use tokenizers::Tokenizer;

use super::TrainingError;
use super::batch::{Batch, BatchTensors};
use super::tokenizer::{EOS, special};
use crate::dialogue::{Layout, Speaker, Turn};
use crate::nn::Llama;

/// What the model is asked while it learns; written for this, in no data set.
const MESSAGE: &str = "I can't sleep since I lost my job. I feel so ashamed in front of my kids.";
const STATEMENT: &str = "You are Mara, a 52-year-old baker from Porto. You listen first and speak plainly.";
/// How freely a stand-in speaks best: tried on its own messages from 0.5 to 0.8, 0.9 to 0.95 and 1 to 1.1.
pub(super) const TEMPERATURE: f64 = 0.6;
pub(super) const TOP_P: f64 = 0.9;
pub(super) const REPETITION_PENALTY: f64 = 1.05;
const LONGEST_REPLY: i64 = 80;

/// Mean weighted cross-entropy of a batch in nats a token, and the sum of its weights.
pub fn loss(model: &Llama, batch: &BatchTensors) -> (Tensor, f64) {
    let hidden = model.hidden(&batch.ids, None);
    let width = hidden.size()[2];
    let logits = model.head(&hidden.view([-1, width]).index_select(0, &batch.positions));
    let total = batch.weights.sum(Kind::Float);
    let each = logits.cross_entropy_loss::<Tensor>(&batch.targets, None, tch::Reduction::None, -100, 0.0);
    ((each * &batch.weights).sum(Kind::Float) / &total, total.double_value(&[]))
}

/// Mean loss over batches, in nats a counted token.
pub fn valid_loss(model: &Llama, batches: &[Batch], pad: u32) -> f64 {
    tch::no_grad(|| {
        let (mut sum, mut count) = (0.0, 0.0);
        for batch in batches {
            let (mean, weight) = loss(model, &batch.tensors(pad, model.device()));
            sum += mean.double_value(&[]) * weight;
            count += weight;
        }
        sum / f64::max(count, 1.0)
    })
}

/// A reply to a fixed message, drawn with a fixed seed.
///
/// # Errors
/// A tokenizer that refuses the text.
pub fn sample(model: &Llama, tokenizer: &Tokenizer) -> Result<String, TrainingError> {
    let eos = i64::from(special(tokenizer, EOS)?);
    let prompt = Layout::default()
        .prompt(Speaker::Supporter, STATEMENT, &[Turn::new(Speaker::Seeker, MESSAGE)], None)
        .map_err(|error| TrainingError::Tokenizer(error.to_string()))?;
    let mut ids = Vec::new();
    for segment in &prompt.segments {
        ids.extend(tokenizer.encode_fast(segment.as_str(), false)?.get_ids().iter().map(|&id| i64::from(id)));
    }
    let room = LONGEST_REPLY.min(model.config().max_position_embeddings - ids.len() as i64).max(0);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut cache = model.cache(1, ids.len() as i64 + room);
    let mut said = Vec::new();
    let mut next = Tensor::from_slice(&ids).view([1, -1]).to_device(model.device());
    for _ in 0..room {
        let hidden = tch::no_grad(|| model.hidden(&next, Some(&mut cache)));
        let last = tch::no_grad(|| model.head(&hidden.select(1, -1)).view([-1]) / TEMPERATURE);
        let shares = Vec::<f64>::try_from(last.softmax(-1, Kind::Double))?;
        let mut left: f64 = rng.random();
        let drawn = shares.iter().position(|share| {
            left -= share;
            left <= 0.0
        });
        let id = drawn.unwrap_or(0) as i64;
        if id == eos {
            break;
        }
        said.push(id as u32);
        next = Tensor::from_slice(&[id]).view([1, 1]).to_device(model.device());
    }
    Ok(tokenizer.decode(&said, true)?)
}
