//! What the configuration means to the rooms below: their structs, filled from its sections.

use std::net::SocketAddr;
use std::time::Duration;

use super::keys::Config;
use crate::agents::Limits;
use crate::web::{Rates, Settings, Tls};

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

fn days(count: u32) -> Duration {
    Duration::from_secs(DAY * u64::from(count))
}

impl Config {
    /// How much the agents may do at once, and how long.
    pub(in crate::cli) fn limits(&self) -> Limits {
        let (replies, visitors) = (&self.replies, &self.visitors);
        Limits {
            replies: replies.at_once,
            // Those at work and those that wait are admitted together.
            waiting: replies.at_once.saturating_add(replies.waiting),
            tokens: replies.tokens,
            visitor_replies: visitors.replies,
            visitor_tokens: visitors.tokens,
            network_replies: visitors.replies_per_address,
            visitor_sessions: visitors.sessions as u64,
            session_turns: replies.session_turns as u64,
            session_bytes: replies.session_bytes,
            message_chars: replies.message_chars,
            attempts: replies.attempts,
            idle: Duration::from_secs(60 * replies.idle_minutes),
            grace: Duration::from_secs(self.server.drain_seconds),
            visitor_idle: days(visitors.idle_days),
            visitor_absolute: days(visitors.absolute_days),
            retention: (self.store.retention_days > 0).then(|| days(self.store.retention_days)),
        }
    }

    /// How the web face is to behave; `admin_key` is the hash of the operator's key.
    pub(in crate::cli) fn web(&self, admin_key: Option<String>) -> Settings {
        let (server, visitors) = (&self.server, &self.visitors);
        let tls = server.tls_certificate.clone().zip(server.tls_key.clone());
        let defaults = Settings::default();
        Settings {
            address: SocketAddr::new(server.host, server.port),
            allowed_hosts: server.allow_hosts.clone(),
            trusted_proxies: server.trusted_proxies.iter().map(|network| network.0).collect(),
            tls: tls.map(|(certificate, key)| Tls { certificate, key }),
            admin_key,
            connections: server.connections,
            streams: server.streams,
            streams_per_session: server.streams_per_session,
            streams_per_address: server.streams_per_address,
            body_bytes: server.body_bytes,
            body_timeout: Duration::from_secs(server.body_seconds),
            head_timeout: Duration::from_secs(server.head_seconds),
            drain: defaults.drain,
            workers: server.workers,
            rates: Rates {
                messages_per_minute: visitors.messages_per_minute,
                sessions_per_hour: visitors.sessions_per_hour,
                new_visitors_per_hour: visitors.new_per_hour,
                matches_per_minute: visitors.matches_per_minute,
                keys_per_minute: server.keys_per_minute,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_the_configuration_are_those_of_the_rooms() {
        let config = super::super::parse("").unwrap();
        let agents = Limits::default();
        assert_eq!(config.limits(), Limits { waiting: agents.replies + agents.waiting, ..agents });
        let (web, defaults) = (config.web(None), Settings::default());
        assert_eq!((web.rates, web.address, web.body_bytes), (defaults.rates, defaults.address, defaults.body_bytes));
        assert_eq!(
            (web.connections, web.streams, web.workers),
            (defaults.connections, defaults.streams, defaults.workers)
        );
    }

    #[test]
    fn what_is_configured_reaches_the_rooms() {
        let text = "[replies]\nat_once = 2\nwaiting = 3\nidle_minutes = 1\n[server]\ndrain_seconds = 7\n\
            tls_certificate = \"c\"\ntls_key = \"k\"\ntrusted_proxies = [\"10.0.0.0/8\"]\n[store]\nretention_days = 30\n\
            [visitors]\nidle_days = 2";
        let config = super::super::parse(text).unwrap();
        let limits = config.limits();
        assert_eq!((limits.replies, limits.waiting), (2, 5));
        assert_eq!((limits.idle, limits.grace), (Duration::from_secs(60), Duration::from_secs(7)));
        assert_eq!((limits.visitor_idle, limits.retention), (days(2), Some(days(30))));
        let web = config.web(Some("hash".into()));
        assert_eq!(web.tls, Some(Tls { certificate: "c".into(), key: "k".into() }));
        assert_eq!((web.trusted_proxies.len(), web.admin_key.as_deref()), (1, Some("hash")));
    }
}
