//! What can go wrong while training.

use std::path::{Path, PathBuf};

use crate::persona::{BankError, SplitError};

/// Why a tokenizer or a model could not be trained.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// A file or folder could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A row of a data set does not have the expected shape.
    #[error("{path}, line {line}: {reason}")]
    Row {
        /// The data file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What was expected and what came.
        reason: String,
    },
    /// The bank that dialogues name could not be read.
    #[error(transparent)]
    Bank(#[from] BankError),
    /// Which characters train and which test could not be read.
    #[error(transparent)]
    Splits(#[from] SplitError),
    /// No data set was found, or nothing was left of it after cleaning.
    #[error("no text to learn from in {folders}: expected at least one of {expected}")]
    NoData {
        /// Where was looked.
        folders: String,
        /// The data sets that can be read.
        expected: String,
    },
    /// The tokenizer could not be trained, loaded or applied.
    #[error("tokenizer: {0}")]
    Tokenizer(String),
    /// A setting that cannot work.
    #[error("{setting}: expected {expected}, found {found}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// What would work.
        expected: String,
        /// What was given.
        found: String,
    },
    /// The loss or its gradient is no number any more.
    #[error(
        "the {what} became {found} at step {step} (learning rate {rate:.2e}); nothing was saved after the last \
         checkpoint. Resume with a smaller --lr, or look at the data of that step"
    )]
    NotANumber {
        /// "loss", or "gradient".
        what: &'static str,
        /// The step, from 1.
        step: u64,
        /// What came.
        found: f64,
        /// The learning rate of the step.
        rate: f64,
    },
    /// A run folder does not fit what was asked.
    #[error("run folder {path}: {reason}")]
    Run {
        /// The run folder.
        path: PathBuf,
        /// What does not fit, and what to do.
        reason: String,
    },
    /// A checkpoint is damaged or belongs to another model.
    #[error("checkpoint {path}: {reason}")]
    Checkpoint {
        /// The checkpoint's folder or file.
        path: PathBuf,
        /// What was expected and what came.
        reason: String,
    },
    /// The rated dialogues can not carry a head.
    #[error("rated dialogues: expected {expected}, found {found}")]
    Ratings {
        /// What a fit needs.
        expected: &'static str,
        /// What there is.
        found: String,
    },
    /// Characters could not be compared.
    #[error(transparent)]
    Match(#[from] crate::matching::MatchError),
    /// A matcher's head could not be written.
    #[error(transparent)]
    Head(#[from] crate::matching::HeadError),
    /// The model could not be made or written.
    #[error(transparent)]
    Nn(#[from] crate::nn::NnError),
    /// The tensor library refused an operation.
    #[error(transparent)]
    Torch(#[from] tch::TchError),
}

impl TrainingError {
    pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }

    pub(super) fn row(path: &Path, line: u64, reason: impl Into<String>) -> Self {
        Self::Row { path: path.to_owned(), line, reason: reason.into() }
    }
}

impl From<tokenizers::Error> for TrainingError {
    fn from(error: tokenizers::Error) -> Self {
        Self::Tokenizer(error.to_string())
    }
}
