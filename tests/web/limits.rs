//! What one person, one session and one request may take.

use kindred::web::{Rates, Settings};
use serde_json::json;

use crate::house::{session_of, settings, start};
use crate::http::{get, post, post_json};

#[test]
fn so_many_proposals_sessions_and_messages_and_then_a_time_to_wait() {
    let rates = Rates { messages_per_minute: 2, sessions_per_hour: 1, matches_per_minute: 1, ..Rates::default() };
    let (client, _) = start(Settings { rates, ..settings() });
    let id = session_of(client);
    let message = format!("/api/sessions/{id}/messages");
    let body = json!({"text": "I moved."});
    assert_eq!(post_json(client, "/api/match", &body).status, 200);
    for _ in 0..2 {
        assert_eq!(post_json(client, &message, &body).status, 202);
    }
    for (path, body, longest) in
        [("/api/match", &body, 60), (&message, &body, 30), ("/api/sessions", &json!({"supporter": 1}), 3600)]
    {
        let refused = post_json(client, path, body);
        refused.is_problem(429, "too-many-requests");
        let wait: u32 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=longest).contains(&wait), "{path}: {wait}");
    }
    assert_eq!(get(client, &format!("/api/sessions/{id}")).status, 200, "reading is not limited");
}

#[test]
fn behind_a_trusted_proxy_each_client_has_a_bucket_of_its_own() {
    let rates = Rates { matches_per_minute: 1, ..Rates::default() };
    let (client, _) = start(Settings { rates, trusted_proxies: vec!["127.0.0.1/32".parse().unwrap()], ..settings() });
    let from = |address: &str| {
        let headers = [("x-forwarded-for", address), ("content-type", "application/json")];
        client.ask("POST", "/api/match", &headers, br#"{"text": "I moved."}"#).status
    };
    assert_eq!((from("203.0.113.1"), from("203.0.113.2")), (200, 200));
    assert_eq!(from("6.6.6.6, 203.0.113.1"), 429, "what the client wrote itself changes nothing");
    assert_eq!((from("2001:db8::1"), from("2001:db8::2")), (200, 429), "one network, one bucket");
}

#[test]
fn a_session_is_followed_so_many_times_at_once() {
    let (client, _) = start(Settings { streams_per_session: 2, streams: 3, ..settings() });
    let (one, other) = (session_of(client), session_of(client));
    let path = |id: &str| format!("/api/sessions/{id}/events");
    let held = [client.stream(&path(&one), None), client.stream(&path(&one), None)];
    let refused = get(client, &path(&one));
    refused.is_problem(429, "too-many-streams");
    assert!(refused.header("retry-after").is_some());
    let third = client.stream(&path(&other), None);
    get(client, &path(&other)).is_problem(503, "busy");
    drop((held, third));
    // The server notices at its next word, a heartbeat at the latest; a message gives it one.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while get(client, "/api/operator/status").json()["event_streams"] != 0 {
        assert!(std::time::Instant::now() < until, "streams are never given back");
        for id in [&one, &other] {
            post_json(client, &format!("/api/sessions/{id}/messages"), &json!({"text": "Hello."}));
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    drop(client.stream(&path(&one), None));
}

#[test]
fn a_body_is_as_long_as_the_settings_say() {
    let (client, _) = start(Settings { body_bytes: 100, ..settings() });
    let body = |length: usize| json!({"text": "x".repeat(length)}).to_string();
    assert_eq!(post(client, "/api/match", "application/json", body(80).as_bytes()).status, 200);
    post(client, "/api/match", "application/json", body(101).as_bytes()).is_problem(413, "too-large");
}

#[test]
fn a_body_that_does_not_come_is_given_up() {
    let (client, _) = start(Settings { body_timeout: std::time::Duration::from_millis(200), ..settings() });
    let head =
        b"POST /api/match HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
        content-length: 50\r\n\r\n{";
    client.send(head).is_problem(408, "too-slow");
}
