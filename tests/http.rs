//! What every client of the HTTP API may count on.

mod health;
mod idempotency;
mod lifecycles;
mod lists;
mod reading;
mod versions;

use anyhow::{Context, Result};
use harness::{World, WorldOptions, order};
use serde_json::Value;

/// An order that nobody pays: nothing moves it.
fn unpaid() -> Value {
    order::unpaid(order::delivery(""))
}

/// The text of a field.
fn text<'a>(body: &'a Value, field: &str) -> Result<&'a str> {
    body[field].as_str().with_context(|| format!("no {field}: {body}"))
}

/// Posts a body, and returns what was made.
async fn post(client: &harness::Client, path: &str, body: &Value) -> Result<Value> {
    client.post(path, body).await?.ok()
}

/// A shop without a broker, whose people are chosen by `change`.
async fn shop(change: impl FnOnce(&mut WorldOptions)) -> Result<World> {
    let mut options = WorldOptions { broker: false, ..WorldOptions::default() };
    change(&mut options);
    World::start(options).await
}
