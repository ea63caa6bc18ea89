//! Who people are: types, profiles, memories, the bank that holds them, and which of them
//! train, validate or test. Plain data, read from published files.

mod aspect;
mod bank;
mod character;
mod judge;
mod mbti;
mod merge;
mod raw;
mod reading;
mod row;
mod split;

pub use aspect::{Aspect, Memory};
pub use bank::{Bank, BankError, bank_files, check_bank, read_bank_rows};
pub use character::{Age, Character, Profile};
pub use mbti::{Mbti, UnknownMbti};
pub use merge::{Merge, MergeError, merge};
pub use raw::indented;
pub use reading::{read_lines, read_rows};
pub use row::{Place, Row, RowError, RowErrors};
pub use split::{Split, SplitError, Splits};
