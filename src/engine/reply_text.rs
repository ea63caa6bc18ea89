//! The text of a reply on its way to the one who listens: decoded, and watched for stop strings.

use super::Piece;
use super::detokenizer::Detokenizer;
use super::job::{Broken, Job};
use super::stop::{Passed, StopGate};
use super::tokens::Tokens;

/// The text of a reply: decoded, watched for stop strings, sent on.
pub(super) struct ReplyText<'a> {
    tokens: &'a Tokens,
    job: &'a Job,
    detokenizer: Detokenizer,
    gate: StopGate,
    /// All that was sent.
    pub(super) whole: String,
}

impl<'a> ReplyText<'a> {
    /// Nothing yet.
    pub(super) fn new(tokens: &'a Tokens, job: &'a Job) -> Self {
        let gate = StopGate::new(&job.stop);
        Self { tokens, job, detokenizer: Detokenizer::default(), gate, whole: String::new() }
    }

    /// Takes a token; whether a stop string came.
    pub(super) fn push(&mut self, token: u32) -> Result<bool, Broken> {
        let text = self.detokenizer.push(self.tokens.decoder(), token)?;
        self.pass(&text)
    }

    /// Lets go what was held back; whether a stop string came.
    pub(super) fn finish(&mut self) -> Result<bool, Broken> {
        let text = self.detokenizer.finish(self.tokens.decoder())?;
        if self.pass(&text)? {
            return Ok(true);
        }
        let rest = self.gate.finish();
        self.send(rest)?;
        Ok(false)
    }

    fn pass(&mut self, text: &str) -> Result<bool, Broken> {
        let (text, stopped) = match self.gate.push(text) {
            Passed::On(text) => (text, false),
            Passed::Stopped(text) => (text, true),
        };
        self.send(text)?;
        Ok(stopped)
    }

    fn send(&mut self, text: String) -> Result<(), Broken> {
        if text.is_empty() {
            return Ok(());
        }
        self.whole.push_str(&text);
        self.job.send(Piece::Text(text))
    }
}
