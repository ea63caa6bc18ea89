//! Turns tokens into text as they come: valid UTF-8 only, and together exactly what decoding all of them gives.

use tokenizers::Tokenizer;

use super::EngineError;

/// A text that ends in a replacement character may be an incomplete character, one the model really wrote, or broken
/// bytes: it waits for what follows, but not longer than this many tokens.
const LONGEST_WAIT: usize = 16;

/// The text of one reply, token by token.
///
/// A token is decoded together with the ones before it, since its text depends on them: SentencePiece-like tokenizers
/// write the space of a word into the word and drop it at the very start, byte-level ones may split a character.
#[derive(Debug, Default)]
pub(super) struct Detokenizer {
    /// Tokens not yet out of sight: those already written that serve as context, then those not written.
    window: Vec<u32>,
    /// How many of the window's tokens are written.
    written: usize,
    /// The text of the written ones.
    context: String,
}

impl Detokenizer {
    /// The text that becomes certain with this token; empty while a character is incomplete.
    ///
    /// # Errors
    /// [`EngineError::Failed`] if the tokenizer cannot decode.
    pub(super) fn push(&mut self, tokenizer: &Tokenizer, token: u32) -> Result<String, EngineError> {
        self.window.push(token);
        let text = decode(tokenizer, &self.window)?;
        let incomplete = text.ends_with(char::REPLACEMENT_CHARACTER);
        if incomplete && self.window.len() - self.written < LONGEST_WAIT {
            return Ok(String::new());
        }
        self.advance(tokenizer, text)
    }

    /// What was held back, with a replacement character for a character that stayed incomplete.
    ///
    /// # Errors
    /// [`EngineError::Failed`] if the tokenizer cannot decode.
    pub(super) fn finish(&mut self, tokenizer: &Tokenizer) -> Result<String, EngineError> {
        if self.written == self.window.len() {
            return Ok(String::new());
        }
        let text = decode(tokenizer, &self.window)?;
        self.advance(tokenizer, text)
    }

    fn advance(&mut self, tokenizer: &Tokenizer, text: String) -> Result<String, EngineError> {
        // A tokenizer that rewrites what it had written is answered with the part both texts share.
        let shared = text.bytes().zip(self.context.bytes()).take_while(|(a, b)| a == b).count();
        let shared = (0..=shared).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        let new = text[shared..].to_owned();
        if new.is_empty() {
            // A token without text (a special one) must not become the whole context: the next word would then
            // stand at the start and lose its space.
            self.written = self.window.len();
            return Ok(new);
        }
        self.window.drain(..self.written);
        self.written = self.window.len();
        self.context = decode(tokenizer, &self.window)?;
        Ok(new)
    }
}

fn decode(tokenizer: &Tokenizer, tokens: &[u32]) -> Result<String, EngineError> {
    tokenizer.decode(tokens, true).map_err(|error| EngineError::Failed { reason: format!("detokenizing: {error}") })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Every byte a token, and some of several bytes, in the byte-level alphabet of GPT-2.
    fn byte_level() -> Tokenizer {
        let mut vocabulary = serde_json::Map::new();
        for byte in 0..=255u8 {
            let printable = matches!(byte, 33..=126 | 161..=172 | 174..=255);
            let skipped = (0..byte).filter(|b| !matches!(b, 33..=126 | 161..=172 | 174..=255)).count() as u32;
            let symbol = if printable { char::from(byte) } else { char::from_u32(256 + skipped).unwrap() };
            vocabulary.insert(symbol.to_string(), json!(byte));
        }
        for (id, word) in ["Ġthe", "Ġä½", "ł", "å¥½", "hello"].iter().enumerate() {
            vocabulary.entry(word.to_string()).or_insert(json!(256 + id));
        }
        let level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
        build(&json!({"type": "BPE", "vocab": vocabulary, "merges": []}), &level, &level, &json!(null))
    }

    /// Words with a leading low line, and bytes as a fallback, as in LLaMA-2.
    fn sentence_piece() -> Tokenizer {
        let mut vocabulary = serde_json::Map::new();
        for byte in 0..=255u8 {
            vocabulary.insert(format!("<0x{byte:02X}>"), json!(byte));
        }
        for (id, word) in ["▁I", "▁am", "▁", "fine", ".", "▁hello", "e"].iter().enumerate() {
            vocabulary.insert((*word).into(), json!(256 + id));
        }
        let decoder = json!({"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]});
        let model = json!({"type": "BPE", "vocab": vocabulary, "merges": [], "byte_fallback": true});
        build(&model, &json!(null), &decoder, &json!(null))
    }

    fn build(
        model: &serde_json::Value,
        pre_tokenizer: &serde_json::Value,
        decoder: &serde_json::Value,
        normalizer: &serde_json::Value,
    ) -> Tokenizer {
        let file = json!({"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
            "normalizer": normalizer, "pre_tokenizer": pre_tokenizer, "post_processor": null, "decoder": decoder,
            "model": model});
        Tokenizer::from_bytes(file.to_string()).unwrap()
    }

    fn pieces(tokenizer: &Tokenizer, tokens: &[u32]) -> Vec<String> {
        let mut detokenizer = Detokenizer::default();
        let mut pieces: Vec<_> = tokens.iter().map(|&token| detokenizer.push(tokenizer, token).unwrap()).collect();
        pieces.push(detokenizer.finish(tokenizer).unwrap());
        pieces
    }

    #[test]
    fn a_character_split_over_tokens_comes_whole() {
        let tokenizer = byte_level();
        let tokens: Vec<u32> = "a你🙂".bytes().map(u32::from).collect();
        assert_eq!(pieces(&tokenizer, &tokens), ["a", "", "", "你", "", "", "", "🙂", ""]);
    }

    #[test]
    fn an_unfinished_character_becomes_a_replacement_at_the_end() {
        assert_eq!(pieces(&byte_level(), &[97, 0xE4, 0xBD]).concat(), "a\u{FFFD}");
    }

    #[test]
    fn only_the_first_word_loses_its_space() {
        let tokenizer = sentence_piece();
        assert_eq!(pieces(&tokenizer, &[256, 257, 258, 259, 260]), ["I", " am", " ", "fine", ".", ""]);
        assert_eq!(pieces(&tokenizer, &[261, 261]).concat(), "hello hello");
    }

    proptest! {
        #[test]
        fn pieces_together_are_the_decoded_whole(text in "\\PC{0,24}", words in prop::collection::vec(256u32..261, 0..6)) {
            let tokenizer = byte_level();
            let tokens: Vec<u32> = text.bytes().map(u32::from).chain(words).collect();
            // Whole characters, so that both ways of decoding agree on the replacement of broken ones.
            let tokens = if decode(&tokenizer, &tokens).unwrap().contains('\u{FFFD}') {
                text.bytes().map(u32::from).collect()
            } else {
                tokens
            };
            prop_assert_eq!(pieces(&tokenizer, &tokens).concat(), decode(&tokenizer, &tokens).unwrap());
        }

        #[test]
        fn sentence_pieces_together_are_the_decoded_whole(text in "[a-z你é🙂 ]{0,12}", words in prop::collection::vec(256u32..263, 0..8)) {
            let tokenizer = sentence_piece();
            let tokens: Vec<u32> = words.into_iter().chain(text.bytes().map(u32::from)).collect();
            prop_assert_eq!(pieces(&tokenizer, &tokens).concat(), decode(&tokenizer, &tokens).unwrap());
        }
    }
}
