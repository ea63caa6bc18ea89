//! `kindred match`: find the characters most likely to help.

use std::io::{self, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::json;

use super::bank::heading;
use super::config::ConfigFlag;
use super::open::{first_reading, load_head, waiting_for};
use super::page::{dim, print, print_json, wrap};
use super::paths;
use crate::encoder::{Embedder, KeptEmbeddings};
use crate::matching::{Match as Matched, MatchError, Matcher, PersonaScoreHead, Reason, Scale};
use crate::persona::Bank;
use crate::safety;

/// The most that is read of a description, in bytes; the encoder reads no more than its first page anyway.
const LONGEST_TEXT: u64 = 64 << 10;

/// Find the characters most likely to help.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kindred match \"My father died in spring and I can't talk to anyone about it\"
  kindred match --top 1 --json \"I failed my exams\"
  kindred match - < letter.txt
  kindred match --matcher persona_score.safetensors \"I am new in this city\"")]
pub(super) struct Match {
    /// What troubles the person, in a few sentences; `-` reads standard input
    #[arg(value_name = "TEXT", required = true, num_args = 1..)]
    text: Vec<String>,
    /// How many characters to show
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    top: u16,
    /// A trained persona_score head (safetensors with fc1.* and fc2.*) to rank by: a folder with model.safetensors,
    /// or the file [default: the one that ships, if one does, else similarity]
    #[arg(long, alias = "head", value_name = "DIR")]
    matcher: Option<PathBuf>,
    /// A JSONL file or a folder of them, in the published row format [default: the bank that ships]
    #[arg(long, value_name = "PATH")]
    bank: Option<PathBuf>,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFlag,
}

impl Match {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let about = match &self.text[..] {
            [dash] if dash == "-" => read_text()?,
            words => words.join(" "),
        };
        if about.trim().is_empty() {
            return Err(MatchError::NothingSaid.into());
        }
        let assessment = safety::assess(&about);
        if let Some(risk) = assessment.risk {
            // On standard error, so that a pipe of JSON stays JSON and the card is still seen.
            eprintln!("{}\n", safety::help_card(risk, assessment.language));
        }
        let mut flags = self.config.flags();
        flags.set_path("--bank", "models.bank", self.bank.as_deref());
        flags.set_path("--matcher", "models.matcher", self.matcher.as_deref());
        let models = flags.settle()?.config.models;
        let bank = models.load_bank()?;
        let head = load_head(models.matcher.as_deref())?;
        let matches = ask_matcher(&bank, models.encoder.as_deref(), head, async |matcher, _, _| {
            let matches: Vec<Matched> = matcher.rank(&about, usize::from(self.top)).await?;
            Ok(matches)
        })?;
        print_matches(&bank, &matches, self.json)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn read_text() -> anyhow::Result<String> {
    let mut text = Vec::new();
    if io::stdin().is_terminal() {
        eprintln!("Write what troubles you, then Ctrl-D on an empty line.");
    }
    io::stdin().lock().take(LONGEST_TEXT + 1).read_to_end(&mut text).context("standard input")?;
    if text.len() as u64 > LONGEST_TEXT {
        bail!("standard input holds more than {LONGEST_TEXT} bytes; a few sentences are enough");
    }
    String::from_utf8(text).context("standard input is not UTF-8 text")
}

/// Asks the matcher of this bank, by the encoder in this folder or the one that set-up fetched. The question is also
/// given where embeddings are kept and whom to tell how far a first reading is.
pub(super) fn ask_matcher<T>(
    bank: &Bank,
    encoder: Option<&Path>,
    head: Option<PersonaScoreHead>,
    question: impl AsyncFnOnce(Arc<Matcher>, &KeptEmbeddings, &mut (dyn FnMut(usize, usize) + Send)) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let encoder = open_encoder(&encoder.map_or_else(paths::encoder, Path::to_owned))?;
    let kept = KeptEmbeddings::new(paths::embeddings());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no async runtime")?;
    let spinner = waiting_for("reading the bank");
    let answer = runtime.block_on(async {
        let mut told = first_reading(&spinner);
        let matcher = Matcher::new_kept(bank, encoder, head, &kept, &mut told).await?;
        question(Arc::new(matcher), &kept, &mut told).await
    });
    spinner.finish_and_clear();
    answer
}

/// The sentence encoder in this folder, or what to do about it.
pub(super) fn open_encoder(folder: &Path) -> anyhow::Result<Arc<dyn Embedder>> {
    let encoder = crate::encoder::open(folder).with_context(|| {
        format!("cannot open the sentence encoder in {}; `make setup` fetches it", folder.display())
    })?;
    Ok(encoder)
}

/// Prints matches with their reasons.
fn print_matches(bank: &Bank, matches: &[Matched], json: bool) -> anyhow::Result<()> {
    if json {
        let rows: Vec<_> = matches
            .iter()
            .map(|matched| json!({"name": bank.get(matched.index).map(|c| c.name()), "match": matched}))
            .collect();
        return print_json(&rows);
    }
    let mut out = String::new();
    for matched in matches {
        if let Some(character) = bank.get(matched.index) {
            out += &heading(character);
            for reason in &matched.reasons {
                out += &wrap(&told(reason), 6);
            }
            out += "\n";
        }
    }
    out +=
        &dim(&wrap("The characters are software, not people. A similarity says how alike two texts are, no more.", 0));
    print(&out)
}

fn told(reason: &Reason) -> String {
    match reason {
        Reason::SharedExperience { aspect, quote, cosine } => {
            format!("Knows something like it ({}, {cosine:.2}): \u{201c}{quote}\u{201d}", aspect.label())
        }
        Reason::Statement { cosine } => format!("Way of listening: {cosine:.2} alike."),
        Reason::Score { score, scale: Scale::Similarity } => format!("Together: similarity {score:.2}."),
        Reason::Score { score, scale: Scale::Rating } => format!("Rated by the trained head: {score:.2}."),
    }
}
