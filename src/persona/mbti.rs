//! The sixteen Myers–Briggs types, as four letters.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A Myers–Briggs type. Written and read as its four capital letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mbti(u8);

const NAMES: [&str; 16] = [
    "INTJ", "INTP", "ENTJ", "ENTP", "INFJ", "INFP", "ENFJ", "ENFP", "ISTJ", "ISFJ", "ESTJ", "ESFJ", "ISTP", "ISFP",
    "ESTP", "ESFP",
];

/// A text that is none of the sixteen types.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown MBTI type {found:?}: expected one of the sixteen, such as INTJ or ESFP")]
pub struct UnknownMbti {
    /// What was read.
    pub found: String,
}

impl Mbti {
    /// All sixteen types in the order of the published bank (index = type × 64 + n).
    pub fn all() -> impl Iterator<Item = Mbti> {
        (0..NAMES.len() as u8).map(Mbti)
    }

    /// The four capital letters.
    pub fn as_str(self) -> &'static str {
        NAMES[usize::from(self.0)]
    }
}

impl fmt::Display for Mbti {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Mbti {
    type Err = UnknownMbti;

    /// Reads four letters, in either case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted = text.trim();
        NAMES
            .iter()
            .position(|name| name.eq_ignore_ascii_case(wanted))
            .map(|at| Mbti(at as u8))
            .ok_or_else(|| UnknownMbti { found: text.chars().take(40).collect() })
    }
}

impl TryFrom<String> for Mbti {
    type Error = UnknownMbti;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Mbti> for String {
    fn from(mbti: Mbti) -> Self {
        mbti.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_in_either_case() {
        assert_eq!(Mbti::all().count(), 16);
        for mbti in Mbti::all() {
            assert_eq!(mbti.as_str().to_lowercase().parse(), Ok(mbti));
        }
    }

    #[test]
    fn names_what_it_does_not_know() {
        assert!("XNTJ".parse::<Mbti>().unwrap_err().to_string().contains("\"XNTJ\""));
    }
}
