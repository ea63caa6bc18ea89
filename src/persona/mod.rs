//! Who people are: types, profiles, memories, the bank that holds them, and which of them
//! train, validate or test. Plain data, read from published files.

mod aspect;
mod bank;
mod character;
mod judge;
mod mbti;
mod merge;
mod row;
mod split;

pub use aspect::{Aspect, Memory};
pub use bank::{Bank, BankError, bank_files};
pub use character::{Age, Character, Profile};
pub use mbti::{Mbti, UnknownMbti};
pub use merge::{Merge, merge};
pub use row::{Place, Row, RowError, read_rows};
pub use split::{Split, SplitError, Splits};
