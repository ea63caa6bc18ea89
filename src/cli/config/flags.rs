//! Flags that set keys of the configuration.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::Args;

use super::error::ConfigError;
use super::sources::{Flags, Settled};
use crate::cli::open::ModelArgs;

/// Names the file.
#[derive(Clone, Debug, Default, Args)]
pub(in crate::cli) struct ConfigFlag {
    /// Configuration to read [env: KINDRED_CONFIG] [default: kindred/kindred.toml in the user's configuration folder,
    /// if there is one]
    #[arg(long = "config", global = true, value_name = "FILE", help_heading = "Configuration")]
    file: Option<PathBuf>,
}

impl ConfigFlag {
    /// This flag alone.
    pub(in crate::cli) fn flags(&self) -> Flags {
        Flags::new(self.file.clone())
    }

    /// The file that it names.
    pub(in crate::cli) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }
}

/// What `kindred serve` can be told.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct ServeFlags {
    /// Port to listen on; 0 takes a free one [env: KINDRED_PORT] [default: 8080]
    #[arg(long)]
    port: Option<u16>,
    /// Address to listen on; 0.0.0.0 is reachable from other machines [env: KINDRED_HOST] [default: 127.0.0.1]
    #[arg(long)]
    host: Option<IpAddr>,
    /// Folder that keeps the conversations [env: KINDRED_DATA] [default: kindred in the user's data folder]
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) data: Option<PathBuf>,
    /// Answer to this host name too, as behind a proxy; may be given more than once
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) models: ModelArgs,
}

impl ServeFlags {
    /// Reads all layers, these flags on top.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub(in crate::cli) fn settle(&self) -> Result<Settled, ConfigError> {
        let mut flags = self.models.flags();
        flags.set("--port", "server.port", self.port);
        flags.set("--host", "server.host", self.host.map(|host| host.to_string()));
        flags.set_path("--data", "store.data", self.data.as_deref());
        let hosts = Some(self.allow_host.clone()).filter(|hosts| !hosts.is_empty());
        flags.set("--allow-host", "server.allow_hosts", hosts);
        flags.settle()
    }
}
