//! What stands before every route: security headers, and the refusal of foreign host names on a local server.

use std::net::IpAddr;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HOST, HeaderName, HeaderValue};
use actix_web::middleware::{DefaultHeaders, Next};
use actix_web::{Error, ResponseError as _, web};

use super::problem::Problem;

/// Only files of this server; no inline script or style, no frame, no form target, no plugin.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types svelte-trusted-html";

pub(super) fn headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add(("content-security-policy", POLICY))
        .add(("x-content-type-options", "nosniff"))
        .add(("x-frame-options", "DENY"))
        .add(("referrer-policy", "no-referrer"))
        .add(("cross-origin-opener-policy", "same-origin"))
        .add(("cross-origin-resource-policy", "same-origin"))
        .add(("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=()"))
}

/// Which `Host` names this server answers to. `None` answers to all.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts(Option<Vec<String>>);

impl Hosts {
    /// A server that listens on the loopback address answers to its local names and those allowed by hand: a foreign
    /// page whose own name was made to point here (DNS rebinding) could otherwise read conversations.
    pub(super) fn new(bound: IpAddr, allowed: &[String]) -> Self {
        if !bound.is_loopback() && allowed.is_empty() {
            return Self(None);
        }
        let local = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned);
        let bound = if bound.is_ipv6() { format!("[{bound}]") } else { bound.to_string() };
        Self(Some(local.into_iter().chain([bound]).chain(allowed.iter().map(|name| name.to_lowercase())).collect()))
    }

    fn admits(&self, host: &str) -> bool {
        let Some(names) = &self.0 else { return true };
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        name.ends_with(".localhost") || names.contains(&name)
    }
}

/// Refuses requests that were sent to another name.
pub(super) async fn hosts(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let admitted = match (request.app_data::<web::Data<Hosts>>(), request.headers().get(HOST)) {
        (Some(hosts), Some(host)) => host.to_str().is_ok_and(|host| hosts.admits(host)),
        _ => true,
    };
    if !admitted {
        let detail = "this server answers to its local name only; --allow-host NAME adds another";
        // An answer, not an error: only answers are given the headers that protect.
        let problem =
            Problem::new(StatusCode::MISDIRECTED_REQUEST, "wrong-host", "Not the name of this server", detail);
        return Ok(request.into_response(problem.error_response()).map_into_right_body());
    }
    Ok(next.call(request).await?.map_into_left_body())
}

/// Nothing the API says is kept by caches.
pub(super) async fn no_store(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(request).await?;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_server_answers_to_local_names_only() {
        let hosts = Hosts::new("127.0.0.1".parse().unwrap(), &["kindred.example".to_owned()]);
        for name in
            ["localhost:8080", "127.0.0.1:1", "[::1]:80", "[::1]", "LOCALHOST", "kindred.example", "a.localhost"]
        {
            assert!(hosts.admits(name), "{name}");
        }
        for name in ["evil.example:8080", "127.0.0.1.evil.example", "", "localhost.evil.example:8080"] {
            assert!(!hosts.admits(name), "{name}");
        }
        assert!(Hosts::new("0.0.0.0".parse().unwrap(), &[]).admits("anything.example"));
    }
}
