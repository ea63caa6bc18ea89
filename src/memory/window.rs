//! The window of recent choices, and the aspects that rest because they filled it.
//!
//! Source: CharacterChat's data loop (arXiv 2308.10278): both speakers share one window of the last five choices, and an
//! aspect chosen three times in it rests.

use crate::dialogue::Turn;
use crate::persona::Aspect;

/// How many recent choices count, whoever made them.
pub const WINDOW: usize = 5;

/// An aspect chosen this often within the window rests.
pub const REST_AFTER: usize = 3;

/// The aspects that were chosen in this conversation, oldest first, by either speaker. Turns without a memory chose
/// nothing and take no place.
pub fn choices(history: &[Turn]) -> Vec<Aspect> {
    history.iter().filter_map(|turn| turn.memory.as_ref()).map(|memory| memory.aspect.clone()).collect()
}

/// The aspects that rest after these choices (oldest first), in order of their first place in the window.
pub fn resting(choices: &[Aspect]) -> Vec<Aspect> {
    let window = &choices[choices.len().saturating_sub(WINDOW)..];
    let mut resting: Vec<Aspect> = Vec::new();
    for aspect in window {
        let times = window.iter().filter(|other| *other == aspect).count();
        if times >= REST_AFTER && !resting.contains(aspect) {
            resting.push(aspect.clone());
        }
    }
    resting
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialogue::Speaker;
    use crate::persona::Memory;

    #[test]
    fn three_of_the_last_five_rest_and_return() {
        let (hobby, home) = (Aspect::Hobby, Aspect::LivingConditions);
        let mut said = vec![hobby.clone(), home.clone(), hobby.clone(), home.clone()];
        assert_eq!(resting(&said), []);
        said.push(hobby.clone());
        assert_eq!(resting(&said), [hobby.clone()]);
        said.push(home.clone());
        assert_eq!(resting(&said), [home.clone()], "the oldest hobby fell out of the window, home now fills it");
        said.extend([Aspect::EmotionalState, Aspect::EmotionalState, Aspect::Other("dream".into())]);
        assert_eq!(resting(&said), []);
    }

    #[test]
    fn both_speakers_fill_one_window() {
        let chosen = |speaker| Turn {
            memory: Some(Memory { aspect: Aspect::Hobby, content: "You row.".into() }),
            ..Turn::new(speaker, "said")
        };
        let history = [
            chosen(Speaker::Seeker),
            Turn::new(Speaker::Supporter, "no memory"),
            chosen(Speaker::Supporter),
            chosen(Speaker::Seeker),
        ];
        assert_eq!(choices(&history).len(), 3);
        assert_eq!(resting(&choices(&history)), [Aspect::Hobby]);
    }
}
