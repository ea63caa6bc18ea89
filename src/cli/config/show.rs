//! The configuration as text: what is in effect and where it came from, and a template of all there is.

use std::path::Path;

use figment::value::Value;

use super::keys::{Config, Key, SECTIONS};
use super::kind::Kind;
use super::sources::Settled;
use crate::cli::{page, paths};

/// Where the comments begin, if the value is not longer.
const COLUMN: usize = 40;
/// What is shown of a secret.
const SECRET: &str = "(set)";

/// The effective configuration as TOML, on each line where it came from.
pub(super) fn effective(settled: &Settled) -> String {
    let mut out = String::new();
    for section in SECTIONS {
        out += &format!("{}[{}]\n", if out.is_empty() { "" } else { "\n" }, section.name);
        for key in section.keys {
            let path = key.path();
            let value = settled.value(&path).or_else(|| place_of(&path).map(|place| Value::from(place.as_str())));
            let line = match value {
                Some(_) if key.kind.secret() => format!("{} = {:?}", key.name, SECRET),
                Some(value) => format!("{} = {}", key.name, toml(&value)),
                None => format!("# {} is not set", key.name),
            };
            out += &format!("{line:COLUMN$} # {}\n", page::plain(&settled.origin(&path)));
        }
    }
    out
}

/// A file of all keys with their defaults, to be saved as `kindred.toml`.
pub(super) fn template() -> String {
    let defaults = Value::serialize(Config::default()).unwrap_or_else(|_| Value::from(0));
    let mut out = "# Kindred's configuration. Every key stands here with its default: keep those you change.\n\
        # Flags win over variables, variables over this file. A path is seen from this file's folder.\n"
        .to_owned();
    for section in SECTIONS {
        out += "\n";
        out.extend(section.about.iter().map(|line| format!("#{line}\n")));
        out += &format!("[{}]\n", section.name);
        for key in section.keys {
            out += "\n";
            out.extend(key.meaning.iter().map(|line| format!("#{line}\n")));
            out += &format!("# {}; {}\n", takes(key.kind), key.variables().join(" or "));
            out += &match defaults.find_ref(&key.path()) {
                Some(value) if !matches!(value, Value::Empty(..)) => format!("{} = {}\n", key.name, toml(value)),
                _ => format!("# {} = {}\n", key.name, example(key)),
            };
        }
    }
    out
}

/// What a key takes, in few words.
fn takes(kind: Kind) -> String {
    match kind {
        Kind::Whole { least, most } => format!("{least} to {most}"),
        Kind::Address => "an IP address".to_owned(),
        Kind::Names => "a list of host names".to_owned(),
        Kind::Networks => "a list of addresses and networks".to_owned(),
        Kind::Path => "a path".to_owned(),
        Kind::OneOf(names) => names.join(", "),
        Kind::Filter => "directives".to_owned(),
        Kind::KeyHash => "an argon2 PHC string".to_owned(),
    }
}

/// What a key without a default may look like.
fn example(key: &Key) -> &'static str {
    match key.kind {
        Kind::KeyHash => "\"$argon2id$v=19$m=19456,t=2,p=1$…\"",
        _ => "\"…\"",
    }
}

/// The place that a key means while nobody sets it.
fn place_of(key: &str) -> Option<String> {
    let place = match key {
        "store.data" => paths::data(),
        "models.model" => paths::model(),
        "models.encoder" => paths::encoder(),
        "models.bank" => paths::bank(),
        "models.matcher" => Some(paths::matcher()).filter(|place| place.exists())?,
        _ => return None,
    };
    let absolute = std::path::absolute(&place).unwrap_or(place);
    Path::to_str(&absolute).map(str::to_owned)
}

/// A value as TOML.
fn toml(value: &Value) -> String {
    toml::Value::try_from(value).map_or_else(|_| "\"\"".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::{keys, parse, sources};
    use super::*;

    #[test]
    fn the_template_gives_the_defaults_and_names_every_key() {
        let text = template();
        assert_eq!(parse(&text).unwrap(), Config::default());
        for key in keys::all() {
            assert!(text.contains(&format!("\n{} = ", key.name)) || text.contains(&format!("\n# {} = ", key.name)));
            assert!(text.contains(&key.variables()[0]), "{}", key.path());
        }
        assert!(text.lines().all(|line| line.chars().count() <= 140), "{text}");
    }

    /// A row of the document's table.
    fn row(key: &Key, defaults: &Value) -> String {
        let default = match defaults.find_ref(&key.path()) {
            Some(value) if !matches!(value, Value::Empty(..)) => format!("`{}`", toml(value)),
            _ => String::new(),
        };
        let meaning: String = key.meaning.concat();
        format!("| `{}` | {default} | {} | {} |", key.path(), takes(key.kind), meaning.trim())
    }

    #[test]
    fn the_document_lists_every_key_as_it_is() {
        let document = include_str!("../../../docs/configuration.md");
        let defaults = Value::serialize(Config::default()).unwrap();
        let table: Vec<String> = keys::all().map(|key| row(key, &defaults)).collect();
        let missing: Vec<&String> = table.iter().filter(|row| !document.contains(row.as_str())).collect();
        assert!(
            missing.is_empty(),
            "docs/configuration.md lacks {missing:#?}; its table should be\n{}",
            table.join("\n")
        );
        let rows = document.lines().filter(|line| line.starts_with("| `") && line.contains('.')).count();
        assert_eq!(rows, table.len(), "docs/configuration.md lists a key that is none");
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        let text = "[server]\nport = 9000\nallow_hosts = [\"a\"]\n[models]\nadapter = \"/a\\\"b\"\ndevice = \"cpu\"";
        let mut faults = Vec::new();
        let settings = super::super::file::parse(text, None, &mut faults);
        let settled = sources::settle(settings, faults, None).unwrap();
        let shown = effective(&settled);
        assert!(shown.contains(&format!("{:COLUMN$} # line 2", "port = 9000")), "{shown}");
        assert!(shown.contains("# tls_key is not set"), "{shown}");
        let again = parse(&shown).unwrap();
        assert_eq!(again.server, settled.config.server);
        assert_eq!(again.models.adapter, settled.config.models.adapter);
    }
}
