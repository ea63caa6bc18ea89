//! How the server is to behave: every bound and every name it needs, with values that suit one small machine.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

/// What [`super::Server::start`] is given.
#[derive(Clone)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// Host names this server answers to beside its own. A server on a loopback address answers to local names and
    /// these only; another one answers to every name while this is empty.
    pub allowed_hosts: Vec<String>,
    /// Networks of proxies whose `X-Forwarded-For`, `-Proto`, `-Host` and `X-Request-Id` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The certificate to serve HTTPS with; none serves plain HTTP.
    pub tls: Option<Tls>,
    /// Hash of the operator's key: an argon2 PHC string. Without one, operator routes answer this machine only, and
    /// only while the server listens on a loopback address.
    pub admin_key: Option<String>,
    /// Most connections at once.
    pub connections: usize,
    /// Most event streams at once, in the process.
    pub streams: usize,
    /// Most event streams of one session at once.
    pub streams_per_session: usize,
    /// Most event streams to one address at once.
    pub streams_per_address: usize,
    /// Longest body of a request, in bytes.
    pub body_bytes: usize,
    /// How long a client may take to send a request's body.
    pub body_timeout: Duration,
    /// How long a client may take to send a request's head.
    pub head_timeout: Duration,
    /// How long open connections may take to end when the server does, in whole seconds.
    pub drain: Duration,
    /// Threads that parse and render; the work itself is done elsewhere.
    pub workers: usize,
    /// How often one person or address may ask.
    pub rates: Rates,
}

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// PEM file with the certificate and what it was signed with, the server's own first.
    pub certificate: PathBuf,
    /// PEM file with the private key.
    pub key: PathBuf,
}

/// How often one person or address may ask. As many may come at once; 0 lifts a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Messages and regenerated replies of a visitor in a minute.
    pub messages_per_minute: u32,
    /// Sessions opened by a visitor in an hour.
    pub sessions_per_hour: u32,
    /// Visitors made new for an address in an hour.
    pub new_visitors_per_hour: u32,
    /// Times that an address may ask for proposals, search by meaning, or be the first to ask who is like somebody, in a minute.
    pub matches_per_minute: u32,
    /// Operator's keys that an address may try in a minute.
    pub keys_per_minute: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            messages_per_minute: 30,
            sessions_per_hour: 60,
            new_visitors_per_hour: 60,
            matches_per_minute: 60,
            keys_per_minute: 5,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            allowed_hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            tls: None,
            admin_key: None,
            connections: 16_384,
            streams: 12_288,
            streams_per_session: 8,
            streams_per_address: 512,
            body_bytes: 128 * 1024,
            body_timeout: Duration::from_secs(15),
            head_timeout: Duration::from_secs(10),
            drain: Duration::from_secs(3),
            workers: 2,
            rates: Rates::default(),
        }
    }
}

/// The key's hash is nobody's business, not even a log's.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("address", &self.address)
            .field("allowed_hosts", &self.allowed_hosts)
            .field("trusted_proxies", &self.trusted_proxies)
            .field("tls", &self.tls)
            .field("admin_key", &self.admin_key.as_ref().map(|_| "set"))
            .field("rates", &self.rates)
            .finish_non_exhaustive()
    }
}
