//! `spindle events check`: is the log what it promises to be? Positions and streams without a gap, every payload
//! readable by this version, every cause before its effect.
//!
//! **Invariant:** a fault never ends the check: what can still be looked at is looked at.

use serde_json::json;
use spindle_domain::fact::{Raw, Recorded};
use spindle_eventlog::log::Report;
use spindle_eventlog::{EventLog, LogError, StoredEvent};

use super::BATCH;
use crate::cli::exit::Exit;
use crate::cli::output::{Out, plain};
use crate::cli::progress::Progress;

/// How many faults are named; the others are counted. Whoever has more needs a backup, not a list.
const MOST_NAMED: usize = 10_000;

/// What is wrong.
#[derive(Debug, Default)]
struct Faults {
    named: Vec<String>,
    unnamed: u64,
}

impl Faults {
    fn add(&mut self, fault: &str) {
        if self.named.len() < MOST_NAMED {
            self.named.push(plain(fault));
        } else {
            self.unnamed += 1;
        }
    }

    fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// A line for each, and one for those that are only counted.
    fn lines(&self) -> Vec<String> {
        let mut lines = self.named.clone();
        if self.unnamed > 0 {
            lines.push(format!("and {} more faults", self.unnamed));
        }
        lines
    }
}

pub(super) async fn run(log: &EventLog, out: &mut Out) -> anyhow::Result<Exit> {
    let report = log.check().await?;
    let mut faults = Faults::default();
    for fault in report.faults() {
        faults.add(&fault);
    }
    scan(log, report.head.max(report.last_position), &mut faults).await?;
    backwards(log, report.last_position, &mut faults).await?;
    let written = tell(&report, &faults, out);
    if faults.is_empty() {
        written?;
        return Ok(Exit::Done);
    }
    // Who reads our output may have had enough; the log is not whole all the same.
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(Exit::Differs),
    }
}

fn tell(report: &Report, faults: &Faults, out: &mut Out) -> std::io::Result<()> {
    if out.is_json() {
        return out.line(json!({ "report": report, "faults": faults.lines() }).to_string());
    }
    if !faults.is_empty() {
        return faults.lines().iter().try_for_each(|line| out.line(line));
    }
    let Report { last_position, streams, .. } = report;
    match last_position {
        0 => out.line("the log is empty"),
        last => {
            out.line(format!("positions 1…{last} without a gap, {streams} streams, every payload readable"))
        }
    }
}

/// Reads every event up to a position as a consumer would.
async fn scan(log: &EventLog, to: i64, faults: &mut Faults) -> Result<(), LogError> {
    let mut progress = Progress::new("checking", to);
    let mut at = 0;
    while at < to {
        let wanted = BATCH.min(to - at);
        at = match log.read_after(at, wanted).await {
            Ok(events) => {
                let Some(last) = events.last().map(|event| event.position) else {
                    faults.add(&format!("positions {} to {to} are missing", at + 1));
                    return Ok(());
                };
                look(&events, faults);
                last
            }
            Err(LogError::Gap { expected, found }) => {
                look(&log.read_after(at, expected - 1 - at).await?, faults);
                if found > expected {
                    faults.add(&gap(expected, found.min(to + 1) - 1));
                } else {
                    faults.add(&format!("position {found} is there more than once"));
                }
                // A position that comes twice is behind us already; after a gap the next event follows.
                (found - 1).max(expected - 1)
            }
            Err(LogError::Unreadable { position, why }) => {
                look(&log.read_after(at, position - 1 - at).await?, faults);
                faults.add(&format!("position {position}: {why}"));
                position
            }
            Err(error) => return Err(error),
        };
        progress.at(at);
    }
    Ok(())
}

fn gap(first: i64, last: i64) -> String {
    if first == last {
        format!("position {first} is missing")
    } else {
        format!("positions {first} to {last} are missing")
    }
}

fn look(events: &[StoredEvent], faults: &mut Faults) {
    for event in events {
        let read = Recorded::read(&Raw {
            position: event.position,
            sequence: event.sequence,
            event_id: event.event_id,
            recorded_at: event.recorded_at,
            aggregate_type: &event.aggregate_type,
            aggregate_id: &event.aggregate_id,
            event_type: &event.event_type,
            payload: event.payload.get(),
            metadata: event.metadata.get(),
        });
        if let Err(why) = read {
            faults.add(&format!("position {}: {why}", event.position));
        }
    }
}

async fn backwards(log: &EventLog, to: i64, faults: &mut Faults) -> Result<(), LogError> {
    let most = i64::try_from(MOST_NAMED).unwrap_or(i64::MAX);
    let pairs: Vec<(i64, i64)> =
        sqlx::query_as(include_str!("sql/backwards.sql")).bind(to).bind(most).fetch_all(log.pool()).await?;
    for (position, cause) in pairs {
        faults.add(&format!("position {position}: causation points backwards, to position {cause}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use serde_json::value::RawValue;
    use uuid::Uuid;

    fn event(event_type: &str, payload: &str) -> StoredEvent {
        StoredEvent {
            position: 7,
            event_id: Uuid::nil(),
            recorded_at: DateTime::UNIX_EPOCH,
            aggregate_type: "order".into(),
            aggregate_id: Uuid::nil().to_string(),
            sequence: 1,
            event_type: event_type.into(),
            event_version: "1.0".into(),
            payload: RawValue::from_string(payload.into()).unwrap(),
            metadata: RawValue::from_string("{}".into()).unwrap(),
        }
    }

    #[test]
    fn what_this_version_cannot_read_is_named_with_its_position() {
        let mut faults = Faults::default();
        look(&[event("order.delivered", "\"delivered\"")], &mut faults);
        assert_eq!(faults.lines(), Vec::<String>::new());
        look(&[event("order.eaten", "{}"), event("order.paid", "{}")], &mut faults);
        let lines = faults.lines();
        assert!(lines[0].starts_with("position 7: unknown event type"), "{lines:?}");
        assert!(lines[1].starts_with("position 7: payload of order.paid"), "{lines:?}");
    }

    #[test]
    fn a_ruin_is_counted_and_not_kept() {
        let mut faults = Faults::default();
        for number in 0..MOST_NAMED + 3 {
            faults.add(&format!("fault {number}\n"));
        }
        let lines = faults.lines();
        assert_eq!(lines.len(), MOST_NAMED + 1);
        assert_eq!(lines.last().unwrap(), "and 3 more faults");
        assert!(!lines[0].contains('\n'));
    }

    #[test]
    fn a_gap_is_named_from_end_to_end() {
        assert_eq!(gap(3, 3), "position 3 is missing");
        assert_eq!(gap(3, 9), "positions 3 to 9 are missing");
    }
}
