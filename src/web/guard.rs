//! What stands before every route: security headers, and the refusal of foreign host names and foreign pages.

use std::net::IpAddr;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, ORIGIN, STRICT_TRANSPORT_SECURITY};
use actix_web::http::{Method, StatusCode, Uri};
use actix_web::middleware::{DefaultHeaders, Next};
use actix_web::{Error, ResponseError as _, web};

use super::origin::Client;
use super::problem::Problem;

/// Only files of this server; no inline script or style, no frame, no form target, no plugin.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types svelte-trusted-html";

/// A browser that came over HTTPS once does so for a year.
const HTTPS_ONLY: &str = "max-age=31536000";

const FETCH_SITE: &str = "sec-fetch-site";

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

/// Which host names this server answers to. `None` answers to all.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts {
    names: Option<Vec<String>>,
    /// Those allowed by hand: over them people reach this very page, which says that it comes from there.
    allowed: Vec<String>,
}

impl Hosts {
    /// A server that listens on the loopback address answers to its local names and those allowed by hand: a foreign
    /// page whose own name was made to point here (DNS rebinding) could otherwise read conversations.
    pub(super) fn new(bound: IpAddr, allowed: &[String]) -> Self {
        let allowed: Vec<String> = allowed.iter().map(|name| name.to_lowercase()).collect();
        if !bound.is_loopback() && allowed.is_empty() {
            return Self { names: None, allowed };
        }
        let bound = if bound.is_ipv6() { format!("[{bound}]") } else { bound.to_string() };
        let names = LOCAL_NAMES.map(str::to_owned).into_iter().chain([bound]).chain(allowed.iter().cloned());
        Self { names: Some(names.collect()), allowed }
    }

    fn admits(&self, host: &str) -> bool {
        let Some(names) = &self.names else { return true };
        is_local_name(host) || names.contains(&name(host))
    }

    /// Whether a page of this origin may write here: this server's own, or one of a host allowed by hand.
    fn owns(&self, origin: &str, client: &Client) -> bool {
        let Ok(page) = origin.parse::<Uri>() else { return false };
        let (Some(scheme), Some(authority)) = (page.scheme_str(), page.authority()) else { return false };
        let secure = scheme == "https";
        // A page that anybody on the way could have changed must not write where nobody could.
        if !secure && (scheme != "http" || client.secure) {
            return false;
        }
        let with_port = |host: &str| {
            let port = port(host).unwrap_or(if secure { "443" } else { "80" });
            format!("{}:{port}", name(host))
        };
        let own = secure == client.secure
            && client.host.as_deref().is_some_and(|host| with_port(host) == with_port(authority.as_str()));
        own || self.allowed.contains(&name(authority.as_str()))
    }
}

const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Whether this is a name that never leaves the machine.
pub(super) fn is_local_name(host: &str) -> bool {
    let name = name(host);
    name.ends_with(".localhost") || LOCAL_NAMES.contains(&name.as_str())
}

/// A host without its port, in lower case.
fn name(host: &str) -> String {
    let end = port(host).map_or(host.len(), |port| host.len() - port.len() - 1);
    host[..end].trim_end_matches('.').to_ascii_lowercase()
}

fn port(host: &str) -> Option<&str> {
    host.rsplit_once(':').map(|(_, port)| port).filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Refuses requests that were sent to another name, and writes that another page sent.
pub(super) async fn hosts(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let client = Client::of(request.request());
    let refused = request.app_data::<web::Data<Hosts>>().and_then(|hosts| {
        let named = client.host.as_deref().is_none_or(|host| hosts.admits(host));
        if named { foreign(request.method(), request.headers(), hosts, &client) } else { Some(wrong_host()) }
    });
    if let Some(problem) = refused {
        // An answer, not an error: only answers are given the headers that protect.
        return Ok(request.into_response(problem.error_response()).map_into_right_body());
    }
    let mut response = next.call(request).await?.map_into_left_body();
    // Not for local names: browsers would ask every other server of this machine for HTTPS too.
    if client.secure && client.host.as_deref().is_some_and(|host| !is_local_name(host)) {
        response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HTTPS_ONLY));
    }
    Ok(response)
}

fn wrong_host() -> Problem {
    let detail = "this server answers to its local name only; --allow-host NAME adds another";
    Problem::new(StatusCode::MISDIRECTED_REQUEST, "wrong-host", "Not the name of this server", detail)
}

/// Why this request may not write, if it may not: browsers say which page sent it, and whoever says nothing is none.
fn foreign(method: &Method, headers: &HeaderMap, hosts: &Hosts, client: &Client) -> Option<Problem> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let site = headers.get(FETCH_SITE).and_then(|site| site.to_str().ok()).unwrap_or_default();
    if matches!(site, "cross-site" | "same-site") {
        return Some(Problem::wrong_origin("only this server's own page may do this from a browser"));
    }
    let owned = headers.get_all(ORIGIN).all(|origin| origin.to_str().is_ok_and(|origin| hosts.owns(origin, client)));
    let detail = "the page's origin is not this server's own; behind a proxy, name it among the trusted ones, or allow \
        the public host name";
    (!owned).then(|| Problem::wrong_origin(detail))
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

    fn client(secure: bool, host: &str) -> Client {
        Client { address: None, secure, host: Some(host.into()), behind_proxy: false, forwarded: false }
    }

    #[test]
    fn only_pages_of_this_server_or_of_an_allowed_host_may_write() {
        let hosts = Hosts::new("0.0.0.0".parse().unwrap(), &["Friend.example".to_owned()]);
        for (origin, secure, host) in [
            ("http://localhost:8080", false, "localhost:8080"),
            ("http://kindred.example", false, "kindred.example:80"),
            ("https://kindred.example", true, "kindred.example"),
            ("https://kindred.example:8443", true, "KINDRED.example:8443"),
            ("http://[::1]:8080", false, "[::1]:8080"),
            ("https://friend.example", true, "kindred.example"),
            ("https://friend.example", false, "friend.example"),
        ] {
            assert!(hosts.owns(origin, &client(secure, host)), "{origin} at {host}");
        }
        for (origin, secure, host) in [
            ("http://localhost:5173", false, "localhost:8080"),
            ("http://kindred.example", true, "kindred.example"),
            ("https://kindred.example", false, "kindred.example"),
            ("http://friend.example", true, "kindred.example"),
            ("https://evil.example", true, "kindred.example"),
            ("null", false, "localhost"),
            ("", false, "localhost"),
            ("file://", false, "localhost"),
            ("https://kindred.example.evil.example", true, "kindred.example"),
        ] {
            assert!(!hosts.owns(origin, &client(secure, host)), "{origin} at {host}");
        }
    }
}
