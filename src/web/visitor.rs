//! The visitor's cookie: what a browser shows to be known again. The token in it means nothing anywhere else.

#![cfg_attr(not(test), expect(dead_code, reason = "sessions belong to nobody yet"))]

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::COOKIE;
use actix_web::{FromRequest, HttpRequest};

use super::origin::Client;
use super::problem::Problem;

/// The cookie's name over HTTPS: browsers take a `__Host-` cookie from this host only, over HTTPS only.
const SECURE_NAME: &str = "__Host-kindred";
/// The cookie's name over HTTP, as on a machine of one's own.
const PLAIN_NAME: &str = "kindred";

/// Length of a token as it is written, in hexadecimal digits.
const DIGITS: usize = 32;

/// The token that a request shows: 128 bits in hexadecimal. Whether anybody has it is not known yet.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Visitor {
    token: u128,
}

impl Visitor {
    /// The token of this request's cookie, if it has one that could be.
    pub(super) fn read(request: &HttpRequest) -> Option<Self> {
        let name = name(&Client::of(request));
        // HTTP/2 may send each cookie in a header of its own.
        let lines = request.headers().get_all(COOKIE).filter_map(|line| line.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let (_, digits) = pairs.find(|(key, _)| *key == name)?;
        // One token has one form: no sign, no capitals.
        let plain = digits.len() == DIGITS && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        plain.then(|| u128::from_str_radix(digits, 16).ok()).flatten().map(|token| Self { token })
    }

    pub(super) fn token(&self) -> u128 {
        self.token
    }
}

/// A token never reaches a log.
impl std::fmt::Debug for Visitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Visitor(…)")
    }
}

impl FromRequest for Visitor {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::read(request).ok_or_else(Problem::no_visitor))
    }
}

fn name(client: &Client) -> &'static str {
    if client.secure { SECURE_NAME } else { PLAIN_NAME }
}

/// The `Set-Cookie` that makes a browser show `token` for `seconds`.
pub(super) fn cookie(client: &Client, token: &str, seconds: u64) -> String {
    let secure = if client.secure { "; Secure" } else { "" };
    format!("{}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}", name(client))
}

/// The `Set-Cookie` that makes a browser forget.
pub(super) fn no_cookie(client: &Client) -> String {
    cookie(client, "", 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    const TOKEN: &str = "00112233445566778899aabbccddeeff";

    fn client(secure: bool) -> Client {
        Client { address: None, secure, host: None, behind_proxy: false, forwarded: false }
    }

    fn read(cookie: &str) -> Option<Visitor> {
        Visitor::read(&TestRequest::get().insert_header(("cookie", cookie)).to_http_request())
    }

    #[test]
    fn a_token_is_read_in_one_form_only() {
        assert_eq!(read(&format!("a=b; kindred={TOKEN}")).unwrap().token(), 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
        let capitals = TOKEN.to_uppercase();
        for other in ["", "0", &TOKEN[1..], &capitals, "+0112233445566778899aabbccddeeff", &format!("{TOKEN}0")] {
            assert!(read(&format!("kindred={other}")).is_none(), "{other}");
        }
        assert!(read(&format!("__Host-kindred={TOKEN}")).is_none(), "the name for HTTPS, over HTTP");
        assert!(read("other=1").is_none());
        assert!(!format!("{:?}", read(&format!("kindred={TOKEN}"))).contains("0011"));
    }

    #[test]
    fn over_https_the_cookie_is_bound_to_it() {
        let attributes = "Path=/; Max-Age=60; HttpOnly; SameSite=Strict";
        assert_eq!(cookie(&client(true), TOKEN, 60), format!("__Host-kindred={TOKEN}; {attributes}; Secure"));
        assert_eq!(cookie(&client(false), TOKEN, 60), format!("kindred={TOKEN}; {attributes}"));
        assert!(no_cookie(&client(true)).contains("__Host-kindred=; Path=/; Max-Age=0"));
    }
}
