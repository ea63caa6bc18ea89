//! The environment: `KINDRED_<SECTION>_<KEY>`, the short names, and no other variable of ours that nobody knows.

use std::collections::HashMap;
use std::ffi::OsString;

use super::error::{self, ConfigError};
use super::keys::{self, Key};
use super::nearest;
use super::sources::Setting;

/// What all our variables begin with.
const PREFIX: &str = "KINDRED_";
/// Variables that are no keys: where the project and the cache lie, which file to read, what set-up and tests read.
const OTHERS: [&str; 12] = [
    "KINDRED_HOME",
    "KINDRED_CACHE",
    "KINDRED_CONFIG",
    "KINDRED_CUDA",
    "KINDRED_SHARED",
    "KINDRED_BINARY",
    "KINDRED_SHOW_HELD",
    "KINDRED_CRASHES",
    "KINDRED_POWER_CUTS",
    "KINDRED_SEED",
    "KINDRED_STREAMS",
    "KINDRED_TEST_ADDRESS",
];

/// Reads the settings of these variables, and adds what is wrong with them.
pub(super) fn read(
    variables: impl Iterator<Item = (OsString, OsString)>,
    faults: &mut Vec<ConfigError>,
) -> Vec<Setting> {
    let known: HashMap<String, &'static Key> =
        keys::all().flat_map(|key| key.variables().into_iter().map(move |name| (name, key))).collect();
    // In order, so that the same environment always tells the same.
    let mut ours: Vec<(String, OsString)> = variables
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value))
        .filter(|(name, _)| name.starts_with(PREFIX) && !OTHERS.contains(&name.as_str()))
        .collect();
    ours.sort();
    let mut settings: Vec<Setting> = Vec::new();
    for (name, value) in ours {
        let origin = format!("variable {name}");
        let Some(&key) = known.get(&name) else {
            let all = known.keys().cloned().chain(OTHERS.map(str::to_owned));
            let advice = nearest::variable(&name, all);
            let name = error::shown(&name);
            faults.push(ConfigError::Unknown { place: "the environment".into(), what: "variable", name, advice });
            continue;
        };
        if let Some(other) = settings.iter().find(|setting| setting.key.path() == key.path()) {
            let one = other.origin.clone();
            faults.push(ConfigError::Twice { key: key.path(), one, other: origin });
            continue;
        }
        match value.to_str() {
            Some(text) => settings.push(Setting { key, value: key.kind.read(text), origin }),
            None => faults.push(ConfigError::Wrong {
                key: key.path(),
                place: origin,
                expected: key.kind.expected(),
                found: "a text that is not UTF-8".into(),
            }),
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(variables: &[(&str, &str)]) -> (Vec<(String, String)>, Vec<String>) {
        let mut faults = Vec::new();
        let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let settings = read(variables, &mut faults);
        let told = |setting: Setting| (setting.key.path(), setting.origin);
        (settings.into_iter().map(told).collect(), faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn long_and_short_names_set_keys_and_others_are_left_alone() {
        let variables =
            [("KINDRED_SERVER_WORKERS", "3"), ("KINDRED_PORT", "80"), ("KINDRED_HOME", "/x"), ("PORT", "x")];
        let (settings, faults) = read_all(&variables);
        assert!(faults.is_empty(), "{faults:?}");
        let expected =
            [("server.port", "variable KINDRED_PORT"), ("server.workers", "variable KINDRED_SERVER_WORKERS")];
        assert_eq!(settings, expected.map(|(key, origin)| (key.to_owned(), origin.to_owned())));
    }

    #[test]
    fn a_variable_that_nobody_knows_or_that_says_it_twice_is_named() {
        let (_, faults) = read_all(&[("KINDRED_PROT", "80"), ("KINDRED_HOST", "::1"), ("KINDRED_SERVER_HOST", "::1")]);
        assert_eq!(
            faults,
            [
                "the environment: there is no variable KINDRED_PROT; the nearest is KINDRED_PORT",
                "server.host is set by variable KINDRED_HOST and by variable KINDRED_SERVER_HOST: keep one of them",
            ]
        );
    }
}
