//! Simulated dialogues between seeker and supporter models, by the thousand: planned by seed, written in order, resumable.

mod output;
mod plan;
mod run;
mod summary;

use std::path::PathBuf;

use crate::agents::AgentError;

pub use output::{Failure, Manifest};
pub use plan::{Pairs, Simulation};
pub use run::{Job, Progress};
pub use summary::{Summary, Tally};

/// Why a simulation could not go on. A single dialogue that fails is no such reason: it is recorded.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// The folder or a file in it cannot be read or written.
    #[error("cannot use {path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The folder holds something else.
    #[error("{path} {found}; choose an empty folder, or the folder of the run to be continued")]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// What stands there.
        found: String,
    },
    /// Another process writes there.
    #[error("{path} is being written by another Kindred; choose another folder")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The bank or the plan does not allow any dialogue.
    #[error("{reason}")]
    Plan {
        /// What is missing.
        reason: String,
    },
    /// No dialogue can succeed any more.
    #[error("after {done} dialogues: {source}")]
    Agents {
        /// Dialogues that are whole.
        done: usize,
        /// What happened.
        source: AgentError,
    },
}
