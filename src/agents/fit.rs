//! Makes a talk of any length fit a model's context: the oldest turns go first, the newest stays.

use super::AgentError;
use crate::dialogue::{Prompt, Speaker, Turn, last_chars};
use crate::engine::Generator;
use crate::persona::Memory;

/// No text has more characters a token than this over any length that matters; turns further back than this many
/// characters a token of context cannot fit and are not even tokenized.
const CHARACTERS_A_TOKEN: usize = 8;

/// What is to be laid out.
pub(super) struct Scene<'a> {
    pub(super) speaker: Speaker,
    pub(super) statement: &'a str,
    pub(super) history: &'a [Turn],
    pub(super) memory: Option<&'a Memory>,
}

/// The prompt with as much of the newest history as leaves room for `reply` tokens.
///
/// If not even the newest turn fits, its beginning is cut. A persona that alone is too long is left for the model to
/// refuse ([`crate::engine::EngineError::PromptTooLong`]).
///
/// # Errors
/// The chat template's or the tokenizer's.
pub(super) fn fit(generator: &dyn Generator, scene: &Scene<'_>, reply: usize) -> Result<Prompt, AgentError> {
    let context = generator.identity().context;
    // However long a reply may get, half of the context stays for what it answers.
    let limit = context - reply.min(context / 2);
    let lay_out = |history: &[Turn]| -> Result<(Prompt, usize), AgentError> {
        let prompt = generator.layout().prompt(scene.speaker, scene.statement, history, scene.memory)?;
        let tokens = generator.count_tokens(&prompt)?;
        Ok((prompt, tokens))
    };

    let history = newest_within(scene.history, limit.saturating_mul(CHARACTERS_A_TOKEN));
    let (prompt, tokens) = lay_out(history)?;
    if tokens <= limit || history.is_empty() {
        return Ok(prompt);
    }
    // The fewest turns to drop lie in `low..=high`; more turns never make fewer tokens.
    let (mut low, mut high) = (1, history.len() - 1);
    let mut best = None;
    while low <= high {
        let drop = low + (high - low) / 2;
        let (prompt, tokens) = lay_out(&history[drop..])?;
        if tokens <= limit {
            best = Some(prompt);
            high = drop - 1;
        } else {
            low = drop + 1;
        }
    }
    if let Some(prompt) = best {
        return Ok(prompt);
    }

    let newest = &history[history.len() - 1];
    let mut keep = newest.text.chars().count().min(limit.saturating_mul(CHARACTERS_A_TOKEN));
    loop {
        let (prompt, tokens) = lay_out(&[Turn { text: last_chars(&newest.text, keep).to_owned(), ..newest.clone() }])?;
        if tokens <= limit || keep == 0 {
            return Ok(prompt);
        }
        // In proportion, but always by at least a tenth, so that a dozen steps or two suffice.
        keep = (keep * limit / tokens).min(keep * 9 / 10);
    }
}

/// The newest turns that together have at most this many bytes; always the newest of all.
fn newest_within(history: &[Turn], most: usize) -> &[Turn] {
    let mut bytes = 0;
    let from = history
        .iter()
        .rposition(|turn| {
            bytes += turn.text.len();
            bytes > most
        })
        .map_or(0, |over| (over + 1).min(history.len().saturating_sub(1)));
    &history[from..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialogue::Layout;
    use crate::engine::{EngineError, GenerateRequest, ModelIdentity, Reply};

    /// Counts words; its context is 2,048.
    struct Counter(ModelIdentity, Layout);

    impl Generator for Counter {
        fn identity(&self) -> &ModelIdentity {
            &self.0
        }

        fn layout(&self) -> &Layout {
            &self.1
        }

        fn count_tokens(&self, prompt: &Prompt) -> Result<usize, EngineError> {
            Ok(prompt.text().split_whitespace().count())
        }

        fn generate(&self, _: GenerateRequest) -> Result<Reply, EngineError> {
            Err(EngineError::Gone { reason: "it only counts".into() })
        }
    }

    fn prompt(history: &[Turn], reply: usize) -> String {
        let [name, version, family, dtype, device] = [(); 5].map(|()| "none".to_owned());
        let identity = ModelIdentity { name, version, family, parameters: 0, dtype, device, context: 2048 };
        let generator = Counter(identity, Layout::default());
        let scene = Scene { speaker: Speaker::Supporter, statement: "P", history, memory: None };
        let prompt = fit(&generator, &scene, reply).unwrap();
        assert!(generator.count_tokens(&prompt).unwrap() <= 2048 - reply);
        prompt.text()
    }

    #[test]
    fn a_long_talk_loses_its_oldest_turns_and_no_more_than_needed() {
        let history: Vec<Turn> = (0..3_000)
            .map(|n| Turn::new(Speaker::Seeker, format!("turn {n} of ten words, as it goes on and on")))
            .collect();
        let text = prompt(&history, 48);
        assert!(text.contains("turn 2999 ") && !text.contains("turn 100 "));
        // Ten words a turn and the tag glued to its neighbours: 2,000 tokens hold about 200 turns.
        assert!(text.contains("turn 2810 "), "{}", &text[..200]);
        assert_eq!(prompt(&history[2990..], 48).matches("turn").count(), 10);
    }

    #[test]
    fn a_message_longer_than_the_context_keeps_its_end() {
        let text = format!("{} the end", "word ".repeat(7_000));
        let text = prompt(&[Turn::new(Speaker::Seeker, "before"), Turn::new(Speaker::Seeker, text)], 96);
        assert!(text.contains("the end") && !text.contains("before"));
        assert!(text.split_whitespace().count() > 1_000);
    }

    #[test]
    fn no_history_is_fine() {
        assert_eq!(prompt(&[], 96), "<SYSTEM>P<SUPPORTER>[INFO-]");
    }
}
