//! The HTTP server: it binds at once and answers "starting" until the rooms are open, and drains before it ends.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};

use super::admin::Operator;
use super::description::Description;
use super::guard::{self, Hosts};
use super::origin::{self, Proxies};
use super::settings::Settings;
use super::state::State;
use super::tls::{self, TlsError};
use super::{assets, log, metrics, routes};
use crate::agents::Kindred;

/// How often what is no longer needed is forgotten.
const TIDY: Duration = Duration::from_secs(10);

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// The address belongs to somebody else.
    #[error("{address} is already in use; stop what listens there, or choose another with --port")]
    Taken {
        /// What was asked for.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// What was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// HTTPS cannot be served.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The hash of the operator's key is none.
    #[error("the operator's key must be given as an argon2 hash ($argon2id$…): {reason}")]
    AdminKey {
        /// What is wrong with it.
        reason: String,
    },
    /// The description of the API could not be made.
    #[error("the description of the API cannot be written: {reason}")]
    Description {
        /// Why.
        reason: String,
    },
}

/// A running server.
pub struct Server {
    state: web::Data<State>,
    address: SocketAddr,
    handle: ServerHandle,
}

impl Server {
    /// Listens, and answers "starting" until [`Server::open`]. Needs an actix system.
    ///
    /// # Errors
    /// [`WebError`].
    pub fn start(settings: Settings) -> Result<Self, WebError> {
        let address = settings.address;
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => WebError::Taken { address },
            _ => WebError::Bind { address, source },
        };
        let tls = settings.tls.as_ref().map(tls::config).transpose()?;
        // A plain bind first, as actix sets SO_REUSEADDR: it says at once whether somebody listens already.
        let listener = TcpListener::bind(address).map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        metrics::install();
        let hosts = web::Data::new(Hosts::new(bound.ip(), &settings.allowed_hosts));
        let proxies = web::Data::new(Proxies::new(&settings.trusted_proxies));
        let operator = Operator::new(&settings, bound.ip()).map_err(|reason| WebError::AdminKey { reason })?;
        let operator = web::Data::new(operator);
        let description = Description::new().map_err(|reason| WebError::Description { reason })?;
        let description = web::Data::new(description);
        let state = web::Data::new(State::new(settings));

        let shared = state.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .app_data(hosts.clone())
                .app_data(proxies.clone())
                .app_data(operator.clone())
                .app_data(description.clone())
                .configure(routes::add)
                .default_service(web::to(assets::serve))
                .wrap(from_fn(guard::hosts))
                .wrap(guard::headers())
                .wrap(from_fn(log::requests))
                .wrap(from_fn(origin::note))
        });
        let settings = &state.settings;
        let workers = settings.workers.max(1);
        let server = server
            .workers(workers)
            // Of each worker; and of each worker's TLS handshakes, which idle sockets must not use up.
            .max_connections(settings.connections.div_ceil(workers))
            .max_connection_rate(settings.connections.div_ceil(workers))
            .client_request_timeout(settings.head_timeout)
            .shutdown_timeout(settings.drain.as_secs())
            // One signal for the whole process, passed down by whoever started this.
            .disable_signals();
        let server = match tls {
            Some(tls) => server.listen_rustls_0_23(listener, tls),
            None => server.listen(listener),
        };
        let server = server.map_err(failed)?.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        actix_web::rt::spawn(tidy(state.clone()));
        Ok(Self { state, address: bound, handle })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on requests are answered.
    pub fn open(&self, kindred: Kindred) {
        self.state.open(kindred);
    }

    /// From now on nothing new is begun; streams stay until [`Server::stop`], so that replies in the making are seen.
    pub fn drain(&self) {
        self.state.drain();
    }

    /// Ends the streams and the server. Takes seconds at most.
    pub async fn stop(&self) {
        self.state.close();
        self.handle.stop(true).await;
    }
}

/// Keeps memory bounded while nobody looks, until the server closes.
async fn tidy(state: web::Data<State>) {
    let mut closed = std::pin::pin!(state.closed());
    loop {
        tokio::select! {
            () = &mut closed => return,
            () = tokio::time::sleep(TIDY) => {
                state.limits.tidy();
                metrics::tidy();
            }
        }
    }
}
