//! The run itself: many dialogues at once, rows written in the order of their numbers.

use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Instant;

use futures::StreamExt as _;

use super::output::{Failure, Manifest, Output};
use super::summary::Summary;
use super::{Simulation, SimulationError};
use crate::agents::{AgentError, Dialogue, DialoguePlan, Kindred};
use crate::dialogue::DialogueRow;
use crate::engine::EngineError;

/// A simulation with its place and its pace.
#[derive(Clone, Debug)]
pub struct Job {
    /// What is to be simulated.
    pub simulation: Simulation,
    /// Where the rows go: `dialogues.jsonl`, `failures.jsonl`, `run.json`.
    pub folder: PathBuf,
    /// Dialogues at once. It changes the pace, not the rows.
    pub concurrency: usize,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Dialogues done, failed ones and those of earlier processes among them.
    pub done: usize,
    /// Of all.
    pub of: usize,
    /// Dialogues that failed.
    pub failed: usize,
    /// Utterances so far.
    pub utterances: usize,
}

type Outcome = (usize, Option<DialoguePlan>, Result<Dialogue, AgentError>);

impl Job {
    /// Runs until all dialogues are written, or until `interrupt` resolves; what is written then is whole, and the same
    /// job goes on where it ended.
    ///
    /// # Errors
    /// [`SimulationError`]; a dialogue that fails by itself is recorded instead.
    pub async fn run(
        &self,
        kindred: &Kindred,
        interrupt: impl Future<Output = ()>,
        mut report: impl FnMut(Progress),
    ) -> Result<Summary, SimulationError> {
        let simulation = &self.simulation;
        simulation.check(kindred.bank())?;
        let mut output = Output::open(&self.folder, &Manifest::new(simulation, kindred))?;
        let (before, begun) = (output.total, Instant::now());
        let progress = |output: &Output| Progress {
            done: output.next,
            of: simulation.dialogues,
            failed: output.failed,
            utterances: output.total.utterances,
        };
        report(progress(&output));

        // In order of their numbers, so that the file is the same whatever finished first.
        let mut outcomes = futures::stream::iter(output.next..simulation.dialogues)
            .map(|index| self.dialogue(kindred, index))
            .buffered(self.concurrency.max(1));
        let mut interrupt = pin!(interrupt);
        let mut interrupted = false;
        loop {
            let outcome = tokio::select! {
                biased;
                () = &mut interrupt => {
                    interrupted = true;
                    break;
                }
                outcome = outcomes.next() => outcome,
            };
            let Some((index, plan, outcome)) = outcome else { break };
            match outcome {
                Ok(dialogue) => {
                    let row = self.row(kindred, index, plan, &dialogue)?;
                    output.row(&row)?;
                }
                Err(source) if is_fatal(&source) => {
                    let done = output.total.dialogues;
                    output.close()?;
                    return Err(SimulationError::Agents { done, source });
                }
                Err(error) => output.failure(&Failure {
                    index,
                    seeker: plan.map(|plan| plan.seeker),
                    supporter: plan.map(|plan| plan.supporter),
                    error: error.to_string(),
                })?,
            }
            report(progress(&output));
        }
        drop(outcomes);
        let (total, failed) = (output.total, output.failed);
        output.close()?;
        let made = total.generated - before.generated;
        Ok(Summary { total, failed, made, took: begun.elapsed(), interrupted })
    }

    async fn dialogue(&self, kindred: &Kindred, index: usize) -> Outcome {
        match self.simulation.plan(kindred, index).await {
            Ok(plan) => (index, Some(plan), kindred.dialogue(plan).await),
            Err(error) => (index, None, Err(error)),
        }
    }

    fn row(
        &self,
        kindred: &Kindred,
        index: usize,
        plan: Option<DialoguePlan>,
        dialogue: &Dialogue,
    ) -> Result<DialogueRow, SimulationError> {
        let find = |of: fn(&DialoguePlan) -> u32| plan.as_ref().and_then(|plan| kindred.bank().get(of(plan)));
        let (Some(seeker), Some(supporter)) = (find(|plan| plan.seeker), find(|plan| plan.supporter)) else {
            // A dialogue was made of this plan by these agents, so that its characters are theirs.
            return Err(SimulationError::Plan { reason: format!("dialogue {index} has no characters") });
        };
        Ok(DialogueRow::new(index, seeker, supporter, &dialogue.turns))
    }
}

/// Whether no later dialogue can succeed either.
fn is_fatal(error: &AgentError) -> bool {
    matches!(error, AgentError::Engine(EngineError::Gone { .. }) | AgentError::Closing | AgentError::Start { .. })
}
