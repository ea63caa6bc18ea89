//! What a training run is asked to do. Kept in its folder, so that it can go on by itself.

use serde::{Deserialize, Serialize};

use super::TrainingError;
use super::corpus::Source;
use super::example::Weights;
use super::optimizer::Method;
use crate::nn::{LlamaConfig, RopeScaling};

/// The size of a model to train from scratch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// Width of the residual stream.
    pub width: i64,
    /// Layers.
    pub layers: usize,
    /// Attention heads; the head width is `width / heads`.
    pub heads: i64,
    /// Width inside a feed-forward block.
    pub inner: i64,
    /// Most tokens of context.
    pub context: i64,
}

impl Shape {
    /// The model's configuration with this vocabulary, for a shape that [`LmSettings::check`] has passed.
    pub fn config(&self, vocabulary: usize, bos: u32, eos: u32) -> LlamaConfig {
        LlamaConfig {
            model_type: "llama".into(),
            vocab_size: vocabulary as i64,
            hidden_size: self.width,
            intermediate_size: self.inner,
            num_hidden_layers: self.layers,
            num_attention_heads: self.heads,
            num_key_value_heads: self.heads,
            head_dim: self.width / self.heads,
            rms_norm_eps: 1e-5,
            rope_theta: 10_000.0,
            rope_scaling: RopeScaling::None,
            max_position_embeddings: self.context,
            tie_word_embeddings: true,
            attention_bias: false,
            output_bias: false,
            bos_token_id: Some(i64::from(bos)),
            eos_token_ids: vec![i64::from(eos)],
        }
    }
}

/// How many times an epoch reads each data set; a fraction is a share of its documents, drawn anew each time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mix {
    /// Synthetic-Persona-Chat.
    pub persona_chat: f64,
    /// Topical-Chat.
    pub topical_chat: f64,
    /// CounselChat.
    pub counsel_chat: f64,
    /// Character texts.
    pub wiki: f64,
    /// The project's own dialogues.
    pub authored: f64,
    /// The project's plain talks. Runs from before there were any read none.
    #[serde(default)]
    pub plain: f64,
}

impl Default for Mix {
    fn default() -> Self {
        Self { persona_chat: 0.4, topical_chat: 0.1, counsel_chat: 0.8, wiki: 0.1, authored: 1.0, plain: 3.0 }
    }
}

impl Mix {
    /// The readings of one data set.
    pub fn of(&self, source: Source) -> f64 {
        match source {
            Source::SyntheticPersonaChat => self.persona_chat,
            Source::TopicalChat => self.topical_chat,
            Source::CounselChat => self.counsel_chat,
            Source::Wiki => self.wiki,
            Source::Authored => self.authored,
            Source::Plain => self.plain,
        }
    }
}

/// When a run is over.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Length {
    /// After so many steps.
    Steps(u64),
    /// After so many readings of the mix; the steps are counted on the first.
    Epochs(f64),
    /// After so much time, over all starts: the learning rate then follows the clock.
    Minutes(f64),
}

/// Everything a language model's training is asked to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LmSettings {
    /// The model.
    pub shape: Shape,
    /// When it is over.
    pub length: Length,
    /// Peak learning rate.
    pub rate: f64,
    /// Steps of warm-up.
    pub warmup: u64,
    /// Weight decay.
    pub decay: f64,
    /// Longest gradient.
    pub clip: f64,
    /// Who moves the weights.
    pub method: Method,
    /// Padded tokens of a batch.
    pub batch_tokens: usize,
    /// Batches of a step. Rows of a batch are of like length, so often of one data set: several make a step's mix.
    pub accumulate: usize,
    /// Tokens of the longest row.
    pub longest: usize,
    /// What counts in the loss.
    pub weights: Weights,
    /// How often each data set is read.
    pub mix: Mix,
    /// Share of the documents kept for validation.
    pub valid_share: f64,
    /// Steps between two validations.
    pub valid_every: u64,
    /// Seconds between two checkpoints.
    pub save_every: f64,
    /// Every draw comes from it.
    pub seed: u64,
}

impl LmSettings {
    /// Refuses what cannot work, before anything is made of it.
    ///
    /// # Errors
    /// [`TrainingError::Setting`], naming the first.
    pub fn check(&self) -> Result<(), TrainingError> {
        let Shape { width, layers, heads, inner, context } = self.shape;
        let refuse = |setting, expected: &str, found: String| {
            Err(TrainingError::Setting { setting, expected: expected.to_owned(), found })
        };
        let counts = [
            ("--width", width),
            ("--layers", layers as i64),
            ("--heads", heads),
            ("--inner", inner),
            ("--context", context),
            ("--longest", self.longest as i64),
            ("--batch-tokens", self.batch_tokens as i64),
        ];
        for (setting, count) in counts {
            if count < 1 {
                return refuse(setting, "at least 1", count.to_string());
            }
        }
        if width % (2 * heads) != 0 {
            return refuse(
                "--heads",
                &format!("a count that divides --width {width} into even parts"),
                heads.to_string(),
            );
        }
        if self.longest as i64 > context {
            return refuse("--longest", &format!("at most --context {context}"), self.longest.to_string());
        }
        let mix = &self.mix;
        let numbers = [
            ("--lr", self.rate),
            ("--decay", self.decay),
            ("--clip", self.clip),
            ("--save-every", self.save_every),
            ("--persona-chat", mix.persona_chat),
            ("--topical-chat", mix.topical_chat),
            ("--counsel-chat", mix.counsel_chat),
            ("--wiki", mix.wiki),
            ("--authored", mix.authored),
            ("--plain-talks", mix.plain),
        ];
        for (setting, number) in numbers {
            if !(number.is_finite() && number >= 0.0) {
                return refuse(setting, "a number from 0 up", number.to_string());
            }
        }
        match self.length {
            Length::Epochs(length) if !(length.is_finite() && length > 0.0) => {
                refuse("--epochs", "a number above 0", length.to_string())
            }
            Length::Minutes(length) if !(length.is_finite() && length > 0.0) => {
                refuse("--minutes", "a number above 0", length.to_string())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> LmSettings {
        LmSettings {
            shape: Shape { width: 32, layers: 2, heads: 2, inner: 48, context: 128 },
            length: Length::Steps(1),
            rate: 1e-3,
            warmup: 0,
            decay: 0.1,
            clip: 1.0,
            method: Method::Muon,
            batch_tokens: 64,
            accumulate: 1,
            longest: 64,
            weights: Weights::default(),
            mix: Mix::default(),
            valid_share: 0.05,
            valid_every: 1,
            save_every: 1.0,
            seed: 1,
        }
    }

    #[test]
    fn what_cannot_work_is_named() {
        settings().check().unwrap();
        let shape = settings().shape;
        let wrong = [
            LmSettings { shape: Shape { layers: 0, ..shape }, ..settings() },
            LmSettings { shape: Shape { heads: 3, ..shape }, ..settings() },
            LmSettings { longest: 129, ..settings() },
            LmSettings { mix: Mix { plain: f64::NAN, ..Mix::default() }, ..settings() },
            LmSettings { rate: -1.0, ..settings() },
            LmSettings { length: Length::Minutes(0.0), ..settings() },
        ];
        let names = wrong.map(|settings| match settings.check() {
            Err(TrainingError::Setting { setting, .. }) => setting,
            other => panic!("{other:?}"),
        });
        assert_eq!(names, ["--layers", "--heads", "--longest", "--plain-talks", "--lr", "--minutes"]);
    }
}
