//! How often one person or address may ask: a bucket a key, in bounded memory.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use governor::clock::Clock as _;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::problem::Problem;
use super::settings::Rates;
use crate::store::VisitorId;

/// Most keys of one limit. Past this it forgets them all: whoever has so many addresses is not held by limits of this
/// kind, and memory must be.
const MOST_KEYS: usize = 200_000;

/// One limit, with a bucket for each key.
pub(super) struct Limit<K: Hash + Eq + Clone> {
    /// What is counted, for people: "messages", and in what time.
    counted: &'static str,
    quota: Option<Quota>,
    // An RwLock: written only to forget everything.
    buckets: RwLock<Option<DefaultKeyedRateLimiter<K>>>,
}

impl<K: Hash + Eq + Clone> Limit<K> {
    /// `counted` in a minute, as many at once; 0 lifts the limit.
    fn per_minute(most: u32, counted: &'static str) -> Self {
        Self::new(NonZeroU32::new(most).map(Quota::per_minute), counted)
    }

    /// `counted` in an hour, as many at once; 0 lifts the limit.
    fn per_hour(most: u32, counted: &'static str) -> Self {
        Self::new(NonZeroU32::new(most).map(Quota::per_hour), counted)
    }

    fn new(quota: Option<Quota>, counted: &'static str) -> Self {
        Self { counted, quota, buckets: RwLock::new(quota.map(RateLimiter::keyed)) }
    }

    /// Takes one from the key's bucket.
    ///
    /// # Errors
    /// 429 `too-many-requests` with the time to wait.
    pub(super) fn check(&self, key: &K) -> Result<(), Problem> {
        let buckets = self.buckets.read().unwrap_or_else(PoisonError::into_inner);
        let Some(limiter) = &*buckets else { return Ok(()) };
        limiter.check_key(key).map_err(|refused| {
            let wait = refused.wait_time_from(limiter.clock().now());
            Problem::too_many_requests(refused.quota().burst_size().get(), self.counted, seconds(wait))
        })
    }

    /// Forgets the keys whose buckets are full again.
    fn tidy(&self) {
        let full = {
            let buckets = self.buckets.read().unwrap_or_else(PoisonError::into_inner);
            let Some(limiter) = &*buckets else { return };
            limiter.retain_recent();
            limiter.shrink_to_fit();
            limiter.len() > MOST_KEYS
        };
        if full {
            *self.buckets.write().unwrap_or_else(PoisonError::into_inner) = self.quota.map(RateLimiter::keyed);
        }
    }
}

/// Whole seconds, up, and at least one: a client that comes a moment too early comes in vain.
fn seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(u32::from(wait.subsec_nanos() > 0)).max(1)
}

/// All limits of the server.
pub(super) struct Limits {
    /// Messages said and replies asked for anew, by visitor.
    pub(super) messages: Limit<VisitorId>,
    /// Sessions opened, by visitor.
    pub(super) sessions: Limit<VisitorId>,
    /// Visitors made new, by address.
    pub(super) new_visitors: Limit<IpAddr>,
    /// Work for a proposal, a search by meaning, or to reckon who is like somebody, by address.
    pub(super) matches: Limit<IpAddr>,
    /// Operator's keys tried, by address.
    pub(super) keys: Limit<IpAddr>,
}

impl Limits {
    pub(super) fn new(rates: Rates) -> Self {
        Self {
            messages: Limit::per_minute(rates.messages_per_minute, "messages a minute"),
            sessions: Limit::per_hour(rates.sessions_per_hour, "sessions an hour"),
            new_visitors: Limit::per_hour(rates.new_visitors_per_hour, "new visitors an hour"),
            matches: Limit::per_minute(
                rates.matches_per_minute,
                "proposals, searches by meaning and comparisons a minute",
            ),
            keys: Limit::per_minute(rates.keys_per_minute, "keys a minute"),
        }
    }

    /// Forgets whoever has not asked for a while; to be called now and then.
    pub(super) fn tidy(&self) {
        self.messages.tidy();
        self.sessions.tidy();
        self.new_visitors.tidy();
        self.matches.tidy();
        self.keys.tidy();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::ResponseError as _;

    #[test]
    fn as_many_as_allowed_then_told_when_to_come_again() {
        let limit = Limit::per_hour(2, "sessions an hour");
        assert!(limit.check(&1).is_ok() && limit.check(&1).is_ok());
        let answer = limit.check(&1).unwrap_err().error_response();
        assert_eq!(answer.status(), 429);
        let wait: u32 = answer.headers().get("retry-after").unwrap().to_str().unwrap().parse().unwrap();
        assert!((1790..=1800).contains(&wait), "{wait}");
        assert!(limit.check(&2).is_ok(), "another key has a bucket of its own");
    }

    #[test]
    fn zero_lifts_a_limit() {
        let limit = Limit::per_minute(0, "messages a minute");
        assert!((0..1000).all(|_| limit.check(&1).is_ok()));
    }

    #[test]
    fn full_buckets_are_forgotten_and_empty_ones_kept() {
        let limit = Limit::new(Quota::with_period(Duration::from_millis(20)), "x");
        assert!((0..100).all(|key| limit.check(&key).is_ok()));
        std::thread::sleep(Duration::from_millis(60));
        let slow = Limit::per_hour(1, "x");
        assert!(slow.check(&1).is_ok());
        limit.tidy();
        slow.tidy();
        let keys = |limit: &Limit<i32>| limit.buckets.read().unwrap().as_ref().unwrap().len();
        assert_eq!((keys(&limit), keys(&slow)), (0, 1));
        assert!(slow.check(&1).is_err());
    }

    #[test]
    fn waits_are_whole_seconds_and_never_none() {
        assert_eq!(seconds(Duration::ZERO), 1);
        assert_eq!(seconds(Duration::from_millis(1001)), 2);
    }
}
