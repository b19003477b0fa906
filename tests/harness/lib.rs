//! What the integration tests stand on: real services, a server in this process or in one of its own, a world
//! outside that is spoken to over the wire, and ways to wait for a condition.
//!
//! **Invariant:** nothing here sleeps to let something happen: every wait names its condition and its deadline.

#![expect(clippy::expect_used, reason = "a harness may stop a test where it stands")]

pub mod client;
pub mod edge;
pub mod load;
pub mod order;
pub mod server;
pub mod services;
pub mod shop;
pub mod spy;
pub mod truth;
pub mod wait;
pub mod watch;
pub mod world;

pub use client::{Answer, Client};
pub use edge::Edge;
pub use server::{InProcess, Server};
pub use services::{Database, database, namespace};
pub use spy::Spy;
pub use wait::{eventually, eventually_ok};
pub use watch::Watch;
pub use world::{World, WorldOptions};
