//! Simulated dialogues between seeker and supporter models.
