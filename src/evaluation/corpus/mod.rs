//! The corpus, checked, measured and exported: dialogues of the bank's characters, facts of theirs, texts about safety, plain
//! talks.

pub mod export;
mod faithfulness;
mod form;
mod meaning;
mod plain;
mod quotas;
mod safety;
pub mod stats;

use std::path::Path;

pub use self::meaning::check as check_meaning;
pub use super::Scope;
use super::words::Numbered;
use super::{EvaluationError, Finding, Rows};
use crate::dialogue::AuthoredDialogue;
use crate::faithfulness::FactGroup;
use crate::persona::{Bank, Splits};

/// A corpus as it lies in its folder, whatever state its rows are in, and the bank whose characters it names.
#[derive(Debug)]
pub struct Corpus {
    /// Who speaks.
    pub bank: Bank,
    /// `dialogues/`.
    pub dialogues: Rows<AuthoredDialogue>,
    /// `splits.json`, or why it cannot be used; none where there is no such file.
    pub splits: Option<Result<Splits, String>>,
    /// `safety/messages.jsonl`.
    messages: Rows<safety::Message>,
    /// `safety/replies.jsonl`.
    replies: Rows<safety::Reply>,
    /// `plain/`.
    plain: Rows<plain::Line>,
    /// `faithfulness/`.
    faithfulness: Rows<FactGroup>,
}

impl Corpus {
    /// Reads what there is of the folder; only `dialogues/` must be there.
    ///
    /// # Errors
    /// A file or folder that cannot be read.
    pub fn read(folder: &Path, bank: Bank) -> Result<Self, EvaluationError> {
        let splits = folder.join("splits.json");
        Ok(Self {
            bank,
            dialogues: Rows::read_folder(&folder.join("dialogues"))?,
            splits: splits.exists().then(|| Splits::load(&splits).map_err(|error| error.to_string())),
            messages: Rows::read_if_there(&folder.join("safety").join("messages.jsonl"))?,
            replies: Rows::read_if_there(&folder.join("safety").join("replies.jsonl"))?,
            plain: Rows::read_if_there(&folder.join("plain"))?,
            faithfulness: Rows::read_if_there(&folder.join("faithfulness"))?,
        })
    }

    /// All that is said, by dialogue.
    fn numbered(&self) -> Numbered {
        Numbered::of_groups(self.dialogues.iter().map(|talk| talk.dial.iter().map(|turn| turn.utterance.as_str())))
    }

    fn readable_splits(&self) -> Option<&Splits> {
        self.splits.as_ref().and_then(|splits| splits.as_ref().ok())
    }
}

/// What can be told without an encoder.
pub fn check(corpus: &Corpus, scope: Scope) -> Vec<Finding> {
    let mut findings = form::check(corpus);
    findings.extend(plain::check(corpus));
    findings.extend(safety::check(corpus));
    findings.extend(faithfulness::check(corpus));
    if scope.quotas {
        findings.extend(quotas::check(corpus));
        findings.extend(plain::quotas(corpus));
        findings.extend(safety::quotas(corpus));
        findings.extend(faithfulness::quotas(corpus));
    }
    findings
}
