//! HTTP: the page and its API. It parses, calls [`crate::agents::Kindred`], and renders; it holds no state of its own.

mod assets;
mod body;
mod directory;
mod guard;
mod log;
mod problem;
mod routes;
mod server;
mod state;

pub use log::start as start_log;
#[doc(hidden)]
pub use routes::fuzz_message;
pub use server::{Server, WebError};
