//! Who in the bank is spoken of, and who is like whom.

use std::sync::Arc;

use super::Kindred;
use crate::agents::AgentError;
use crate::agents::message::check_within;
use crate::matching::{Alike, Fit, Meanings};

impl Kindred {
    /// The characters, the one first of whom a sentence is told that says the nearest thing.
    ///
    /// # Errors
    /// [`AgentError::NoMeanings`], [`AgentError::EmptyMessage`], [`AgentError::MessageTooLong`], the encoder's.
    pub async fn search(&self, asked: &str) -> Result<Vec<Fit>, AgentError> {
        let asked = check_within(asked, self.inner.limits.message_chars)?;
        self.check_open()?;
        let meanings = self.meanings()?;
        let query = meanings.query(asked).await?;
        off_the_thread(move || meanings.nearest_to(&query)).await
    }

    /// The characters most like this one, best first; at most [`crate::matching::NEIGHBOURS`].
    ///
    /// # Errors
    /// [`AgentError::NoMeanings`], [`AgentError::NoCharacter`].
    pub async fn similar(&self, index: u32) -> Result<Vec<Alike>, AgentError> {
        self.check_open()?;
        let meanings = self.meanings()?;
        let found = off_the_thread(move || meanings.neighbours(index).map(<[Alike]>::to_vec)).await?;
        found.ok_or(AgentError::NoCharacter { index })
    }

    fn meanings(&self) -> Result<Arc<Meanings>, AgentError> {
        self.inner.meanings.clone().ok_or(AgentError::NoMeanings)
    }
}

/// Reckons for milliseconds, which whoever streams replies on this thread should not wait for.
async fn off_the_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, AgentError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| AgentError::Interrupted)
}
