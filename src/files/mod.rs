//! Files that are written whole or not at all.

mod draft;

pub use draft::{Draft, DraftError, is_free};
