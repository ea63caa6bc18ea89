//! Where the texts lie that a model or a tokenizer learns from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use super::paths;
use crate::training::corpus::{Corpus, Places};

/// Where found data sets usually lie: beside the clone.
const USUAL_DATA: &str = "../shared/data";

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
}

impl DataArguments {
    /// Reads what is named; what is not, from where the run `before` read it, else from where it usually lies.
    pub(super) fn read(self, before: Places) -> anyhow::Result<Corpus> {
        let place = |named: Option<PathBuf>, before: Option<PathBuf>, usual: PathBuf| {
            // A name with a mistake in it must not pass for an empty folder.
            if let Some(folder) = named.as_ref().filter(|folder| !folder.exists()) {
                anyhow::bail!("{}: there is no such folder", folder.display());
            }
            Ok(Some(std::path::absolute(named.or(before).unwrap_or(usual))?))
        };
        let places = Places {
            data: place(self.data, before.data, PathBuf::from(USUAL_DATA))?,
            dialogues: place(self.dialogues, before.dialogues, paths::corpus().join("dialogues"))?,
            plain: place(self.plain, before.plain, paths::corpus().join("plain"))?,
            bank: place(self.bank, before.bank, paths::bank())?,
        };
        let corpus = Corpus::read(&places)?;
        let mut by_source = BTreeMap::new();
        for document in &corpus.documents {
            *by_source.entry(document.source).or_insert(0usize) += 1;
        }
        for (source, count) in by_source {
            eprintln!("read {count} texts of {}", source.as_str());
        }
        Ok(corpus)
    }
}
