//! What can go wrong while measuring. What is at fault in the texts is no error but a finding.

use std::path::PathBuf;

/// Why something could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    /// A file or folder could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file has another shape.
    #[error("{place}: expected {expected}, found {found}")]
    Shape {
        /// The file, with its line where there is one.
        place: String,
        /// What was expected.
        expected: &'static str,
        /// What came.
        found: String,
    },
    /// The file to be written is there.
    #[error("{path} is there already: expected a new file; --force replaces it")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] crate::files::DraftError),
    /// Texts could not be embedded.
    #[error("the texts could not be compared: {0}")]
    Encoder(#[from] crate::encoder::EncoderError),
    /// The tensor library refused an operation.
    #[error(transparent)]
    Nn(#[from] crate::nn::NnError),
}

impl EvaluationError {
    pub(super) fn read(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Read { path: path.to_owned(), source }
    }
}
