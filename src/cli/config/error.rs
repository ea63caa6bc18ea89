//! What can be wrong with a configuration: each names the key, where it stands, what was expected and what came.

use std::path::PathBuf;

use crate::cli::page;

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that was named, or lies where one is looked for, cannot be read.
    #[error("cannot read the configuration {path}: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The text is not TOML.
    #[error("{place}: expected TOML, found a mistake: {reason}")]
    Syntax {
        /// File and line.
        place: String,
        /// What the reader said.
        reason: String,
    },
    /// No key or section has this name.
    #[error("{place}: there is no {what} {name}; {advice}")]
    Unknown {
        /// File and line, or the environment.
        place: String,
        /// `key`, `section` or `variable`.
        what: &'static str,
        /// What was written.
        name: String,
        /// The nearest that exists, or where they are listed.
        advice: String,
    },
    /// A value is not what its key takes.
    #[error("{key} ({place}): expected {expected}, found {found}")]
    Wrong {
        /// Such as `server.port`.
        key: String,
        /// File and line, variable, flag, or default.
        place: String,
        /// What the key takes.
        expected: String,
        /// What came.
        found: String,
    },
    /// Two variables set one key.
    #[error("{key} is set by {one} and by {other}: keep one of them")]
    Twice {
        /// Such as `server.port`.
        key: String,
        /// A variable.
        one: String,
        /// Another variable.
        other: String,
    },
    /// More than one thing is wrong.
    #[error("{} things are wrong with the configuration:{}", .0.len(), listed(.0))]
    Several(Vec<ConfigError>),
}

/// The most of a name that nobody knows that is told.
const SHOWN_CHARACTERS: usize = 60;

/// A name as it may be told: what stands in a file must not steer a terminal, nor fill it.
pub(super) fn shown(name: &str) -> String {
    let start: String = name.chars().take(SHOWN_CHARACTERS).collect();
    let rest = if start.len() < name.len() { "…" } else { "" };
    page::plain(&start) + rest
}

/// Each on a line of its own.
fn listed(faults: &[ConfigError]) -> String {
    faults.iter().map(|fault| format!("\n  {fault}")).collect()
}

impl ConfigError {
    /// Nothing, the one, or all of them.
    pub(super) fn from_all(mut faults: Vec<Self>) -> Result<(), Self> {
        match faults.len() {
            0 => Ok(()),
            1 => Err(faults.remove(0)),
            _ => Err(Self::Several(faults)),
        }
    }
}
