//! What a person may send.

use super::AgentError;
use super::visitor::RequestKey;

/// The most characters of one message: more than anybody types, and a few contexts' worth at most.
pub const MESSAGE_LIMIT: usize = 8_000;

/// The most characters of what is searched for by meaning: a sentence or two, whatever a message may hold.
pub const SEARCH_LIMIT: usize = 200;

/// Something that a person says.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// The words.
    pub text: String,
    /// The earlier message that this is another version of.
    pub replaces: Option<u64>,
    /// The request's name: the same message sent again is not said twice.
    pub key: Option<RequestKey>,
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }
}

/// The message without the white space around it.
///
/// # Errors
/// [`AgentError::EmptyMessage`] if nothing is left, [`AgentError::MessageTooLong`] past [`MESSAGE_LIMIT`].
pub fn check_message(text: &str) -> Result<&str, AgentError> {
    check_within(text, MESSAGE_LIMIT)
}

/// As [`check_message`], with a limit of one's own.
pub(super) fn check_within(text: &str, limit: usize) -> Result<&str, AgentError> {
    let text = check_about(text, limit)?;
    if text.is_empty() { Err(AgentError::EmptyMessage) } else { Ok(text) }
}

/// As [`check_message`], but nothing is a fine thing to say about oneself.
pub(super) fn check_about(text: &str, limit: usize) -> Result<&str, AgentError> {
    let text = text.trim();
    let found = text.chars().count();
    if found > limit { Err(AgentError::MessageTooLong { found, limit }) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_nothing_and_the_limit_counts_characters() {
        assert!(matches!(check_message(" \n\t"), Err(AgentError::EmptyMessage)));
        assert_eq!(check_message(" hi \n").unwrap(), "hi");
        assert!(check_message(&"é".repeat(MESSAGE_LIMIT)).is_ok());
        let error = check_message(&"x".repeat(MESSAGE_LIMIT + 1)).unwrap_err();
        assert!(error.to_string().contains("8001") && error.to_string().contains("8000"), "{error}");
        assert!(matches!(check_within("abc", 2), Err(AgentError::MessageTooLong { found: 3, limit: 2 })));
        assert_eq!(check_about("  ", 1).unwrap(), "");
    }
}
