//! One character of the bank as an actor: owns its memories, starts its utterances, waits for nothing.

use std::sync::Arc;

use actix::{Actor, Context, Handler, Message, MessageResult};

use super::utterance::{Cue, Remembered, Utterance, Voices, Work};
use super::watch::Guard;
use crate::dialogue::Speaker;
use crate::persona::Character;

/// A character. Its replies never queue behind one another: each is a task of its own.
pub(super) struct CharacterActor {
    character: Arc<Character>,
    voices: Arc<Voices>,
    as_supporter: Remembered,
    as_seeker: Remembered,
    /// It ends with the process; before that, its end is a fall.
    _guard: Guard,
}

impl CharacterActor {
    pub(super) fn new(character: Arc<Character>, voices: Arc<Voices>, guard: Guard) -> Self {
        Self { character, voices, as_supporter: Remembered::default(), as_seeker: Remembered::default(), _guard: guard }
    }
}

impl Actor for CharacterActor {
    type Context = Context<Self>;
}

/// Asks the character to say something.
#[derive(Message)]
#[rtype(result = "Utterance")]
pub(super) struct Speak(pub(super) Cue);

impl Handler<Speak> for CharacterActor {
    type Result = MessageResult<Speak>;

    fn handle(&mut self, Speak(cue): Speak, _: &mut Context<Self>) -> Self::Result {
        fail::fail_point!("actor::character");
        let remembered = match cue.speaker {
            Speaker::Seeker => self.as_seeker.clone(),
            Speaker::Supporter => self.as_supporter.clone(),
        };
        let work = Work { character: self.character.clone(), remembered, voices: self.voices.clone(), cue };
        MessageResult(work.start())
    }
}
