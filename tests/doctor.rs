//! `kindred doctor` as a user runs it: a good set-up, and broken ones, each with what to do; nothing is made.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod checkpoints;

use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A set-up in which all is well: a model and an encoder of random weights, a data folder to be made.
struct SetUp {
    folder: tempfile::TempDir,
    model: tempfile::TempDir,
    encoder: tempfile::TempDir,
}

impl SetUp {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            model: checkpoints::llama(|_| ()),
            encoder: checkpoints::bert(None),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// Runs the doctor with these arguments more.
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kindred"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("KINDRED_")) {
            command.env_remove(name);
        }
        command
            .arg("doctor")
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("KINDRED_CACHE", self.path("cache"))
            .env("KINDRED_MODEL", self.model.path())
            .env("KINDRED_MODELS_ENCODER", self.encoder.path())
            .env("KINDRED_DATA", self.data());
        if !arguments.contains(&"--port") {
            command.args(["--port", "0"]);
        }
        command.output().unwrap()
    }

    /// What a check says, as JSON, after the exit code was held against the outcomes.
    fn check(&self, name: &str, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        let told: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&output.stderr)));
        let checks = told["checks"].as_array().unwrap();
        let problem = checks.iter().any(|check| check["outcome"] == "problem");
        assert_eq!(output.status.code(), Some(i32::from(problem)), "{told:#}");
        assert_eq!(told["outcome"] == "problem", problem, "{told:#}");
        for check in checks {
            assert_eq!(check["advice"].is_null(), check["outcome"] == "ok", "{check}");
        }
        checks.iter().find(|check| check["check"] == name).unwrap_or_else(|| panic!("no {name}: {told:#}")).clone()
    }

    /// Expects a problem of this check whose words hold these.
    fn expect(&self, name: &str, outcome: &str, arguments: &[&str], says: &[&str]) {
        let check = self.check(name, arguments);
        assert_eq!(check["outcome"], outcome, "{check}");
        let told = format!("{} {}", check["found"].as_str().unwrap(), check["advice"].as_str().unwrap_or_default());
        for says in says {
            assert!(told.contains(says), "expected {says:?} in: {told}");
        }
    }
}

/// A copy of a folder, to be broken.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_good_set_up_has_no_problem_and_nothing_is_made() {
    let set_up = SetUp::new();
    let output = set_up.run(&[]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.lines().all(|line| line.starts_with("ok ") || line.starts_with("warning ")), "{told}");
    for check in
        ["configuration", "libtorch", "device", "supporter", "encoder", "matcher", "bank", "data folder", "store"]
    {
        assert!(told.contains(&format!("  {check} ")), "{check} in {told}");
    }
    for words in ["2.11.0", "fingerprint ", "1024 characters", "SQLite 3.", "no talks yet", "will be made"] {
        assert!(told.contains(words), "{words} in {told}");
    }
    assert!(!set_up.data().exists() && !set_up.path("cache").exists() && !set_up.path("config").exists());
}

#[test]
fn a_configuration_that_cannot_be_read() {
    let set_up = SetUp::new();
    std::fs::write(set_up.path("kindred.toml"), "[server]\nprot = 1\n").unwrap();
    let file = set_up.path("kindred.toml");
    set_up.expect("configuration", "problem", &["--config", file.to_str().unwrap()], &["nearest is server.port"]);
}

#[test]
fn broken_models() {
    let set_up = SetUp::new();
    let broken = |name: &str, change: &dyn Fn(&Path)| {
        let folder = set_up.path(name);
        copy(set_up.model.path(), &folder);
        change(&folder);
        folder.to_str().unwrap().to_owned()
    };
    let cut = broken("cut", &|folder| {
        let file = std::fs::File::options().write(true).open(folder.join("model.safetensors")).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    });
    let mute = broken("mute", &|folder| std::fs::remove_file(folder.join("tokenizer.json")).unwrap());
    let other = broken("other", &|folder| {
        let config = std::fs::read_to_string(folder.join("config.json")).unwrap();
        std::fs::write(folder.join("config.json"), config.replace("\"vocab_size\": 258", "\"vocab_size\": 300"))
            .unwrap();
    });
    set_up.expect("supporter", "problem", &["--model", &cut], &["damaged weights file", "--model"]);
    set_up.expect("supporter", "problem", &["--model", &mute], &["expected tokenizer.json, found none"]);
    set_up.expect("supporter", "problem", &["--model", &other], &["expected model.embed_tokens.weight of [300, 64]"]);
    set_up.expect("seeker", "problem", &["--seeker", "/nowhere"], &["/nowhere", "--seeker"]);
    set_up.expect("supporter", "ok", &["--seeker", "/nowhere"], &["fingerprint"]);
    set_up.expect("adapter", "problem", &["--adapter", &cut], &["adapter_config.json"]);
    set_up.expect("selector", "problem", &["--selector", &cut], &["expected one of bert, found llama"]);
    set_up.expect("matcher", "problem", &["--matcher", "/nowhere"], &["/nowhere"]);
    set_up.expect("bank", "problem", &["--bank", "/nowhere"], &["/nowhere", "--bank"]);
    if !Path::new("/dev/nvidiactl").exists() {
        set_up.expect(
            "device",
            "problem",
            &["--device", "cuda"],
            &["no NVIDIA driver", "flag --device", "--device auto"],
        );
    }
}

#[test]
fn checksums_are_verified() {
    let set_up = SetUp::new();
    let folder = set_up.path("listed");
    copy(set_up.model.path(), &folder);
    let sums =
        Command::new("sha256sum").arg("config.json").arg("model.safetensors").current_dir(&folder).output().unwrap();
    std::fs::write(folder.join("SHA256SUMS"), &sums.stdout).unwrap();
    let model = folder.to_str().unwrap();
    set_up.expect("supporter", "ok", &["--model", model], &["2 files as SHA256SUMS says"]);
    let text = std::fs::read_to_string(folder.join("config.json")).unwrap();
    std::fs::write(folder.join("config.json"), format!("{text}\n")).unwrap();
    set_up.expect("supporter", "problem", &["--model", model], &["config.json has SHA-256", "fetch them again"]);
}

#[test]
fn the_encoder_is_held_against_its_pins() {
    let set_up = SetUp::new();
    set_up.expect("encoder", "warning", &[], &["not the pinned all-MiniLM-L6-v2", "model.safetensors has SHA-256"]);
    set_up.expect("encoder", "problem", &["--encoder", "/nowhere"], &["/nowhere", "make setup"]);
    let broken = set_up.path("broken");
    copy(set_up.encoder.path(), &broken);
    std::fs::write(broken.join("model.safetensors"), "x").unwrap();
    set_up.expect("encoder", "problem", &["--encoder", broken.to_str().unwrap()], &["damaged", "--encoder"]);
}

#[test]
fn data_folders_that_cannot_keep_talks() {
    let set_up = SetUp::new();
    std::fs::write(set_up.path("file"), "a file").unwrap();
    let file = set_up.path("file/data");
    set_up.expect("data folder", "problem", &["--data", file.to_str().unwrap()], &["expected a folder", "--data"]);
    // No disk for files: it has no room, or cannot be written.
    set_up.expect("data folder", "problem", &["--data", "/proc/kindred"], &["/proc", "--data"]);
    std::fs::DirBuilder::new().mode(0o700).create(set_up.data()).unwrap();
    set_up.expect("data folder", "ok", &[], &["MB free"]);
    std::fs::set_permissions(set_up.data(), std::fs::Permissions::from_mode(0o755)).unwrap();
    set_up.expect("data folder", "warning", &[], &["chmod 700"]);
    std::fs::write(set_up.data().join("kindred.sqlite"), vec![0x55; 4096]).unwrap();
    set_up.expect("store", "problem", &[], &["kindred.sqlite", "not a database"]);
}

#[test]
fn a_folder_in_use_and_a_port_in_use() {
    let set_up = SetUp::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    set_up.expect("port", "problem", &["--port", &port], &["in use", "--port"]);

    // Another Kindred: what it holds is what the store holds.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = runtime.block_on(kindred::store::SqliteStore::open(&set_up.data())).unwrap();
    let holder = format!("(process {})", std::process::id());
    set_up.expect("store", "warning", &[], &[&holder, "another --data", "sound"]);
    set_up.expect("port", "warning", &["--port", &port], &["the Kindred that has the data folder"]);
    runtime.block_on(store.close());
    drop(runtime);
    set_up.expect("store", "ok", &[], &["sound"]);
}

#[test]
fn an_address_that_others_reach() {
    let set_up = SetUp::new();
    let data = set_up.data();
    let command = format!("kindred admin-key --data {}", data.display());
    let open = ["--host", "0.0.0.0", "--data", data.to_str().unwrap()];
    set_up.expect("admin key", "problem", &open, &[&command]);
    set_up.expect("https", "warning", &open, &["proxy"]);
    set_up.expect("helplines", "warning", &open, &["verify"]);
    let made = Command::new(env!("CARGO_BIN_EXE_kindred")).args(&command.split(' ').collect::<Vec<_>>()[1..]).output();
    assert!(made.unwrap().status.success());
    set_up.expect("admin key", "ok", &open, &[]);

    let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (set_up.path("c.pem"), set_up.path("k.pem"));
    std::fs::write(&certificate, signed.cert.pem()).unwrap();
    std::fs::write(&key, signed.signing_key.serialize_pem()).unwrap();
    let with = |key: &Path| {
        let text = format!("[server]\ntls_certificate = {certificate:?}\ntls_key = {key:?}\n");
        std::fs::write(set_up.path("kindred.toml"), text).unwrap();
        set_up.path("kindred.toml").to_str().unwrap().to_owned()
    };
    set_up.expect("https", "ok", &["--config", &with(&key)], &["1 certificates in"]);
    set_up.expect("https", "problem", &["--config", &with(&certificate)], &["expected a private key"]);
    set_up.expect("https", "problem", &["--config", &with(Path::new("/nowhere"))], &["/nowhere"]);
}
