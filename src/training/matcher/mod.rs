//! A matcher's head from rated dialogues: the published `persona_score` form, fitted by least squares, and what the
//! ratings say about the order that matching goes by now.
//!
//! Source of form and target: CharacterChat (arXiv 2308.10278): `score` is affine in the cosine of the two statements, and is
//! drawn towards the mean of three ratings from 1 to 5.

mod card;
mod comparison;
mod fit;
mod rated;

pub use card::{figures, save};
pub use comparison::{Comparison, Pair};
pub use fit::{Agreement, Fit, Size, fit};
pub use rated::{Rated, divide, read};
