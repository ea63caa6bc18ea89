//! The tokenizer of a loaded model: prompts to ids, and the ids that begin and end a text.

use std::path::Path;
use std::sync::OnceLock;

use tokenizers::Tokenizer;

use super::folder::{self, Marks};
use super::{EngineError, LoadError};
use crate::dialogue::Prompt;

/// A tokenizer with the marks of its model.
#[derive(Debug)]
pub(super) struct Tokens {
    /// Reads special tokens in a text as plain text.
    plain: Tokenizer,
    /// Reads them as what they are; made when the first chat template needs it.
    marked: OnceLock<Tokenizer>,
    bos: Option<u32>,
    eos: Vec<u32>,
}

impl Tokens {
    /// The tokenizer of a model's folder.
    ///
    /// # Errors
    /// A missing or damaged `tokenizer.json`, damaged configurations, and a model without any end-of-sequence token.
    pub(super) fn load(folder: &Path) -> Result<Self, LoadError> {
        let path = folder.join("tokenizer.json");
        let wrong = |expected, found| LoadError::File { path: path.clone(), expected, found };
        if !path.is_file() {
            return Err(wrong("the tokenizer of the model (tokenizer.json)", "no such file".into()));
        }
        folder::check_length(&path)?;
        let mut plain = Tokenizer::from_file(&path)
            .map_err(|error| wrong("a tokenizer of Hugging Face's library", error.to_string()))?;
        plain.with_padding(None);
        plain.with_truncation(None).map_err(|error| wrong("a tokenizer without truncation", error.to_string()))?;
        plain.set_encode_special_tokens(true);
        let Marks { bos_token, bos_id, eos_token, eos_ids } = folder::marks(folder)?;
        let named = |name: Option<String>| name.and_then(|name| plain.token_to_id(&name));
        let bos = named(bos_token).or(bos_id);
        let mut eos: Vec<u32> = eos_ids.into_iter().chain(named(eos_token)).collect();
        eos.sort_unstable();
        eos.dedup();
        if eos.is_empty() {
            return Err(LoadError::File {
                path: folder.join("config.json"),
                expected: "eos_token_id here, in generation_config.json or by name in tokenizer_config.json",
                found: "no end-of-sequence token, so that no reply would end".into(),
            });
        }
        Ok(Self { plain, marked: OnceLock::new(), bos, eos })
    }

    /// The tokens at which a reply ends.
    pub(super) fn eos(&self) -> &[u32] {
        &self.eos
    }

    /// The tokenizer, for decoding.
    pub(super) fn decoder(&self) -> &Tokenizer {
        &self.plain
    }

    /// The ids of a prompt, each segment tokenized by itself as in training.
    ///
    /// # Errors
    /// [`EngineError::Failed`] if the tokenizer fails.
    pub(super) fn encode(&self, prompt: &Prompt) -> Result<Vec<u32>, EngineError> {
        let tokenizer = if prompt.special_tokens { self.marked() } else { &self.plain };
        let mut ids: Vec<u32> = self.bos.filter(|_| prompt.add_bos).into_iter().collect();
        for segment in &prompt.segments {
            let encoding = tokenizer
                .encode_fast(segment.as_str(), false)
                .map_err(|error| EngineError::Failed { reason: format!("tokenizing: {error}") })?;
            ids.extend_from_slice(encoding.get_ids());
        }
        Ok(ids)
    }

    fn marked(&self) -> &Tokenizer {
        self.marked.get_or_init(|| {
            let mut marked = self.plain.clone();
            marked.set_encode_special_tokens(false);
            marked
        })
    }
}
