//! The folders of models, encoder, matcher and bank: there, whole, readable. No weights are loaded.

use std::path::Path;

use super::checksums;
use super::finding::Finding;
use crate::cli::config::Settled;
use crate::cli::model::{open_tokenizer, rounded};
use crate::cli::open::load_head;
use crate::cli::paths;
use crate::nn::adapter::Adapter;
use crate::nn::weights::Weights;
use crate::nn::{BertConfig, LlamaConfig, fingerprint};

/// The files of the sentence encoder that decide every number, as set-up pins them.
const ENCODER_PINS: &str = include_str!("../../../scripts/setup/encoder.sha256");

/// All that speaks, scores or is read, each once. At most `most` bytes of each folder are hashed.
pub(super) fn all(settled: &Settled, most: u64) -> Vec<Finding> {
    let models = &settled.config.models;
    let both = models.model.clone().unwrap_or_else(paths::model);
    let supporter = models.supporter.as_ref().unwrap_or(&both);
    let seeker = models.seeker.as_ref().unwrap_or(&both);
    let mut findings = vec![speaker("supporter", supporter, most)];
    if seeker != supporter {
        findings.push(speaker("seeker", seeker, most));
    }
    if let Some(folder) = &models.adapter {
        let opened = Adapter::open(folder).map(|_| summed(folder, most)).map_err(|error| error.to_string());
        findings.push(told("adapter", folder, opened, "name another with --adapter"));
    }
    if let Some(folder) = &models.selector {
        findings.push(told("selector", folder, bert(folder, most), "name another with --selector"));
    }
    findings.push(encoder(settled, most));
    findings.push(matcher(settled));
    findings.push(bank(settled));
    findings
}

/// What a folder's check says: what is good in words, or what is wrong.
type Looked = Result<Summed, String>;

/// What is known of a folder's contents: in words, and what is wrong with them.
struct Summed {
    told: String,
    wrong: Vec<String>,
}

fn told(check: &'static str, folder: &Path, looked: Looked, advice: &str) -> Finding {
    match looked {
        Ok(summed) if summed.wrong.is_empty() => Finding::ok(check, format!("{}: {}", folder.display(), summed.told)),
        Ok(summed) => Finding::problem(
            check,
            format!("{}: {}", folder.display(), summed.wrong.join(", ")),
            "the files are damaged or were changed: fetch them again",
        ),
        Err(error) => Finding::problem(check, error, advice),
    }
}

fn speaker(check: &'static str, folder: &Path, most: u64) -> Finding {
    let advice = format!(
        "expected a Hugging Face folder with config.json, tokenizer.json and safetensors; name another with {}",
        if check == "seeker" { "--seeker" } else { "--model" }
    );
    told(check, folder, language_model(folder, most), &advice)
}

fn language_model(folder: &Path, most: u64) -> Looked {
    let config = LlamaConfig::load(folder).map_err(|error| error.to_string())?;
    tokenizer(folder)?;
    let weights = Weights::open(folder).map_err(|error| error.to_string())?;
    let (name, expected) = ("model.embed_tokens.weight", [config.vocab_size, config.hidden_size]);
    let found = weights.shape(name).unwrap_or_default();
    if found != expected {
        let source = weights.source().display();
        return Err(format!("{source}: expected {name} of {expected:?} as config.json says, found {found:?}"));
    }
    let summed = summed(folder, most);
    let size = format!("{}, {} weights", config.model_type, rounded(numbers(&weights)));
    Ok(Summed { told: format!("{size}, {}", summed.told), ..summed })
}

fn bert(folder: &Path, most: u64) -> Looked {
    BertConfig::load(folder).map_err(|error| error.to_string())?;
    tokenizer(folder)?;
    let weights = Weights::open(folder).map_err(|error| error.to_string())?;
    let summed = summed(folder, most);
    Ok(Summed { told: format!("bert, {} weights, {}", rounded(numbers(&weights)), summed.told), ..summed })
}

fn tokenizer(folder: &Path) -> Result<(), String> {
    match open_tokenizer(folder) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(format!("{}: expected tokenizer.json, found none", folder.display())),
        Err(error) => Err(crate::cli::told(&error)),
    }
}

/// How many numbers the weights hold.
fn numbers(weights: &Weights) -> u64 {
    let size = |name| weights.shape(name).unwrap_or_default().iter().map(|side| side.unsigned_abs()).product::<u64>();
    weights.names().map(size).sum()
}

/// The folder's own list of checksums, verified; without one, its fingerprint.
fn summed(folder: &Path, most: u64) -> Summed {
    let good = |told: String| Summed { told, wrong: Vec::new() };
    let wrong = |wrong: String| Summed { told: String::new(), wrong: vec![wrong] };
    match checksums::list_in(folder) {
        Err(error) => wrong(format!("its checksums cannot be read: {error}")),
        Ok(None) => match fingerprint(&[folder]) {
            Ok(digits) => good(format!("fingerprint {digits}")),
            Err(error) => wrong(error.to_string()),
        },
        Ok(Some((name, text))) => match checksums::parse(&text) {
            None => wrong(format!("{name} is no list of SHA-256 sums and file names")),
            Some(sums) => {
                let compared = checksums::compare(folder, &sums, most);
                let left = match compared.left {
                    0 => String::new(),
                    left => format!(", {left} too large to read now: --full verifies all"),
                };
                Summed { told: format!("{} files as {name} says{left}", compared.same), wrong: compared.wrong }
            }
        },
    }
}

fn encoder(settled: &Settled, most: u64) -> Finding {
    const CHECK: &str = "encoder";
    let folder = settled.config.models.encoder.clone().unwrap_or_else(paths::encoder);
    let own = settled.is_set("models.encoder");
    if !folder.join("config.json").is_file() {
        let found = format!("there is no sentence encoder at {}", folder.display());
        return Finding::problem(
            CHECK,
            found,
            "run `make setup`, or name the folder of all-MiniLM-L6-v2 with --encoder",
        );
    }
    if let Err(error) = bert(&folder, 0) {
        let advice = "delete that folder and run `make setup`";
        return Finding::problem(CHECK, error, if own { "name another with --encoder" } else { advice });
    }
    let pins = checksums::parse(ENCODER_PINS).unwrap_or_default();
    let compared = checksums::compare(&folder, &pins, most);
    match (compared.wrong.is_empty(), own) {
        (true, _) if compared.left > 0 => Finding::warning(
            CHECK,
            format!("{}: too large to be all-MiniLM-L6-v2", folder.display()),
            "every figure in the documents was measured with that one",
        ),
        (true, _) => Finding::ok(CHECK, format!("{}: all-MiniLM-L6-v2 as pinned", folder.display())),
        (false, true) => Finding::warning(
            CHECK,
            format!("{} is not the pinned all-MiniLM-L6-v2: {}", folder.display(), compared.wrong.join(", ")),
            "every figure in the documents was measured with that one",
        ),
        (false, false) => Finding::problem(
            CHECK,
            format!("{}: {}", folder.display(), compared.wrong.join(", ")),
            "delete that folder and run `make setup`",
        ),
    }
}

fn matcher(settled: &Settled) -> Finding {
    match load_head(settled.config.models.matcher.as_deref()) {
        Ok(Some(_)) => {
            let place = settled.config.models.matcher.clone().unwrap_or_else(paths::matcher);
            Finding::ok("matcher", format!("trained: {}", place.display()))
        }
        Ok(None) => Finding::ok("matcher", "similarity, as no trained one is configured"),
        Err(error) => Finding::problem("matcher", crate::cli::told(&error), "leave it out to match by similarity"),
    }
}

fn bank(settled: &Settled) -> Finding {
    let path = settled.config.models.bank.clone().unwrap_or_else(paths::bank);
    match crate::persona::Bank::load(&path) {
        Ok(bank) => Finding::ok("bank", format!("{}: {} characters", path.display(), bank.len())),
        Err(error) => Finding::problem(
            "bank",
            error.to_string(),
            "name another with --bank, or with KINDRED_HOME the folder that holds bank/ and models/",
        ),
    }
}
