//! Puts the layers together: defaults < file < environment < flags, each value with where it came from.

use std::path::{Path, PathBuf};

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::error::ConfigError;
use super::keys::{self, Config, Key};
use super::{environment, file};

/// Where a value comes from that nobody set.
pub(super) const DEFAULT: &str = "default";

/// One value that somebody set.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Setting {
    pub(super) key: &'static Key,
    pub(super) value: Value,
    /// Where it was set, in words: `variable KINDRED_PORT`.
    pub(super) origin: String,
}

impl Provider for Setting {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        let section = Dict::from([(self.key.name.to_owned(), self.value.clone())]);
        let whole = Dict::from([(self.key.section.to_owned(), Value::from(section))]);
        Ok(Map::from([(Profile::Default, whole)]))
    }
}

/// The layer beneath all others.
struct Defaults;

impl Provider for Defaults {
    fn metadata(&self) -> Metadata {
        Metadata::named(DEFAULT)
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        let dict = Value::serialize(Config::default())?.into_dict().unwrap_or_default();
        Ok(Map::from([(Profile::Default, dict)]))
    }
}

/// The flags of a command line, gathered.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Flags {
    /// The file that `--config` names.
    pub(in crate::cli) file: Option<PathBuf>,
    settings: Vec<Setting>,
    faults: Vec<String>,
}

impl Flags {
    /// Only the name of a file.
    pub(in crate::cli) fn new(file: Option<PathBuf>) -> Self {
        Self { file, ..Self::default() }
    }

    /// Sets a key, if the flag was given.
    pub(in crate::cli) fn set(&mut self, flag: &str, key: &str, value: Option<impl Into<Value>>) {
        if let (Some(key), Some(value)) = (keys::find(key), value) {
            self.settings.push(Setting { key, value: value.into(), origin: format!("flag {flag}") });
        }
    }

    /// As [`Self::set`], for a path.
    pub(in crate::cli) fn set_path(&mut self, flag: &str, key: &str, path: Option<&Path>) {
        match path.map(Path::to_str) {
            None => {}
            Some(Some(text)) => self.set(flag, key, Some(text)),
            Some(None) => self.faults.push(flag.to_owned()),
        }
    }

    /// Reads all layers.
    ///
    /// # Errors
    /// [`ConfigError`], all that is wrong at once.
    pub(in crate::cli) fn settle(self) -> Result<Settled, ConfigError> {
        let mut faults = Vec::new();
        let file = file::place(self.file.as_deref());
        let mut settings = match &file {
            Some(path) => file::read(path, &mut faults),
            None => Vec::new(),
        };
        settings.extend(environment::read(std::env::vars_os(), &mut faults));
        settings.extend(self.settings);
        faults.extend(self.faults.into_iter().map(|flag| ConfigError::Wrong {
            key: flag.clone(),
            place: format!("flag {flag}"),
            expected: "a path".into(),
            found: "a text that is not UTF-8".into(),
        }));
        settle(settings, faults, file)
    }
}

/// A configuration, and where each value came from.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Settled {
    /// The values.
    pub(in crate::cli) config: Config,
    /// The file that was read, if any.
    pub(in crate::cli) file: Option<PathBuf>,
    layers: Figment,
}

impl Settled {
    /// Where the value of this key came from: `default`, `file F, line N`, `variable V` or `flag --F`.
    pub(in crate::cli) fn origin(&self, key: &str) -> String {
        self.layers.find_metadata(key).map_or_else(|| DEFAULT.to_owned(), |from| from.name.to_string())
    }

    /// Where the values of all keys came from.
    pub(in crate::cli) fn origins(&self) -> Vec<String> {
        keys::all().map(|key| self.origin(&key.path())).collect()
    }

    /// Whether anybody set this key.
    pub(in crate::cli) fn is_set(&self, key: &str) -> bool {
        self.origin(key) != DEFAULT
    }

    /// The value of this key; none if it has none.
    pub(super) fn value(&self, key: &str) -> Option<Value> {
        self.layers.find_value(key).ok().filter(|value| !matches!(value, Value::Empty(..)))
    }

    /// What no single value shows.
    fn check_together(&self) -> Vec<ConfigError> {
        let mut faults = Vec::new();
        let mut wrong = |key: &str, expected: String, found: String| {
            faults.push(ConfigError::Wrong { key: key.to_owned(), place: self.origin(key), expected, found });
        };
        let server = &self.config.server;
        let pair = [("server.tls_certificate", &server.tls_certificate), ("server.tls_key", &server.tls_key)];
        for ((here, one), (there, other)) in [(pair[0], pair[1]), (pair[1], pair[0])] {
            if one.is_none() && other.is_some() {
                wrong(here, format!("a path, as {there} is set ({})", self.origin(there)), "nothing".into());
            }
        }
        let longest = self.config.replies.message_chars.saturating_mul(BYTES_A_CHARACTER).saturating_add(BESIDES);
        if server.body_bytes < longest {
            let expected = format!(
                "at least {longest}, to hold a message of replies.message_chars = {} ({})",
                self.config.replies.message_chars,
                self.origin("replies.message_chars")
            );
            wrong("server.body_bytes", expected, server.body_bytes.to_string());
        }
        faults
    }
}

/// The most bytes of a character in JSON: a pair of escapes, as programs write it that know only ASCII.
const BYTES_A_CHARACTER: usize = 12;
/// What a request's body holds besides its message.
const BESIDES: usize = 512;

/// Checks every setting, also those that a higher layer covers, and puts them together.
pub(super) fn settle(
    settings: Vec<Setting>,
    mut faults: Vec<ConfigError>,
    file: Option<PathBuf>,
) -> Result<Settled, ConfigError> {
    for setting in &settings {
        if let Err(wrong) = setting.key.kind.check(&setting.value) {
            faults.push(ConfigError::Wrong {
                key: setting.key.path(),
                place: setting.origin.clone(),
                expected: wrong.expected,
                found: wrong.found,
            });
        }
    }
    ConfigError::from_all(faults)?;
    let layers = settings.into_iter().fold(Figment::from(Defaults), Figment::merge);
    let config: Config = layers.extract().map_err(|error| ConfigError::Wrong {
        key: error.path.join("."),
        place: error.metadata.as_ref().map_or_else(|| DEFAULT.to_owned(), |from| from.name.to_string()),
        expected: "a value of its key".into(),
        found: error.kind.to_string(),
    })?;
    let settled = Settled { config, file, layers };
    ConfigError::from_all(settled.check_together())?;
    Ok(settled)
}
