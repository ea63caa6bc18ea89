//! One typed configuration, read once: defaults < file < environment < flags; each value knows where it came from.

mod choices;
mod command;
mod environment;
mod error;
mod file;
mod flags;
mod keys;
mod kind;
mod limits;
mod nearest;
mod show;
mod sources;

pub use choices::{Compat, Device, Dtype, LogFormat, Network};
pub use error::ConfigError;
pub use keys::{Config, Log, Models, Replies, Server, Store, Visitors};

pub(super) use command::ConfigCommand;
pub(super) use flags::{ConfigFlag, ServeFlags};
pub(super) use kind::is_key_hash;
pub(super) use sources::{Flags, Settled};

/// Reads the text of a `kindred.toml`, over the defaults and nothing else.
///
/// # Errors
/// [`ConfigError`], all that is wrong at once.
pub fn parse(text: &str) -> Result<Config, ConfigError> {
    let mut faults = Vec::new();
    let settings = file::parse(text, None, &mut faults);
    sources::settle(settings, faults, None).map(|settled| settled.config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn every_mistake_is_named_with_its_line() {
        assert_eq!(wrong("[server]\nprot = 80"), "line 2: there is no key server.prot; the nearest is server.port");
        assert_eq!(wrong("\n[sever]\n"), "line 2: there is no section sever; the nearest is [server]");
        assert_eq!(wrong("port = 80"), "line 1: there is no section port; the key port belongs under [server]");
        assert_eq!(wrong("server = 80"), "server (line 1): expected a section [server], found a value (integer)");
        assert!(wrong("[server\n").starts_with("line 1: expected TOML, found a mistake: "), "{}", wrong("[server\n"));
        let cases = [
            ("port = \"80\"", "server.port (line 2): expected a whole number from 0 to 65535, found the text \"80\""),
            ("port = -1", "server.port (line 2): expected a whole number from 0 to 65535, found the number -1"),
            (
                "port = 0x1_0000",
                "server.port (line 2): expected a whole number from 0 to 65535, found the number 65536",
            ),
            ("host = 1979-05-27", "expected an IP address such as 127.0.0.1, found a date or time"),
            ("host = {a = 1}", "found a table"),
            ("workers = 99999999999999999999", "found a number beyond all bounds"),
        ];
        for (line, says) in cases {
            let told = wrong(&format!("[server]\n{line}"));
            assert!(told.contains(says), "{line}: {told}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let told = wrong("[server]\nport = true\nprot = 1\n[log]\nformat = \"xml\"");
        assert!(told.starts_with("3 things are wrong with the configuration:\n  "), "{told}");
        assert!(
            told.contains("log.format (line 5): expected one of auto, text, json, found the text \"xml\""),
            "{told}"
        );
    }

    #[test]
    fn what_belongs_together_is_held_together() {
        let half = "[server]\ntls_certificate = \"/c.pem\"";
        let expected =
            "server.tls_key (default): expected a path, as server.tls_certificate is set (line 2), found nothing";
        assert_eq!(wrong(half), expected);
        let long = wrong("[replies]\nmessage_chars = 100_000");
        assert!(long.contains("server.body_bytes (default): expected at least 1200512"), "{long}");
        assert!(parse("[server]\ntls_key = \"k\"\ntls_certificate = \"c\"").is_ok());
    }

    #[test]
    fn what_is_long_or_deep_or_steers_a_terminal_is_told_shortly() {
        assert!(wrong(&format!("[server]\nhost = {}", "[".repeat(100_000))).len() < 300);
        assert!(wrong(&format!("[server]\n{} = 1", "x".repeat(100_000))).len() < 300);
        assert!(!wrong("[server]\n\"\\u001b[31m\" = 1").contains('\u{1b}'));
    }

    #[test]
    fn text_of_any_kind_is_read_without_a_panic() {
        let pieces = "(\\[(server|log|models)\\]\n|[a-z_]{1,9} = |[0-9\"\\[\\]{}.,'\n é-]{1,6}){0,12}";
        proptest::proptest!(|(text in pieces)| {
            let _ = parse(&text);
        });
    }
}
