//! Which character is most likely to help a person.
