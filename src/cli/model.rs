//! `kindred model`: Look into a checkpoint.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use tokenizers::Tokenizer;

use super::config::{ConfigFlag, Device};
use crate::nn::{InspectRequest, Inspection, Number, inspect};

/// A prompt longer than this is no prompt for a look.
const MAX_PROMPT_BYTES: usize = 1 << 20;
/// How much of an embedding is printed for people.
const SHOWN_NUMBERS: usize = 8;

/// Look into a checkpoint.
#[derive(Debug, Args)]
pub(super) struct ModelCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Inspect(Inspect),
}

/// Say what a checkpoint is and what it would say next.
///
/// DIR is a Hugging Face folder: config.json, *.safetensors (one file or shards with their index), and tokenizer.json
/// for texts. Families: llama (LLaMA 1 to 3, SmolLM2), mistral, qwen2; bert for encoders and classifiers.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  What the shipped model is:
      kindred model inspect models/kindred-stand-in
  The five likeliest next tokens of a prompt, and 32 tokens of greedy continuation:
      kindred model inspect DIR --prompt 'I feel alone since I moved.' --greedy 32
  Token ids in and out, without a tokenizer, for comparing with another program:
      kindred model inspect DIR --ids 1,306,4459 --greedy 32 --dtype float32 --json
  A LoRA adapter over its base model:
      kindred model inspect BASE --adapter ADAPTER --prompt 'Hello'")]
struct Inspect {
    /// Folder of the checkpoint.
    dir: PathBuf,
    /// Text to read; the tokenizer adds its special tokens.
    #[arg(long, value_name = "TEXT", conflicts_with = "ids")]
    prompt: Option<String>,
    /// Token ids to read, as they are.
    #[arg(long, value_name = "1,2,3", value_delimiter = ',')]
    ids: Vec<i64>,
    /// Continue with the N likeliest tokens, one after another.
    #[arg(long, value_name = "N", default_value_t = 0)]
    greedy: usize,
    /// Numbers to compute in [default: the fastest on the device].
    #[arg(long, value_enum)]
    dtype: Option<Dtype>,
    /// Where to run [default: auto].
    #[arg(long, value_enum)]
    device: Option<Device>,
    /// Folder of a PEFT LoRA adapter to merge.
    #[arg(long, value_name = "DIR")]
    adapter: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFlag,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Dtype {
    Float32,
    Bfloat16,
}

impl ModelCommand {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match self.action {
            Action::Inspect(inspect) => inspect.run(),
        }
    }
}

impl Inspect {
    fn run(self) -> anyhow::Result<ExitCode> {
        let models = self.config.flags().settle()?.config.models;
        let tokenizer = open_tokenizer(&self.dir)?;
        let ids = match &self.prompt {
            Some(prompt) => encode(tokenizer.as_ref(), &self.dir, prompt)?,
            None => self.ids,
        };
        anyhow::ensure!(
            self.greedy == 0 || !ids.is_empty(),
            "--greedy continues a text: give one with --prompt or --ids"
        );
        let request = InspectRequest {
            device: self.device.unwrap_or(models.device).into(),
            dtype: match self.dtype {
                None => models.dtype.into(),
                Some(Dtype::Float32) => Some(Number::Float32),
                Some(Dtype::Bfloat16) => Some(Number::BFloat16),
            },
            adapter: self.adapter,
            ids,
            greedy: self.greedy,
        };
        let found = inspect(&self.dir, &request)?;
        let view = View { found: &found, tokenizer: tokenizer.as_ref() };
        let text = if self.json { format!("{:#}\n", view.json()?) } else { view.text() };
        std::io::stdout().write_all(text.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

pub(super) fn open_tokenizer(dir: &Path) -> anyhow::Result<Option<Tokenizer>> {
    let path = dir.join("tokenizer.json");
    if !path.is_file() {
        return Ok(None);
    }
    let tokenizer = Tokenizer::from_file(&path).map_err(anyhow::Error::from_boxed);
    let mut tokenizer = tokenizer.with_context(|| format!("{}: not a tokenizer", path.display()))?;
    // Some files (all-MiniLM-L6-v2's) fill and cut every text to one length, which hides what the model reads.
    tokenizer.with_padding(None).with_truncation(None).map_err(anyhow::Error::from_boxed)?;
    Ok(Some(tokenizer))
}

fn encode(tokenizer: Option<&Tokenizer>, dir: &Path, prompt: &str) -> anyhow::Result<Vec<i64>> {
    anyhow::ensure!(
        prompt.len() <= MAX_PROMPT_BYTES,
        "--prompt: expected at most {MAX_PROMPT_BYTES} bytes, found {}",
        prompt.len()
    );
    let tokenizer = tokenizer
        .with_context(|| format!("{}: no tokenizer.json for --prompt; give token ids with --ids", dir.display()))?;
    let encoding = tokenizer.encode(prompt, true).map_err(anyhow::Error::from_boxed)?;
    anyhow::ensure!(!encoding.get_ids().is_empty(), "--prompt: expected a text, found no tokens in it");
    Ok(encoding.get_ids().iter().map(|&id| i64::from(id)).collect())
}

/// An inspection and the words for its tokens.
struct View<'a> {
    found: &'a Inspection,
    tokenizer: Option<&'a Tokenizer>,
}

impl View<'_> {
    /// Text of tokens, special ones shown; `None` without a tokenizer.
    fn decode(&self, ids: &[i64]) -> Option<String> {
        let ids: Vec<u32> = ids.iter().filter_map(|&id| u32::try_from(id).ok()).collect();
        self.tokenizer?.decode(&ids, false).ok()
    }

    /// A token's or a label's name.
    fn name(&self, id: i64) -> Option<String> {
        let label = usize::try_from(id).ok().and_then(|number| self.found.labels.get(number).cloned());
        label.or_else(|| self.decode(&[id]))
    }

    fn json(&self) -> anyhow::Result<serde_json::Value> {
        let mut value = serde_json::to_value(self.found)?;
        value["sizes"] = self.found.sizes.iter().map(|&(name, size)| (name.to_owned(), json!(size))).collect();
        let best = self.found.best.iter();
        value["best"] = best.map(|c| json!({"id": c.id, "logit": c.logit, "text": self.name(c.id)})).collect();
        value["text"] = json!(self.decode(&self.found.continuation));
        Ok(value)
    }

    fn text(&self) -> String {
        let found = self.found;
        let mut lines = vec![format!("family      {}", found.family)];
        lines.push(format!("parameters  {} ({})", found.parameters, rounded(found.parameters)));
        lines.push(format!("runs on     {}", found.placement));
        lines.extend(found.sizes.iter().map(|(name, size)| format!("  {name:<24} {size}")));
        lines.extend(found.traits.iter().map(|line| format!("  {line}")));
        if !found.ids.is_empty() {
            lines.push(format!("read        {} tokens", found.ids.len()));
        }
        if !found.best.is_empty() {
            lines.push(if found.labels.is_empty() { "best next tokens" } else { "labels" }.to_owned());
            let name = |id| self.name(id).map(|name| format!("  {name:?}")).unwrap_or_default();
            lines.extend(found.best.iter().map(|c| format!("  {:>8}  {:>10.5}{}", c.id, c.logit, name(c.id))));
        }
        if !found.embedding.is_empty() {
            let shown: Vec<String> = found.embedding.iter().take(SHOWN_NUMBERS).map(|x| format!("{x:.5}")).collect();
            lines.push(format!("embedding   {} … ({} numbers, unit length)", shown.join(" "), found.embedding.len()));
        }
        if !found.continuation.is_empty() {
            let ids: Vec<String> = found.continuation.iter().map(i64::to_string).collect();
            lines.push(format!("greedy ids  {}", ids.join(",")));
            lines.extend(self.decode(&found.continuation).map(|text| format!("greedy text {text:?}")));
        }
        lines.join("\n") + "\n"
    }
}

/// `17.2 million`.
pub(super) fn rounded(count: u64) -> String {
    let units = [(1e9, "billion"), (1e6, "million"), (1e3, "thousand")];
    let count = count as f64;
    let unit = units.iter().find(|(size, _)| count >= *size);
    unit.map_or_else(|| format!("{count}"), |(size, name)| format!("{:.1} {name}", count / size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_rounded_for_people() {
        assert_eq!([rounded(950), rounded(17_240_000), rounded(6_738_415_616)], ["950", "17.2 million", "6.7 billion"]);
    }
}
