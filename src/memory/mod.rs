//! Which of a character's memories helps now.
