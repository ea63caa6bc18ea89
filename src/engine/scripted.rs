//! A generator for tests: says the same sentence each time, word by word.

use std::time::Duration;

use futures::StreamExt as _;

use super::{Completion, EngineError, Finish, GenerateRequest, Generator, ModelIdentity, Piece, Reply};
use crate::dialogue::{Layout, Prompt};

/// Says `reply` to everything, waiting `pause` before each word.
pub(crate) struct Scripted {
    pub(crate) reply: String,
    pub(crate) pause: Duration,
    identity: ModelIdentity,
    layout: Layout,
}

impl Scripted {
    pub(crate) fn new(reply: &str, pause: Duration) -> Self {
        let identity = ModelIdentity {
            name: "scripted".into(),
            version: "1".into(),
            family: "none".into(),
            parameters: 0,
            dtype: "none".into(),
            device: "none".into(),
            context: 2048,
        };
        Self { reply: reply.into(), pause, identity, layout: Layout::default() }
    }
}

impl Generator for Scripted {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn count_tokens(&self, prompt: &Prompt) -> Result<usize, EngineError> {
        Ok(prompt.text().split_whitespace().count())
    }

    fn generate(&self, request: GenerateRequest) -> Result<Reply, EngineError> {
        let prompt_tokens = self.count_tokens(&request.prompt)?;
        let pause = self.pause;
        let words: Vec<String> = self.reply.split_inclusive(' ').map(str::to_owned).collect();
        let completion_tokens = words.len();
        let done = Completion { text: self.reply.clone(), finish: Finish::Eos, prompt_tokens, completion_tokens };
        let pieces = futures::stream::iter(words.into_iter().map(Piece::Text).chain([Piece::Done(done)])).then(
            move |piece| async move {
                tokio::time::sleep(pause).await;
                Ok(piece)
            },
        );
        Ok(Reply::new(pieces))
    }
}
