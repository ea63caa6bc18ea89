//! Long jobs that make models: tokenizers and small language models, from scratch, resumable, with progress.
//!
//! Reading order: [`corpus`] (what is read) → [`tokenizer`] → [`example`] (what one row teaches) → [`batch`] →
//! [`settings`], [`schedule`] and [`optimizer`] → [`lm`] (the loop) with [`run`] (its folder), [`checkpoint`] and
//! [`export`]; [`look`] at what came of it. [`matcher`] stands by itself: a matcher's head from rated dialogues.

pub mod batch;
pub mod checkpoint;
pub mod corpus;
mod error;
pub mod example;
pub mod export;
pub mod lm;
pub mod look;
pub mod matcher;
pub mod optimizer;
pub mod probe;
pub mod run;
pub mod schedule;
pub mod settings;
pub mod threads;
pub mod tokenizer;

pub use error::TrainingError;
