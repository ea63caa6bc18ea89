//! `kindred chat`: Talk with a character in the terminal.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::ensure;
use clap::{Args, ValueEnum};
use futures::StreamExt as _;
use tokio::sync::mpsc;

use super::INTERRUPTED;
use super::duet::{self, Duet};
use super::lines::{self, Line};
use super::open::{self, Keep, ModelArgs};
use super::pick;
use crate::agents::{Caller, EventKind, Kindred, MESSAGE_LIMIT, SessionEvents, Supporter};
use crate::matching::find;
use crate::persona::Memory;
use crate::safety;
use crate::store::TurnEnd;

const HELP: &str = "/memory  what the last reply remembered
/stop    stop the reply
/end     end the talk
/help    this list
Anything else is said. Ctrl-C stops the reply, then leaves.";

/// Talk with a character in the terminal.
///
/// Without --with you are matched by the first thing you say. The characters are software, not people, and not therapy.
/// What you say is forgotten at the end, unless --data names a folder to keep it in.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kindred chat
  kindred chat --about \"I lost my job and cannot sleep\"
  kindred chat --with INFJ
  kindred chat --with 3 --as supporter        you listen, the character seeks help
  kindred chat --with 3 --auto --turns 8      two characters talk, you watch
  echo \"I feel alone\" | kindred chat --with ENFP")]
pub(super) struct Chat {
    /// Character to talk with: index, name (or a part of it), or MBTI type
    #[arg(long, value_name = "WHO")]
    with: Option<String>,
    /// What troubles you: you are matched by it, and it is the first thing said
    #[arg(long, value_name = "TEXT")]
    about: Option<String>,
    /// Your side of the talk
    #[arg(long = "as", value_enum, default_value_t = Side::Seeker)]
    side: Side,
    /// Both sides are models; you watch
    #[arg(long, conflicts_with = "side")]
    auto: bool,
    /// The seeking character of --auto: index, name or type [default: another than --with]
    #[arg(long, value_name = "WHO", requires = "auto")]
    seeker_is: Option<String>,
    /// Utterances of --auto
    #[arg(long, value_name = "T", default_value_t = 12, requires = "auto", value_parser = clap::value_parser!(u16).range(1..=1000))]
    turns: u16,
    /// Seed of --auto and --as supporter [default: another each time]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Keep the talk in this data folder (talks in which you seek help only)
    #[arg(long, value_name = "DIR", conflicts_with = "auto")]
    data: Option<PathBuf>,
    #[command(flatten)]
    models: ModelArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Side {
    /// You say what troubles you; the character listens
    Seeker,
    /// The character says what troubles it; you listen
    Supporter,
}

impl Chat {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        open::quiet_logs();
        open::block_on(self.chat())
    }

    async fn chat(self) -> anyhow::Result<ExitCode> {
        // Before the models are loaded: a wrong name must not cost seconds.
        let bank = self.models.load_bank()?;
        let named = |who: &String| find(&bank, who).map(|character| character.index);
        let with = self.with.as_ref().map(named).transpose()?;
        let seeker_is = self.seeker_is.as_ref().map(named).transpose()?;
        if self.side == Side::Supporter {
            ensure!(
                self.data.is_none(),
                "--data keeps talks in which you seek help; with --as supporter nothing is kept"
            );
            ensure!(self.about.is_none(), "--about is what the seeker says; with --as supporter that is the character");
        }
        if let Some(about) = &self.about {
            crate::agents::check_message(about)?;
            // A session assesses what is said in it; whoever watches has written this too.
            let assessment = safety::assess(about);
            if let Some(risk) = assessment.risk.filter(|_| self.auto) {
                println!("{}", safety::help_card(risk, assessment.language));
                return Ok(ExitCode::SUCCESS);
            }
        }
        let keep = self.data.clone().map_or(Keep::Nothing, Keep::In);
        let kindred = self.models.open(keep).await?;

        let seed = self.seed.unwrap_or_else(|| uuid::Uuid::new_v4().as_u128() as u64);
        let code = if self.auto {
            let supporter = match (with, &self.about) {
                (Some(with), _) => with,
                (None, Some(about)) => pick::matched(&kindred, about).await?,
                (None, None) => pick::first_but(&bank, seeker_is),
            };
            let seeker = seeker_is.unwrap_or_else(|| pick::first_but(&bank, Some(supporter)));
            let duet = Duet { kindred: &kindred, seeker, supporter, seed };
            duet.watch(self.turns.into(), self.about.as_deref()).await
        } else if self.side == Side::Supporter {
            let seeker = with.unwrap_or_else(|| pick::first_but(&bank, None));
            let duet = Duet { kindred: &kindred, seeker, supporter: seeker, seed };
            duet.listen(lines::standard_input()).await
        } else {
            Talk::new(&kindred).run(with, self.about).await
        };
        kindred.shutdown().await;
        code
    }
}

/// A person talks, a character listens.
struct Talk<'a> {
    kindred: &'a Kindred,
    lines: mpsc::Receiver<Line>,
    /// Lines that are typed stop a reply; lines from a pipe wait for its end.
    typed: bool,
    replying: bool,
    /// The place of a reply that failed: its end, which follows, was told already.
    failed_at: Option<u64>,
    remembered: Option<Memory>,
    /// Whether something could not be said or answered: from a pipe nobody reads the words about it, but the exit code.
    failed: bool,
}

impl<'a> Talk<'a> {
    fn new(kindred: &'a Kindred) -> Self {
        let typed = std::io::stdin().is_terminal();
        Self {
            kindred,
            lines: lines::standard_input(),
            typed,
            replying: false,
            failed_at: None,
            remembered: None,
            failed: false,
        }
    }

    async fn run(mut self, with: Option<u32>, about: Option<String>) -> anyhow::Result<ExitCode> {
        duet::say_what_this_is();
        let first = match (with, about) {
            (_, Some(about)) => Some(about),
            (Some(_), None) => None,
            (None, None) => {
                println!("What is on your mind? You will be matched by it.");
                match self.first_line().await {
                    Ok(line) => Some(line),
                    Err(code) => return Ok(code),
                }
            }
        };
        let supporter = with.map_or(Supporter::Auto, Supporter::Character);
        let session =
            self.kindred.open_session(Caller::Local, supporter, first.as_deref().unwrap_or_default(), None).await?;
        let character = self.kindred.bank().get(session.supporter);
        let name = duet::printable(character.map_or("?", |character| character.name()));
        if let Some(character) = character {
            duet::introduce(character, "listens. /help lists what you can do.");
        }
        let mut events = self.kindred.events(Caller::Local, session.id, None).await?;
        if let Some(first) = first {
            self.say(session.id, &first).await;
        }
        let code = self.talk(session.id, &name, &mut events).await?;
        self.kindred.end(Caller::Local, session.id).await?;
        Ok(code)
    }

    /// The first line that can be said; the exit code if there is none.
    async fn first_line(&mut self) -> Result<String, ExitCode> {
        loop {
            self.prompt();
            let line = tokio::select! {
                line = self.lines.recv() => line.ok_or_else(|| self.code())?,
                _ = tokio::signal::ctrl_c() => {
                    println!();
                    return Err(ExitCode::from(INTERRUPTED));
                }
            };
            match readable(line) {
                None => self.failed = true,
                Some(text) if text.trim().is_empty() => {}
                Some(text) => match crate::agents::check_message(&text) {
                    Ok(text) => return Ok(text.to_owned()),
                    Err(error) => {
                        eprintln!("{error}");
                        self.failed = true;
                    }
                },
            }
        }
    }

    /// How a talk that came to its end is told to the shell. At a terminal, what failed was seen and could be mended.
    fn code(&self) -> ExitCode {
        if self.failed && !self.typed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }

    async fn talk(&mut self, session: uuid::Uuid, name: &str, events: &mut SessionEvents) -> anyhow::Result<ExitCode> {
        let mut ended = false;
        self.prompt();
        loop {
            // The end of a pipe waits for the last answer.
            if ended && !self.replying {
                return Ok(self.code());
            }
            let listening = !ended && (self.typed || !self.replying);
            tokio::select! {
                event = events.next() => match event {
                    Some(event) => self.show(name, event.kind)?,
                    // So far behind that the agents let go: listen anew.
                    None => *events = self.kindred.events(Caller::Local, session, None).await?,
                },
                line = self.lines.recv(), if listening => match line {
                    None => ended = true,
                    Some(line) => {
                        let Some(text) = readable(line) else {
                            self.failed = true;
                            self.prompt();
                            continue;
                        };
                        match text.trim() {
                            "" => self.prompt(),
                            "/end" | "/quit" | "/exit" => return Ok(self.code()),
                            "/stop" => { self.kindred.stop(Caller::Local, session).await?; }
                            "/help" => { println!("{HELP}"); self.prompt(); }
                            "/memory" => { self.show_memory(); self.prompt(); }
                            command if command.starts_with('/') => {
                                eprintln!("there is no command {}; /help lists them", duet::printable(command));
                                self.prompt();
                            }
                            text => self.say(session, text).await,
                        }
                    }
                },
                _ = tokio::signal::ctrl_c() => {
                    if !self.replying {
                        println!();
                        return Ok(ExitCode::from(INTERRUPTED));
                    }
                    self.kindred.stop(Caller::Local, session).await?;
                }
            }
        }
    }

    async fn say(&mut self, session: uuid::Uuid, text: &str) {
        match self.kindred.say(Caller::Local, session, text).await {
            Ok(_) => self.replying = true,
            Err(error) => {
                eprintln!("{error}");
                self.failed = true;
                self.prompt();
            }
        }
    }

    fn show(&mut self, name: &str, event: EventKind) -> std::io::Result<()> {
        match event {
            EventKind::ReplyStarted { memory, .. } => {
                self.remembered = memory;
                print!("{name}: ");
            }
            EventKind::Text { text, .. } => print!("{}", duet::printable(&text)),
            EventKind::ReplyEnded { seq, .. } if self.failed_at == Some(seq) => {}
            EventKind::ReplyEnded { end, turn, .. } => {
                self.replying = false;
                match turn {
                    Some(turn) if end == TurnEnd::CutOff && turn.turn.text.is_empty() => println!("[stopped]"),
                    Some(_) if end == TurnEnd::CutOff => println!(" … [stopped]"),
                    _ => println!(),
                }
                self.prompt();
            }
            EventKind::Failed { seq, message, .. } => {
                self.failed_at = Some(seq);
                self.replying = false;
                self.failed = true;
                eprintln!("\n[no reply: {message}]");
                self.prompt();
            }
            EventKind::Said { .. } => self.replying = true,
            EventKind::Queued { .. } | EventKind::Head { .. } => {}
            EventKind::Ended | EventKind::Closing | EventKind::Deleted => {}
        }
        std::io::stdout().flush()
    }

    fn show_memory(&self) {
        match &self.remembered {
            Some(memory) => {
                println!("[{}] {}", duet::printable(&memory.aspect.label()), duet::printable(&memory.content))
            }
            None => println!("The last reply was given no memory."),
        }
    }

    fn prompt(&self) {
        if self.typed && !self.replying {
            print!("you: ");
            // A prompt that cannot be shown is no loss; words that cannot be are told of where they are printed.
            let _ = std::io::stdout().flush();
        }
    }
}

/// The text of a line, or none after saying what is wrong with it.
pub(super) fn readable(line: Line) -> Option<String> {
    match line {
        Line::Text(text) => return Some(text),
        Line::TooLong { bytes } => {
            eprintln!(
                "that line has {bytes} bytes and was not sent; at most {MESSAGE_LIMIT} characters can be sent at once"
            );
        }
        Line::NotText => eprintln!("that line is not UTF-8 text and was not sent"),
        Line::Failed(reason) => eprintln!("standard input failed: {reason}"),
    }
    None
}
