//! The API's own description: complete, and true of what the server answers.

use kindred::web::{Method, ROUTES};
use serde_json::Value;

use crate::house::{address, server, session_of, settings, start};
use crate::http::get;

fn document() -> Value {
    get(server(), "/api/openapi.json").json()
}

/// Every `$ref` beneath this.
fn references(of: &Value, found: &mut Vec<String>) {
    match of {
        Value::Object(map) => {
            found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn every_body_it_names_is_described() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 50, "{}", found.len());
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn no_route_answers_what_it_does_not_describe() {
    let document = document();
    // A visitor of its own: it asks to be forgotten, too.
    let visitor = server().welcomed();
    let id = session_of(visitor);
    let nobody = "00000000-0000-7000-8000-000000000000";
    let bodies: [(&str, &[u8]); 7] = [
        ("application/json", b"{}"),
        ("application/json", b""),
        ("application/json", b"{\"text\": \"Hello.\"}"),
        ("application/json", b"{\"supporter\": 4000000}"),
        ("application/json", b"\xff"),
        ("text/plain", b"{}"),
        ("application/json", &[b' '; 100_000]),
    ];
    for entry in ROUTES.iter().filter(|entry| entry.method != Method::Stream) {
        for session in [&id, nobody, "x"] {
            for (kind, body) in bodies {
                let headers = [("content-type", kind)];
                let path = address(entry.path, session);
                let answer = visitor.ask(entry.method.name(), &path, &headers, body);
                let operation = &document["paths"][entry.path][entry.method.name().to_lowercase()];
                let described = &operation["responses"][answer.status.to_string()];
                assert!(described.is_object(), "{path}: {} is not described", answer.status);
                if answer.status != 204 {
                    let sent = answer.header("content-type").unwrap().split(';').next().unwrap();
                    assert!(described["content"][sent].is_object(), "{path}: {} as {sent}", answer.status);
                }
            }
        }
    }
}

#[test]
fn people_read_it_without_a_script() {
    let answer = get(server(), "/api/docs");
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(!answer.header("content-security-policy").unwrap().contains("unsafe"));
    let page = String::from_utf8(answer.body).unwrap().replace("&#x2f;", "/");
    assert!(!page.contains("<script") && !page.contains("style=") && !page.contains("onclick"));
    assert!(page.contains("href=\"/api/docs.css\"") && page.contains("name=\"viewport\""));
    for entry in ROUTES {
        assert!(page.contains(&format!("</b> {}</code>", entry.path)), "{}", entry.path);
    }
    assert!(page.contains("id=\"schema-Session\"") && page.contains("href=\"#schema-Session\""));
    let style = get(server(), "/api/docs.css");
    assert_eq!(style.header("content-type"), Some("text/css; charset=utf-8"));
}

/// For tools that ask from outside: `KINDRED_TEST_ADDRESS=127.0.0.1:8089 cargo test --release --test web serves --
/// --ignored`, then `schemathesis run http://127.0.0.1:8089/api/openapi.json --exclude-path-regex events
/// --exclude-checks positive_data_acceptance,negative_data_rejection` (a whole number as `6.0` is refused, and so is a
/// session with neither a character nor a text to go by).
#[test]
#[ignore = "serves until it is stopped"]
fn serves_until_it_is_stopped() {
    let mut settings = settings();
    settings.address = std::env::var("KINDRED_TEST_ADDRESS").unwrap().parse().unwrap();
    start(settings);
    loop {
        std::thread::park();
    }
}
