//! What can go wrong between a folder of weights and a model: one enum, naming file, tensor, expected and found.

use std::path::{Path, PathBuf};

use tch::TchError;

/// Why a model could not be read, written or placed. Each message is whole: causes stand in it, not behind it.
#[derive(Debug, thiserror::Error)]
pub enum NnError {
    /// The file system refused.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A configuration is not what a model of this kind has.
    #[error("{}: {field}: expected {expected}, found {found}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The key, or `file` when the whole cannot be read.
        field: String,
        /// What may stand there.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// The family is not one that Kindred runs.
    #[error("{}: model_type: expected one of {expected}, found {found}", path.display())]
    UnknownFamily {
        /// The configuration.
        path: PathBuf,
        /// The families that load here.
        expected: &'static str,
        /// What the file says.
        found: String,
    },
    /// The weights are pickle files, which can run code when read.
    #[error(
        "{}: pickle file: expected model.safetensors, found {found}; pickle files can run code and are never loaded: \
         use a safetensors copy of the checkpoint", folder.display()
    )]
    Pickle {
        /// The folder of the model.
        folder: PathBuf,
        /// The first pickle file in it.
        found: String,
    },
    /// There are no weights at all.
    #[error("{}: expected {expected}, found no such file", folder.display())]
    NoWeights {
        /// The folder of the model.
        folder: PathBuf,
        /// The names looked for.
        expected: &'static str,
    },
    /// A weights file is cut short or damaged.
    #[error("{}: damaged weights file: expected {expected}, found {found}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What a whole file would have.
        expected: String,
        /// What it has.
        found: String,
    },
    /// A tensor that the model needs is not in the files.
    #[error("{}: tensor {tensor}: expected shape {expected:?}, found no such tensor", path.display())]
    MissingTensor {
        /// The file, or the index of a sharded model.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// The shape it would have.
        expected: Vec<i64>,
    },
    /// A tensor has another shape than the configuration says.
    #[error("{}: tensor {tensor}: expected shape {expected:?}, found {found:?}", path.display())]
    WrongShape {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// The shape the configuration gives.
        expected: Vec<i64>,
        /// The shape in the file.
        found: Vec<i64>,
    },
    /// A tensor's numbers are of a type that is no weight.
    #[error("{}: tensor {tensor}: expected numbers of type {expected}, found {found}", path.display())]
    WrongType {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// The types that load.
        expected: &'static str,
        /// The type in the file.
        found: String,
    },
    /// An adapter changes a tensor that the model does not have.
    #[error("{}: tensor {tensor}: expected {expected}, found no place for it: the adapter is for another model", path.display())]
    StrayTensor {
        /// The adapter's file.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// What has a place.
        expected: &'static str,
    },
    /// A device was asked for that is not there.
    #[error("device {asked}: expected {expected}, found {found}")]
    Device {
        /// The device asked for.
        asked: String,
        /// What it would take.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// What was given to the model is outside what it reads.
    #[error("{what}: expected {expected}, found {found}")]
    Input {
        /// What was given.
        what: &'static str,
        /// What it takes.
        expected: String,
        /// What came.
        found: String,
    },
    /// libtorch refused an operation.
    #[error("{what}: {cause}")]
    Torch {
        /// What was being done.
        what: String,
        /// What libtorch said.
        cause: TchError,
    },
}

impl NnError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |cause| Self::Io { path, cause }
    }

    pub(crate) fn torch(what: impl Into<String>) -> impl FnOnce(TchError) -> Self {
        let what = what.into();
        move |cause| Self::Torch { what, cause }
    }
}
