//! What `/readyz` looks at. Only what keeps commands from being taken makes a process unready; the rest is shown as
//! degraded, for people and alarms.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use chrono::TimeDelta;
use serde::Serialize;
use spindle_commands::process;
use spindle_eventlog::{checkpoint, leases, migrations, parking, relay};

use crate::http::state::AppState;

/// How long a consumer may be behind before that is worth a word: a rebuild or a burst takes seconds.
const PATIENCE: TimeDelta = TimeDelta::seconds(30);

/// How well a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Health {
    Ok,
    Degraded,
    Failed,
}

/// One part, with a word about it when it is not well.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    status: Health,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl Check {
    fn ok() -> Self {
        Self { status: Health::Ok, detail: None }
    }

    fn degraded(detail: impl Display) -> Self {
        Self { status: Health::Degraded, detail: Some(detail.to_string()) }
    }

    fn failed(detail: impl Display) -> Self {
        Self { status: Health::Failed, detail: Some(detail.to_string()) }
    }
}

/// How far a consumer of the log is.
#[derive(Debug, Serialize)]
pub(super) struct Consumer {
    #[serde(flatten)]
    check: Check,
    /// How many events it is behind.
    lag: i64,
    /// How many events it has put aside.
    parked: i64,
}

/// Everything that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    status: Health,
    /// The event log's database answers.
    database: Check,
    /// It has the tables of this version.
    migrations: Check,
    /// This process is not about to end.
    accepting: Check,
    #[serde(skip_serializing_if = "Option::is_none")]
    broker: Option<Check>,
    /// Orders are carried on.
    process: Check,
    /// How far consumers are is known.
    progress: Check,
    /// Views and other consumers, by name.
    consumers: BTreeMap<String, Consumer>,
}

impl Report {
    /// Whether commands can be taken.
    pub(super) fn can_take_commands(&self) -> bool {
        self.status != Health::Failed
    }
}

/// Looks at everything, at the same time.
pub(super) async fn all(app: &AppState) -> Report {
    let limit = app.limits.check;
    let (database, migrations, broker, process, consumers) =
        tokio::join!(database(app), migrated(app), broker(app), process(app), within(limit, consumers(app)));
    let accepting =
        if app.stopping.is_cancelled() { Check::failed("the process is about to end") } else { Check::ok() };
    let (progress, consumers) = match consumers {
        Ok(consumers) => (Check::ok(), consumers),
        Err(why) => (Check::degraded(why), BTreeMap::new()),
    };

    // Only these three keep commands out.
    let vital = [&database, &migrations, &accepting].into_iter().map(|check| check.status).max();
    let others =
        broker.iter().chain([&process, &progress]).chain(consumers.values().map(|consumer| &consumer.check));
    let worst = others.map(|check| check.status.min(Health::Degraded)).max();
    let status = vital.into_iter().chain(worst).max().unwrap_or(Health::Ok);
    Report { status, database, migrations, accepting, broker, process, progress, consumers }
}

/// Asks, but not for long.
async fn within<T, E: Display>(
    limit: Duration,
    question: impl Future<Output = Result<T, E>>,
) -> Result<T, String> {
    match tokio::time::timeout(limit, question).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", limit.as_secs_f32())),
    }
}

async fn database(app: &AppState) -> Check {
    match within(app.limits.check, sqlx::query("select 1").execute(app.log.pool())).await {
        Ok(_) => Check::ok(),
        Err(why) => Check::failed(why),
    }
}

async fn migrated(app: &AppState) -> Check {
    let steps = match within(app.limits.check, migrations::status(app.log.pool())).await {
        Ok(steps) => steps,
        Err(why) => return Check::failed(why),
    };
    let missing: Vec<String> = steps
        .iter()
        .filter(|step| !step.applied)
        .map(|step| format!("{} {}", step.version, step.name))
        .collect();
    if missing.is_empty() {
        Check::ok()
    } else {
        Check::failed(format!("not applied yet: {}; run `spindle migrate up`", missing.join(", ")))
    }
}

async fn broker(app: &AppState) -> Option<Check> {
    let bus = app.bus.as_ref()?;
    Some(match within(app.limits.check, bus.ping()).await {
        Ok(()) => Check::ok(),
        Err(why) => Check::degraded(format!("running from the log: {why}")),
    })
}

async fn process(app: &AppState) -> Check {
    let ask = async {
        let led = leases::is_held(app.log.pool(), process::NAME).await?;
        let (_, dead) = app.sagas.work().await?;
        let counts = app.sagas.counts().await?;
        Ok::<_, spindle_eventlog::LogError>((led, dead, counts))
    };
    let (led, dead, counts) = match within(app.limits.check, ask).await {
        Ok(facts) => facts,
        Err(why) => return Check::degraded(why),
    };
    let attention: i64 =
        counts.iter().filter(|(status, _)| status == "attention").map(|(_, count)| count).sum();
    let mut words = Vec::new();
    if !led {
        words.push("no worker runs it".to_owned());
    }
    if dead > 0 {
        words.push(format!("{dead} dead-lettered"));
    }
    if attention > 0 {
        words.push(format!("{attention} need attention"));
    }
    if words.is_empty() { Check::ok() } else { Check::degraded(words.join(", ")) }
}

async fn consumers(app: &AppState) -> Result<BTreeMap<String, Consumer>, String> {
    let text = |error: &dyn Display| error.to_string();
    let progress = app.queries.progress().await.map_err(|error| text(&error))?;
    let checkpoints = checkpoint::all(app.log.pool()).await.map_err(|error| text(&error))?;
    let parked = parking::counts(app.log.pool()).await.map_err(|error| text(&error))?;
    // After the checkpoints, so that nobody is said to be behind by less than it is.
    let head = app.log.head().await.map_err(|error| text(&error))?;

    let now = app.clock.now();
    let mut all = BTreeMap::new();
    for view in progress {
        let late = view.behind_since.is_some_and(|since| now - since > PATIENCE);
        let check = judge(late, view.parked);
        all.insert(view.consumer, Consumer { check, lag: view.lag, parked: view.parked });
    }
    for (name, position) in checkpoints {
        // Versions of a view that are not served any more stay behind for ever, and nobody minds.
        if name == process::NAME || (name == relay::NAME && app.bus.is_some()) {
            let parked = parked.iter().find(|(consumer, _)| *consumer == name).map_or(0, |(_, count)| *count);
            all.insert(name, Consumer { check: judge(false, parked), lag: head - position, parked });
        }
    }
    Ok(all)
}

fn judge(late: bool, parked: i64) -> Check {
    match (late, parked) {
        (false, 0) => Check::ok(),
        (false, _) => Check::degraded(format!("{parked} parked")),
        (true, 0) => Check::degraded(format!("behind for more than {} s", PATIENCE.num_seconds())),
        (true, _) => {
            Check::degraded(format!("behind for more than {} s, {parked} parked", PATIENCE.num_seconds()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_what_counts() {
        assert!(Health::Failed > Health::Degraded && Health::Degraded > Health::Ok);
        assert_eq!(judge(false, 0).status, Health::Ok);
        assert_eq!(judge(true, 0).status, Health::Degraded);
        assert_eq!(judge(false, 2).detail.as_deref(), Some("2 parked"));
    }
}
