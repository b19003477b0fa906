//! What every consumer of the log does around its work: wait for the lease, lead, and begin again with growing
//! pauses when something breaks. Nothing ends in silence, and nothing ends but by `stop`.

use std::fmt::Display;
use std::time::Duration;

use backon::BackoffBuilder;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::leases::Leases;
use crate::retry;

/// Who has led for so long starts again at once when it breaks.
const SETTLED: Duration = Duration::from_secs(10);

/// Leads whenever this process holds the lease `name`, until `stop`. `lead` returns only when it is broken, and
/// may be dropped at any await when the lease is lost.
pub async fn run<E, F>(
    name: &str,
    leases: &Leases,
    stop: &CancellationToken,
    mut lead: impl FnMut() -> F + Send,
) where
    E: Display + Send,
    F: Future<Output = E> + Send,
{
    let mut delays = retry::reconnect().build();
    let mut told = String::new();
    loop {
        let lease = tokio::select! {
            lease = leases.hold(name) => lease,
            () = stop.cancelled() => return,
        };
        let since = Instant::now();
        tokio::select! {
            broken = lead() => {
                metrics::counter!("spindle_consumer_restarts_total", "consumer" => name.to_owned()).increment(1);
                // Once for each reason: an outage is one piece of news, however often it is met.
                let why = broken.to_string();
                if why == told {
                    tracing::debug!(consumer = name, why, "{name} stopped again: {why}");
                } else {
                    tracing::warn!(consumer = name, why, "{name} stopped and will start again: {why}");
                    told = why;
                }
            }
            () = lease.lost() => {}
            () = stop.cancelled() => return,
        }
        if since.elapsed() > SETTLED {
            delays = retry::reconnect().build();
            told.clear();
        }
        tokio::select! {
            () = tokio::time::sleep(delays.next().unwrap_or_default()) => {}
            () = stop.cancelled() => return,
        }
    }
}
