//! Whose is what: each route is asked by nobody, by a stranger, by somebody whose time is over, and by the owner.

use std::time::Duration;

use kindred::agents::Limits;
use kindred::web::{Access, Method, ROUTES, Settings};
use serde_json::json;

use crate::house::{address, server, session_of, settings, start, start_with};
use crate::http::{Answer, Client, get, post, post_json};

const NO_TOKEN: &str = "00112233445566778899aabbccddeeff";

/// Asks a route; an event stream is asked for as any other answer, which only a refusal is.
fn ask(client: Client, method: Method, path: &str) -> Answer {
    client.ask(method.name(), path, &[("content-type", "application/json")], b"{}")
}

#[test]
fn every_route_of_visitors_refuses_whoever_is_none() {
    let id = session_of(server());
    for entry in ROUTES {
        let path = address(entry.path, &id);
        for nobody in [server().anonymous(), server().with_token(NO_TOKEN)] {
            match entry.access {
                Access::Visitor => {
                    let answer = ask(nobody, entry.method, &path);
                    answer.is_problem(401, "no-visitor");
                    assert!(answer.header("content-security-policy").is_some(), "{path}");
                }
                // An operator's route that listens on this machine only, and what is open, ask for no visitor.
                Access::Open | Access::Operator => {
                    assert_ne!(ask(nobody, entry.method, &path).status, 401, "{path}");
                }
            }
        }
    }
}

#[test]
fn another_visitors_session_is_as_if_it_were_not_there() {
    let owner = server().welcomed();
    let stranger = server().welcomed();
    let id = session_of(owner);
    let nowhere = "00000000-0000-7000-8000-000000000000";
    let of_sessions = ROUTES.iter().filter(|entry| entry.path.contains("{id}"));
    let mut tried = 0;
    for entry in of_sessions {
        assert_eq!(entry.access, Access::Visitor, "{}", entry.path);
        let body: &[u8] = if entry.path.ends_with("/messages") {
            br#"{"text": "hello"}"#
        } else if entry.path.ends_with("/head") {
            br#"{"seq": 0}"#
        } else {
            b"{}"
        };
        let ask = |id: &str| {
            let headers = [("content-type", "application/json")];
            stranger.ask(entry.method.name(), &address(entry.path, id), &headers, body)
        };
        let (theirs, none) = (ask(&id), ask(nowhere));
        theirs.is_problem(404, "no-such-session");
        none.is_problem(404, "no-such-session");
        let told = |answer: &Answer, id: &str| String::from_utf8_lossy(&answer.body).replace(id, "ID");
        assert_eq!(told(&theirs, &id), told(&none, nowhere), "nothing tells one from the other");
        tried += 1;
    }
    assert_eq!(tried, 8);
    assert_eq!(get(owner, &format!("/api/sessions/{id}")).json()["turns"], json!([]), "and nothing happened to it");
    assert_eq!(get(stranger, "/api/sessions").json()["sessions"], json!([]));
}

#[test]
fn whose_time_is_over_is_nobody() {
    let limits = Limits { visitor_idle: Duration::from_millis(300), ..Limits::default() };
    let (client, _) = start_with(settings(), limits);
    let id = session_of(client);
    std::thread::sleep(Duration::from_millis(700));
    for entry in ROUTES.iter().filter(|entry| entry.access == Access::Visitor) {
        ask(client, entry.method, &address(entry.path, &id)).is_problem(401, "no-visitor");
    }
    assert_eq!(post(client, "/api/visitor", "", b"").status, 201, "and may come in anew");
}

#[test]
fn a_visitor_is_known_again_and_forgotten_when_they_ask() {
    let nobody = server().anonymous();
    let answer = post(nobody, "/api/visitor", "", b"");
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Strict") && cookie.contains("Path=/; Max-Age="), "{cookie}");
    let visitor = nobody.with_token(&cookie["kindred=".len()..][..32]);
    let again = post(visitor, "/api/visitor", "", b"");
    assert_eq!((again.status, again.header("set-cookie")), (200, None));
    assert_eq!(again.json(), answer.json());
    let id = session_of(visitor);
    post_json(visitor, &format!("/api/sessions/{id}/messages"), &json!({"text": "Hello."}));
    assert_eq!(get(visitor, "/api/visitor").json()["sessions"], 1);

    let gone = visitor.ask("DELETE", "/api/visitor", &[], b"");
    assert_eq!(gone.status, 204);
    assert!(gone.header("set-cookie").unwrap().starts_with("kindred=; Path=/; Max-Age=0"));
    get(visitor, "/api/visitor").is_problem(401, "no-visitor");
    get(visitor, &format!("/api/sessions/{id}")).is_problem(401, "no-visitor");
}

#[test]
fn everything_can_be_taken_along() {
    let visitor = server().welcomed();
    assert_eq!(get(visitor, "/api/visitor/export").json()["sessions"], json!([]));
    let ids: Vec<String> = (0..60).map(|_| session_of(visitor)).collect();
    let path = format!("/api/sessions/{}", ids[7]);
    post_json(visitor, &format!("{path}/messages"), &json!({"text": "Hello.\n\u{1F600}"}));
    while get(visitor, &path).json()["turns"].as_array().unwrap().len() < 2 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let answer = get(visitor, "/api/visitor/export");
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"kindred-export.json\""));
    let export = answer.json();
    let sessions = export["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 60, "page after page");
    assert_eq!(sessions[0]["id"], ids[7].as_str(), "last used first");
    assert_eq!(sessions[0]["turns"][0]["text"], "Hello.\n\u{1F600}");
    assert_eq!(sessions[0]["turns"][1]["parent"], 0);
}

#[test]
fn conversations_are_listed_page_by_page_and_deleted_for_good() {
    let visitor = server().welcomed();
    let ids: Vec<String> = (0..5).map(|_| session_of(visitor)).collect();
    let mut seen = Vec::new();
    let mut path = "/api/sessions?limit=2".to_owned();
    loop {
        let page = get(visitor, &path).json();
        seen.extend(page["sessions"].as_array().unwrap().iter().map(|line| line["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/sessions?limit=2&cursor={next}");
    }
    seen.reverse();
    assert_eq!(seen, ids);
    for bad in ["limit=0", "limit=101", "limit=x", "cursor=x", "cursor=1_2", "colour=red"] {
        get(visitor, &format!("/api/sessions?{bad}")).is_problem(400, "invalid-query");
    }
    let path = format!("/api/sessions/{}", ids[0]);
    let mut stream = visitor.stream(&format!("{path}/events"), None);
    assert_eq!(visitor.ask("DELETE", &path, &[], b"").status, 204);
    stream.until("deleted");
    get(visitor, &path).is_problem(404, "no-such-session");
    visitor.ask("DELETE", &path, &[], b"").is_problem(404, "no-such-session");
    assert_eq!(get(visitor, "/api/sessions").json()["sessions"].as_array().unwrap().len(), 4);
}

#[test]
fn a_request_sent_again_with_its_key_is_done_once() {
    let visitor = server().welcomed();
    let send = |path: &str, key: &str, body: &str| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        visitor.ask("POST", path, &headers, body.as_bytes())
    };
    let open = |about: &str| send("/api/sessions", "open", &json!({"supporter": 1, "about": about}).to_string());
    let id = open("a").json()["id"].as_str().unwrap().to_owned();
    assert_eq!(open("a").json()["id"], id.as_str());
    open("b").is_problem(422, "key-reused");
    let path = format!("/api/sessions/{id}/messages");
    let say = |key: &str, text: &str| send(&path, key, &json!({"text": text}).to_string());
    for _ in 0..3 {
        let answer = say("k1", "Hello.");
        assert_eq!((answer.status, &answer.json()["seq"]), (202, &json!(0)));
    }
    say("k1", "Other.").is_problem(422, "key-reused");
    say(&"x".repeat(65), "Hello.").is_problem(400, "invalid-key");
    say("with space", "Hello.").is_problem(400, "invalid-key");
    assert_eq!(open("a").json()["turns"][0]["text"], "Hello.");
}

#[test]
fn versions_are_made_and_shown() {
    let visitor = server().welcomed();
    let id = session_of(visitor);
    let path = |rest: &str| format!("/api/sessions/{id}{rest}");
    let settled = |turns: usize| loop {
        let session = get(visitor, &path("")).json();
        if session["turns"].as_array().unwrap().len() == turns && session["replying"] == false {
            return session;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    post_json(visitor, &path("/messages"), &json!({"text": "Hello."}));
    assert_eq!(settled(2)["head"], 1);
    let anew = post_json(visitor, &path("/regenerate"), &json!({}));
    assert_eq!((anew.status, anew.json()), (202, json!({"seq": 0})));
    let session = settled(3);
    assert_eq!((&session["head"], &session["turns"][2]["parent"]), (&json!(2), &json!(0)));
    let head = |seq: u64| {
        let headers = [("content-type", "application/json")];
        visitor.ask("PUT", &path("/head"), &headers, json!({"seq": seq}).to_string().as_bytes())
    };
    assert_eq!(head(1).json(), json!({"head": 1}));
    head(9).is_problem(404, "no-such-turn");
    let branch = json!({"text": "Good morning.", "replaces": 0});
    assert_eq!(post_json(visitor, &path("/messages"), &branch).json()["seq"], 3);
    let session = settled(5);
    assert_eq!((&session["turns"][3]["parent"], &session["turns"][4]["parent"]), (&json!(null), &json!(3)));
    post_json(visitor, &path("/messages"), &json!({"text": "x", "replaces": 4})).is_problem(422, "not-a-message");
    post_json(visitor, &path("/regenerate"), &json!({"turn": 9})).is_problem(404, "no-such-turn");
}

#[test]
fn new_visitors_of_an_address_are_limited() {
    let mut settings: Settings = settings();
    settings.rates.new_visitors_per_hour = 2;
    // The first is the one that the test's own client is.
    let (client, _) = start(settings);
    let nobody = client.anonymous();
    assert_eq!(post(nobody, "/api/visitor", "", b"").status, 201);
    let refused = post(nobody, "/api/visitor", "", b"");
    refused.is_problem(429, "too-many-requests");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(post(client, "/api/visitor", "", b"").status, 200, "who is known is no new one");
}
