//! Actors: one for each character, the matcher, live sessions and simulated dialogues.
