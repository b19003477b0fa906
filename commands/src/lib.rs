//! The write side: commands are decided here, processes are run here, the world outside is called from here.
//!
//! **Invariant:** nothing here reads a view; what a command needs to know stands in the log.

pub mod clock;
pub mod decider;
pub mod dispatcher;
pub mod effects;
pub mod process;

pub use clock::Clock;
pub use decider::Decider;
pub use dispatcher::{CommandError, Context, Dispatcher, Done};
