//! Waits for the end of an order, and tells each step once.

use std::time::Duration;

use anyhow::bail;
use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use super::{ORDERS, timeline};
use crate::cli::client::{Answer, Server};
use crate::cli::exit::Exit;
use crate::cli::output::{Out, list, text, words};

/// How often is asked: often enough for a person who watches, seldom enough for a server that many watch.
const POLL: Duration = Duration::from_millis(400);
/// Where an order ends.
const ENDS: [&str; 3] = ["delivered", "collected", "cancelled"];

/// What was seen so far.
#[derive(Debug)]
struct Watch<'a> {
    server: &'a Server,
    id: String,
    /// What an answer must have seen.
    position: Option<i64>,
    /// The position of the last step that was told.
    told: i64,
}

/// Waits until the order has come to an end. Success when the customer has it.
pub(super) async fn run(
    server: &Server,
    id: Uuid,
    position: Option<i64>,
    within: Duration,
    out: &mut Out,
) -> anyhow::Result<Exit> {
    let deadline = Instant::now() + within;
    let mut watch = Watch { server, id: id.to_string(), position, told: 0 };
    loop {
        let late = Instant::now() >= deadline;
        let stage = match watch.look(out).await {
            Ok(order) => {
                let stage = text(&order.value, "/stage");
                let ended = ENDS.contains(&stage.as_str());
                if out.is_json() && (ended || late) {
                    out.line(&order.text)?;
                }
                if ended {
                    return Ok(if stage == "cancelled" { Exit::Failed } else { Exit::Done });
                }
                words(&order.value, "/stage")
            }
            // A server that is away for a moment is waited for like an order that takes its time.
            Err(error) if Exit::of(&error) == Exit::Unreachable && !late => String::new(),
            Err(error) => return Err(error),
        };
        if late {
            let waited = within.as_secs();
            bail!(
                "order {id} is still {stage} after {waited} s, and goes on; `spindle saga why {id}` says why"
            );
        }
        tokio::time::sleep_until(deadline.min(Instant::now() + POLL)).await;
    }
}

impl Watch<'_> {
    /// The order as it is, after every step up to it has been told.
    async fn look(&mut self, out: &mut Out) -> anyhow::Result<Answer> {
        let after = |position: Option<i64>| position.map(|position| ("after", position.to_string()));
        let order = self.server.get(&[ORDERS, &self.id], &Vec::from_iter(after(self.position))).await?;
        self.position = order.position.max(self.position);
        if !out.is_json() {
            let query = Vec::from_iter(after(self.position));
            let answer = self.server.get(&[ORDERS, &self.id, "timeline"], &query).await?;
            for step in self.news(&answer.value) {
                out.line(timeline::line(step))?;
            }
        }
        Ok(order)
    }

    /// What was not told yet.
    fn news<'v>(&mut self, timeline: &'v Value) -> Vec<&'v Value> {
        let position = |step: &Value| step.get("position").and_then(Value::as_i64).unwrap_or(0);
        let told = self.told;
        let news: Vec<_> = list(timeline, "/entries").iter().filter(|step| position(step) > told).collect();
        self.told = news.iter().map(|step| position(step)).fold(told, i64::max);
        news
    }
}
