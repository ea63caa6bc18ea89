//! HTTPS with the operator's own certificate: read from PEM files, refused with the file's name if it does not fit.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::settings::Tls;

/// Why HTTPS cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or holds something else.
    #[error("{path}: expected {expected} in PEM, found {found}")]
    File {
        /// Which file.
        path: String,
        /// What it should hold.
        expected: &'static str,
        /// What was wrong.
        found: String,
    },
    /// Certificate and key are both readable, and cannot be used.
    #[error("the certificate {certificate} cannot be used with the key {key}: {reason}")]
    Pair {
        /// The certificate's file.
        certificate: String,
        /// The key's file.
        key: String,
        /// Why.
        reason: String,
    },
}

/// What the listener speaks TLS by. TLS 1.2 and 1.3; actix adds HTTP/2 and HTTP/1.1 by ALPN.
pub(super) fn config(tls: &Tls) -> Result<ServerConfig, TlsError> {
    let chain = chain(&tls.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|error| unread(&tls.key, "a private key", &error))?;
    let pair = |error: rustls::Error| TlsError::Pair {
        certificate: tls.certificate.display().to_string(),
        key: tls.key.display().to_string(),
        reason: error.to_string(),
    };
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(pair)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(pair)
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unread = |error: pem::Error| unread(path, "a certificate", &error);
    let chain = CertificateDer::pem_file_iter(path).map_err(unread)?.collect::<Result<Vec<_>, _>>();
    match chain.map_err(unread)? {
        chain if chain.is_empty() => Err(unread(pem::Error::NoItemsFound)),
        chain => Ok(chain),
    }
}

fn unread(path: &Path, expected: &'static str, error: &pem::Error) -> TlsError {
    let found = match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => "none".to_owned(),
        // Its own words would print bytes.
        pem::Error::MissingSectionEnd { .. } => "a section without its end".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "a section with a broken first line".to_owned(),
        other => other.to_string(),
    };
    TlsError::File { path: path.display().to_string(), expected, found }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_give_the_wrong_files_is_told_with_the_files_name() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = write("cert.pem", &made.cert.pem());
        let key = write("key.pem", &made.signing_key.serialize_pem());
        let foreign = write("foreign.pem", &other.signing_key.serialize_pem());
        let broken = write("broken.pem", &made.cert.pem()[..100]);
        let missing = folder.path().join("missing.pem");
        let told = |certificate: &Path, key: &Path| {
            config(&Tls { certificate: certificate.into(), key: key.into() }).unwrap_err().to_string()
        };

        assert!(config(&Tls { certificate: certificate.clone(), key: key.clone() }).is_ok());
        for (text, parts) in [
            (told(&missing, &key), ["missing.pem", "No such file"]),
            (told(&key, &key), ["key.pem", "expected a certificate in PEM, found none"]),
            (told(&certificate, &certificate), ["cert.pem", "expected a private key in PEM, found none"]),
            (told(&broken, &key), ["broken.pem", "without its end"]),
            (told(&certificate, &foreign), ["foreign.pem", "cannot be used with the key"]),
        ] {
            assert!(parts.iter().all(|part| text.contains(part)), "{text}: {parts:?}");
        }
    }
}
