//! The HTTP server: it binds at once and answers "starting" until the rooms are open, and drains before it ends.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};

use super::guard::{self, Hosts};
use super::state::State;
use super::{assets, log, routes};
use crate::agents::Kindred;

/// Threads that parse and render; the work itself is done elsewhere.
const WORKERS: usize = 2;
/// How long open connections may take to end when the server does, in seconds.
const SHUTDOWN_SECONDS: u64 = 3;
/// How long a client may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

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
}

/// A running server.
pub struct Server {
    state: web::Data<State>,
    address: SocketAddr,
    handle: ServerHandle,
}

impl Server {
    /// Listens on `address` (port 0 takes a free one) and answers "starting" until [`Server::open`]. On a loopback
    /// address requests must name this machine, or one of `allowed_hosts`. Needs an actix system.
    ///
    /// # Errors
    /// [`WebError`].
    pub fn start(address: SocketAddr, allowed_hosts: &[String]) -> Result<Self, WebError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => WebError::Taken { address },
            _ => WebError::Bind { address, source },
        };
        // A plain bind first, as actix sets SO_REUSEADDR: it says at once whether somebody listens already.
        let listener = TcpListener::bind(address).map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let state = web::Data::new(State::new());
        let hosts = web::Data::new(Hosts::new(bound.ip(), allowed_hosts));
        let shared = state.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .app_data(hosts.clone())
                .service(routes::api())
                .default_service(web::to(assets::serve))
                .wrap(from_fn(guard::hosts))
                .wrap(guard::headers())
                .wrap(from_fn(log::requests))
        })
        .workers(WORKERS)
        .client_request_timeout(HEAD_TIMEOUT)
        .shutdown_timeout(SHUTDOWN_SECONDS)
        // One signal for the whole process, passed down by whoever started this.
        .disable_signals()
        .listen(listener)
        .map_err(failed)?
        .run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
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
