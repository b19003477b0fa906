//! Process managers: the pure machine of `domain` made durable.
//!
//! An input (an event, a timer, an answer, a refusal) is handled in one transaction: the new state, the journal,
//! the work that follows and the checkpoint. Work is then carried out, each piece under an id of its own, so that
//! doing it twice has one effect.
//!
//! **Invariant:** nothing is sent to anybody before the transaction that decided it is committed.

mod labour;
mod runner;
mod store;
mod turn;
pub mod view;
mod why;

pub use labour::Retry;
pub use runner::{NAME, Runner};
pub use why::{Circumstance, Verdict, why};
