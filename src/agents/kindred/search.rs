//! Who in the bank is spoken of, and who is like whom.

use std::sync::Arc;

use super::Kindred;
use crate::agents::AgentError;
use crate::agents::message::{SEARCH_LIMIT, check_within};
use crate::matching::{Alike, Fit, Meanings};

impl Kindred {
    /// The characters, the one first of whom a sentence is told that says the nearest thing.
    ///
    /// # Errors
    /// [`AgentError::NoMeanings`], [`AgentError::EmptyMessage`], [`AgentError::MessageTooLong`] past [`SEARCH_LIMIT`],
    /// [`AgentError::TooManySearches`], the encoder's.
    pub async fn search(&self, asked: &str) -> Result<Vec<Fit>, AgentError> {
        let asked = check_within(asked, SEARCH_LIMIT)?;
        self.check_open()?;
        let meanings = self.meanings()?.clone();
        let query = meanings.query(asked).await?;
        self.inner.reckoner.reckon(move || meanings.nearest_to(&query)).await
    }

    /// What [`Self::similar`] would answer, if somebody has asked before: then it costs nothing.
    ///
    /// # Errors
    /// [`AgentError::NoMeanings`].
    pub fn known_similar(&self, index: u32) -> Result<Option<&[Alike]>, AgentError> {
        Ok(self.meanings()?.known_neighbours(index))
    }

    /// The characters most like this one, best first; at most [`crate::matching::NEIGHBOURS`].
    ///
    /// # Errors
    /// [`AgentError::NoMeanings`], [`AgentError::NoCharacter`], [`AgentError::TooManySearches`].
    pub async fn similar(&self, index: u32) -> Result<&[Alike], AgentError> {
        self.check_open()?;
        let meanings = self.meanings()?;
        if meanings.known_neighbours(index).is_none() {
            let meanings = meanings.clone();
            self.inner.reckoner.reckon(move || meanings.neighbours(index).map(<[Alike]>::len)).await?;
        }
        meanings.known_neighbours(index).ok_or(AgentError::NoCharacter { index })
    }

    fn meanings(&self) -> Result<&Arc<Meanings>, AgentError> {
        self.inner.meanings.as_ref().ok_or(AgentError::NoMeanings)
    }
}
