//! Spindle's edge and composition root.

pub mod cli;
pub mod signature;
pub mod simulators;
pub mod app;
pub mod config;
pub mod http;
pub mod problem;
pub mod telemetry;
