//! The ranges that a request must keep.

use super::{EngineError, GenerateRequest};

/// Below this, dividing by the temperature loses all that tells tokens apart; 0 says so plainly.
const LEAST_TEMPERATURE: f32 = 0.01;
const GREATEST_TEMPERATURE: f32 = 100.0;
/// Bounds on stop strings: each is looked for in every piece of text.
const MOST_STOPS: usize = 32;
const LONGEST_STOP: usize = 256;

/// Checks every parameter of a request.
///
/// # Errors
/// [`EngineError::BadSampling`] with the first one out of its range.
pub(super) fn validate(request: &GenerateRequest) -> Result<(), EngineError> {
    let sampling = &request.sampling;
    let t = sampling.temperature;
    let share = |value: f32| (0.0..=1.0).contains(&value);
    let penalty = sampling.repetition_penalty;
    let checks = [
        (
            t == 0.0 || (LEAST_TEMPERATURE..=GREATEST_TEMPERATURE).contains(&t),
            "temperature",
            "0 (greedy), or from 0.01 to 100",
            t.to_string(),
        ),
        (share(sampling.top_p), "top_p", "from 0 to 1", sampling.top_p.to_string()),
        (share(sampling.min_p), "min_p", "from 0 to 1", sampling.min_p.to_string()),
        (penalty > 0.0 && penalty.is_finite(), "repetition_penalty", "a finite number above 0", penalty.to_string()),
        (sampling.max_new_tokens > 0, "max_new_tokens", "at least 1", sampling.max_new_tokens.to_string()),
        (
            sampling.min_new_tokens <= sampling.max_new_tokens,
            "min_new_tokens",
            "at most max_new_tokens",
            sampling.min_new_tokens.to_string(),
        ),
        (request.stop.len() <= MOST_STOPS, "stop", "at most 32 stop strings", request.stop.len().to_string()),
        (
            request.stop.iter().all(|stop| (1..=LONGEST_STOP).contains(&stop.len())),
            "stop",
            "stop strings of 1 to 256 bytes",
            request.stop.iter().map(|stop| stop.len().to_string()).collect::<Vec<_>>().join(", "),
        ),
    ];
    match checks.into_iter().find(|(kept, ..)| !kept) {
        Some((_, name, expected, found)) => Err(EngineError::BadSampling { name, expected, found }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Sampling;

    #[test]
    fn the_default_and_greedy_pass() {
        validate(&GenerateRequest::default()).unwrap();
        let greedy = Sampling { temperature: 0.0, ..Sampling::default() };
        validate(&GenerateRequest { sampling: greedy, ..GenerateRequest::default() }).unwrap();
    }

    #[test]
    fn each_parameter_out_of_its_range_is_named() {
        let base = Sampling::default;
        let wrong = [
            ("temperature", Sampling { temperature: -1.0, ..base() }),
            ("temperature", Sampling { temperature: f32::NAN, ..base() }),
            ("temperature", Sampling { temperature: 1e-9, ..base() }),
            ("top_p", Sampling { top_p: 1.5, ..base() }),
            ("min_p", Sampling { min_p: f32::NAN, ..base() }),
            ("repetition_penalty", Sampling { repetition_penalty: 0.0, ..base() }),
            ("repetition_penalty", Sampling { repetition_penalty: f32::INFINITY, ..base() }),
            ("max_new_tokens", Sampling { max_new_tokens: 0, ..base() }),
            ("min_new_tokens", Sampling { min_new_tokens: 200, ..base() }),
        ];
        for (expected, sampling) in wrong {
            let request = GenerateRequest { sampling, ..GenerateRequest::default() };
            assert!(matches!(validate(&request), Err(EngineError::BadSampling { name, .. }) if name == expected));
        }
        for stop in [vec![String::new()], vec!["x".repeat(300)], vec!["x".into(); 40]] {
            let request = GenerateRequest { stop, ..GenerateRequest::default() };
            assert!(matches!(validate(&request), Err(EngineError::BadSampling { name: "stop", .. })));
        }
    }
}
