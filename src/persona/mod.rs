//! Who people are: types, profiles, memories, and the bank that holds them. Plain data, read from published files.

mod aspect;
mod bank;
mod character;
mod judge;
mod mbti;
mod merge;
mod row;

pub use aspect::{Aspect, Memory};
pub use bank::{Bank, BankError, bank_files};
pub use character::{Age, Character, Profile};
pub use mbti::{Mbti, UnknownMbti};
pub use merge::{Merge, merge};
pub use row::{Place, Row, RowError, read_rows};
