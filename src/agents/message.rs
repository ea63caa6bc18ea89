//! What a person may send.

use super::AgentError;

/// The most characters of one message: more than anybody types, and a few contexts' worth at most.
pub const MESSAGE_LIMIT: usize = 8_000;

/// The message without the white space around it.
///
/// # Errors
/// [`AgentError::EmptyMessage`] if nothing is left, [`AgentError::MessageTooLong`] past [`MESSAGE_LIMIT`].
pub fn check_message(text: &str) -> Result<&str, AgentError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(AgentError::EmptyMessage);
    }
    check_length(text)?;
    Ok(text)
}

/// As [`check_message`], but nothing is a fine thing to say about oneself.
pub(super) fn check_about(text: &str) -> Result<&str, AgentError> {
    let text = text.trim();
    check_length(text)?;
    Ok(text)
}

fn check_length(text: &str) -> Result<(), AgentError> {
    let found = text.chars().count();
    if found > MESSAGE_LIMIT { Err(AgentError::MessageTooLong { found, limit: MESSAGE_LIMIT }) } else { Ok(()) }
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
        assert_eq!(check_about("  ").unwrap(), "");
    }
}
