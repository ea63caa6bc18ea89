//! Where the server would listen: the port is free, others who reach it need a key, and HTTPS has its files.

use std::fs::File;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::finding::Finding;
use crate::cli::admin_key;
use crate::cli::config::{Server, Settled};

/// The port. `held`: another Kindred has the data folder, and is likely who listens.
pub(super) fn port(server: &Server, held: bool) -> Finding {
    const CHECK: &str = "port";
    let address = SocketAddr::new(server.host, server.port);
    match TcpListener::bind(address) {
        Ok(_) if server.port == 0 => Finding::ok(CHECK, "a free one will be taken"),
        Ok(_) => Finding::ok(CHECK, format!("{address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse && held => Finding::warning(
            CHECK,
            format!("{address} is in use, most likely by the Kindred that has the data folder"),
            "a second one needs another --port",
        ),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Finding::problem(
            CHECK,
            format!("{address} is in use"),
            "stop what listens there, or choose another with --port",
        ),
        Err(error) => Finding::problem(
            CHECK,
            format!("cannot listen on {address}: {error}"),
            "choose an address of this machine with --host, and a port above 1023 with --port",
        ),
    }
}

/// The admin key.
pub(super) fn key(settled: &Settled, file: Option<&Path>) -> Finding {
    const CHECK: &str = "admin key";
    let command = admin_key::command(settled, file);
    match admin_key::hash(settled) {
        Ok(Some(_)) => Finding::ok(CHECK, "there is one"),
        Ok(None) if settled.config.server.host.is_loopback() => {
            let server = &settled.config.server;
            match server.allow_hosts.is_empty() && server.trusted_proxies.is_empty() {
                true => Finding::ok(CHECK, "none, and none is needed where only this machine reaches the server"),
                false => Finding::warning(
                    CHECK,
                    "none: behind a proxy the operator's routes (/metrics) answer nobody without one",
                    format!("run `{command}` if you want them"),
                ),
            }
        }
        Ok(None) => Finding::problem(
            CHECK,
            format!("none, and other machines reach {}", settled.config.server.host),
            format!("run `{command}`"),
        ),
        Err(error) => Finding::problem(CHECK, crate::cli::told(&error), format!("run `{command}`")),
    }
}

/// HTTPS.
pub(super) fn https(server: &Server) -> Finding {
    const CHECK: &str = "https";
    let (Some(certificate), Some(key)) = (&server.tls_certificate, &server.tls_key) else {
        if server.host.is_loopback() || !server.trusted_proxies.is_empty() {
            return Finding::ok(CHECK, "not of its own");
        }
        return Finding::warning(
            CHECK,
            "none: what people say crosses the network readable",
            "put a proxy before it (docs/configuration.md), or set server.tls_certificate and server.tls_key",
        );
    };
    let bad = |found: String| Finding::problem(CHECK, found, "name PEM files that this user can read");
    let unreadable = |path: &Path| File::open(path).err().map(|error| bad(format!("{}: {error}", path.display())));
    if let Some(finding) = unreadable(certificate).or_else(|| unreadable(key)) {
        return finding;
    }
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match chain {
        Ok(chain) if !chain.is_empty() => match PrivateKeyDer::from_pem_file(key) {
            Ok(_) => Finding::ok(CHECK, format!("{} certificates in {}", chain.len(), certificate.display())),
            Err(error) => bad(format!("{}: expected a private key, found {error}", key.display())),
        },
        Ok(_) => bad(format!("{}: expected certificates, found none", certificate.display())),
        Err(error) => bad(format!("{}: expected certificates, found {error}", certificate.display())),
    }
}
