//! How faithful a reply is to a persona (APC, arXiv 2405.07726): so far what it is learnt from, facts of characters with
//! questions and replies.

mod facts;
mod published;
mod rows;

pub use facts::{FactGroup, FactsError};
pub use published::{Passage, StatementQueries, nli_rows, passages, queries, relevance_rows};
pub use rows::{NliLabel, NliRow, Relevance, RelevanceRow};
