//! Texts and pairs of texts as a BERT reads them: tokenized, marked, and cut to its length.

use std::path::Path;

use tokenizers::Tokenizer;

use super::{EncoderError, LoadError};

/// A token holds at least one character and seldom more than this many; text beyond is cut before it is tokenized, so
/// that a message of a megabyte costs no more than one that fits.
const CHARACTERS_OF_A_TOKEN: usize = 32;

/// The largest tokenizers (of 262,144 entries) take half of it.
const LONGEST_FILE: u64 = 64 << 20;

/// How a pair is marked. Source: CharacterChat's `info_selecter`, its training set and its demos.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PairCompat {
    /// As in the training set: `[CLS] history [SEP] memory [SEP]`, the memory in the second segment.
    #[default]
    Dataset,
    /// As in the demos, which write the marks into the text as well: they are doubled, and all is one segment.
    Demo,
}

/// Which part of a history that is too long is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HistoryCut {
    /// The newest turns, which the memory should fit.
    #[default]
    KeepNewest,
    /// The oldest, as in the published training; for comparison.
    KeepOldest,
}

/// One input of the encoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Token ids; at least one.
    pub(super) ids: Vec<u32>,
    /// Tokens from here on are in the second segment.
    pub(super) second: usize,
}

/// A tokenizer with BERT's marks.
#[derive(Debug)]
pub(super) struct Inputs {
    tokenizer: Tokenizer,
    cls: u32,
    sep: u32,
}

impl Inputs {
    /// The tokenizer of a model's folder.
    ///
    /// # Errors
    /// A missing or damaged `tokenizer.json`, or one without BERT's marks.
    pub(super) fn load(folder: &Path) -> Result<Self, LoadError> {
        let path = folder.join("tokenizer.json");
        let wrong = |expected, found| LoadError::File { path: path.clone(), expected, found };
        if !path.is_file() {
            return Err(wrong("the tokenizer of the encoder (tokenizer.json)", "no such file".into()));
        }
        // It is read whole into memory.
        let length = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        if length > LONGEST_FILE {
            return Err(wrong("at most 64 MiB", format!("{length} bytes")));
        }
        let mut tokenizer = Tokenizer::from_file(&path)
            .map_err(|error| wrong("a tokenizer of Hugging Face's library", error.to_string()))?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|error| wrong("a tokenizer without truncation", error.to_string()))?;
        // Marks that people type are text.
        tokenizer.set_encode_special_tokens(true);
        let mark = |name: &'static str| {
            tokenizer.token_to_id(name).ok_or_else(|| wrong("the tokens [CLS] and [SEP]", format!("no {name}")))
        };
        let (cls, sep) = (mark("[CLS]")?, mark("[SEP]")?);
        Ok(Self { tokenizer, cls, sep })
    }

    /// `[CLS] text [SEP]`, the end of a text that is too long cut off.
    pub(super) fn single(&self, text: &str, most: usize) -> Result<Row, EncoderError> {
        let mut ids = vec![self.cls];
        ids.extend(self.tokens(beginning(text, most))?.into_iter().take(most.saturating_sub(2)));
        ids.push(self.sep);
        let second = ids.len();
        Ok(Row { ids, second })
    }

    /// A history and a memory, cut as `cut` says.
    pub(super) fn pair(
        &self,
        (history, memory): (&str, &str),
        most: usize,
        compat: PairCompat,
        cut: HistoryCut,
    ) -> Result<Row, EncoderError> {
        let (newest, oldest) = (cut == HistoryCut::KeepNewest, cut == HistoryCut::KeepOldest);
        let history = self.tokens(if newest { end(history, most) } else { beginning(history, most) })?;
        let memory = self.tokens(beginning(memory, most))?;
        match compat {
            PairCompat::Dataset => {
                let (history, memory) = share(&history, &memory, most.saturating_sub(3), newest);
                let mut ids = vec![self.cls];
                ids.extend(history);
                ids.push(self.sep);
                let second = ids.len();
                ids.extend(memory);
                ids.push(self.sep);
                Ok(Row { ids, second })
            }
            PairCompat::Demo => {
                let (history, memory) = if oldest {
                    (&history[..], &memory[..])
                } else {
                    share(&history, &memory, most.saturating_sub(5), true)
                };
                let mut ids = vec![self.cls, self.cls];
                ids.extend(history);
                ids.push(self.sep);
                ids.extend(memory);
                ids.push(self.sep);
                // The published cut knows one text only, so that it cuts the memory away first.
                ids.truncate(most.saturating_sub(1));
                ids.push(self.sep);
                let second = ids.len();
                Ok(Row { ids, second })
            }
        }
    }

    fn tokens(&self, text: &str) -> Result<Vec<u32>, EncoderError> {
        let encoding = self
            .tokenizer
            .encode_fast(text, false)
            .map_err(|error| EncoderError::Failed { reason: format!("tokenizing: {error}") })?;
        Ok(encoding.get_ids().to_vec())
    }
}

/// Cuts both to `room` together, the longer one first (`longest_first` of `transformers`), the memory at its end, the
/// history at its beginning if the newest is kept, else at its end.
fn share<'a>(history: &'a [u32], memory: &'a [u32], room: usize, newest: bool) -> (&'a [u32], &'a [u32]) {
    let memory = &memory[..memory.len().min(room.saturating_sub(history.len()).max(room / 2))];
    let kept = history.len().min(room - memory.len());
    let history = if newest { &history[history.len() - kept..] } else { &history[..kept] };
    (history, memory)
}

fn beginning(text: &str, tokens: usize) -> &str {
    text.char_indices().nth(tokens * CHARACTERS_OF_A_TOKEN).map_or(text, |(at, _)| &text[..at])
}

fn end(text: &str, tokens: usize) -> &str {
    text.char_indices().rev().nth(tokens * CHARACTERS_OF_A_TOKEN).map_or(text, |(at, _)| &text[at..])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CLS: u32 = 1;
    const SEP: u32 = 2;

    /// Words a to z have the ids 10 to 35.
    fn inputs() -> Inputs {
        let mut vocabulary: serde_json::Map<_, _> = [("[UNK]", 0), ("[CLS]", CLS), ("[SEP]", SEP)]
            .map(|(word, id)| (word.to_owned(), json!(id)))
            .into_iter()
            .collect();
        vocabulary.extend(('a'..='z').zip(10..).map(|(word, id)| (word.to_string(), json!(id))));
        let file = json!({"version": "1.0", "truncation": {"direction": "Right", "max_length": 3,
            "strategy": "LongestFirst", "stride": 0}, "padding": null,
            "added_tokens": [{"id": SEP, "content": "[SEP]", "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true}],
            "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
            "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"}});
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tokenizer.json"), file.to_string()).unwrap();
        Inputs::load(folder.path()).unwrap()
    }

    fn pair(texts: (&str, &str), most: usize, compat: PairCompat, cut: HistoryCut) -> (Vec<u32>, usize) {
        let row = inputs().pair(texts, most, compat, cut).unwrap();
        (row.ids, row.second)
    }

    #[test]
    fn a_text_is_marked_and_cut_at_its_end() {
        assert_eq!(inputs().single("a b c d", 5).unwrap(), Row { ids: vec![CLS, 10, 11, 12, SEP], second: 5 });
        assert_eq!(inputs().single("", 5).unwrap().ids, [CLS, SEP]);
    }

    #[test]
    fn typed_marks_are_text() {
        assert_eq!(inputs().single("a [SEP]", 9).unwrap().ids.iter().filter(|id| **id == SEP).count(), 1);
    }

    #[test]
    fn a_pair_is_marked_as_in_the_data_set_or_as_in_the_demos() {
        let texts = ("a b", "c");
        let newest = HistoryCut::KeepNewest;
        assert_eq!(pair(texts, 512, PairCompat::Dataset, newest), (vec![CLS, 10, 11, SEP, 12, SEP], 4));
        assert_eq!(pair(texts, 512, PairCompat::Demo, newest), (vec![CLS, CLS, 10, 11, SEP, 12, SEP, SEP], 8));
    }

    #[test]
    fn a_history_too_long_keeps_its_newest_or_its_oldest_part() {
        let texts = ("a b c d e f", "x y");
        let (x, y) = (33, 34);
        let cut = |compat, cut| pair(texts, 8, compat, cut).0;
        assert_eq!(cut(PairCompat::Dataset, HistoryCut::KeepNewest), [CLS, 13, 14, 15, SEP, x, y, SEP]);
        assert_eq!(cut(PairCompat::Dataset, HistoryCut::KeepOldest), [CLS, 10, 11, 12, SEP, x, y, SEP]);
        assert_eq!(cut(PairCompat::Demo, HistoryCut::KeepNewest), [CLS, CLS, 14, 15, SEP, x, SEP, SEP]);
        assert_eq!(cut(PairCompat::Demo, HistoryCut::KeepOldest), [CLS, CLS, 10, 11, 12, 13, 14, SEP]);
    }

    #[test]
    fn a_memory_too_long_leaves_half_to_the_history() {
        let (ids, second) = pair(("a b c d", "p q r s t u"), 9, PairCompat::Dataset, HistoryCut::KeepNewest);
        assert_eq!((ids.len(), second), (9, 5));
        let (ids, second) = pair(("a", "p q r s t u"), 9, PairCompat::Dataset, HistoryCut::KeepNewest);
        assert_eq!((ids.len(), second), (9, 3));
    }

    #[test]
    fn a_megabyte_is_cut_before_it_is_tokenized() {
        let long = format!("{}z", "a ".repeat(500_000));
        let row = inputs().pair((&long, "x"), 16, PairCompat::Dataset, HistoryCut::KeepNewest).unwrap();
        assert_eq!(row.ids.len(), 16);
        assert_eq!(row.ids[row.second - 2], 35);
    }
}
