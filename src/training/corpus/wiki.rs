//! Character texts (`apc/wiki/wiki_*.txt`): paragraphs split by blank lines, read as running text.

use std::fs;
use std::path::Path;

use super::{Content, Document, Source, text};
use crate::training::TrainingError;

/// Paragraphs shorter than this are headings and captions.
const FEWEST_WORDS: usize = 25;

pub(super) fn read(path: &Path) -> Result<Vec<Document>, TrainingError> {
    let all = fs::read_to_string(path).map_err(TrainingError::io(path))?;
    let group = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(all
        .split("\n\n")
        .filter_map(text::clean)
        .filter(|paragraph| text::words(paragraph) >= FEWEST_WORDS)
        .map(|paragraph| Document {
            source: Source::Wiki,
            group: group.clone(),
            split: None,
            content: Content::Passage(paragraph),
        })
        .collect())
}
