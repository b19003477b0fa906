//! What the process must do: told as stories, and proven in a small world with real aggregates.

mod cancelling;
mod forward;
mod money;
mod samples;
mod story;
mod world;
