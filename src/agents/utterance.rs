//! The making of one utterance: choose a memory, lay out the prompt, generate, gate, trim.

use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use tokio::sync::{OnceCell, mpsc};

use super::fit::{Scene, fit};
use super::{AgentError, seed};
use crate::dialogue::{Speaker, Turn};
use crate::encoder::EncoderError;
use crate::engine::{EngineError, GenerateRequest, Generator, Lane, Piece, Sampling};
use crate::memory::{EmbeddedMemories, MemoryError, MemorySelector, choices, resting};
use crate::persona::{Aspect, Character, Memory};
use crate::safety::{ReplyGate, rules_version};

/// How often a model that says nothing is asked.
const ATTEMPTS: u64 = 2;
/// Steps that may wait for a slow reader before the work waits for it.
const STEPS_AHEAD: usize = 64;
/// How long a service may be busy before an utterance that a person waits for fails; it is asked again ever more
/// slowly.
const PATIENCE: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Where utterances come from. Shared by all characters.
pub(super) struct Voices {
    pub(super) supporter: Arc<dyn Generator>,
    pub(super) seeker: Arc<dyn Generator>,
    pub(super) selector: MemorySelector,
    /// The seed in it is replaced by each utterance's own.
    pub(super) sampling: Sampling,
}

impl Voices {
    fn of(&self, speaker: Speaker) -> &Arc<dyn Generator> {
        match speaker {
            Speaker::Seeker => &self.seeker,
            Speaker::Supporter => &self.supporter,
        }
    }
}

/// Which memory an utterance is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryRule {
    /// The one that fits the history best, if any fits. If the encoder fails, none.
    Best,
    /// As in the published data loop: `additional_information` is left out of the choice, and used if nothing was
    /// chosen and the coin says so. If the encoder fails, so does the utterance, as the same seed must give the same row.
    Loop {
        /// Whether to fall back on `additional_information`.
        coin: bool,
    },
    /// The recent worry, whatever was said.
    Worry,
}

/// What somebody is asked to say next.
#[derive(Clone, Debug)]
pub struct Cue {
    /// In which role.
    pub speaker: Speaker,
    /// What was said so far, oldest first.
    pub history: Vec<Turn>,
    /// Which memory to use.
    pub rule: MemoryRule,
    /// The same cue with the same seed gives the same words.
    pub seed: u64,
    /// Whether the words pass [`ReplyGate`] before anybody sees them: yes where a person reads them.
    pub gated: bool,
}

/// A step of an utterance. The last step of one that succeeds is `Done`.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A memory was chosen or not; words follow.
    Started {
        /// The memory.
        memory: Option<Memory>,
        /// Name and version of the model.
        model: String,
    },
    /// More words; all together they are the text of `Done`.
    Text(String),
    /// The end.
    Done(Spoken),
}

/// A finished utterance.
#[derive(Clone, Debug, PartialEq)]
pub struct Spoken {
    /// Trimmed; never empty.
    pub text: String,
    /// The memory it was given.
    pub memory: Option<Memory>,
    /// Name and version of the model.
    pub model: String,
}

/// An utterance on its way. Drop it to cancel.
pub struct Utterance {
    steps: mpsc::Receiver<Result<Step, AgentError>>,
    task: tokio::task::AbortHandle,
}

impl Utterance {
    /// Waits for the end.
    ///
    /// # Errors
    /// The first error on the way; [`AgentError::BrokenOff`] if there is no end.
    pub async fn complete(mut self) -> Result<Spoken, AgentError> {
        while let Some(step) = self.next().await {
            if let Step::Done(spoken) = step? {
                return Ok(spoken);
            }
        }
        Err(AgentError::BrokenOff)
    }
}

impl Stream for Utterance {
    type Item = Result<Step, AgentError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.steps.poll_recv(context)
    }
}

impl Drop for Utterance {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A character's memories in one role, embedded when first needed.
#[derive(Clone, Default)]
pub(super) struct Remembered(Arc<OnceCell<EmbeddedMemories>>);

/// All that an utterance needs, gathered by the character's actor.
pub(super) struct Work {
    pub(super) character: Arc<Character>,
    pub(super) remembered: Remembered,
    pub(super) voices: Arc<Voices>,
    pub(super) cue: Cue,
}

impl Work {
    /// Starts the work as a task of this thread's runtime.
    pub(super) fn start(self) -> Utterance {
        let (tell, steps) = mpsc::channel(STEPS_AHEAD);
        // A task of its own: should a model's code panic, the utterance breaks off and no actor falls with it.
        let task = tokio::spawn(async move {
            let ended = self.speak(&tell).await;
            // A reader that has left wants no end.
            let _ = tell.send(ended.map(Step::Done)).await;
        });
        Utterance { steps, task: task.abort_handle() }
    }

    async fn speak(self, tell: &mpsc::Sender<Result<Step, AgentError>>) -> Result<Spoken, AgentError> {
        let memory = self.choose().await?;
        fail::fail_point!("utterance::memory");
        let generator = self.voices.of(self.cue.speaker);
        let identity = generator.identity();
        let model = format!("{} {}", identity.name, identity.version);
        let _ = tell.send(Ok(Step::Started { memory: memory.clone(), model: model.clone() })).await;

        let statement = match self.cue.speaker {
            Speaker::Seeker => &self.character.seeker_statement,
            Speaker::Supporter => &self.character.supporter_statement,
        };
        let scene = Scene { speaker: self.cue.speaker, statement, history: &self.cue.history, memory: memory.as_ref() };
        let prompt = fit(generator.as_ref(), &scene, self.voices.sampling.max_new_tokens)?;
        for attempt in 0..ATTEMPTS {
            let request = GenerateRequest {
                prompt: prompt.clone(),
                sampling: Sampling {
                    seed: seed::derive("attempt", &[self.cue.seed, attempt]),
                    ..self.voices.sampling.clone()
                },
                stop: generator.layout().stop_strings(),
                lane: if self.cue.gated { Lane::Live } else { Lane::Simulated },
            };
            let text = loop {
                match self.words(generator.as_ref(), &request, tell).await {
                    // Nobody has read what a simulated talk said so far: it is said again when the model is back.
                    Err(AgentError::Engine(EngineError::Restarting { .. })) if !self.cue.gated => {}
                    said => break said?,
                }
            };
            if !text.is_empty() {
                return Ok(Spoken { text, memory, model });
            }
        }
        Err(AgentError::EmptyReply)
    }

    /// What the model says to this request, gated and told on the way.
    async fn words(
        &self,
        generator: &dyn Generator,
        request: &GenerateRequest,
        tell: &mpsc::Sender<Result<Step, AgentError>>,
    ) -> Result<String, AgentError> {
        let ask = || ready(generator.generate(request.clone()));
        let mut reply = patiently(self.patience(), ask, engine_is_busy).await?;
        fail::fail_point!("utterance::generate");
        let mut words = Words::new(self.cue.gated);
        loop {
            match reply.next().await.transpose()? {
                Some(Piece::Text(text)) => words.push(&text, tell).await,
                Some(Piece::Done(_)) => break,
                None => return Err(AgentError::BrokenOff),
            }
            if words.shut() {
                break;
            }
        }
        // Cancels what a shut gate left unsaid, before anything waits.
        drop(reply);
        Ok(words.finish(tell).await)
    }

    async fn choose(&self) -> Result<Option<Memory>, AgentError> {
        let of = |wanted: Aspect| move |memory: &Memory| memory.aspect == wanted;
        let mut rested = resting(&choices(&self.cue.history));
        match self.cue.rule {
            MemoryRule::Worry => {
                Ok(self.character.seeker_memories().into_iter().find(of(Aspect::RecentWorryOrAnxiety)))
            }
            MemoryRule::Best => Ok(self.select(&rested).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "a reply goes without a memory");
                None
            })),
            MemoryRule::Loop { coin } => {
                let additional_rests = rested.contains(&Aspect::AdditionalInformation);
                if !additional_rests {
                    rested.push(Aspect::AdditionalInformation);
                }
                let chosen = self.select(&rested).await?;
                Ok(match chosen {
                    None if coin && !additional_rests => {
                        self.memories().into_iter().find(of(Aspect::AdditionalInformation))
                    }
                    chosen => chosen,
                })
            }
        }
    }

    async fn select(&self, rested: &[Aspect]) -> Result<Option<Memory>, AgentError> {
        let selector = &self.voices.selector;
        let patience = self.patience();
        let busy = if self.cue.gated { memory_is_busy } else { memory_is_busy_or_away };
        let embed = || patiently(patience, || selector.embed(self.memories()), busy);
        let embedded = self.remembered.0.get_or_try_init(embed).await?;
        let select = || selector.select(embedded, &self.cue.history, rested);
        let selected = patiently(patience, select, busy).await?;
        Ok(selected.map(|selected| selected.memory))
    }

    /// Where nobody reads along, a busy service is waited for as long as it takes: what a simulation writes must not
    /// depend on how many dialogues run at once.
    fn patience(&self) -> Duration {
        if self.cue.gated { PATIENCE } else { Duration::MAX }
    }

    fn memories(&self) -> Vec<Memory> {
        match self.cue.speaker {
            Speaker::Seeker => self.character.seeker_memories(),
            Speaker::Supporter => self.character.supporter_memories(),
        }
    }
}

/// The words of an utterance on their way to the reader: gated, and without white space at either end.
struct Words {
    gate: Option<ReplyGate>,
    told: String,
    /// White space that is told only if words follow.
    space: String,
}

impl Words {
    fn new(gated: bool) -> Self {
        Self { gate: gated.then(ReplyGate::new), told: String::new(), space: String::new() }
    }

    async fn push(&mut self, text: &str, tell: &mpsc::Sender<Result<Step, AgentError>>) {
        match &mut self.gate {
            Some(gate) => {
                let passed = gate.push(text);
                self.tell(&passed, tell).await;
            }
            None => self.tell(text, tell).await,
        }
    }

    async fn tell(&mut self, text: &str, tell: &mpsc::Sender<Result<Step, AgentError>>) {
        let text = if self.told.is_empty() { text.trim_start() } else { text };
        let words = text.trim_end();
        let after = &text[words.len()..];
        if !words.is_empty() {
            let more = std::mem::take(&mut self.space) + words;
            self.told.push_str(&more);
            let _ = tell.send(Ok(Step::Text(more))).await;
        }
        if !self.told.is_empty() {
            self.space.push_str(after);
        }
    }

    fn shut(&self) -> bool {
        self.gate.as_ref().is_some_and(ReplyGate::is_shut)
    }

    async fn finish(mut self, tell: &mpsc::Sender<Result<Step, AgentError>>) -> String {
        if let Some(mut gate) = self.gate.take() {
            let rest = gate.finish();
            if let Some(blocked) = gate.blocked() {
                tracing::warn!(?blocked, rules = rules_version(), "words of a reply were replaced");
            }
            self.tell(&rest, tell).await;
        }
        self.told
    }
}

/// Asks again, ever more slowly, while the service says it is busy and patience lasts.
async fn patiently<T, E, F: Future<Output = Result<T, E>>>(
    patience: Duration,
    mut ask: impl FnMut() -> F,
    busy: fn(&E) -> bool,
) -> Result<T, E> {
    let mut pause = FIRST_PAUSE;
    let mut waited = Duration::ZERO;
    loop {
        match ask().await {
            Err(error) if busy(&error) && waited < patience => {
                tokio::time::sleep(pause).await;
                waited = waited.saturating_add(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            outcome => return outcome,
        }
    }
}

/// Busy, or away for a moment: a queue of people must not drain into failures because the model is loaded again.
fn engine_is_busy(error: &EngineError) -> bool {
    matches!(error, EngineError::Overloaded { .. } | EngineError::Restarting { .. })
}

fn memory_is_busy(error: &MemoryError) -> bool {
    matches!(error, MemoryError::Encoder(EncoderError::Overloaded { .. }))
}

fn memory_is_busy_or_away(error: &MemoryError) -> bool {
    memory_is_busy(error) || matches!(error, MemoryError::Encoder(EncoderError::Restarting { .. }))
}
