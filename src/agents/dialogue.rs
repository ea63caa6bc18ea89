//! One simulated dialogue as an actor: seeker and supporter in turn, no socket, no person.

use std::sync::Arc;

use actix::{Actor, ActorContext as _, ActorFutureExt as _, AsyncContext as _, Context, WrapFuture as _};
use tokio::sync::oneshot;

use super::character::Speak;
use super::registry::Registry;
use super::utterance::{Cue, MemoryRule, Spoken};
use super::{AgentError, seed};
use crate::dialogue::{Speaker, Turn};

/// What the seeker says first. Source: CharacterChat's data loop (arXiv 2308.10278).
pub const OPENING: &str = "Hello";

/// Stands in a dialogue where a model had nothing to say, so that one empty reply does not lose the rest.
pub const UNSAID: &str = "…";

/// The seeker's second utterance, counted in utterances of both: it tells the worry, whatever was said.
const WORRY_AT: usize = 2;

/// Who talks with whom, how long, and by which seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DialoguePlan {
    /// The person in need, by index in the bank.
    pub seeker: u32,
    /// The character who listens.
    pub supporter: u32,
    /// Utterances of both together, the opening included.
    pub turns: usize,
    /// The same plan gives the same dialogue, whatever runs beside it.
    pub seed: u64,
}

/// What was said.
#[derive(Clone, Debug, PartialEq)]
pub struct Dialogue {
    /// The utterances, oldest first.
    pub turns: Vec<Turn>,
    /// How many of them are [`UNSAID`].
    pub unsaid: usize,
}

pub(super) struct DialogueActor {
    plan: DialoguePlan,
    registry: Arc<Registry>,
    turns: Vec<Turn>,
    unsaid: usize,
    /// Where the outcome goes; taken when it is sent.
    done: Option<oneshot::Sender<Result<Dialogue, AgentError>>>,
}

impl DialogueActor {
    pub(super) fn new(
        plan: DialoguePlan,
        registry: Arc<Registry>,
        done: oneshot::Sender<Result<Dialogue, AgentError>>,
    ) -> Self {
        Self { plan, registry, turns: Vec::with_capacity(plan.turns), unsaid: 0, done: Some(done) }
    }

    fn next(&mut self, context: &mut Context<Self>) {
        // The later emotion model ends a dialogue here: with at least five ratings of the seeker's mood, the last two of
        // them 4 or better, two farewells follow (formats.md, "Loop").
        if self.turns.len() >= self.plan.turns {
            let turns = std::mem::take(&mut self.turns);
            return self.end(Ok(Dialogue { turns, unsaid: self.unsaid }), context);
        }
        if self.done.as_ref().is_none_or(oneshot::Sender::is_closed) {
            // Nobody waits for it any more.
            return context.stop();
        }
        let at = self.turns.len();
        let speaker = self.turns.last().map_or(Speaker::Seeker, |last| last.speaker.other());
        let index = match speaker {
            Speaker::Seeker => self.plan.seeker,
            Speaker::Supporter => self.plan.supporter,
        };
        let rule = if at == WORRY_AT {
            MemoryRule::Worry
        } else {
            MemoryRule::Loop { coin: seed::derive("coin", &[self.plan.seed, at as u64]) & 1 == 1 }
        };
        let cue = Cue {
            speaker,
            history: self.turns.clone(),
            rule,
            seed: seed::derive("utterance", &[self.plan.seed, at as u64]),
            gated: false,
        };
        let character = self.registry.character(index);
        let spoken = async move {
            let character = character.ok_or(AgentError::NoCharacter { index })?;
            character.send(Speak(cue)).await.map_err(|_| AgentError::BrokenOff)?.complete().await
        };
        context.spawn(spoken.into_actor(self).map(move |spoken, dialogue, context| {
            match spoken {
                Ok(Spoken { text, memory, .. }) => dialogue.turns.push(Turn { speaker, text, memory }),
                Err(AgentError::EmptyReply) => {
                    dialogue.unsaid += 1;
                    dialogue.turns.push(Turn::new(speaker, UNSAID));
                }
                Err(error) => return dialogue.end(Err(error), context),
            }
            dialogue.next(context);
        }));
    }

    fn end(&mut self, outcome: Result<Dialogue, AgentError>, context: &mut Context<Self>) {
        if let Some(done) = self.done.take() {
            // A caller that has left wants no outcome.
            let _ = done.send(outcome);
        }
        context.stop();
    }
}

impl Actor for DialogueActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        if self.plan.turns > 0 {
            self.turns.push(Turn::new(Speaker::Seeker, OPENING));
        }
        self.next(context);
    }
}
