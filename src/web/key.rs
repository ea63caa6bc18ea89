//! The key of a request: the header `Idempotency-Key`, by which the same request sent again is known.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use super::problem::Problem;
use crate::agents::RequestKey;

const HEADER: &str = "idempotency-key";

/// The request's key, if it has one.
pub(super) struct Key(pub(super) Option<RequestKey>);

impl FromRequest for Key {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(value) = request.headers().get(HEADER) else { return ready(Ok(Self(None))) };
        let key = value.to_str().ok().and_then(|text| text.parse().ok());
        ready(key.map(|key| Self(Some(key))).ok_or_else(Problem::invalid_key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn a_key_is_optional_short_and_printable() {
        let read = |value: &str| {
            let request = TestRequest::post().insert_header((HEADER, value)).to_http_request();
            Key::from_request(&request, &mut Payload::None).into_inner()
        };
        assert_eq!(read("a-1").unwrap().0.unwrap().as_str(), "a-1");
        assert_eq!(read(&"x".repeat(65)).err().unwrap().code(), "invalid-key");
        assert_eq!(read("a b").err().unwrap().code(), "invalid-key");
        let without = TestRequest::post().to_http_request();
        assert!(Key::from_request(&without, &mut Payload::None).into_inner().unwrap().0.is_none());
    }
}
