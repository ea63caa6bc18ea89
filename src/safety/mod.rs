//! Sees who is at risk before any model is asked, answers with a fixed help card, and gates what a model says.
//!
//! A list of rules, not a diagnosis: it looks for what people say when they are at risk, leaves out the ways the same
//! words are used in everyday talk, and would rather show a card too many than one too few.

mod card;
mod gate;
mod normal;
mod rule_list;
mod rules;

pub use card::{HelpCard, Helpline, Serves, help_card, helplines_checked};
pub use gate::{Blocked, ReplyGate};
pub use rules::{Assessment, Language, Risk, assess, rules_version};
