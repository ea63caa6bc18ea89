//! Files that are written whole or not at all, and those of a folder.

mod draft;
mod listing;

pub use draft::{Draft, DraftError, is_free};
pub use listing::with_extension;
