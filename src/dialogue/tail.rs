//! The newest part of a text, where only so much fits.

/// The last `count` characters of a text, or all of it.
pub fn last_chars(text: &str, count: usize) -> &str {
    match count.checked_sub(1).map(|before| text.char_indices().rev().nth(before)) {
        None => "",
        Some(None) => text,
        Some(Some((at, _))) => &text[at..],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_counted_not_bytes() {
        assert_eq!([0, 1, 3, 4, 9].map(|count| last_chars("aé思b", count)), ["", "b", "é思b", "aé思b", "aé思b"]);
        assert_eq!(last_chars("", 2), "");
    }
}
