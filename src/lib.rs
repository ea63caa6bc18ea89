//! Kindred: a social-support simulation server.
//!
//! A bank of MBTI characters, each an actor with a persona and memories; a matcher that gives a person in need the
//! character most likely to help; supporter and seeker models that talk in live sessions or simulated dialogues.
//!
//! # Layout
//! An import points only downwards (`tests/architecture.rs` holds it to that).
//!
//! | floor | rooms |
//! |---|---|
//! | 6 faces | [`web`]: HTTP and the page; [`cli`]: the command line |
//! | 5 works | [`simulation`]: dialogues by the thousand; [`training`]: models; [`evaluation`]: what texts are worth |
//! | 4 agents | [`agents`]: characters, matcher, sessions, dialogues as actors |
//! | 3 skills | [`memory`]: which memory helps now; [`matching`]: who helps whom; [`faithfulness`]: is it still them who speak; [`safety`]: who must be helped otherwise |
//! | 2 services | [`engine`]: generate; [`encoder`]: embed and score; [`store`]: keep |
//! | 1 tensors | [`nn`]: model families, weights, devices |
//! | 0 words | [`persona`]: characters, the bank; [`dialogue`]: turns, prompts, published rows; [`statistics`]; [`files`] |

#![deny(missing_docs, unreachable_pub, unsafe_op_in_unsafe_fn, rustdoc::broken_intra_doc_links)]
#![deny(unsafe_code)]

pub mod agents;
pub mod cli;
pub mod dialogue;
pub mod encoder;
pub mod engine;
pub mod evaluation;
pub mod faithfulness;
pub mod files;
pub mod matching;
pub mod memory;
pub mod nn;
pub mod persona;
pub mod safety;
pub mod simulation;
pub mod statistics;
pub mod store;
pub mod training;
pub mod web;
