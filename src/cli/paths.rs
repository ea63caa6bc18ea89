//! Where the bank, the shipped model and the sentence encoder lie on this machine.

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

/// Folder of Kindred's own files: `KINDRED_HOME`, else the nearest folder with a `bank/` at or above the binary or the
/// working folder.
fn home() -> PathBuf {
    if let Some(home) = std::env::var_os("KINDRED_HOME") {
        return home.into();
    }
    let starts = [std::env::current_exe().ok(), std::env::current_dir().ok()];
    starts
        .iter()
        .flatten()
        .flat_map(|start| start.ancestors())
        .find(|folder| folder.join("bank").is_dir())
        .map(Path::to_owned)
        .unwrap_or_default()
}

/// The bank that ships.
pub(super) fn bank() -> PathBuf {
    home().join("bank")
}

/// The model that ships.
pub(super) fn model() -> PathBuf {
    home().join("models").join("kindred-stand-in")
}

/// The messages that a model is looked at with.
pub(super) fn messages() -> PathBuf {
    home().join("models").join("messages.txt")
}

/// Conversations written for the project: `dialogues/` and `plain/`.
pub(super) fn corpus() -> PathBuf {
    home().join("corpus")
}

/// The head by which matches are rated, if one ships.
pub(super) fn matcher() -> PathBuf {
    home().join("models").join("matcher")
}

/// The user's folders; absent only where no home folder can be found.
fn user() -> Option<impl BaseStrategy> {
    etcetera::choose_base_strategy().ok()
}

/// The user's cache: `KINDRED_CACHE`, else the system's cache folder, as `make setup` fills it.
fn cache() -> PathBuf {
    if let Some(cache) = std::env::var_os("KINDRED_CACHE") {
        return cache.into();
    }
    user().map(|user| user.cache_dir().join("kindred")).unwrap_or_default()
}

/// The sentence encoder all-MiniLM-L6-v2.
pub(super) fn encoder() -> PathBuf {
    cache().join("all-MiniLM-L6-v2")
}

/// Where the embeddings of banks are kept; they can be deleted at any time.
pub(super) fn embeddings() -> PathBuf {
    cache().join("embeddings")
}

/// The configuration that is read where none is named.
pub(super) fn configuration() -> Option<PathBuf> {
    user().map(|user| user.config_dir().join("kindred").join("kindred.toml"))
}

/// Where sessions are kept unless `--data` says otherwise.
pub(super) fn data() -> PathBuf {
    user().map(|user| user.data_dir().join("kindred")).unwrap_or_else(|| PathBuf::from("data"))
}
