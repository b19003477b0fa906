//! Spindle's edge and composition root.

pub mod app;
pub mod cli;
pub mod config;
pub mod http;
pub mod problem;
pub mod signature;
pub mod simulators;
pub mod telemetry;
