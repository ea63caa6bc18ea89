//! Cuts a text into sentences that can be compared and quoted.

/// Sentences of a text, trimmed, in order. A full stop after a single letter or a short title ends no sentence.
pub fn sentences(text: &str) -> Vec<&str> {
    const TITLES: [&str; 6] = ["Mr", "Mrs", "Ms", "Dr", "St", "Prof"];
    let mut found = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if !matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？') {
            continue;
        }
        // Closing quotes and further marks belong to the sentence.
        let mut end = at + c.len_utf8();
        while let Some(&(next_at, next)) = chars.peek() {
            if !matches!(next, '.' | '!' | '?' | '"' | '\'' | '’' | '”' | ')') {
                break;
            }
            end = next_at + next.len_utf8();
            chars.next();
        }
        let followed_by_space = chars.peek().is_none_or(|(_, next)| next.is_whitespace());
        let wide = matches!(c, '。' | '！' | '？');
        let word = text[start..at].rsplit(char::is_whitespace).next().unwrap_or("");
        let abbreviated = c == '.' && (TITLES.contains(&word) || (word.len() == 1 && word != "I"));
        if (followed_by_space || wide) && !abbreviated {
            found.push(text[start..end].trim());
            start = end;
        }
    }
    found.push(text[start..].trim());
    found.retain(|sentence| !sentence.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_at_ends_of_sentences_only() {
        let text = "You met Mr Ma. at 3.5 km? \"Yes!\" said Dr. Noh. 你好。再见！ Last";
        assert_eq!(
            sentences(text),
            ["You met Mr Ma.", "at 3.5 km?", "\"Yes!\"", "said Dr. Noh.", "你好。", "再见！", "Last"]
        );
        assert!(sentences("  ").is_empty());
    }
}
