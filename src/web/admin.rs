//! The operator's key: who may read metrics and status. A hash of it is all the server knows.

use std::hint::black_box;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, ResponseError as _, web};
use argon2::Argon2;
use argon2::password_hash::{PasswordVerifier as _, phc::PasswordHash};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use super::guard::is_local_name;
use super::origin::Client;
use super::problem::Problem;
use super::settings::Settings;
use super::state::State;

/// Longest key that is looked at, in bytes.
const LONGEST_KEY: usize = 256;
/// How long a try waits while another is checked.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who may pass to the operator's routes.
pub(super) struct Operator {
    /// An argon2 hash of the key, as a PHC string.
    hash: Option<String>,
    /// Whether this machine's own users pass without a key.
    local: bool,
    /// SHA-256 of the last right key, so that argon2 is asked once and not at every scrape.
    // A std Mutex: held for one copy.
    remembered: Mutex<Option<[u8; 32]>>,
    /// Checking a key takes tens of milliseconds and as many megabytes: one at a time.
    checking: Arc<Semaphore>,
}

impl Operator {
    /// # Errors
    /// What is wrong with the hash.
    pub(super) fn new(settings: &Settings, bound: IpAddr) -> Result<Self, String> {
        if let Some(hash) = &settings.admin_key {
            let parsed = PasswordHash::new(hash).map_err(|error| error.to_string())?;
            if !parsed.algorithm.as_str().starts_with("argon2") {
                return Err(format!("its algorithm is {}", parsed.algorithm));
            }
            if parsed.salt.is_none() || parsed.hash.is_none() {
                return Err("it is cut off".to_owned());
            }
        }
        // A server that knows of a proxy or of a public name is reached by more than this machine.
        let alone = settings.trusted_proxies.is_empty() && settings.allowed_hosts.is_empty();
        Ok(Self {
            hash: settings.admin_key.clone(),
            local: bound.is_loopback() && settings.admin_key.is_none() && alone,
            remembered: Mutex::new(None),
            checking: Arc::new(Semaphore::new(1)),
        })
    }

    /// Whether this request may pass; `tried` is asked before a key costs something.
    async fn admit(
        &self,
        request: &HttpRequest,
        tried: impl FnOnce(&IpAddr) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let client = Client::of(request);
        let Some(hash) = &self.hash else { return self.admit_local(&client) };
        let header = request.headers().get(AUTHORIZATION).ok_or_else(no_key)?;
        let key = header.to_str().ok().and_then(bearer).ok_or_else(no_key)?;
        let digest: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        let known = *self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_some_and(|known| same(&known, &digest)) {
            return Ok(());
        }
        if let Some(address) = client.bucket() {
            tried(&address)?;
        }
        if key.len() > LONGEST_KEY || !self.verify(hash.clone(), key.to_owned()).await? {
            tracing::warn!("a wrong operator's key was refused");
            return Err(Problem::wrong_key());
        }
        *self.remembered.lock().unwrap_or_else(PoisonError::into_inner) = Some(digest);
        Ok(())
    }

    fn admit_local(&self, client: &Client) -> Result<(), Problem> {
        let own = client.address.is_some_and(|address| address.is_loopback());
        let named = client.host.as_deref().is_none_or(is_local_name);
        if self.local && own && named && !client.forwarded {
            return Ok(());
        }
        Err(Problem::no_key("no operator's key is set, so that this route answers this machine only; set one"))
    }

    async fn verify(&self, hash: String, key: String) -> Result<bool, Problem> {
        let permit = tokio::time::timeout(PATIENCE, self.checking.clone().acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            return Err(Problem::busy("other keys are being checked; try again in a moment"));
        };
        // The permit goes along: a client that leaves must not let the next one in while its own key is still checked.
        let checked = tokio::task::spawn_blocking(move || {
            let _held = permit;
            PasswordHash::new(&hash).is_ok_and(|hash| Argon2::default().verify_password(key.as_bytes(), &hash).is_ok())
        });
        checked.await.map_err(Problem::internal)
    }
}

fn no_key() -> Problem {
    Problem::no_key("expected the header Authorization: Bearer KEY with the operator's key")
}

/// The key of an `Authorization` header.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, key) = header.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !key.trim().is_empty()).then(|| key.trim())
}

/// Compares in a time that does not depend on where the two differ.
fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    black_box(one.iter().zip(other).fold(0, |seen, (a, b)| black_box(seen | (a ^ b)))) == 0
}

/// Lets only the operator pass.
pub(super) async fn only(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let admitted = match (request.app_data::<web::Data<Operator>>(), request.app_data::<web::Data<State>>()) {
        (Some(operator), Some(state)) => {
            operator.admit(request.request(), |address| state.limits.keys.check(address)).await
        }
        _ => Err(Problem::internal("the operator's door has no lock")),
    };
    match admitted {
        Ok(()) => Ok(next.call(request).await?.map_into_left_body()),
        Err(problem) => Ok(request.into_response(problem.error_response()).map_into_right_body()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::StatusCode;
    use actix_web::test::TestRequest;
    use argon2::{Algorithm, Params, Version};

    fn hash(key: &str) -> String {
        use argon2::password_hash::PasswordHasher as _;
        // The smallest work there is: what it costs is not what is tested.
        let quick = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
        quick.hash_password(key.as_bytes()).unwrap().to_string()
    }

    fn operator(key: Option<&str>) -> Operator {
        let settings = Settings { admin_key: key.map(hash), ..Settings::default() };
        Operator::new(&settings, "127.0.0.1".parse().unwrap()).unwrap()
    }

    fn request(header: &str) -> HttpRequest {
        TestRequest::get()
            .insert_header((AUTHORIZATION, header))
            .peer_addr("127.0.0.1:9".parse().unwrap())
            .to_http_request()
    }

    async fn answer(operator: &Operator, request: &HttpRequest) -> u16 {
        operator.admit(request, |_| Ok(())).await.map_or_else(|problem| problem.status_code().as_u16(), |()| 200)
    }

    #[actix_web::test]
    async fn the_right_key_passes_and_is_remembered() {
        let operator = operator(Some("open sesame"));
        assert_eq!(answer(&operator, &request("Bearer wrong")).await, 403);
        assert_eq!(answer(&operator, &request("Bearer ")).await, 401);
        assert_eq!(answer(&operator, &request("Basic b3BlbiBzZXNhbWU=")).await, 401);
        assert_eq!(answer(&operator, &TestRequest::get().to_http_request()).await, 401);
        let refused = |_: &IpAddr| Err(Problem::too_many_requests(1, "keys", 1));
        let right = request("bearer open sesame");
        assert_eq!(operator.admit(&right, refused).await.unwrap_err().status_code(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(answer(&operator, &right).await, 200);
        // Remembered: it counts as no try any more, and a wrong one beside it changes nothing.
        assert_eq!(answer(&operator, &request("Bearer wrong")).await, 403);
        assert!(operator.admit(&right, refused).await.is_ok());
        assert_eq!(answer(&operator, &request(&format!("Bearer {}", "x".repeat(LONGEST_KEY + 1)))).await, 403);
    }

    #[actix_web::test]
    async fn without_a_key_this_machine_passes_and_nobody_else() {
        let open = operator(None);
        let from = |peer: &str| TestRequest::get().peer_addr(peer.parse().unwrap());
        assert_eq!(answer(&open, &from("127.0.0.1:9").to_http_request()).await, 200);
        assert_eq!(answer(&open, &from("192.168.0.4:9").to_http_request()).await, 401);
        let proxied = from("127.0.0.1:9").insert_header(("x-forwarded-for", "203.0.113.9"));
        assert_eq!(answer(&open, &proxied.to_http_request()).await, 401);
        let named = from("127.0.0.1:9").insert_header(("host", "kindred.example"));
        assert_eq!(answer(&open, &named.to_http_request()).await, 401);

        let bound_wide = Operator::new(&Settings::default(), "0.0.0.0".parse().unwrap()).unwrap();
        assert_eq!(answer(&bound_wide, &from("127.0.0.1:9").to_http_request()).await, 401);
    }

    #[test]
    fn a_hash_that_is_none_is_refused_at_the_start() {
        for hash in ["", "secret", "$argon2id$v=19$m=8", "$scrypt$ln=1,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo"] {
            let settings = Settings { admin_key: Some(hash.into()), ..Settings::default() };
            assert!(Operator::new(&settings, "127.0.0.1".parse().unwrap()).is_err(), "{hash}");
        }
    }
}
