//! Who asks: a visitor who holds a token, or this machine's own user.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use super::AgentError;
use crate::store::{SessionRecord, TokenHash, VisitorId};

/// Bytes of a token: 128 bits, which nobody guesses.
const TOKEN_BYTES: usize = 16;

/// What a visitor holds, and nobody else: shown as 32 hexadecimal digits. Kindred keeps only its SHA-256.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; TOKEN_BYTES]);

impl Token {
    /// A new one, from the system's source of randomness.
    ///
    /// # Errors
    /// [`AgentError::Start`] if the system has none.
    pub(super) fn random() -> Result<Self, AgentError> {
        use rand::TryRng as _;
        let mut bytes = [0; TOKEN_BYTES];
        let failed = |error| AgentError::Start { reason: format!("the system gives no random numbers: {error}") };
        rand::rngs::SysRng.try_fill_bytes(&mut bytes).map_err(failed)?;
        Ok(Self(bytes))
    }

    /// What the store knows it by.
    pub(super) fn hash(&self) -> TokenHash {
        Sha256::digest(self.0).into()
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A token is a secret: it stays out of logs.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// What is no token. It says nothing more, as what came may be somebody's secret with a slip in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 32 hexadecimal digits")]
pub struct NoToken;

impl FromStr for Token {
    type Err = NoToken;

    fn from_str(text: &str) -> Result<Self, NoToken> {
        if text.len() != 2 * TOKEN_BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NoToken);
        }
        u128::from_str_radix(text, 16).map(|number| Self(number.to_be_bytes())).map_err(|_| NoToken)
    }
}

/// Who asks something of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// This machine's own user, as the command line is: every session is theirs.
    Local,
    /// A visitor: the sessions that they opened are theirs, and no others exist for them.
    Visitor {
        /// Who.
        id: VisitorId,
        /// Where they come from, if that is known: visitors are made in a moment, networks are not.
        network: Option<IpAddr>,
    },
}

impl Caller {
    /// A visitor who comes from nowhere in particular.
    pub fn visitor(id: VisitorId) -> Self {
        Self::Visitor { id, network: None }
    }

    /// Where the caller comes from.
    pub(super) fn network(self) -> Option<IpAddr> {
        match self {
            Self::Local => None,
            Self::Visitor { network, .. } => network,
        }
    }

    /// Whose a session will be that this caller opens.
    pub(super) fn owner(self) -> Option<VisitorId> {
        match self {
            Self::Local => None,
            Self::Visitor { id, .. } => Some(id),
        }
    }

    /// Whether this session is theirs.
    pub(super) fn may_use(self, record: &SessionRecord) -> bool {
        self.may_use_of(record.owner)
    }

    pub(super) fn may_use_of(self, owner: Option<VisitorId>) -> bool {
        match self {
            Self::Local => true,
            Self::Visitor { id, .. } => owner == Some(id),
        }
    }
}

/// Most characters of a [`RequestKey`].
const KEY_LIMIT: usize = 64;

/// The name that a client gives a request, so that the same request sent again is known: 1 to 64 printable ASCII
/// characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestKey(String);

impl RequestKey {
    /// What is kept of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RequestKey {
    type Err = AgentError;

    fn from_str(text: &str) -> Result<Self, AgentError> {
        let fits = (1..=KEY_LIMIT).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text.to_owned())) } else { Err(AgentError::BadKey { limit: KEY_LIMIT }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_random_told_as_digits_and_read_back() {
        let (one, other) = (Token::random().unwrap(), Token::random().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.to_string().len(), 32);
        assert_eq!(one.to_string().parse(), Ok(one.clone()));
        assert_ne!(one.hash(), other.hash());
        assert!(!format!("{one:?}").contains(&one.to_string()[..4]));
        for bad in ["", "0", &"g".repeat(32), &"0".repeat(31), &format!("+{}", "0".repeat(31))] {
            assert_eq!(bad.parse::<Token>(), Err(NoToken), "{bad}");
        }
    }

    #[test]
    fn a_key_is_short_and_printable() {
        assert_eq!("a-1".parse::<RequestKey>().unwrap().as_str(), "a-1");
        for bad in ["", "a b", "a\n", "é", &"x".repeat(65)] {
            assert!(matches!(bad.parse::<RequestKey>(), Err(AgentError::BadKey { limit: 64 })), "{bad}");
        }
    }
}
