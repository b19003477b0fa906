//! Gauges that are measured when somebody looks, against the log itself: a consumer that is dead shows its lag, and
//! a log that cannot be read shows no number at all.

use std::collections::BTreeMap;
use std::fmt::Write;

use spindle_commands::process;
use spindle_eventlog::{checkpoint, parking, relay};

use crate::http::state::AppState;

/// What was measured.
#[derive(Debug, Default)]
struct Measured {
    head: i64,
    /// By consumer: where it stands, and how many events it has put aside.
    consumers: BTreeMap<String, (i64, i64)>,
    due: i64,
    dead: i64,
    processes: Vec<(String, i64)>,
}

/// The gauges, in the text format of Prometheus.
pub(super) async fn render(app: &AppState) -> String {
    match tokio::time::timeout(app.limits.check, measure(app)).await {
        Ok(Ok(measured)) => text(Some(&measured)),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the log cannot be measured: {error}");
            text(None)
        }
        Err(_) => {
            tracing::warn!("the log cannot be measured: it does not answer");
            text(None)
        }
    }
}

/// Who should be at work, before the first event: one that never ran has no checkpoint, and all of the log before
/// it.
fn expected(app: &AppState) -> BTreeMap<String, (i64, i64)> {
    let mut names: Vec<String> = spindle_projections::names().iter().map(ToString::to_string).collect();
    names.push(process::NAME.to_owned());
    if app.bus.is_some() {
        names.push(relay::NAME.to_owned());
    }
    names.into_iter().map(|name| (name, (0, 0))).collect()
}

async fn measure(app: &AppState) -> Result<Measured, spindle_eventlog::LogError> {
    let pool = app.log.pool();
    let mut consumers = expected(app);
    consumers.extend(checkpoint::all(pool).await?.into_iter().map(|(name, position)| (name, (position, 0))));
    for (name, count) in parking::counts(pool).await? {
        consumers.entry(name).or_default().1 = count;
    }
    let (due, dead) = app.sagas.work().await?;
    let processes = app.sagas.counts().await?;
    // Last, so that nobody is said to be behind by less than it is.
    let head = app.log.head().await?;
    Ok(Measured { head, consumers, due, dead, processes })
}

fn text(measured: Option<&Measured>) -> String {
    let mut text = String::new();
    let up = i64::from(measured.is_some());
    gauge(&mut text, "spindle_log_up", "Whether the event log answers.", [(String::new(), up)]);
    let Some(measured) = measured else { return text };
    gauge(
        &mut text,
        "spindle_log_head",
        "The last position of the event log.",
        [(String::new(), measured.head)],
    );
    let lag =
        |(name, (position, _)): (&String, &(i64, i64))| (label("consumer", name), measured.head - position);
    gauge(
        &mut text,
        "spindle_consumer_lag_events",
        "How many events a consumer has not handled yet.",
        measured.consumers.iter().map(lag),
    );
    let parked = |(name, (_, parked)): (&String, &(i64, i64))| (label("consumer", name), *parked);
    gauge(
        &mut text,
        "spindle_parked_events",
        "How many events a consumer has put aside.",
        measured.consumers.iter().map(parked),
    );
    gauge(
        &mut text,
        "spindle_process_work",
        "How much work of processes is open.",
        [(label("status", "due"), measured.due), (label("status", "dead"), measured.dead)],
    );
    gauge(
        &mut text,
        "spindle_processes",
        "How many processes there are.",
        measured.processes.iter().map(|(status, count)| (label("status", status), *count)),
    );
    text
}

fn label(name: &str, value: &str) -> String {
    let value = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
    format!("{{{name}=\"{value}\"}}")
}

fn gauge(text: &mut String, name: &str, help: &str, values: impl IntoIterator<Item = (String, i64)>) {
    // Writing to a string does not fail.
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n");
    for (labels, value) in values {
        let _ = writeln!(text, "{name}{labels} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_does_not_answer_has_no_lag() {
        let text = text(None);
        assert!(text.contains("spindle_log_up 0\n"), "{text}");
        assert!(!text.contains("lag"), "{text}");
    }

    #[test]
    fn lag_is_measured_against_the_head() {
        let consumers = [("a\"b".to_owned(), (7, 2))].into();
        let text = text(Some(&Measured { head: 10, consumers, ..Measured::default() }));
        assert!(text.contains("spindle_consumer_lag_events{consumer=\"a\\\"b\"} 3\n"), "{text}");
        assert!(text.contains("spindle_parked_events{consumer=\"a\\\"b\"} 2\n"), "{text}");
        assert!(text.contains("spindle_process_work{status=\"dead\"} 0\n"), "{text}");
    }
}
