//! The operator's routes: who may read them, and what they hold.

use argon2::password_hash::PasswordHasher as _;
use argon2::{Algorithm, Argon2, Params, Version};
use kindred::web::{Access, ROUTES, Rates, Server, Settings};

use crate::house::{server, settings, start};
use crate::http::get;

/// A hash that costs little to check.
fn hash(key: &str) -> String {
    let quick = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
    quick.hash_password(key.as_bytes()).unwrap().to_string()
}

#[test]
fn without_a_key_a_local_server_shows_them_to_this_machine_only() {
    let status = get(server(), "/api/operator/status").json();
    assert_eq!((&status["phase"], &status["supporter_model"]["name"]), (&"ready".into(), &"talker".into()));
    assert!(status["live_sessions"].is_u64() && status["resident_bytes"].as_u64().unwrap() > 0);
    assert_eq!(get(server(), "/metrics").status, 200);
    for header in [("x-forwarded-for", "203.0.113.9"), ("via", "1.1 proxy"), ("forwarded", "for=203.0.113.9")] {
        server().ask("GET", "/metrics", &[header], b"").is_problem(401, "no-key");
    }
}

#[test]
fn a_key_is_asked_for_on_every_route_and_tried_so_often() {
    let rates = Rates { keys_per_minute: 3, ..settings().rates };
    let (client, _) = start(Settings { admin_key: Some(hash("open sesame")), rates, ..settings() });
    let locked: Vec<_> = ROUTES.iter().filter(|entry| entry.access == Access::Operator).collect();
    assert!(locked.len() >= 2);
    for entry in &locked {
        let answer = get(client, entry.path);
        answer.is_problem(401, "no-key");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let with = |path: &str, key: &str| client.ask("GET", path, &[("authorization", key)], b"");
    with("/metrics", "Bearer sesame").is_problem(403, "wrong-key");
    for entry in &locked {
        assert_eq!(with(entry.path, "Bearer open sesame").status, 200, "{}", entry.path);
    }
    with("/metrics", "Bearer sesame").is_problem(403, "wrong-key");
    let refused = with("/metrics", "Bearer sesam");
    refused.is_problem(429, "too-many-requests");
    assert!(refused.header("retry-after").unwrap().parse::<u32>().unwrap() <= 20);
    assert_eq!(with("/metrics", "Bearer open sesame").status, 200, "the right key is remembered, and is no try");
    assert_eq!(get(client, "/api/about").status, 200);
}

#[test]
fn a_key_that_is_no_hash_is_told_at_the_start() {
    let error = actix_web::rt::System::new()
        .block_on(async { Server::start(Settings { admin_key: Some("secret".into()), ..settings() }).err().unwrap() });
    let text = error.to_string();
    assert!(text.contains("argon2") && !text.contains("secret"), "{text}");
    assert!(!format!("{:?}", Settings { admin_key: Some("secret".into()), ..settings() }).contains("secret"));
}
