//! The bus: what the relay publishes and what consumers hear. It is fast and may lose, repeat or reorder;
//! the log is true, and every consumer compares.

mod message;
mod rabbit;
mod subscription;

pub use message::{Batch, Garbled};
pub use rabbit::{Bus, BusError};
pub use subscription::{Delivery, Subscription};

#[cfg(test)]
pub(crate) use message::tests as tests_support;
