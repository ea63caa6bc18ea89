//! Visitors: who comes, who comes back, who is to be forgotten.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Kindred;
use crate::agents::AgentError;
use crate::agents::visitor::Token;
use crate::store::{Swept, TooOld, VisitorId, VisitorRecord, Whose};

/// How exactly it is kept when a visitor was here last: one write in so long, however often they ask.
const NOTED: Duration = Duration::from_secs(60 * 60);

impl Kindred {
    /// Welcomes a new visitor. The token is theirs to keep: it cannot be had again.
    ///
    /// # Errors
    /// The store's; [`AgentError::Start`] if the system gives no random numbers.
    pub async fn welcome(&self) -> Result<(VisitorRecord, Token), AgentError> {
        self.check_open()?;
        let token = Token::random()?;
        let record = self.inner.store.add_visitor(token.hash()).await?;
        Ok((record, token))
    }

    /// The visitor who holds this token; none if there is no such visitor, or they stayed away too long.
    ///
    /// # Errors
    /// The store's.
    pub async fn visitor(&self, token: &Token) -> Result<Option<VisitorRecord>, AgentError> {
        self.check_open()?;
        let Some(record) = self.inner.store.visitor(&token.hash()).await? else { return Ok(None) };
        let now = now_ms();
        let limits = &self.inner.limits;
        // A clock that jumped back makes times that are still to come: nobody is too old by them.
        if is_past(now, record.seen_ms, limits.visitor_idle) || is_past(now, record.created_ms, limits.visitor_absolute)
        {
            return Ok(None);
        }
        if is_past(now, record.seen_ms, NOTED.min(limits.visitor_idle / 2)) {
            // A disk that is full must not keep anybody from reading.
            if let Err(error) = self.inner.store.note_visit(record.id).await {
                tracing::warn!(%error, "a visit could not be noted");
            }
        }
        Ok(Some(record))
    }

    /// How many sessions the visitor has.
    ///
    /// # Errors
    /// The store's.
    pub async fn sessions_of(&self, visitor: VisitorId) -> Result<u64, AgentError> {
        Ok(self.inner.store.count_sessions(Whose::Visitor(visitor)).await?)
    }

    /// Deletes a visitor with all that they said and were told, truly.
    ///
    /// # Errors
    /// The store's.
    pub async fn forget_visitor(&self, visitor: VisitorId) -> Result<(), AgentError> {
        self.check_open()?;
        let kindred = self.clone();
        // A task of its own: whoever asked may leave in the middle of it.
        let forgotten = tokio::spawn(async move {
            for session in kindred.inner.store.delete_visitor(visitor).await? {
                kindred.put_out(session).await;
            }
            Ok(())
        });
        forgotten.await.map_err(|_| AgentError::Interrupted)?
    }

    /// Deletes what nobody can reach any more, and what is older than things are kept; says how many sessions.
    ///
    /// # Errors
    /// The store's.
    pub async fn delete_old(&self) -> Result<usize, AgentError> {
        let now = now_ms();
        let before = |age: Duration| now.saturating_sub(ms(age));
        let limits = &self.inner.limits;
        let what = TooOld {
            seen_before: before(limits.visitor_idle),
            created_before: before(limits.visitor_absolute),
            used_before: limits.retention.map_or(i64::MIN, before),
        };
        let mut deleted = 0;
        loop {
            let swept = self.inner.store.delete_old(what).await?;
            if swept == Swept::default() {
                return Ok(deleted);
            }
            deleted += swept.sessions.len();
            for session in swept.sessions {
                self.put_out(session).await;
            }
        }
    }
}

fn is_past(now: i64, since: i64, age: Duration) -> bool {
    now.saturating_sub(since) > ms(age)
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn now_ms() -> i64 {
    ms(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumped_back_makes_nobody_too_old() {
        let (now, day) = (1_000_000_000_000, Duration::from_secs(86_400));
        assert!(!is_past(now, now + ms(day), day), "seen in a time that is still to come");
        assert!(!is_past(now, now - ms(day), day) && is_past(now, now - ms(day) - 1, day));
        assert!(!is_past(now, i64::MAX, day) && !is_past(i64::MIN, now, day));
    }
}
