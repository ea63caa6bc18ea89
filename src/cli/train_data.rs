//! Where the texts lie that a model or a tokenizer learns from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use super::findings::same_place;
use super::paths;
use crate::training::corpus::{Corpus, Places};

/// Where found data sets usually lie: beside the clone.
const USUAL_DATA: &str = "../shared/data";

/// What `--splits` takes to let everybody train.
const NO_SPLITS: &str = "none";

/// The splits that are gone by: the named ones, none of them by name, else those that ship, for the bank that ships: of the
/// places in another bank they say nothing.
pub(super) fn chosen_splits(named: Option<PathBuf>, bank: Option<&Path>) -> Option<PathBuf> {
    match named {
        Some(none) if none.as_os_str() == NO_SPLITS => None,
        Some(file) => Some(file),
        None => {
            let usual = paths::corpus().join("splits.json");
            (bank.is_none_or(|bank| same_place(bank, &paths::bank())) && usual.is_file()).then_some(usual)
        }
    }
}

/// Where the texts are.
#[derive(Debug, Args)]
pub(super) struct DataArguments {
    /// Folder with any of synthetic-persona-chat/, topical-chat/, counsel-chat/, apc/wiki/ [default: ../shared/data, if there].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Folder of dialogues written for the project (*.jsonl) [default: corpus/dialogues].
    #[arg(long, value_name = "DIR")]
    dialogues: Option<PathBuf>,
    /// Folder of plain talks written for the project (*.jsonl) [default: corpus/plain].
    #[arg(long, value_name = "DIR")]
    plain: Option<PathBuf>,
    /// The bank whose characters those dialogues name [default: the one that ships].
    #[arg(long, value_name = "DIR")]
    bank: Option<PathBuf>,
    /// Which of its characters train, validate and test; `none`: all train [default: corpus/splits.json, with the bank that ships].
    #[arg(long, value_name = "FILE")]
    splits: Option<PathBuf>,
}

impl DataArguments {
    /// Reads what is named; what is not, from where the run `before` read it, else from where it usually lies.
    pub(super) fn read(self, before: Places) -> anyhow::Result<Corpus> {
        let resumed = before != Places::default();
        let place = |named: Option<PathBuf>, before: Option<PathBuf>, usual: PathBuf| {
            // A name with a mistake in it must not pass for an empty folder.
            if let Some(folder) = named.as_ref().filter(|folder| !folder.exists()) {
                anyhow::bail!("{}: there is no such file or folder", folder.display());
            }
            Ok(Some(std::path::absolute(named.or(before).unwrap_or(usual))?))
        };
        let bank = place(self.bank, before.bank, paths::bank())?;
        let splits = match (self.splits, resumed) {
            // A run goes on as it began, also where it began without splits.
            (None, true) => before.splits,
            (named, _) => chosen_splits(named, bank.as_deref()),
        };
        let splits = splits.map(|splits| place(Some(splits), None, PathBuf::new())).transpose()?.flatten();
        let places = Places {
            data: place(self.data, before.data, PathBuf::from(USUAL_DATA))?,
            dialogues: place(self.dialogues, before.dialogues, paths::corpus().join("dialogues"))?,
            plain: place(self.plain, before.plain, paths::corpus().join("plain"))?,
            bank,
            splits,
        };
        let corpus = Corpus::read(&places)?;
        let mut by_source = BTreeMap::new();
        for document in &corpus.documents {
            *by_source.entry(document.source).or_insert(0usize) += 1;
        }
        for (source, count) in by_source {
            eprintln!("read {count} texts of {}", source.as_str());
        }
        if let Some(splits) = &places.splits {
            eprintln!("left out {} dialogues of the test split ({})", corpus.held_out, splits.display());
        }
        Ok(corpus)
    }
}
