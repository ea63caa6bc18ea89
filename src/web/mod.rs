//! HTTP: the page and its API. It parses, calls [`crate::agents::Kindred`], and renders; it holds no state of its own.

mod admin;
mod assets;
mod body;
mod description;
mod directory;
mod docs;
mod facets;
mod guard;
mod key;
mod log;
mod metrics;
mod origin;
mod problem;
mod rates;
mod reads;
mod routes;
mod server;
mod settings;
mod state;
mod streams;
mod tls;
mod visitor;

#[doc(hidden)]
pub use routes::fuzz_message;
pub use routes::{Access, Method, ROUTES, RouteEntry};
pub use server::{Server, WebError};
pub use settings::{Rates, Settings, Tls};
pub use tls::TlsError;
