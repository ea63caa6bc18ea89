//! What the server counts, as Prometheus reads it.

use crate::house::{server, session_of};
use crate::http::{get, post};

/// The value of the first line that begins with this.
fn value(text: &str, line: &str) -> f64 {
    let found = text.lines().find(|one| one.starts_with(line)).unwrap_or_else(|| panic!("no {line} in\n{text}"));
    found.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn requests_are_counted_by_template_and_nobody_is_named() {
    let id = session_of(server());
    get(server(), &format!("/api/sessions/{id}"));
    post(server(), &format!("/api/sessions/{id}/messages"), "application/json", b"nonsense-4711");
    get(server(), "/no-such-page-4711");
    let answer = get(server(), "/metrics");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = String::from_utf8(answer.body).unwrap();
    let shown = r#"kindred_http_requests_total{method="GET",route="/api/sessions/{id}",status="2xx"}"#;
    assert!(value(&text, shown) >= 1.0);
    let refused = r#"kindred_http_requests_total{method="POST",route="/api/sessions/{id}/messages",status="4xx"}"#;
    assert!(value(&text, refused) >= 1.0);
    assert!(value(&text, r#"kindred_http_request_seconds_count{route="/api/sessions/{id}"}"#) >= 1.0);
    assert!(value(&text, "process_resident_memory_bytes") > 1e6 && value(&text, "kindred_uptime_seconds") > 0.0);
    assert!(!text.contains(&id) && !text.contains("4711"), "{text}");
}

#[test]
fn open_streams_are_counted_while_they_are_open() {
    let id = session_of(server());
    let streams = || value(&String::from_utf8(get(server(), "/metrics").body).unwrap(), "kindred_event_streams");
    let held = server().stream(&format!("/api/sessions/{id}/events"), None);
    assert!(streams() >= 1.0);
    drop(held);
}
