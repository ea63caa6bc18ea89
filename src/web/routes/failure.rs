//! What a failure inside means outside: the agents' errors as problems.

use std::time::Duration;

use actix_web::http::StatusCode;

use crate::agents::AgentError;
use crate::encoder::EncoderError;
use crate::engine::EngineError;
use crate::matching::MatchError;
use crate::store::StoreError;
use crate::web::problem::Problem;

/// The longest that anybody is told to wait, in seconds: the queue may be short again by then.
const LONGEST_WAIT: u32 = 120;

/// The problem to answer with.
pub(in crate::web) fn problem(error: AgentError) -> Problem {
    let detail = error.to_string();
    match error {
        AgentError::EmptyMessage | AgentError::Match(MatchError::NothingSaid) => {
            Problem::bad_request("empty-message", "The message is empty", detail)
        }
        AgentError::MessageTooLong { .. } => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "message-too-long", "The message is too long", detail)
        }
        AgentError::NoCharacter { index } => Problem::no_character(index),
        AgentError::NoSession { id } => Problem::no_session(id),
        AgentError::SessionEnded { .. } => {
            Problem::new(StatusCode::CONFLICT, "session-ended", "This conversation has ended", detail)
        }
        AgentError::Overloaded { queue, .. } => {
            let wait_ms = u64::try_from(queue.wait.as_millis()).unwrap_or(u64::MAX);
            let seconds = u32::try_from(queue.wait.as_secs()).unwrap_or(u32::MAX).clamp(1, LONGEST_WAIT);
            Problem::busy(detail).retry_after(seconds).with("ahead", queue.ahead).with("wait_ms", wait_ms)
        }
        AgentError::TooManyReplies { .. } => Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-requests",
            "Replies to you are still on their way",
            detail,
        )
        .retry_after(2),
        AgentError::SessionFull { .. } => {
            Problem::new(StatusCode::CONFLICT, "session-full", "This conversation is full", detail)
        }
        AgentError::NoTurn { .. } => Problem::not_found("no-such-turn", "There is no such turn", detail),
        AgentError::NotAMessage { .. } => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "not-a-message", "That is no message of yours", detail)
        }
        AgentError::BadKey { .. } => Problem::invalid_key(),
        AgentError::KeyReused => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "key-reused", "This key was used before", detail)
        }
        AgentError::Store(StoreError::TooManySessions { .. }) => {
            Problem::new(StatusCode::CONFLICT, "too-many-sessions", "You have many conversations", detail)
        }
        AgentError::Store(StoreError::ReadOnly { .. }) => {
            let detail = "the server's disk cannot be written: nothing new can be kept, what was kept can be read";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "read-only", "Nothing can be kept now", detail)
                .retry_after(30)
        }
        AgentError::Engine(EngineError::Overloaded { .. })
        | AgentError::Match(MatchError::Encoder(EncoderError::Overloaded { .. })) => Problem::busy(detail),
        AgentError::Engine(EngineError::Restarting { retry_after, .. })
        | AgentError::Match(MatchError::Encoder(EncoderError::Restarting { retry_after, .. })) => {
            restarting(retry_after, "a model failed and is loaded again; what was said is kept")
        }
        AgentError::NoMeanings => Problem::new(
            StatusCode::NOT_IMPLEMENTED,
            "no-search-by-meaning",
            "The bank is not searched by meaning here",
            detail,
        ),
        AgentError::TooManySearches { .. } => asked_too_much(detail),
        AgentError::Closing => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "draining", "Kindred is stopping", detail).retry_after(2)
        }
        AgentError::Interrupted => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "interrupted", "The conversation was interrupted", detail)
                .retry_after(1)
        }
        AgentError::Store(StoreError::Full { .. }) => Problem::disk_full(),
        other => Problem::internal(other),
    }
}

/// As [`problem`], for routes on which nobody talks: there is no conversation that could be interrupted, or kept.
pub(super) fn refusal(error: AgentError) -> Problem {
    match error {
        AgentError::Match(MatchError::Encoder(EncoderError::Overloaded { .. })) => asked_too_much(error.to_string()),
        AgentError::Match(MatchError::Encoder(EncoderError::Restarting { retry_after, .. })) => {
            restarting(retry_after, "a model failed and is loaded again; ask again then")
        }
        AgentError::Interrupted => {
            let detail = "what was asked for was not done to its end; ask again";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "interrupted", "That was interrupted", detail).retry_after(1)
        }
        other => problem(other),
    }
}

fn asked_too_much(detail: String) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Too much is asked at this moment", detail).retry_after(2)
}

fn restarting(retry_after: Duration, detail: &str) -> Problem {
    let seconds = u32::try_from(retry_after.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "model-restarting", "A model is loaded again", detail)
        .retry_after(seconds.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::QueueLength;
    use actix_web::ResponseError as _;

    #[test]
    fn every_failure_of_the_person_has_a_status_and_a_code_of_its_own() {
        let id = uuid::Uuid::nil();
        let cases = [
            (AgentError::EmptyMessage, 400, "empty-message"),
            (AgentError::MessageTooLong { found: 9, limit: 8 }, 422, "message-too-long"),
            (AgentError::NoCharacter { index: 7 }, 404, "no-such-character"),
            (AgentError::NoSession { id }, 404, "no-such-session"),
            (AgentError::SessionEnded { id }, 409, "session-ended"),
            (
                AgentError::Overloaded {
                    admitted: 1,
                    queue: QueueLength { ahead: 1, wait: std::time::Duration::ZERO },
                },
                503,
                "busy",
            ),
            (AgentError::TooManyReplies { limit: 2 }, 429, "too-many-requests"),
            (AgentError::SessionFull { limit: 9, bytes: 9 }, 409, "session-full"),
            (AgentError::NoTurn { seq: 9 }, 404, "no-such-turn"),
            (AgentError::NotAMessage { seq: 9 }, 422, "not-a-message"),
            (AgentError::KeyReused, 422, "key-reused"),
            (AgentError::Store(StoreError::TooManySessions { limit: 9 }), 409, "too-many-sessions"),
            (AgentError::Store(StoreError::ReadOnly { path: "kindred.db".into() }), 503, "read-only"),
            (AgentError::NoMeanings, 501, "no-search-by-meaning"),
            (AgentError::TooManySearches { limit: 9 }, 503, "busy"),
            (AgentError::Closing, 503, "draining"),
            (AgentError::Store(StoreError::Full { path: "kindred.db".into() }), 507, "disk-full"),
            (
                AgentError::Engine(EngineError::Restarting {
                    reason: "secret".into(),
                    retry_after: std::time::Duration::from_secs(2),
                }),
                503,
                "model-restarting",
            ),
            (AgentError::BrokenOff, 500, "internal"),
        ];
        for (error, status, code) in cases {
            let problem = problem(error);
            assert_eq!((problem.status_code().as_u16(), problem.code()), (status, code));
        }
    }

    #[test]
    fn a_search_that_is_refused_is_not_called_a_conversation() {
        let encoder = |error: EncoderError| AgentError::Match(MatchError::Encoder(error));
        let fallen = EncoderError::Restarting { reason: "secret".into(), retry_after: Duration::ZERO };
        let refused = [
            (AgentError::Interrupted, "interrupted"),
            (AgentError::TooManySearches { limit: 9 }, "busy"),
            (encoder(EncoderError::Overloaded { waiting: 9, limit: 9 }), "busy"),
            (encoder(fallen), "model-restarting"),
        ];
        for (error, code) in refused {
            let told = refusal(error);
            assert_eq!((told.status_code().as_u16(), told.code()), (503, code));
            let told = format!("{told:?}");
            for word in ["conversation", "session", "talking", "said", "secret"] {
                assert!(!told.contains(word), "{told}");
            }
        }
    }

    #[test]
    fn the_reason_of_an_inner_failure_stays_inside() {
        let secret = EngineError::Failed { reason: "tensor 7".into() };
        assert!(!format!("{:?}", problem(AgentError::Engine(secret))).contains("tensor"));
        let reason = "tensor 7".to_owned();
        let secret = EngineError::Restarting { reason, retry_after: std::time::Duration::ZERO };
        assert!(!format!("{:?}", problem(AgentError::Engine(secret))).contains("tensor"));
    }
}
