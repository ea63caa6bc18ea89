//! Starts the server's log on standard error, as configured.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use super::config::{Log, LogFormat};

/// Starts logging. The filter was checked with the rest of the configuration.
pub(super) fn start(log: &Log) {
    let lines = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(&log.filter)).with_writer(std::io::stderr);
    let text = match log.format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    // A second start in the same process keeps the first.
    let _ = if text {
        lines.with_target(false).with_ansi(std::io::stderr().is_terminal()).try_init()
    } else {
        lines.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
    };
}
