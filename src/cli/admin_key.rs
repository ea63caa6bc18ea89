//! `kindred admin-key`: the key of whoever runs a server that others reach. Only its hash is kept.

use std::fs::{DirBuilder, File};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use argon2::Argon2;
use argon2::password_hash::PasswordHasher as _;
use argon2::password_hash::phc::PasswordHash;
use clap::Args;

use super::config::{ConfigFlag, Settled, is_key_hash};
use super::page::print;
use super::paths;

/// The file in the data folder that keeps the hash.
const FILE: &str = "admin.key";
/// 160 bits: nobody guesses them, whatever the hash costs.
const KEY_BYTES: usize = 20;
/// A PHC string of argon2 has some hundred characters.
const LONGEST_FILE: usize = 1024;
/// For the user who runs Kindred alone, as the whole data folder.
const PRIVATE_FILE: u32 = 0o600;
const PRIVATE_FOLDER: u32 = 0o700;

/// Make the key of whoever runs the server.
///
/// A server that other machines reach needs one: with it `/metrics` and `/api/operator/status` answer. It is printed
/// once, and only its hash (argon2id) is kept, in admin.key in the data folder. An older key stops being valid when the
/// server is started anew.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kindred admin-key
  kindred admin-key --data /srv/kindred")]
pub(super) struct AdminKey {
    /// Data folder of the server [env: KINDRED_DATA] [default: kindred in the user's data folder]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigFlag,
}

impl AdminKey {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let mut flags = self.config.flags();
        flags.set_path("--data", "store.data", self.data.as_deref());
        let settled = flags.settle()?;
        let folder = settled.config.store.data.clone().unwrap_or_else(paths::data);
        let bytes: [u8; KEY_BYTES] = rand::random();
        let key: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let place = keep(&folder, &key)?;
        print(&format!("{key}\n"))?;
        eprintln!(
            "This is the admin key. It is not shown again: put it into your password store now.\n\
             Send it as `Authorization: Bearer KEY`. {} keeps its hash; start the server anew to use it.",
            place.display()
        );
        if settled.is_set("server.admin_key_hash") {
            eprintln!(
                "But server.admin_key_hash is set ({}) and wins over that file: remove it, or this key is of no use.",
                settled.origin("server.admin_key_hash")
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Keeps the key's hash in the data folder, in place of an older one; says where.
fn keep(folder: &Path, key: &str) -> anyhow::Result<PathBuf> {
    let hash: PasswordHash = Argon2::default()
        .hash_password(key.as_bytes())
        .map_err(|error| anyhow::anyhow!("cannot hash the key: {error}"))?;
    let cannot = || format!("cannot keep the key in {}; choose a folder you may write with --data", folder.display());
    DirBuilder::new().recursive(true).mode(PRIVATE_FOLDER).create(folder).with_context(cannot)?;
    let place = folder.join(FILE);
    // Written beside it and moved there: a reader finds the old key or the new one, never half of one.
    let part = folder.join(format!("{FILE}.{}", std::process::id()));
    let written = write_private(&part, &format!("{hash}\n")).and_then(|()| std::fs::rename(&part, &place));
    if written.is_err() {
        // What could not be finished is of no use to anybody.
        let _ = std::fs::remove_file(&part);
    }
    written.with_context(cannot)?;
    Ok(place)
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = File::options().write(true).create_new(true).mode(PRIVATE_FILE).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// The PHC string of the key: as configured, else as `kindred admin-key` kept it; none if there is no key.
pub(super) fn hash(settled: &Settled) -> anyhow::Result<Option<String>> {
    if let Some(hash) = &settled.config.server.admin_key_hash {
        return Ok(Some(hash.clone()));
    }
    let place = settled.config.store.data.clone().unwrap_or_else(paths::data).join(FILE);
    match std::fs::read_to_string(&place) {
        Ok(text) if text.len() <= LONGEST_FILE && is_key_hash(text.trim()) => Ok(Some(text.trim().to_owned())),
        Ok(_) => bail!("{} holds no key's hash: `kindred admin-key` makes a new one", place.display()),
        // Also where the data folder is no folder: who opens the store says so.
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read the admin key {}", place.display())),
    }
}

/// The command that makes a key for a server of these settings.
pub(super) fn command(settled: &Settled, file: Option<&Path>) -> String {
    let mut command = "kindred admin-key".to_owned();
    if let Some(file) = file {
        command += &format!(" --config {}", quoted(file));
    }
    if let Some(data) = settled.config.store.data.as_ref().filter(|_| settled.origin("store.data").starts_with("flag"))
    {
        command += &format!(" --data {}", quoted(data));
    }
    command
}

/// A path as one word of a shell.
pub(super) fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%".contains(c);
    if path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use argon2::password_hash::PasswordVerifier as _;

    use super::*;

    #[test]
    fn a_key_is_kept_as_a_hash_for_one_user_and_replaced_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("a/b");
        let kept = |key: &str| std::fs::read_to_string(keep(&data, key).unwrap()).unwrap();
        let first = kept("the first key");
        let second = kept("the second key");
        let hash = PasswordHash::new(second.trim()).unwrap();
        assert!(first.starts_with("$argon2id$") && first != second && !second.contains("second"));
        assert!(Argon2::default().verify_password(b"the second key", &hash).is_ok());
        assert!(Argon2::default().verify_password(b"the first key", &hash).is_err());
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&data.join(FILE)), mode(&data)), (PRIVATE_FILE, PRIVATE_FOLDER));
        assert_eq!(std::fs::read_dir(&data).unwrap().count(), 1);
    }

    #[test]
    fn a_path_is_one_word() {
        assert_eq!(quoted(Path::new("/srv/kindred")), "/srv/kindred");
        assert_eq!(quoted(Path::new("/my data/it's")), "'/my data/it'\\''s'");
    }
}
