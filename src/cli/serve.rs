//! `kindred serve`: Serve the web page and its API.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::INTERRUPTED;
use super::open::{Keep, ModelArgs};
use super::paths;
use crate::agents::Kindred;
use crate::web::{Server, Settings, start_log};

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
    There is no login: whoever reaches the port can talk, and can read a conversation whose address they know.\n\n\
    The help card's numbers were not called by anybody: verify those of your country before you serve people\n\
    (src/safety/helplines.json).")]
pub(super) struct Serve {
    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 8080, env = "KINDRED_PORT")]
    port: u16,
    /// Address to listen on; 0.0.0.0 is reachable from other machines
    #[arg(long, default_value = "127.0.0.1", env = "KINDRED_HOST")]
    host: IpAddr,
    /// Folder that keeps the conversations [default: kindred in the user's data folder]
    #[arg(long, value_name = "DIR", env = "KINDRED_DATA")]
    data: Option<PathBuf>,
    /// Answer to this host name too, as behind a proxy; may be given more than once
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
    #[command(flatten)]
    models: ModelArgs,
}

impl Serve {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        start_log();
        actix_web::rt::System::new().block_on(self.serve())
    }

    async fn serve(self) -> anyhow::Result<ExitCode> {
        // The port first: that it is taken should not be told after a minute of loading.
        let server = Server::start(Settings {
            address: SocketAddr::new(self.host, self.port),
            allowed_hosts: self.allow_host.clone(),
            ..Settings::default()
        })?;
        let mut signal = std::pin::pin!(interrupted());
        let kindred = tokio::select! {
            opened = self.open() => match opened {
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
        let _ =
            writeln!(std::io::stdout(), "Kindred is ready. Open http://{} (Ctrl-C ends it)", shown(server.address()));

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

    async fn open(&self) -> anyhow::Result<Kindred> {
        let data = self.data.clone().unwrap_or_else(paths::data);
        let kindred = self.models.open(Keep::In(data)).await?;
        let unanswered = kindred.answer_unanswered().await?;
        if unanswered > 0 {
            tracing::info!(unanswered, "answering messages that the last run left unanswered");
        }
        Ok(kindred)
    }
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
