//! Who people are: types, profiles, memories, and the bank that holds them. Plain data, read from published files.

mod aspect;
mod bank;
mod character;
mod mbti;

pub use aspect::{Aspect, Memory};
pub use bank::{Bank, BankError};
pub use character::{Age, Character, Profile};
pub use mbti::{Mbti, UnknownMbti};
