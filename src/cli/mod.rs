//! The command line: parse, call, render. One file a command.

mod admin_key;
mod bank;
mod bars;
mod chat;
#[doc(hidden)]
pub mod config;
mod corpus;
mod doctor;
mod duet;
mod findings;
mod lines;
mod log;
mod matching;
mod model;
mod open;
mod page;
mod panics;
mod paths;
mod pick;
mod serve;
mod simulate;
mod train;
mod train_data;
mod train_look;
mod train_matcher;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Exit code of a command that Ctrl-C ended, as shells use it.
const INTERRUPTED: u8 = 130;

/// A social-support simulation server: a bank of characters, a matcher, and models that listen.
///
/// The characters are software. They are not people, and not therapy.
#[derive(Debug, Parser)]
#[command(name = "kindred", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Chat(chat::Chat),
    Simulate(simulate::Simulate),
    Bank(bank::BankCommand),
    Corpus(corpus::CorpusCommand),
    Match(matching::Match),
    Train(train::Train),
    Model(model::ModelCommand),
    Config(config::ConfigCommand),
    AdminKey(admin_key::AdminKey),
    Doctor(doctor::Doctor),
}

/// Runs the command line of this process. Exit code 0: done, or a server that was asked to stop; 1: failed, the reason on
/// standard error; 2: misused; 130: interrupted before the work was done.
pub fn main() -> ExitCode {
    panics::keep_to_oneself();
    let result = match Arguments::parse().command {
        Command::Serve(command) => command.run(),
        Command::Chat(command) => command.run(),
        Command::Simulate(command) => command.run(),
        Command::Bank(command) => command.run(),
        Command::Corpus(command) => command.run(),
        Command::Match(command) => command.run(),
        Command::Train(command) => command.run(),
        Command::Model(command) => command.run(),
        Command::Config(command) => command.run(),
        Command::AdminKey(command) => command.run(),
        Command::Doctor(command) => command.run(),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            // A reader that closed the pipe (`kindred bank list | head`) is no failure worth words.
            if error.chain().any(|cause| {
                cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
            }) {
                return ExitCode::SUCCESS;
            }
            eprintln!("kindred: {}", told(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error and its causes in one line. Many of our errors name their cause themselves: it is not told twice.
fn told(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |told, cause| match told.as_str() {
        "" => cause,
        before if before.contains(&cause) => told,
        before => format!("{before}: {cause}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persona::BankError;

    #[test]
    fn a_cause_is_told_once() {
        let source = std::io::Error::other("no such file");
        let error = anyhow::Error::new(BankError::Read { path: "/x".into(), source }).context("cannot open the bank");
        assert_eq!(told(&error), "cannot open the bank: cannot read /x: no such file");
    }
}
