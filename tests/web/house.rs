//! Servers for the tests: one that all may use, and others with settings of their own.

use std::sync::{Arc, LazyLock, mpsc};

use kindred::agents::Limits;
use kindred::web::{Rates, Server, Settings};
use serde_json::json;

use crate::doubles::{Talker, kindred};
use crate::http::{Client, post_json};

/// A free port, and no limits: all tests come from one address.
pub fn settings() -> Settings {
    let rates = Rates {
        messages_per_minute: 0,
        sessions_per_hour: 0,
        new_visitors_per_hour: 0,
        matches_per_minute: 0,
        ..Rates::default()
    };
    Settings { address: "127.0.0.1:0".parse().unwrap(), rates, ..Settings::default() }
}

/// Starts a server on a thread of its own, for as long as the process lives.
pub fn start(settings: Settings) -> (Client, Arc<Talker>) {
    start_with(
        settings,
        Limits { replies: 64, waiting: 256, visitor_replies: 256, visitor_tokens: usize::MAX, ..Limits::default() },
    )
}

/// As [`start`], with limits of one's own.
pub fn start_with(settings: Settings, limits: Limits) -> (Client, Arc<Talker>) {
    let tls = settings.tls.is_some();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let talker = Arc::new(Talker::new());
            let server = Server::start(settings).unwrap();
            server.open(kindred(talker.clone(), limits).await);
            tell.send((Client::new(server.address()), talker)).unwrap();
            std::future::pending::<()>().await;
        });
    });
    let (client, talker): (Client, _) = told.recv().unwrap();
    // Over HTTPS the cookie has another name, and the test asks in its own way.
    (if tls { client } else { client.welcomed() }, talker)
}

/// The server for the tests that need nothing else.
pub static SERVER: LazyLock<(Client, Arc<Talker>)> = LazyLock::new(|| start(settings()));

pub fn server() -> Client {
    SERVER.0
}

/// Opens a session and gives its id.
pub fn session_of(client: Client) -> String {
    post_json(client, "/api/sessions", &json!({"supporter": 0})).json()["id"].as_str().unwrap().to_owned()
}

/// A route's address with something real in its braces.
pub fn address(path: &str, session: &str) -> String {
    path.replace("{id}", session).replace("{index}", "0")
}
