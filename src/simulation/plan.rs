//! Which two characters talk in dialogue number n, decided by the seed alone.

use serde::{Deserialize, Serialize};

use super::SimulationError;
use crate::agents::{AgentError, DialoguePlan, Kindred, derive_seed};
use crate::persona::{Aspect, Bank, Character};

/// How pairs are made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pairs {
    /// Seeker and supporter by chance.
    Random,
    /// The seeker by chance, the supporter as matched to the seeker's recent worry.
    Matched,
    /// These (seeker, supporter), in turn.
    Given(Vec<(u32, u32)>),
}

/// What is to be simulated. Dialogue n depends on this and n alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simulation {
    /// How many dialogues.
    pub dialogues: usize,
    /// Utterances of each, both speakers' and the opening counted.
    pub turns: usize,
    /// Decides pairs, memories and words.
    pub seed: u64,
    /// Who talks with whom.
    pub pairs: Pairs,
}

impl Simulation {
    /// Looks for what makes the whole run impossible, before anything is written.
    ///
    /// # Errors
    /// [`SimulationError::Plan`].
    pub(super) fn check(&self, bank: &Bank) -> Result<(), SimulationError> {
        let refuse = |reason: String| Err(SimulationError::Plan { reason });
        if self.turns == 0 {
            return refuse("a dialogue needs at least one turn".into());
        }
        match &self.pairs {
            Pairs::Given(pairs) if pairs.is_empty() => refuse("no pair was given".into()),
            Pairs::Given(pairs) => match pairs.iter().flat_map(|&(a, b)| [a, b]).find(|&i| bank.get(i).is_none()) {
                Some(index) => refuse(format!("there is no character {index} in the bank")),
                None => Ok(()),
            },
            _ if bank.len() < 2 => refuse("a dialogue needs two characters; the bank holds fewer".into()),
            _ => Ok(()),
        }
    }

    /// The plan of dialogue `index`.
    ///
    /// # Errors
    /// The matcher's.
    pub(super) async fn plan(&self, kindred: &Kindred, index: usize) -> Result<DialoguePlan, AgentError> {
        let draw = |purpose, below: usize| {
            let drawn = derive_seed(purpose, &[self.seed, index as u64]);
            // `below` is a count of characters: it fits, and so does the remainder.
            (drawn % below.max(1) as u64) as usize
        };
        let bank = kindred.bank();
        let at = |place: usize| bank.iter().nth(place).map_or(0, |character| character.index);
        let place = draw("seeker", bank.len());
        let seeker = at(place);
        let (seeker, supporter) = match &self.pairs {
            Pairs::Given(pairs) => pairs[index % pairs.len()],
            Pairs::Random => {
                let other = draw("supporter", bank.len().saturating_sub(1));
                // Skips the seeker: nobody talks with themselves.
                (seeker, at(if other >= place { other + 1 } else { other }))
            }
            Pairs::Matched => {
                let about = bank.get(seeker).map(|character| worry(character)).unwrap_or_default();
                let ranked = kindred.matches(&about, 2).await?;
                let found = ranked.iter().map(|found| found.character.index).find(|&other| other != seeker);
                (seeker, found.ok_or(AgentError::NoCharacter { index: seeker })?)
            }
        };
        Ok(DialoguePlan {
            seeker,
            supporter,
            turns: self.turns,
            seed: derive_seed("dialogue", &[self.seed, index as u64]),
        })
    }
}

/// What weighs on a character, else who they are when they seek help.
fn worry(character: &Character) -> String {
    let memories = character.seeker_memories();
    let worry = memories.into_iter().find(|memory| memory.aspect == Aspect::RecentWorryOrAnxiety);
    worry.map_or_else(|| character.seeker_statement.clone(), |memory| memory.content)
}
