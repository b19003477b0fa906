//! The integration tests: one program, one file per subject. Run them with `cargo xtask test`.

mod bad_input;
mod cli;
mod contention;
mod crash;
mod failover;
mod failures_cancelling;
mod failures_courier;
mod failures_kitchen;
mod failures_paying;
mod failures_provider;
mod house;
mod http;
mod log;
mod main_flow;
mod outages;
mod parking;
mod trace;
