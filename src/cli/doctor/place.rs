//! The data folder: there or to be made, private, with room, free, its database sound. Nothing is made or changed.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};

use super::finding::Finding;
use crate::cli::config::Settled;
use crate::cli::paths;
use crate::store::{self, StoreCheck};

/// Beneath it the first busy evening may fill the disk.
const LEAST_FREE: u64 = 100_000_000;
/// Permissions of others than the owner.
const OTHERS: u32 = 0o077;
const MEGABYTE: u64 = 1_000_000;

/// Where talks are kept.
pub(super) fn data(settled: &Settled) -> PathBuf {
    settled.config.store.data.clone().unwrap_or_else(paths::data)
}

/// The folder itself.
pub(super) fn folder(settled: &Settled) -> Finding {
    const CHECK: &str = "data folder";
    const ANOTHER: &str = "choose a folder you may write with --data";
    let data = data(settled);
    let shown = data.display();
    let absolute = std::path::absolute(&data).unwrap_or_else(|_| data.clone());
    let Some(there) = absolute.ancestors().find(|folder| folder.exists()) else {
        return Finding::problem(CHECK, format!("{shown} has no folder above it"), ANOTHER);
    };
    if !there.is_dir() {
        return Finding::problem(CHECK, format!("{} is a file, expected a folder", there.display()), ANOTHER);
    }
    if access(there, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_err() {
        return Finding::problem(CHECK, format!("{} cannot be written", there.display()), ANOTHER);
    }
    let free = match statvfs(there) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => return Finding::problem(CHECK, format!("{}: {error}", there.display()), ANOTHER),
    };
    let room = format!("{} MB free", free / MEGABYTE);
    if free < LEAST_FREE {
        let found = format!("{shown}: {room}, expected at least {} MB", LEAST_FREE / MEGABYTE);
        return Finding::problem(CHECK, found, "free some space, or choose another disk with --data");
    }
    if there != absolute {
        return Finding::ok(CHECK, format!("{shown} will be made, {room}"));
    }
    let mode = std::fs::metadata(there).map_or(0, |folder| folder.permissions().mode());
    if mode & OTHERS != 0 {
        let found = format!("{shown}: other users of this machine may look into it (mode {:o})", mode & 0o777);
        return Finding::warning(CHECK, found, format!("chmod 700 {shown}"));
    }
    Finding::ok(CHECK, format!("{shown}, {room}"))
}

/// What keeps the talks in it; and whether another Kindred has it. At most `most` bytes are read through.
pub(super) async fn store(data: &Path, most: u64) -> (Finding, bool) {
    const CHECK: &str = "store";
    let StoreCheck { sqlite, holder, database, checked, faults } = match store::check(data, most).await {
        Ok(found) => found,
        Err(error) => {
            let advice = "restore the folder from a copy, or choose another with --data";
            return (Finding::problem(CHECK, error.to_string(), advice), false);
        }
    };
    let told = match database {
        None => "no talks yet".to_owned(),
        Some(bytes) if checked => format!("{} kB, sound", bytes.div_ceil(1000)),
        Some(bytes) => format!("{} MB, too large to be read through now: --full does", bytes / MEGABYTE),
    };
    let told = format!("SQLite {sqlite}, {told}");
    let finding = match (&faults[..], &holder) {
        ([], None) => Finding::ok(CHECK, told),
        ([], Some(number)) => {
            let who = if number.is_empty() { String::new() } else { format!(" (process {number})") };
            let found = format!("{told}; another Kindred{who} has the folder");
            Finding::warning(CHECK, found, "a second one needs another --data")
        }
        _ => Finding::problem(
            CHECK,
            format!("SQLite {sqlite}, the database is damaged: {}", faults.join(", ")),
            "restore it from a copy; `sqlite3 kindred.sqlite .recover` saves what can be read",
        ),
    };
    (finding, holder.is_some())
}
