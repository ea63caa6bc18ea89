//! Chat templates of instruct checkpoints (`chat_template` of `tokenizer_config.json`), rendered with minijinja.

use std::sync::Arc;

use super::{Prompt, Speaker, Turn};
use crate::persona::Memory;

/// Why a chat template could not be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The template does not parse or does not render.
    #[error("chat template: {0}")]
    Render(#[from] minijinja::Error),
}

/// A compiled chat template with the special tokens it names.
#[derive(Clone, Debug)]
pub struct ChatTemplate {
    environment: Arc<minijinja::Environment<'static>>,
    bos_token: String,
    eos_token: String,
    special_tokens: Arc<[String]>,
}

impl ChatTemplate {
    /// The prompt for the next utterance of `speaker`.
    ///
    /// # Errors
    /// [`TemplateError::Render`] if the template refuses the messages.
    pub fn prompt(
        &self,
        _speaker: Speaker,
        _statement: &str,
        _history: &[Turn],
        _memory: Option<&Memory>,
    ) -> Result<Prompt, TemplateError> {
        unreachable!("written by the engine's helper")
    }
}
