//! The heart of Spindle: one log in one global order, the relay that carries it to the bus, and what its
//! consumers need to see each event once, in order, without a gap.
//!
//! **Invariant:** this crate knows the shape of an event and no aggregate; nothing here names a consumer.

pub mod bus;
pub mod checkpoint;
pub mod feed;
pub mod leader;
pub mod leases;
pub mod log;
pub mod migrations;
pub mod parking;
pub mod record;
pub mod relay;
mod retry;
pub mod store;

pub use feed::Feed;
pub use leases::{Lease, Leases};
pub use log::{AppendError, EventLog, LogError};
pub use record::{Append, Appended, Claim, Claimed, NewEvent, StoredEvent, Stream};
