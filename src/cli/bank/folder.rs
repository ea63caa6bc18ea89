//! A folder that is, or becomes, a bank: rows come into it whole or not at all, and what stands there afterwards loads.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::input::{Input, fits, name};
use crate::files::Draft;
use crate::persona::{Merge, MergeError, Row, RowErrors, bank_files, check_bank, merge, read_lines};

/// A folder of one file a type and one character a line.
pub(super) struct BankFolder<'a> {
    path: &'a Path,
}

/// What an import did.
pub(super) struct Brought {
    pub(super) merge: Merge,
    /// The files that were written.
    pub(super) files: Vec<PathBuf>,
}

impl<'a> BankFolder<'a> {
    /// The folder at this path, which need not be there yet.
    pub(super) fn new(path: &'a Path) -> anyhow::Result<Self> {
        if path.exists() && !path.is_dir() {
            bail!("--into names a folder, and {} is a file", path.display());
        }
        Ok(Self { path })
    }

    /// Puts the rows into the folder. [`MergeError`] and [`RowErrors`] are among its errors.
    pub(super) fn bring(&self, incoming: Vec<Row>, renumber: bool) -> anyhow::Result<Brought> {
        if self.path.exists() {
            let lock = self.lock()?;
            let present = self.read()?;
            return self.write(&lock, present, |rows| merge(rows, incoming, renumber));
        }
        // Whatever is wrong with rows is told before a folder is made for them.
        let merged = merge(&[], incoming, renumber)?;
        let made: Vec<&Path> =
            self.path.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).collect();
        let brought = self.fill_new(merged);
        if brought.is_err() {
            // Those that are empty, the innermost first.
            made.iter().take_while(|folder| fs::remove_dir(folder).is_ok()).for_each(drop);
        }
        brought
    }

    fn fill_new(&self, merged: Merge) -> anyhow::Result<Brought> {
        fs::create_dir_all(self.path).with_context(|| format!("cannot make {}", self.path.display()))?;
        let lock = self.lock()?;
        if !bank_files(self.path)?.is_empty() {
            bail!("another import has just made {}; run this one again", self.path.display());
        }
        self.write(&lock, Present::default(), |_| Ok(merged))
    }

    /// Holds others off until the file is closed.
    fn lock(&self) -> anyhow::Result<File> {
        let folder = self.path.display();
        let lock = File::open(self.path).with_context(|| format!("cannot open {folder}"))?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => bail!("another import into {folder} is running; wait for its end"),
            Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {folder}")),
        }
    }

    fn read(&self) -> anyhow::Result<Present> {
        let mut present = Present::default();
        let mut input = Input::new();
        let mut errors = RowErrors::default();
        for file in bank_files(self.path)? {
            let text = input.read(&file)?;
            let (rows, wrong) = read_lines(&name(&file), &text);
            present.rows.extend(rows);
            errors.append(wrong);
            present.texts.insert(file, text);
        }
        if errors.is_empty() {
            return Ok(present);
        }
        Err(errors).with_context(|| format!("{} holds what is no character", self.path.display()))
    }

    fn write(
        &self,
        lock: &File,
        present: Present,
        merged: impl FnOnce(&[Row]) -> Result<Merge, MergeError>,
    ) -> anyhow::Result<Brought> {
        let Present { rows, mut texts } = present;
        let merge = merged(&rows)?;
        let mut touched = BTreeSet::new();
        for row in &merge.added {
            let place = self.path.join(format!("{}.jsonl", row.mbti.as_str().to_lowercase()));
            let text = texts.entry(place.clone()).or_default();
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&row.json);
            text.push('\n');
            touched.insert(place);
        }
        let standing = texts.iter().map(|(file, text)| (file.as_path(), text.as_str()));
        check_bank(standing).with_context(|| format!("{} would be no bank any more", self.path.display()))?;
        if !fits(texts.values().map(String::len).sum()) {
            bail!("{} would be too large to be read again; bring them into another folder", self.path.display());
        }
        let drafts = touched.iter().map(|place| Draft::text(place, &texts[place])).collect::<Result<Vec<_>, _>>()?;
        // Each file appears whole. After a fall in between, the same import brings what is missing.
        drafts.into_iter().try_for_each(Draft::put)?;
        lock.sync_all().with_context(|| format!("cannot write {}", self.path.display()))?;
        Ok(Brought { merge, files: touched.into_iter().collect() })
    }
}

/// What stands in a folder.
#[derive(Default)]
struct Present {
    rows: Vec<Row>,
    texts: BTreeMap<PathBuf, String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persona::{Bank, read_rows};

    fn row(index: u32, mbti: &str, name: &str) -> String {
        format!(
            r#"{{"index": {index}, "mbti": "{mbti}", "profile": {{"name": "{name}"}}, "profile_trans": {{}}, "seeker_statement": "", "supporter_statement": ""}}"#
        )
    }

    fn bring(folder: &Path, rows: &[String], renumber: bool) -> anyhow::Result<Brought> {
        let (rows, errors) = read_rows("in", &rows.join("\n"));
        assert!(errors.is_empty(), "{errors:?}");
        BankFolder::new(folder)?.bring(rows, renumber)
    }

    /// Everything in a folder, by name.
    fn all(folder: &Path) -> BTreeMap<PathBuf, Option<String>> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| (path.clone(), fs::read_to_string(path).ok())).collect()
    }

    /// Nothing comes into this folder, nothing of it changes; gives what is said.
    fn refused(folder: &Path, rows: &[String]) -> anyhow::Error {
        let before = all(folder);
        let error = bring(folder, rows, true).err().unwrap();
        assert_eq!(all(folder), before);
        error
    }

    #[test]
    fn what_is_no_bank_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("infj.jsonl");
        let new = [row(9, "INFJ", "Cy")];
        fs::write(&file, format!("[{}]", row(1, "INFJ", "Ada"))).unwrap();
        let error = refused(dir.path(), &new);
        let errors = error.downcast_ref::<RowErrors>().unwrap();
        assert!(errors.first()[0].to_string().contains("found one JSON array"), "{errors:?}");

        fs::write(&file, format!("{}\n{}", row(1, "INFJ", "Ada"), row(1, "INFJ", "Bo"))).unwrap();
        let error = refused(dir.path(), &new);
        assert!(matches!(error.downcast_ref(), Some(MergeError::Present(_))), "{error:?}");

        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert!(refused(dir.path(), &new).to_string().contains("infj.jsonl"), "a folder where a file belongs");
    }

    #[test]
    fn a_draft_that_cannot_be_written_leaves_every_file_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        bring(dir.path(), &[row(1, "ENFJ", "Ada"), row(2, "INFJ", "Bo")], false).unwrap();
        // The second of two files finds something in its way.
        fs::create_dir(dir.path().join(format!(".infj.jsonl.{}.partial", std::process::id()))).unwrap();
        let error = refused(dir.path(), &[row(3, "ENFJ", "Cy"), row(4, "INFJ", "Di")]);
        assert!(error.to_string().contains("infj.jsonl"), "{error}");
        assert_eq!(Bank::load(dir.path()).unwrap().len(), 2);
    }

    #[test]
    fn of_a_refused_import_no_folder_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let nested = dir.path().join("q/r/s");
        let rows = [row(1, "INFJ", "Ada"), row(1, "INFJ", "Bo")];
        assert!(matches!(bring(&nested, &rows, false).err().unwrap().downcast_ref(), Some(MergeError::Incoming(_))));
        assert_eq!(all(dir.path()).len(), 0);
        fs::write(dir.path().join("q"), "a file").unwrap();
        assert!(bring(&nested, &rows, true).is_err());
        assert_eq!(all(dir.path()).len(), 1);
        fs::remove_file(dir.path().join("q")).unwrap();
        assert_eq!(bring(&nested, &rows, true).unwrap().files, [nested.join("infj.jsonl")]);
        assert_eq!(Bank::load(&nested).unwrap().len(), 2);
    }

    #[test]
    fn two_imports_do_not_meet() {
        let dir = tempfile::tempdir().unwrap();
        let folder = BankFolder::new(dir.path()).unwrap();
        let lock = folder.lock().unwrap();
        assert!(refused(dir.path(), &[row(1, "INFJ", "Ada")]).to_string().contains("is running"));
        drop(lock);
        assert!(bring(dir.path(), &[row(1, "INFJ", "Ada")], false).is_ok());
    }

    #[test]
    fn rows_come_after_what_stands_there_byte_by_byte() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("infj.jsonl");
        let stands = format!("\u{feff}{}", row(1, "infj", "Ada"));
        fs::write(&file, &stands).unwrap();
        fs::write(dir.path().join(".#infj.jsonl"), "the lock of an editor").unwrap();
        let exact = row(1, "INFJ", "Bo").replace("{}", r#"{"height": 122.416294033786585}"#);
        bring(dir.path(), std::slice::from_ref(&exact), true).unwrap();
        let renumbered = exact.replace("\"index\": 1", "\"index\": 2");
        assert_eq!(fs::read_to_string(&file).unwrap(), format!("{stands}\n{renumbered}\n"));
    }
}
