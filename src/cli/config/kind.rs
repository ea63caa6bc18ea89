//! What a key's value must be, whether it comes from a file, a variable or a flag.

use std::net::IpAddr;

use argon2::password_hash::phc::PasswordHash;
use figment::value::Value;
use tracing_subscriber::EnvFilter;

use super::choices::Network;

/// The most of a wrong value that is told.
const TOLD_CHARACTERS: usize = 60;
/// The longest host name (RFC 1035, section 2.3.4).
const LONGEST_NAME: usize = 253;

/// What a key's value must be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A whole number of this range.
    Whole {
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
    },
    /// An IP address.
    Address,
    /// Host names.
    Names,
    /// IP addresses and networks.
    Networks,
    /// A file or folder.
    Path,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Directives of tracing's filter.
    Filter,
    /// An argon2 PHC string. It is a secret: never told.
    KeyHash,
}

/// A value that is not what its key takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    pub(super) expected: String,
    pub(super) found: String,
}

impl Kind {
    /// What is expected, in words.
    pub(super) fn expected(self) -> String {
        match self {
            Self::Whole { least, most } => format!("a whole number from {least} to {most}"),
            Self::Address => "an IP address such as 127.0.0.1".to_owned(),
            Self::Names => "a list of host names without ports, such as [\"kindred.example\"]".to_owned(),
            Self::Networks => "a list of addresses and networks, such as [\"10.0.0.0/8\", \"::1\"]".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::OneOf(names) => format!("one of {}", names.join(", ")),
            Self::Filter => "a log level or directives such as \"info,kindred=debug\"".to_owned(),
            Self::KeyHash => "the argon2 PHC string that `kindred admin-key` keeps in admin.key".to_owned(),
        }
    }

    /// Whether a person should not see the value on a screen.
    pub(super) fn secret(self) -> bool {
        matches!(self, Self::KeyHash)
    }

    /// Reads the text of a variable. What cannot be read stays the text that it is, for [`Self::check`] to refuse.
    pub(super) fn read(self, text: &str) -> Value {
        match self {
            Self::Whole { .. } => text.trim().parse::<u64>().map_or_else(|_| Value::from(text), Value::from),
            Self::Names | Self::Networks => {
                let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
                Value::from(names.map(Value::from).collect::<Vec<_>>())
            }
            _ => Value::from(text),
        }
    }

    /// Holds a value to what is expected.
    pub(super) fn check(self, value: &Value) -> Result<(), Mismatch> {
        if self.admits(value) {
            return Ok(());
        }
        let found = match (self, value) {
            (Self::KeyHash, Value::String(..)) => "another text, which is not shown".to_owned(),
            (Self::Names | Self::Networks, Value::Array(_, items)) => items
                .iter()
                .find(|item| !self.admits(&Value::from(vec![(*item).clone()])))
                .map_or_else(|| "another list".to_owned(), |item| format!("{} in it", told(item))),
            _ => told(value),
        };
        Err(Mismatch { expected: self.expected(), found })
    }

    fn admits(self, value: &Value) -> bool {
        let text = value.as_str();
        match self {
            Self::Whole { least, most } => {
                value.to_u128().is_some_and(|found| (u128::from(least)..=u128::from(most)).contains(&found))
            }
            Self::Address => text.is_some_and(|text| text.parse::<IpAddr>().is_ok()),
            Self::Names => each(value, is_name),
            Self::Networks => each(value, |text| text.parse::<Network>().is_ok()),
            Self::Path => text.is_some_and(|text| !text.is_empty() && !text.contains('\0')),
            Self::OneOf(names) => text.is_some_and(|text| names.contains(&text)),
            Self::Filter => text.is_some_and(|text| !text.trim().is_empty() && EnvFilter::try_new(text).is_ok()),
            Self::KeyHash => text.is_some_and(is_key_hash),
        }
    }
}

/// Whether this is the hash of a key, of the argon2 family.
pub(in crate::cli) fn is_key_hash(text: &str) -> bool {
    text.starts_with("$argon2") && PasswordHash::new(text).is_ok_and(|hash| hash.hash.is_some() && hash.salt.is_some())
}

fn each(value: &Value, good: impl Fn(&str) -> bool) -> bool {
    value.as_array().is_some_and(|items| items.iter().all(|item| item.as_str().is_some_and(&good)))
}

/// A host name, an IPv4 address, or an IPv6 address in brackets, as they stand in a `Host` header before the port.
fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match bracketed {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !text.is_empty() && text.len() <= LONGEST_NAME && text.chars().all(plain),
    }
}

/// A value in words that say its type.
fn told(value: &Value) -> String {
    match value {
        Value::String(_, text) if text.is_empty() => "an empty text".to_owned(),
        Value::String(_, text) if text.chars().count() > TOLD_CHARACTERS => {
            format!("the text {:?}…", text.chars().take(TOLD_CHARACTERS).collect::<String>())
        }
        Value::String(_, text) => format!("the text {text:?}"),
        Value::Num(_, number) => number
            .to_i128()
            .map(|n| n.to_string())
            .or(number.to_u128().map(|n| n.to_string()))
            .or(number.to_f64().map(|n| format!("{n:?}")))
            .map_or_else(|| "a number".to_owned(), |number| format!("the number {number}")),
        Value::Bool(_, value) => value.to_string(),
        Value::Char(_, c) => format!("the text {:?}", c.to_string()),
        Value::Array(..) => "a list".to_owned(),
        Value::Dict(..) => "a table".to_owned(),
        Value::Empty(..) => "nothing".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_held_to_their_kind() {
        let port = Kind::Whole { least: 0, most: 65_535 };
        assert!(port.check(&port.read(" 80 ")).is_ok());
        for (text, found) in [("-1", "the text \"-1\""), ("65536", "the number 65536"), ("", "an empty text")] {
            assert_eq!(port.check(&port.read(text)).unwrap_err().found, found);
        }
        assert_eq!(port.check(&Value::from(8.5)).unwrap_err().found, "the number 8.5");
        assert_eq!(port.check(&Value::from(true)).unwrap_err().found, "true");
        for (text, good) in [("::1, 10.0.0.0/8", true), ("", true), ("10.0.0.0/40", false), ("host", false)] {
            assert_eq!(Kind::Networks.check(&Kind::Networks.read(text)).is_ok(), good, "{text}");
        }
        for (text, good) in [("a.example,[::1]", true), ("a.example:80", false), ("http://a", false)] {
            assert_eq!(Kind::Names.check(&Kind::Names.read(text)).is_ok(), good, "{text}");
        }
        let wrong = Kind::Names.check(&Kind::Names.read("good,b/d")).unwrap_err();
        assert_eq!(wrong.found, "the text \"b/d\" in it");
    }

    #[test]
    fn a_secret_is_never_told() {
        let wrong = Kind::KeyHash.check(&Value::from("hunter2")).unwrap_err();
        assert!(!wrong.found.contains("hunter2"), "{wrong:?}");
    }
}
