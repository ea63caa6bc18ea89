//! HTTPS with a certificate of the operator's.

use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use kindred::web::{Server, Settings, Tls};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::house::{settings, start};
use crate::http::{Answer, Client, exchange};

/// A certificate for localhost in this folder, and what trusts it.
fn certificate(folder: &Path) -> (Tls, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let tls = Tls { certificate: folder.join("cert.pem"), key: folder.join("key.pem") };
    std::fs::write(&tls.certificate, made.cert.pem()).unwrap();
    std::fs::write(&tls.key, made.signing_key.serialize_pem()).unwrap();
    (tls, made.cert.der().clone())
}

fn ask(client: Client, trusted: CertificateDer<'static>, request: &str) -> Answer {
    let mut roots = RootCertStore::empty();
    roots.add(trusted).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let line = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    exchange(StreamOwned::new(line, TcpStream::connect(client.address()).unwrap()), request.as_bytes())
}

#[test]
fn answers_over_https_and_says_that_it_wants_no_other_way() {
    let folder = tempfile::tempdir().unwrap();
    let (tls, trusted) = certificate(folder.path());
    let (client, _) = start(Settings { tls: Some(tls), allowed_hosts: vec!["kindred.example".into()], ..settings() });
    let get = "GET /api/about HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let answer = ask(client, trusted.clone(), get);
    assert_eq!((answer.status, &answer.json()["model"]["name"]), (200, &"talker".into()));
    assert_eq!(answer.header("strict-transport-security"), None, "localhost is not this server's alone");
    let named = "GET /api/about HTTP/1.1\r\nhost: kindred.example\r\nconnection: close\r\n\r\n";
    let answer = ask(client, trusted.clone(), named);
    assert_eq!((answer.status, answer.header("strict-transport-security")), (200, Some("max-age=31536000")));

    let body = r#"{"text": "I moved."}"#;
    let post = |origin: &str| {
        format!(
            "POST /api/match HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\norigin: {origin}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    assert_eq!(ask(client, trusted.clone(), &post("https://localhost")).status, 200);
    ask(client, trusted.clone(), &post("http://localhost")).is_problem(403, "wrong-origin");
    let foreign = "GET /api/about HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    ask(client, trusted, foreign).is_problem(421, "wrong-host");
}

#[test]
fn a_certificate_that_is_not_there_is_told_before_anything_listens() {
    let folder = tempfile::tempdir().unwrap();
    let (mut tls, _) = certificate(folder.path());
    tls.key = folder.path().join("nowhere.pem");
    let error = actix_web::rt::System::new()
        .block_on(async { Server::start(Settings { tls: Some(tls), ..settings() }).err().unwrap() });
    assert!(error.to_string().contains("nowhere.pem"), "{error}");
}
