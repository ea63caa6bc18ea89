//! Every key that can be configured: its type, default, range and meaning, said once.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::choices::{Compat, Device, Dtype, LogFormat, Network};
use super::kind::Kind;
use super::kind::Kind::{Address, Filter, KeyHash, Names, Networks, OneOf, Path};

/// What is logged unless somebody says otherwise: requests and what Kindred does, not its libraries' own talk.
const LOGGED: &str = "info,actix_server=warn,actix_http=warn,sqlx=warn";

/// A section of the file.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: &'static str,
    /// What it is about, line by line.
    pub(super) about: &'static [&'static str],
    pub(super) keys: &'static [Key],
}

/// A key of a section.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    /// What it is for, with its unit, line by line.
    pub(super) meaning: &'static [&'static str],
    pub(super) kind: Kind,
}

/// Variables with a shorter name than `KINDRED_<SECTION>_<KEY>`, and what they set.
const SHORT: [(&str, &str); 5] = [
    ("KINDRED_HOST", "server.host"),
    ("KINDRED_PORT", "server.port"),
    ("KINDRED_DATA", "store.data"),
    ("KINDRED_MODEL", "models.model"),
    ("KINDRED_LOG", "log.filter"),
];

impl Key {
    /// `server.port`.
    pub(super) fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// The variables that set it: `KINDRED_SERVER_PORT`, and a short one if there is one.
    pub(super) fn variables(&self) -> Vec<String> {
        let path = self.path();
        let long = format!("KINDRED_{}_{}", self.section, self.name).to_uppercase();
        let short = SHORT.iter().find(|(_, key)| *key == path).map(|(name, _)| (*name).to_owned());
        std::iter::once(long).chain(short).collect()
    }
}

/// All keys, in the order of the file.
pub(super) fn all() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().flat_map(|section| section.keys)
}

/// The key of this path, such as `server.port`.
pub(super) fn find(path: &str) -> Option<&'static Key> {
    all().find(|key| key.path() == path)
}

const fn whole(least: u64, most: u64) -> Kind {
    Kind::Whole { least, most }
}

/// One declaration makes the structs, their defaults, and the table that everything else reads.
macro_rules! sections {
    ($(
        $(#[doc = $about:literal])+
        $section:ident: $Section:ident {$(
            $(#[doc = $meaning:literal])+
            $key:ident: $type:ty = $default:expr, $kind:expr;
        )+}
    )+) => {
        /// The configuration, whole and checked.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Config {$(
            $(#[doc = $about])+
            pub $section: $Section,
        )+}

        $(
            $(#[doc = $about])+
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct $Section {$(
                $(#[doc = $meaning])+
                pub $key: $type,
            )+}

            impl Default for $Section {
                fn default() -> Self {
                    Self {$($key: $default,)+}
                }
            }
        )+

        /// All sections, in the order of the file.
        pub(super) static SECTIONS: &[Section] = &[$(
            Section {
                name: stringify!($section),
                about: &[$($about),+],
                keys: &[$(
                    Key {
                        section: stringify!($section),
                        name: stringify!($key),
                        meaning: &[$($meaning),+],
                        kind: $kind,
                    },
                )+],
            },
        )+];
    };
}

sections! {
    /// Where the server listens, and how much it takes from the network.
    server: Server {
        /// Address to listen on; one that other machines reach (0.0.0.0) needs an admin key.
        host: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST), Address;
        /// Port to listen on; 0 takes a free one.
        port: u16 = 8080, whole(0, 65_535);
        /// Host names to answer to besides this machine's own, as behind a proxy.
        allow_hosts: Vec<String> = Vec::new(), Names;
        /// Proxies whose X-Forwarded-For, -Proto, -Host and X-Request-Id are believed: addresses, or networks as 10.0.0.0/8.
        trusted_proxies: Vec<Network> = Vec::new(), Networks;
        /// Certificate chain (PEM) for HTTPS; with tls_key, or not at all.
        tls_certificate: Option<PathBuf> = None, Path;
        /// Private key (PEM) of that certificate.
        tls_key: Option<PathBuf> = None, Path;
        /// Hash of the admin key (an argon2 PHC string); without it, the one that `kindred admin-key` keeps.
        admin_key_hash: Option<String> = None, KeyHash;
        /// Connections open at once.
        connections: usize = 16_384, whole(1, 1_000_000);
        /// Event streams open at once.
        streams: usize = 12_288, whole(1, 1_000_000);
        /// Event streams open at once for one session.
        streams_per_session: usize = 8, whole(1, 1_024);
        /// Event streams open at once to one address.
        streams_per_address: usize = 512, whole(1, 1_000_000);
        /// Longest body of a request, in bytes.
        body_bytes: usize = 131_072, whole(1_024, 16_777_216);
        /// How long a client may take to send a request's head, in seconds.
        head_seconds: u64 = 10, whole(1, 300);
        /// How long a client may take to send a request's body, in seconds.
        body_seconds: u64 = 15, whole(1, 300);
        /// Admin keys that an address may try in a minute; 0 lifts the limit.
        keys_per_minute: u32 = 5, whole(0, 100_000);
        /// How long a stop waits for replies in the making, in seconds.
        drain_seconds: u64 = 5, whole(0, 600);
        /// Threads that parse and render.
        workers: usize = 2, whole(1, 256);
    }

    /// Where talks are kept, and how long.
    store: Store {
        /// Folder that keeps the talks; without it, kindred in the user's data folder.
        data: Option<PathBuf> = None, Path;
        /// Days after their last use at which talks are deleted; 0 keeps them as long as somebody can reach them.
        retention_days: u32 = 0, whole(0, 36_500);
    }

    /// What one anonymous visitor may do. Those per address count all visitors from it.
    visitors: Visitors {
        /// Days without a visit after which a visitor is forgotten.
        idle_days: u32 = 90, whole(1, 3_650);
        /// Days after the first visit at which a visitor is forgotten; browsers keep a cookie 400 days at most.
        absolute_days: u32 = 400, whole(1, 3_650);
        /// Talks a visitor may keep at once.
        sessions: usize = 200, whole(1, 100_000);
        /// Replies to a visitor on their way at once; with 1, a message that stops a reply is refused.
        replies: usize = 2, whole(1, 1_024);
        /// Tokens of a visitor's prompts and replies on their way at once.
        tokens: usize = 16_000, whole(1, 1_000_000_000);
        /// Replies to all visitors of one address on their way at once.
        replies_per_address: usize = 64, whole(1, 100_000);
        /// Messages a minute; 0 lifts the limit.
        messages_per_minute: u32 = 30, whole(0, 100_000);
        /// New talks an hour; 0 lifts the limit.
        sessions_per_hour: u32 = 60, whole(0, 100_000);
        /// New visitors an hour, per address; 0 lifts the limit.
        new_per_hour: u32 = 60, whole(0, 1_000_000);
        /// Matches and searches by meaning a minute, per address; 0 lifts the limit.
        matches_per_minute: u32 = 60, whole(0, 1_000_000);
    }

    /// How replies are made, and how much waits for them.
    replies: Replies {
        /// Replies in the making at once.
        at_once: usize = 8, whole(1, 4_096);
        /// Messages that may wait for their reply beside those; one more is refused with "busy".
        waiting: usize = 256, whole(0, 100_000);
        /// Tokens of all prompts and replies on their way at once.
        tokens: usize = 400_000, whole(1, 1_000_000_000);
        /// Longest message, in characters.
        message_chars: usize = 8_000, whole(1, 1_000_000);
        /// Most turns of one talk, all versions counted.
        session_turns: usize = 1_000, whole(3, 1_000_000);
        /// Most bytes of one talk's turns, all versions counted.
        session_bytes: usize = 2_097_152, whole(1_024, 1_000_000_000);
        /// How often an answer that a crash left unsaid is begun again before it is given up.
        attempts: u32 = 3, whole(1, 100);
        /// Minutes after which an unused talk leaves memory; it stays on disk.
        idle_minutes: u64 = 15, whole(1, 100_000);
    }

    /// Which models speak, match and remember, and where they run.
    models: Models {
        /// Model for both roles, a Hugging Face folder; without it, the one that ships.
        model: Option<PathBuf> = None, Path;
        /// Model for supporters, if another.
        supporter: Option<PathBuf> = None, Path;
        /// Model for seekers, if another.
        seeker: Option<PathBuf> = None, Path;
        /// LoRA adapter (PEFT folder) for the supporters' model, and for the seekers' if it is the same.
        adapter: Option<PathBuf> = None, Path;
        /// Trained memory selector (info_selecter, safetensors); without it, nearest embedding.
        selector: Option<PathBuf> = None, Path;
        /// How that selector reads histories and pairs.
        selector_compat: Compat = Compat::Dataset, OneOf(&["dataset", "demo"]);
        /// Trained matcher (persona_score head), a folder or a file; without it, the one that ships, else similarity.
        matcher: Option<PathBuf> = None, Path;
        /// Sentence encoder all-MiniLM-L6-v2; without it, where `make setup` puts it.
        encoder: Option<PathBuf> = None, Path;
        /// Where models run: a GPU if one can be used (auto), the CPU, or a GPU or an error.
        device: Device = Device::Auto, OneOf(&["auto", "cpu", "cuda"]);
        /// Number type of the speaking models' weights; auto takes the fastest of the device.
        dtype: Dtype = Dtype::Auto, OneOf(&["auto", "float32", "bfloat16"]);
        /// Bank of characters, a JSONL file or a folder of them; without it, the one that ships.
        bank: Option<PathBuf> = None, Path;
    }

    /// What the server logs, to standard error. Never what anybody said.
    log: Log {
        /// Which lines: a level (error, warn, info, debug, trace), or one a part, as tracing's directives.
        filter: String = LOGGED.to_owned(), Filter;
        /// How they look: auto is text on a terminal and JSON otherwise.
        format: LogFormat = LogFormat::Auto, OneOf(&["auto", "text", "json"]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_in_its_range_and_every_choice_can_be_read() {
        let defaults = figment::value::Value::serialize(Config::default()).unwrap();
        for key in all() {
            let value = defaults.find_ref(&key.path()).unwrap();
            if !matches!(value, figment::value::Value::Empty(..)) {
                key.kind.check(value).unwrap_or_else(|wrong| panic!("{}: {wrong:?}", key.path()));
            }
            if let OneOf(names) = key.kind {
                for name in names {
                    let text = format!("[{}]\n{} = {name:?}", key.section, key.name);
                    assert!(super::super::parse(&text).is_ok(), "{text}");
                }
            }
        }
    }

    #[test]
    fn short_names_are_of_keys() {
        assert!(SHORT.iter().all(|(_, key)| find(key).is_some()));
        assert_eq!(find("server.port").unwrap().variables(), ["KINDRED_SERVER_PORT", "KINDRED_PORT"]);
    }
}
