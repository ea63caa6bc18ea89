//! The file `kindred.toml`: where it is looked for, and what it sets, line by line.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use figment::value::Value;
use toml::de::{DeTable, DeValue};

use super::error::{self, ConfigError};
use super::keys::{Key, SECTIONS};
use super::kind::Kind;
use super::nearest;
use super::sources::Setting;
use crate::cli::paths;

/// A configuration is a few kilobytes; more is not one.
const LONGEST: u64 = 1 << 20;
/// Names the file where no flag does.
const VARIABLE: &str = "KINDRED_CONFIG";

/// The file to read: the one that is named, by flag or variable, else the user's own if there is one.
pub(super) fn place(named: Option<&Path>) -> Option<PathBuf> {
    let named = named.map(Path::to_owned).or_else(|| std::env::var_os(VARIABLE).map(PathBuf::from));
    named.or_else(|| paths::configuration().filter(|path| path.exists()))
}

/// Reads a file's settings, and adds what is wrong with it.
pub(super) fn read(path: &Path, faults: &mut Vec<ConfigError>) -> Vec<Setting> {
    let fault = |reason: String| ConfigError::Unreadable { path: path.to_owned(), reason };
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes)) {
        Err(error) => faults.push(fault(error.to_string())),
        Ok(_) if bytes.len() as u64 > LONGEST => {
            faults.push(fault(format!("expected at most {LONGEST} bytes, found more")));
        }
        Ok(_) => match std::str::from_utf8(&bytes) {
            Ok(text) => return parse(text, Some(path), faults),
            Err(error) => faults.push(fault(format!("expected UTF-8, found another byte at {}", error.valid_up_to()))),
        },
    }
    Vec::new()
}

/// Reads a text's settings, and adds what is wrong with it. A path in a file is seen from the file's folder.
pub(super) fn parse(text: &str, path: Option<&Path>, faults: &mut Vec<ConfigError>) -> Vec<Setting> {
    let text = Text { text, path };
    let table = match DeTable::parse(text.text) {
        Ok(table) => table,
        Err(error) => {
            let place = text.place(error.span().unwrap_or_default().start);
            faults.push(ConfigError::Syntax { place, reason: error.message().replace('\n', ", ") });
            return Vec::new();
        }
    };
    let mut settings = Vec::new();
    for (name, value) in table.get_ref() {
        let place = text.place(name.span().start);
        let section = SECTIONS.iter().find(|section| section.name == name.get_ref().as_ref());
        match (section, value.get_ref()) {
            (None, _) => faults.push(ConfigError::Unknown {
                place,
                what: "section",
                name: error::shown(name.get_ref()),
                advice: nearest::section(name.get_ref()),
            }),
            (Some(section), DeValue::Table(keys)) => {
                for (name, value) in keys {
                    let place = text.place(name.span().start);
                    let name = name.get_ref();
                    let setting = match section.keys.iter().find(|key| key.name == name.as_ref()) {
                        Some(key) => text.setting(key, place, value.get_ref()),
                        None => Err(ConfigError::Unknown {
                            place,
                            what: "key",
                            name: format!("{}.{}", section.name, error::shown(name)),
                            advice: nearest::key(section.name, name),
                        }),
                    };
                    match setting {
                        Ok(setting) => settings.push(setting),
                        Err(fault) => faults.push(fault),
                    }
                }
            }
            (Some(section), other) => faults.push(ConfigError::Wrong {
                key: section.name.to_owned(),
                place,
                expected: format!("a section [{}]", section.name),
                found: format!("a value ({})", other.type_str()),
            }),
        }
    }
    settings
}

/// A file's text, and where it came from.
struct Text<'a> {
    text: &'a str,
    path: Option<&'a Path>,
}

impl Text<'_> {
    /// `file /etc/kindred/kindred.toml, line 3`.
    fn place(&self, at: usize) -> String {
        let line = 1 + self.text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
        match self.path {
            Some(path) => format!("file {}, line {line}", path.display()),
            None => format!("line {line}"),
        }
    }

    fn setting(&self, key: &'static Key, origin: String, value: &DeValue<'_>) -> Result<Setting, ConfigError> {
        match value_of(value) {
            Ok(value) => Ok(Setting { key, value: self.seen_from_here(key.kind, value), origin }),
            Err(found) => Err(ConfigError::Wrong {
                key: key.path(),
                place: origin,
                expected: key.kind.expected(),
                found: found.to_owned(),
            }),
        }
    }

    fn seen_from_here(&self, kind: Kind, value: Value) -> Value {
        let folder = self.path.and_then(|path| std::path::absolute(path).ok());
        match (kind, value.as_str(), folder.as_deref().and_then(Path::parent)) {
            // An empty path is a mistake, not the folder itself.
            (Kind::Path, Some(text), Some(folder)) if !text.is_empty() => {
                folder.join(text).to_str().map_or(value.clone(), Value::from)
            }
            _ => value,
        }
    }
}

/// What is found where a number is larger than any key's.
const BEYOND: &str = "a number beyond all bounds";

/// The value; or what else it is.
fn value_of(value: &DeValue<'_>) -> Result<Value, &'static str> {
    Ok(match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(number) => {
            let number = i128::from_str_radix(number.as_str(), number.radix()).map_err(|_| BEYOND)?;
            match u64::try_from(number) {
                Ok(number) => Value::from(number),
                Err(_) => Value::from(i64::try_from(number).map_err(|_| BEYOND)?),
            }
        }
        DeValue::Float(number) => Value::from(number.as_str().parse::<f64>().map_err(|_| "a fraction")?),
        DeValue::Boolean(value) => Value::from(*value),
        DeValue::Datetime(_) => return Err("a date or time"),
        DeValue::Array(items) => {
            Value::from(items.iter().map(|item| value_of(item.get_ref())).collect::<Result<Vec<_>, _>>()?)
        }
        DeValue::Table(_) => return Err("a table"),
    })
}
