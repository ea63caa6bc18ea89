//! What a failure inside means outside: the agents' errors as problems.

use actix_web::http::StatusCode;

use crate::agents::AgentError;
use crate::encoder::EncoderError;
use crate::engine::EngineError;
use crate::matching::MatchError;
use crate::store::StoreError;
use crate::web::problem::Problem;

/// The problem to answer with.
pub(super) fn problem(error: AgentError) -> Problem {
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
        AgentError::Overloaded { .. }
        | AgentError::Engine(EngineError::Overloaded { .. })
        | AgentError::Match(MatchError::Encoder(EncoderError::Overloaded { .. })) => Problem::busy(detail),
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

#[cfg(test)]
mod tests {
    use super::*;
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
            (AgentError::Overloaded { limit: 1 }, 503, "busy"),
            (AgentError::Closing, 503, "draining"),
            (AgentError::Store(StoreError::Full { path: "kindred.db".into() }), 507, "disk-full"),
            (AgentError::BrokenOff, 500, "internal"),
        ];
        for (error, status, code) in cases {
            let problem = problem(error);
            assert_eq!((problem.status_code().as_u16(), problem.code()), (status, code));
        }
    }

    #[test]
    fn the_reason_of_an_inner_failure_stays_inside() {
        let secret = EngineError::Failed { reason: "tensor 7".into() };
        assert!(!format!("{:?}", problem(AgentError::Engine(secret))).contains("tensor"));
    }
}
