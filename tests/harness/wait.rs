//! Waiting for conditions, never for durations.

use std::fmt::Debug;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::Instant;

/// How long a condition may take unless a test says otherwise: generous, because a loaded machine is no failure.
pub const PATIENCE: Duration = Duration::from_mins(1);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Waits until `look` gives something.
///
/// # Errors
/// When it gives nothing until the deadline; says what it was waiting for.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return Ok(found);
        }
        if Instant::now() > deadline {
            bail!("{what}: not within {} s", PATIENCE.as_secs());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until `look` succeeds; the last failure is told when it never does.
///
/// # Errors
/// When it fails until the deadline.
pub async fn eventually_ok<T, E: Debug>(
    what: &str,
    patience: Duration,
    mut look: impl AsyncFnMut() -> Result<T, E>,
) -> Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        match look().await {
            Ok(found) => return Ok(found),
            Err(error) if Instant::now() > deadline => {
                bail!("{what}: not within {} s; last: {error:?}", patience.as_secs())
            }
            Err(_) => tokio::time::sleep(LOOK).await,
        }
    }
}
