//! Which of a character's memories helps now.

mod selector;
mod window;

pub use selector::{
    COSINE_THRESHOLD, EmbeddedMemories, MemoryError, MemorySelector, PAIR_THRESHOLD, PairHistory, Selected,
};
pub use window::{REST_AFTER, WINDOW, choices, resting};
