//! What stands before every route: names, pages and proxies that are not believed, and headers that protect.

use kindred::web::{Method, ROUTES, Settings};

use crate::house::{address, server, session_of, settings, start};
use crate::http::{get, post};

#[test]
fn every_answer_carries_the_headers_that_protect_it() {
    for path in ["/", "/api/health", "/api/nothing", "/assets/none.js"] {
        let answer = get(server(), path);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert!(answer.header("x-request-id").is_some(), "{path}");
    }
    assert_eq!(get(server(), "/api/health").header("cache-control"), Some("no-store"));
}

#[test]
fn a_foreign_host_name_is_refused() {
    let request = b"GET /api/about HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    let answer = server().send(request);
    answer.is_problem(421, "wrong-host");
    server().send(b"GET /api/about HTTP/1.1\r\nhost: \xff\r\nconnection: close\r\n\r\n").is_problem(421, "wrong-host");
    assert!(answer.header("content-security-policy").is_some() && answer.header("x-request-id").is_some());
    assert_eq!(get(server(), "/api/about").status, 200);
}

#[test]
fn unknown_routes_and_methods_are_told_apart() {
    get(server(), "/api/nothing").is_problem(404, "no-such-route");
    let answer = get(server(), "/api/match");
    answer.is_problem(405, "wrong-method");
    assert_eq!(answer.header("allow"), Some("POST"));
    post(server(), "/api/about", "application/json", b"{}").is_problem(405, "wrong-method");
    assert_eq!(post(server(), "/", "text/plain", b"x").status, 405);
    assert_eq!(get(server(), "/wp-login.php").status, 404);
    assert_eq!(get(server(), "/../../etc/passwd").status, 404);
    assert_eq!(get(server(), "/characters").status, 200);
}

#[test]
fn every_route_of_the_table_is_served_and_refuses_other_methods() {
    let id = session_of(server());
    for entry in ROUTES {
        let path = address(entry.path, &id);
        let others = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"];
        let own: Vec<&str> =
            ROUTES.iter().filter(|other| other.path == entry.path).map(|other| other.method.name()).collect();
        for method in others.iter().filter(|method| !own.contains(method)) {
            let answer = server().ask(method, &path, &[], b"");
            answer.is_problem(405, "wrong-method");
            assert!(answer.header("allow").unwrap().contains(entry.method.allow()), "{path}");
        }
        // What deletes is tried where it is told of.
        if !matches!(entry.method, Method::Stream | Method::Delete) {
            let answer = server().ask(entry.method.name(), &path, &[], b"");
            assert!(![404, 405, 500].contains(&answer.status), "{path}: {answer:?}");
        }
        if entry.method == Method::Read {
            let head = server().ask("HEAD", &path, &[], b"");
            assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        }
    }
}

#[test]
fn no_route_that_changes_something_hears_another_page() {
    let id = session_of(server());
    let foreign: [&[(&str, &str)]; 5] = [
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://localhost:1")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
    ];
    let writes = ROUTES.iter().filter(|entry| !matches!(entry.method, Method::Read | Method::Stream));
    for entry in writes {
        for headers in foreign {
            let answer = server().ask(entry.method.name(), &address(entry.path, &id), headers, b"{}");
            answer.is_problem(403, "wrong-origin");
            assert!(answer.header("content-security-policy").is_some());
        }
    }
    let own = [("origin", "http://localhost"), ("sec-fetch-site", "same-origin")];
    assert_eq!(server().ask("POST", &format!("/api/sessions/{id}/stop"), &own, b"").status, 200);
    // Reading is not writing: a link from elsewhere may lead here.
    assert_eq!(server().ask("GET", "/api/about", &[("sec-fetch-site", "cross-site")], b"").status, 200);
}

#[test]
fn a_proxy_is_believed_only_if_it_is_trusted() {
    let believing = start(Settings {
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        allowed_hosts: vec!["kindred.example".into()],
        ..settings()
    });
    let said = [
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "kindred.example"),
        ("x-forwarded-for", "203.0.113.7"),
        ("x-request-id", "from-the-proxy"),
        ("origin", "https://kindred.example"),
    ];
    let body = br#"{"text": "I moved."}"#;
    let said: Vec<_> = said.into_iter().chain([("content-type", "application/json")]).collect();
    let answer = believing.0.ask("POST", "/api/match", &said, body);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-request-id"), Some("from-the-proxy"));
    assert!(answer.header("strict-transport-security").is_some());
    believing.0.ask("GET", "/api/about", &[("x-forwarded-host", "evil.example")], b"").is_problem(421, "wrong-host");

    let answer = server().ask("POST", "/api/match", &said, body);
    answer.is_problem(403, "wrong-origin");
    assert_ne!(answer.header("x-request-id"), Some("from-the-proxy"));
    assert!(answer.header("strict-transport-security").is_none());
}
