//! Visitors: the cookie that a browser shows to be known again, and whose it is. The token in it means nothing anywhere
//! else.

use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::COOKIE;
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage as _, HttpRequest, ResponseError as _, web};

use super::origin::Client;
use super::problem::Problem;
use super::routes::problem;
use super::state::State;
use crate::agents::{Caller, Token};
use crate::store::{VisitorId, VisitorRecord};

/// The cookie's name over HTTPS: browsers take a `__Host-` cookie from this host only, over HTTPS only.
const SECURE_NAME: &str = "__Host-kindred";
/// The cookie's name over HTTP, as on a machine of one's own.
const PLAIN_NAME: &str = "kindred";

/// The visitor who asks, on the routes of visitors.
#[derive(Clone, Copy)]
pub(super) struct Visitor {
    pub(super) record: VisitorRecord,
    /// What the limits by address count them under.
    pub(super) network: Option<IpAddr>,
}

impl Visitor {
    pub(super) fn id(self) -> VisitorId {
        self.record.id
    }

    /// As the agents know them.
    pub(super) fn caller(self) -> Caller {
        Caller::Visitor { id: self.record.id, network: self.network }
    }
}

impl FromRequest for Visitor {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // Nobody unless [`only`] stands before the route: a route that forgets it serves nobody.
        ready(request.extensions().get::<Self>().copied().ok_or_else(Problem::no_visitor))
    }
}

/// Lets known visitors pass, and notes who they are.
pub(super) async fn only(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    match known(request.request()).await {
        Ok(Some(visitor)) => {
            request.extensions_mut().insert(visitor);
            Ok(next.call(request).await?.map_into_left_body())
        }
        // Answers, not errors: only answers are given the headers that protect.
        Ok(None) => Ok(request.into_response(Problem::no_visitor().error_response()).map_into_right_body()),
        Err(problem) => Ok(request.into_response(problem.error_response()).map_into_right_body()),
    }
}

/// The visitor whose cookie the request shows, if there is one who is still known.
pub(super) async fn known(request: &HttpRequest) -> Result<Option<Visitor>, Problem> {
    let Some(state) = request.app_data::<web::Data<State>>() else { return Ok(None) };
    let rooms = state.rooms()?;
    let client = Client::of(request);
    for token in tokens(request, &client) {
        if let Some(record) = rooms.kindred.visitor(&token).await.map_err(problem)? {
            return Ok(Some(Visitor { record, network: client.bucket() }));
        }
    }
    Ok(None)
}

/// Most cookies of our name that are looked at: another server of the same host may have set some.
const MOST_COOKIES: usize = 4;

/// The tokens of this request's cookies, those that could be.
fn tokens(request: &HttpRequest, client: &Client) -> Vec<Token> {
    let name = name(client);
    // HTTP/2 may send each cookie in a header of its own.
    let lines = request.headers().get_all(COOKIE).filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let ours = pairs.filter(|(key, _)| *key == name).take(MOST_COOKIES);
    ours.filter_map(|(_, digits)| digits.parse().ok()).collect()
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

    fn read(cookie: &str) -> Option<Token> {
        let request = TestRequest::get().insert_header(("cookie", cookie)).to_http_request();
        tokens(&request, &Client::of(&request)).pop()
    }

    #[test]
    fn a_token_is_read_from_the_cookie_of_its_scheme() {
        assert_eq!(read(&format!("a=b; kindred={TOKEN}")).unwrap().to_string(), TOKEN);
        for other in ["", "0", &TOKEN[1..], "+0112233445566778899aabbccddeeff", &format!("{TOKEN}0")] {
            assert!(read(&format!("kindred={other}")).is_none(), "{other}");
        }
        assert!(read(&format!("__Host-kindred={TOKEN}")).is_none(), "the name for HTTPS, over HTTP");
        assert!(read("other=1").is_none());
        assert!(read(&format!("kindred=x; kindred={TOKEN}")).is_some(), "another server's cookie comes first");
    }

    #[test]
    fn over_https_the_cookie_is_bound_to_it() {
        let attributes = "Path=/; Max-Age=60; HttpOnly; SameSite=Strict";
        assert_eq!(cookie(&client(true), TOKEN, 60), format!("__Host-kindred={TOKEN}; {attributes}; Secure"));
        assert_eq!(cookie(&client(false), TOKEN, 60), format!("kindred={TOKEN}; {attributes}"));
        assert!(no_cookie(&client(true)).contains("__Host-kindred=; Path=/; Max-Age=0"));
    }
}
