//! `kindred serve`: Serve the web page and its API.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use super::config::{ServeFlags, Settled};
use super::open::{Keep, Searched};
use super::{INTERRUPTED, admin_key, log, paths};
use crate::agents::Kindred;
use crate::web::Server;

/// Serve the web page and its API.
///
/// Ctrl-C ends it within seconds: replies in the making may finish, the next start answers those that could not.
/// Logs go to standard error, readable on a terminal and JSON otherwise; they never hold what anybody said.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    kindred serve                                     # http://127.0.0.1:8080\n  \
    kindred serve --port 9000 --data /srv/kindred\n  \
    kindred serve --model /models/llama-2-7b-supporter\n  \
    KINDRED_LOG=debug kindred serve\n\n\
    Everything can be configured: `kindred config` shows what is in effect, docs/configuration.md explains it.\n\n\
    Nobody logs in: a cookie is what a visitor is known by, and only they can read their conversations.\n\
    Beyond this machine, `kindred admin-key` first; docs/configuration.md says how to serve HTTPS.\n\n\
    The help card's numbers were not called by anybody: verify those of your country before you serve people\n\
    (src/safety/helplines.json).")]
pub(super) struct Serve {
    #[command(flatten)]
    flags: ServeFlags,
}

impl Serve {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let settled = self.flags.settle()?;
        let admin_key = admin_key::hash(&settled)?;
        let host = settled.config.server.host;
        if !host.is_loopback() && admin_key.is_none() {
            bail!(
                "{host} is reachable from other machines, and there is no admin key: run `{}` first, then start again",
                admin_key::command(&settled, self.flags.models.config.file())
            );
        }
        log::start(&settled.config.log);
        let server = &settled.config.server;
        if !server.allow_hosts.is_empty() && server.trusted_proxies.is_empty() && server.tls_certificate.is_none() {
            tracing::warn!(
                "server.allow_hosts names a public host, and server.trusted_proxies no proxy: cookies are not bound to \
                 HTTPS, and all visitors share the proxy's limits"
            );
        }
        actix_web::rt::System::new().block_on(serve(&settled, admin_key))
    }
}

async fn serve(settled: &Settled, admin_key: Option<String>) -> anyhow::Result<ExitCode> {
    // The port first: that it is taken should not be told after a minute of loading.
    let server = Server::start(settled.config.web(admin_key))?;
    let mut signal = std::pin::pin!(interrupted());
    let kindred = tokio::select! {
        opened = open(settled) => match opened {
            Ok(kindred) => kindred,
            Err(error) => {
                server.stop().await;
                return Err(error);
            }
        },
        () = &mut signal => {
            server.stop().await;
            // A model that is being read would hold the process back. What is on disk survives any end.
            std::process::exit(i32::from(INTERRUPTED));
        }
    };
    server.open(kindred.clone());
    tracing::info!(address = %server.address(), characters = kindred.bank().len(), "ready");
    // A closed standard output (a service manager's) is no reason to stop.
    let _ = writeln!(
        std::io::stdout(),
        "Kindred is ready. Open {}://{} (Ctrl-C ends it)",
        if settled.config.server.tls_certificate.is_some() { "https" } else { "http" },
        shown(server.address())
    );

    signal.await;
    tracing::info!("stopping: replies in the making may finish");
    // A second signal ends the process at once; what was said is on disk.
    actix_web::rt::spawn(async {
        interrupted().await;
        std::process::exit(i32::from(INTERRUPTED));
    });
    server.drain();
    kindred.shutdown().await;
    server.stop().await;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

async fn open(settled: &Settled) -> anyhow::Result<Kindred> {
    let config = &settled.config;
    let data = config.store.data.clone().unwrap_or_else(paths::data);
    let kindred = config.models.open(Keep::In(data), Searched::ByMeaning, config.limits()).await?;
    let woken = kindred.clone();
    // Beside all else: there may be many, and they wait their turn like everybody.
    actix_web::rt::spawn(async move {
        match woken.answer_unanswered().await {
            Ok(0) => {}
            Ok(unanswered) => tracing::info!(unanswered, "messages that the last run left unanswered are answered"),
            Err(error) => tracing::error!(%error, "messages that the last run left unanswered could not be read"),
        }
    });
    Ok(kindred)
}

/// The address as one can open it: an unspecified one is reached through the loopback.
fn shown(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    address
}

/// Resolves at Ctrl-C or a request to terminate.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => drop(terminate.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}
