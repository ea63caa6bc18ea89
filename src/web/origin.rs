//! Who asks: address, scheme and host name of the client. A proxy's word is believed only if the proxy is trusted.

use std::net::IpAddr;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HOST, HeaderMap};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpRequest, web};
use ipnet::IpNet;

/// Most addresses of an `X-Forwarded-For` that are looked at, from the right.
const MOST_HOPS: usize = 16;

/// Headers by which a proxy says that it is one.
const FORWARDING: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "via"];

/// Networks whose word about the client is believed.
#[derive(Clone, Debug, Default)]
pub(super) struct Proxies(Vec<IpNet>);

impl Proxies {
    pub(super) fn new(trusted: &[IpNet]) -> Self {
        Self(trusted.to_vec())
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// The client of a request, as far as it can be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Client {
    /// None only where there is no socket.
    pub(super) address: Option<IpAddr>,
    /// Whether the client's line is HTTPS: this server's own, or a trusted proxy's.
    pub(super) secure: bool,
    /// The name and port the client asked for, as it wrote them.
    pub(super) host: Option<String>,
    /// Whether the neighbour on the line is a trusted proxy.
    pub(super) behind_proxy: bool,
    /// Whether any header says that somebody stands in between, trusted or not.
    pub(super) forwarded: bool,
}

impl Client {
    /// The client of this request, found once before all else.
    pub(super) fn of(request: &HttpRequest) -> Self {
        request.extensions().get::<Self>().cloned().unwrap_or_else(|| Self::read(request))
    }

    fn read(request: &HttpRequest) -> Self {
        let proxies = request.app_data::<web::Data<Proxies>>();
        let headers = request.headers();
        let peer = request.peer_addr().map(|address| address.ip().to_canonical());
        // HTTP/2 has no Host header but an authority; an absolute address wins over the header in HTTP/1.1 too.
        let authority = request.uri().authority().map(ToString::to_string);
        // A name that cannot be read is one, and nobody's.
        let direct = authority.or_else(|| Some(headers.get(HOST)?.to_str().unwrap_or_default().to_owned()));
        let trusts = |address| proxies.is_some_and(|proxies| proxies.trusts(address));
        let mut client = Self {
            address: peer,
            secure: request.app_config().secure(),
            host: direct,
            behind_proxy: peer.is_some_and(trusts),
            forwarded: FORWARDING.iter().any(|name| headers.contains_key(*name)),
        };
        if client.behind_proxy {
            client.address = farthest(headers, trusts).or(peer);
            if let Some(scheme) = last(headers, "x-forwarded-proto") {
                client.secure = scheme.eq_ignore_ascii_case("https");
            }
            if let Some(host) = last(headers, "x-forwarded-host") {
                client.host = Some(host);
            }
        }
        client
    }

    /// What the limits count by: the address; of an IPv6 address its /64, as one customer has at least that much.
    pub(super) fn bucket(&self) -> Option<IpAddr> {
        self.address.map(|address| match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(long) => IpAddr::V6((u128::from(long) & (u128::MAX << 64)).into()),
        })
    }
}

/// The right-most address that is no trusted proxy's: what stands left of it, the client may have written itself.
/// None if there is no readable address.
fn farthest(headers: &HeaderMap, trusts: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    let lines: Vec<&str> = headers.get_all("x-forwarded-for").map(|line| line.to_str().unwrap_or("")).collect();
    let mut found = None;
    for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')).take(MOST_HOPS) {
        // What cannot be read ends the chain of those who vouch for each other.
        let Some(address) = hop_address(hop.trim()) else { break };
        found = Some(address);
        if !trusts(address) {
            break;
        }
    }
    found
}

/// An address, with or without a port, as proxies write it.
fn hop_address(text: &str) -> Option<IpAddr> {
    let address = text.parse::<IpAddr>().or_else(|_| text.parse::<std::net::SocketAddr>().map(|socket| socket.ip()));
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    address.ok().or_else(|| bare?.parse().ok()).map(|address| address.to_canonical())
}

/// The last value of a header that may be a list: the one that the nearest proxy wrote.
fn last(headers: &HeaderMap, name: &str) -> Option<String> {
    let line = headers.get_all(name).last()?.to_str().ok()?;
    let value = line.rsplit(',').next()?.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

/// Finds out who asks, once, before everything else.
pub(super) async fn note(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let client = Client::read(request.request());
    request.extensions_mut().insert(client);
    next.call(request).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn from(peer: &str, headers: &[(&'static str, &str)]) -> Client {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let mut request = TestRequest::get()
            .app_data(web::Data::new(Proxies::new(&trusted)))
            .peer_addr(std::net::SocketAddr::new(peer.parse().unwrap(), 4711));
        for (name, value) in headers {
            request = request.append_header((*name, *value));
        }
        Client::read(&request.to_http_request())
    }

    fn address(peer: &str, forwarded: &[(&'static str, &str)]) -> String {
        from(peer, forwarded).address.unwrap().to_string()
    }

    #[test]
    fn strangers_are_not_believed_about_themselves() {
        let said = [
            ("host", "kindred.example"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil.example"),
        ];
        let client = from("203.0.113.9", &said);
        assert_eq!(client.address.unwrap().to_string(), "203.0.113.9");
        assert_eq!(client.host.as_deref(), Some("kindred.example"));
        assert!(!client.secure && !client.behind_proxy && client.forwarded);
    }

    #[test]
    fn a_trusted_proxy_is_believed() {
        let said = [
            ("host", "127.0.0.1:8080"),
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-proto", "http, https"),
            ("x-forwarded-host", "kindred.example"),
        ];
        let client = from("10.1.2.3", &said);
        assert_eq!(client.address.unwrap().to_string(), "203.0.113.9");
        assert_eq!(client.host.as_deref(), Some("kindred.example"));
        assert!(client.secure && client.behind_proxy);
    }

    #[test]
    fn the_right_most_address_that_nobody_trusts_is_the_client() {
        let chain = |value| [("x-forwarded-for", value)];
        assert_eq!(address("10.0.0.1", &chain("6.6.6.6, 203.0.113.9, 10.0.0.7")), "203.0.113.9");
        assert_eq!(
            address("10.0.0.1", &[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "203.0.113.9")]),
            "203.0.113.9"
        );
        assert_eq!(address("10.0.0.1", &chain("10.0.0.9,10.0.0.8")), "10.0.0.9", "all trusted: the farthest");
        assert_eq!(address("10.0.0.1", &chain("6.6.6.6, nonsense, 10.0.0.7")), "10.0.0.7", "a broken chain ends");
        assert_eq!(address("10.0.0.1", &chain("")), "10.0.0.1");
        assert_eq!(address("10.0.0.1", &chain("203.0.113.9:555")), "203.0.113.9");
        assert_eq!(address("fd00::1", &chain("[2001:db8::1]:443")), "2001:db8::1");
        assert_eq!(address("::ffff:10.0.0.1", &chain("::ffff:203.0.113.9")), "203.0.113.9");
    }

    #[test]
    fn limits_count_by_address_or_by_the_network_one_customer_has() {
        assert_eq!(from("203.0.113.9", &[]).bucket().unwrap().to_string(), "203.0.113.9");
        assert_eq!(from("2001:db8:1:2:3:4:5:6", &[]).bucket().unwrap().to_string(), "2001:db8:1:2::");
    }
}
