//! What the bank, the corpus and the models are worth, measured: checks, statistics, and figures that an encoder gives.
//!
//! Reading order: [`Finding`] (what a check says) and [`Rows`] (what is checked) → [`bank`] and [`corpus`] (the checks,
//! each by form, quotas and meaning, and their statistics) → [`words`], [`personal`] and [`worry`] (what words tell) →
//! [`embedded`] (what an encoder tells) → [`sorting`] and [`pairs`] (figures) → [`chart`] (counts as bars) →
//! [`picture`] (charts as a page).

pub mod bank;
pub mod chart;
pub mod corpus;
pub mod embedded;
mod error;
mod finding;
mod near;
pub mod pairs;
pub mod personal;
mod phrases;
pub mod picture;
mod rows;
pub mod sorting;
mod tally;
mod telephone;
pub mod words;
pub mod worry;

pub use error::EvaluationError;
pub use finding::{Finding, NONE, Scope, counted, share};
pub use rows::{Placed, Rows};
use tally::tally;
