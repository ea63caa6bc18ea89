//! Talks in the terminal in which a character seeks help: from a person, or from another character.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use futures::StreamExt as _;
use tokio::sync::mpsc;

use super::INTERRUPTED;
use super::chat::readable;
use super::lines::Line;
use crate::agents::{AgentError, Cue, Kindred, MemoryRule, OPENING, Step, check_message, derive_seed};
use crate::dialogue::{Speaker, Turn};
use crate::persona::Character;
use crate::safety;

/// The seeker's second utterance, counted in utterances of both, tells the worry (formats.md, "Loop").
const WORRY_AT: usize = 2;

/// Who talks with whom.
pub(super) struct Duet<'a> {
    pub(super) kindred: &'a Kindred,
    pub(super) seeker: u32,
    /// The same as the seeker where a person supports.
    pub(super) supporter: u32,
    pub(super) seed: u64,
}

/// How an utterance ended.
enum Heard {
    Whole(Turn),
    Stopped(Option<Turn>),
}

impl Duet<'_> {
    /// Two characters talk, somebody watches.
    pub(super) async fn watch(&self, turns: usize, about: Option<&str>) -> anyhow::Result<ExitCode> {
        say_what_this_is();
        introduce(self.character(self.seeker)?, "seeks help.");
        introduce(self.character(self.supporter)?, "listens.");
        let opening = Turn::new(Speaker::Seeker, about.unwrap_or(OPENING));
        println!("{}: {}", self.name(self.seeker)?, printable(&opening.text));
        let mut history = vec![opening];
        while history.len() < turns {
            let speaker = history.last().map_or(Speaker::Seeker, |last| last.speaker.other());
            match self.speak(speaker, &history, about.is_none()).await? {
                Heard::Whole(turn) => history.push(turn),
                Heard::Stopped(_) => return Ok(ExitCode::from(INTERRUPTED)),
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// A character seeks help, a person listens and answers.
    pub(super) async fn listen(&self, mut lines: mpsc::Receiver<Line>) -> anyhow::Result<ExitCode> {
        say_what_this_is();
        let seeker = self.character(self.seeker)?;
        introduce(seeker, "seeks help; you listen. /end ends the talk, /memory shows what the last reply remembered.");
        println!("{}: {OPENING}", self.name(self.seeker)?);
        let mut history = vec![Turn::new(Speaker::Seeker, OPENING)];
        let typed = std::io::stdin().is_terminal();
        // From a pipe nobody reads the words about it, but the exit code.
        let mut failed = false;
        loop {
            if typed {
                print!("you: ");
                std::io::stdout().flush()?;
            }
            let line = tokio::select! {
                line = lines.recv() => line,
                _ = tokio::signal::ctrl_c() => { println!(); return Ok(ExitCode::from(INTERRUPTED)) }
            };
            let Some(line) = line else {
                return Ok(if failed && !typed { ExitCode::FAILURE } else { ExitCode::SUCCESS });
            };
            let Some(text) = readable(line) else {
                failed = true;
                continue;
            };
            match text.trim() {
                "" => continue,
                "/end" | "/quit" | "/exit" => return Ok(ExitCode::SUCCESS),
                "/help" => println!("/memory, /end; anything else is said. Ctrl-C stops the reply, then leaves."),
                "/stop" => println!("Nothing is being said."),
                "/memory" => match history
                    .iter()
                    .rev()
                    .find(|turn| turn.speaker == Speaker::Seeker)
                    .and_then(|turn| turn.memory.as_ref())
                {
                    Some(memory) => println!("[{}] {}", printable(&memory.aspect.label()), printable(&memory.content)),
                    None => println!("The last reply was given no memory."),
                },
                command if command.starts_with('/') => {
                    eprintln!("there is no command {}; /help lists them", printable(command))
                }
                text => {
                    let text = match check_message(text) {
                        Ok(text) => text,
                        Err(error) => {
                            eprintln!("{error}");
                            failed = true;
                            continue;
                        }
                    };
                    // Whoever listens may be the one who needs help.
                    let assessment = safety::assess(text);
                    if let Some(risk) = assessment.risk {
                        println!("{}", safety::help_card(risk, assessment.language));
                        continue;
                    }
                    history.push(Turn::new(Speaker::Supporter, text));
                    match self.speak(Speaker::Seeker, &history, true).await? {
                        Heard::Whole(turn) | Heard::Stopped(Some(turn)) => history.push(turn),
                        Heard::Stopped(None) => {}
                    }
                }
            }
        }
    }

    /// Prints an utterance as it comes; Ctrl-C stops it.
    async fn speak(&self, speaker: Speaker, history: &[Turn], worry: bool) -> anyhow::Result<Heard> {
        let index = if speaker == Speaker::Seeker { self.seeker } else { self.supporter };
        let rule = if worry && speaker == Speaker::Seeker && history.len() == WORRY_AT {
            MemoryRule::Worry
        } else {
            MemoryRule::Best
        };
        let seed = derive_seed("chat", &[self.seed, history.len() as u64]);
        let cue = Cue { speaker, history: history.to_vec(), rule, seed, gated: true };
        let mut utterance = self.kindred.utter(index, cue).await?;
        let mut turn = Turn::new(speaker, "");
        print!("{}: ", self.name(index)?);
        std::io::stdout().flush()?;
        loop {
            let step = tokio::select! {
                step = utterance.next() => step,
                _ = tokio::signal::ctrl_c() => {
                    println!(" … [stopped]");
                    return Ok(Heard::Stopped((!turn.text.is_empty()).then_some(turn)));
                }
            };
            match step {
                Some(Ok(Step::Started { memory, .. })) => turn.memory = memory,
                Some(Ok(Step::Text(text))) => {
                    print!("{}", printable(&text));
                    std::io::stdout().flush()?;
                    turn.text.push_str(&text);
                }
                Some(Ok(Step::Done(_))) => {
                    println!();
                    return Ok(Heard::Whole(turn));
                }
                Some(Err(AgentError::EmptyReply)) => {
                    println!("…");
                    turn.text = crate::agents::UNSAID.into();
                    return Ok(Heard::Whole(turn));
                }
                Some(Err(error)) => {
                    println!();
                    return Err(error.into());
                }
                None => return Err(AgentError::BrokenOff.into()),
            }
        }
    }

    fn name(&self, index: u32) -> anyhow::Result<String> {
        Ok(printable(self.character(index)?.name()))
    }

    fn character(&self, index: u32) -> anyhow::Result<&Character> {
        let found = self.kindred.bank().get(index).map(AsRef::as_ref);
        found.with_context(|| format!("there is no character {index} in the bank"))
    }
}

/// Said before every talk.
pub(super) fn say_what_this_is() {
    println!("The characters are software. They are not people, and not therapy. If you are in danger, call your");
    println!("emergency number.\n");
}

/// One line about a character.
pub(super) fn introduce(character: &Character, does: &str) {
    let job = &character.profile.job;
    let job = if job.is_empty() { String::new() } else { format!(", {}", printable(job)) };
    println!("{} ({}{job}; a character, software) {does}", printable(character.name()), character.mbti);
}

/// The text without what could steer a terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}
