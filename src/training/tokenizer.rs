//! Byte-level BPE tokenizers, trained on the texts that models will read, saved as a Hugging Face `tokenizer.json`.

use std::path::Path;

use serde_json::json;
use tokenizers::decoders::byte_level::ByteLevel as ByteLevelDecoder;
use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainerBuilder};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, Tokenizer};

use super::TrainingError;
use super::corpus::{Content, Document};
use crate::dialogue::Layout;

/// Fills a batch's short rows.
pub const PAD: &str = "<|pad|>";
/// Begins a text where the prompt style wants it.
pub const BOS: &str = "<|bos|>";
/// Ends a reply.
pub const EOS: &str = "<|eos|>";

/// The special tokens, in the order of their ids from 0.
pub const SPECIAL: [&str; 3] = [PAD, BOS, EOS];

/// 256 bytes and the special tokens: below this there is nothing to train.
pub const SMALLEST_VOCABULARY: usize = 256 + SPECIAL.len();

/// A model's longest context, as told to other tools in `tokenizer_config.json`.
const MODEL_MAX_LENGTH: usize = 2_048;

/// Trains a tokenizer with `vocabulary` entries on the documents, rendered as prompts so that the tags are cheap.
///
/// # Errors
/// A vocabulary below [`SMALLEST_VOCABULARY`], or a failure of the tokenizers library.
pub fn train(documents: &[Document], vocabulary: usize) -> Result<Tokenizer, TrainingError> {
    if vocabulary < SMALLEST_VOCABULARY {
        return Err(TrainingError::Setting {
            setting: "--vocabulary",
            expected: format!("at least {SMALLEST_VOCABULARY} (256 bytes and {} special tokens)", SPECIAL.len()),
            found: vocabulary.to_string(),
        });
    }
    let mut tokenizer = Tokenizer::new(BPE::default());
    tokenizer.with_pre_tokenizer(Some(ByteLevel::new(false, true, true)));
    tokenizer.with_decoder(Some(ByteLevelDecoder::new(false, true, true)));
    let trainer = BpeTrainerBuilder::new()
        .vocab_size(vocabulary)
        .min_frequency(2)
        .show_progress(false)
        .special_tokens(SPECIAL.map(|token| AddedToken::from(token, true)).to_vec())
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build();
    tokenizer.train(&mut TrainerWrapper::from(trainer), documents.iter().flat_map(texts))?;
    Ok(tokenizer)
}

/// What is read of a document, once each: statements and memories as well as what is said.
fn texts(document: &Document) -> Vec<String> {
    match &document.content {
        Content::Passage(text) => vec![text.clone()],
        Content::Conversation(talk) => {
            let mut out = Vec::new();
            for (at, turn) in talk.turns.iter().enumerate() {
                let statement = if at < 2 { talk.statement(turn.speaker) } else { "" };
                let history = &talk.turns[at.saturating_sub(1)..at];
                // Tags never fail to render; a chat template is not used here.
                if let Ok(prompt) = Layout::default().prompt(turn.speaker, statement, history, turn.memory.as_ref()) {
                    out.extend(prompt.segments);
                }
            }
            out.extend(talk.turns.last().map(|turn| turn.text.clone()));
            out
        }
    }
}

/// Writes `tokenizer.json` and `tokenizer_config.json` into a folder.
///
/// # Errors
/// A folder that cannot be written.
pub fn save(tokenizer: &Tokenizer, folder: &Path) -> Result<(), TrainingError> {
    std::fs::create_dir_all(folder).map_err(TrainingError::io(folder))?;
    tokenizer.save(folder.join("tokenizer.json"), false)?;
    let config = json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": PAD, "bos_token": BOS, "eos_token": EOS,
        "add_bos_token": false, "add_eos_token": false,
        "clean_up_tokenization_spaces": false,
        "model_max_length": MODEL_MAX_LENGTH,
    });
    let path = folder.join("tokenizer_config.json");
    std::fs::write(&path, format!("{config:#}\n")).map_err(TrainingError::io(&path))
}

/// Loads a folder's `tokenizer.json`. Special tokens written in a text are then just text.
///
/// # Errors
/// A missing or damaged file.
pub fn load(folder: &Path) -> Result<Tokenizer, TrainingError> {
    let path = folder.join("tokenizer.json");
    let mut tokenizer = Tokenizer::from_file(&path)
        .map_err(|error| TrainingError::Tokenizer(format!("{}: {error}", path.display())))?;
    tokenizer.set_encode_special_tokens(true);
    Ok(tokenizer)
}

/// The id of a special token.
///
/// # Errors
/// A tokenizer without it.
pub fn special(tokenizer: &Tokenizer, token: &str) -> Result<u32, TrainingError> {
    tokenizer
        .token_to_id(token)
        .ok_or_else(|| TrainingError::Tokenizer(format!("expected the special token {token}, found none")))
}
