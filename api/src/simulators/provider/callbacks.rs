//! Delivers callbacks: signed, in as many copies as wished, tried again until somebody says 2xx.
//!
//! **Invariant:** every copy and every try of a callback has the same id and body; only the time of signing differs.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use futures_util::future::join_all;
use spindle_commands::effects::http;
use tokio::sync::oneshot;

use super::records::Outgoing;
use super::world::World;
use crate::signature;

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often one callback may be tried, whatever the options say.
const MOST_ATTEMPTS: u32 = 100;
/// How many copies may be sent, whatever the options say.
const MOST_COPIES: u16 = 16;

/// Starts the delivery of a callback. The receiver hears when the first try is over.
pub(super) fn start(world: &Arc<World>, outgoing: Outgoing) -> oneshot::Receiver<()> {
    let (tried, first) = oneshot::channel();
    let task = Arc::clone(world);
    world.tasks.spawn(async move {
        let stop = task.stop.clone();
        // A shutdown leaves the callback in the journal, for the next start.
        let _ = stop.run_until_cancelled(deliver(&task, &outgoing, tried)).await;
    });
    first
}

async fn deliver(world: &Arc<World>, outgoing: &Outgoing, tried: oneshot::Sender<()>) {
    let options = world.options.callbacks;
    let mut tried = Some(tried);
    let mut pause = options.pause.min(LONGEST_PAUSE);
    let mut left = options.copies.clamp(1, MOST_COPIES);
    for attempt in 1..=options.attempts.clamp(1, MOST_ATTEMPTS) {
        let results = join_all((0..left).map(|_| post(world, outgoing))).await;
        if let Some(tried) = tried.take() {
            // Nobody listens unless the callback was to overtake the answer.
            let _ = tried.send(());
        }
        let mut failures = results.into_iter().filter_map(Result::err);
        let Some(error) = failures.next() else {
            return world.told(outgoing.id);
        };
        left = u16::try_from(1 + failures.count()).unwrap_or(MOST_COPIES);
        tracing::debug!(attempt, %error, "callback {} to {} failed: {error}", outgoing.id, outgoing.url);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    tracing::warn!("callback {} to {} was given up", outgoing.id, outgoing.url);
    world.told(outgoing.id);
}

async fn post(world: &World, outgoing: &Outgoing) -> Result<(), String> {
    let _permit = world.lines.acquire().await.map_err(|error| error.to_string())?;
    let id = format!("msg_{}", outgoing.id.simple());
    let secret = std::slice::from_ref(&world.options.secret);
    let headers = signature::sign(secret, &id, Utc::now(), outgoing.body.as_bytes());
    let mut request = world.client.post(&outgoing.url).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    match request.body(outgoing.body.clone()).send().await {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => Err(format!("HTTP {}", response.status())),
        Err(error) => Err(http::chain(&error)),
    }
}
