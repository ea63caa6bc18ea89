//! What the configuration means to the rooms below: their structs, filled from its sections.

use std::time::Duration;

use super::keys::Config;
use crate::agents::Limits;

impl Config {
    /// How much the agents may do at once, and how long.
    pub(in crate::cli) fn limits(&self) -> Limits {
        Limits {
            // Those at work and those that wait count together.
            replies: self.replies.at_once.saturating_add(self.replies.waiting),
            idle: Duration::from_secs(60 * self.replies.idle_minutes),
            grace: Duration::from_secs(self.server.drain_seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_the_configuration() {
        let text = "[replies]\nat_once = 2\nwaiting = 3\nidle_minutes = 1\n[server]\ndrain_seconds = 7";
        let limits = super::super::parse(text).unwrap().limits();
        let expected = Limits { replies: 5, idle: Duration::from_secs(60), grace: Duration::from_secs(7) };
        assert_eq!(limits, expected);
    }
}
