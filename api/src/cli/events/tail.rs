//! `spindle events tail`: events in the order of the log, the last ones or from a position on.

use std::collections::VecDeque;
use std::time::Duration;

use clap::Args;
use spindle_domain::fact::Circumstances;
use spindle_eventlog::{EventLog, StoredEvent};
use uuid::Uuid;

use super::BATCH;
use crate::cli::exit::Exit;
use crate::cli::output::{Out, moment, plain};

/// How many events are shown when nobody says: a screen.
const USUAL: u32 = 20;
/// How many of the last events can be asked for: they are held in memory, about a kilobyte each.
const MOST_OF_THE_LAST: u32 = 100_000;
/// How often the log is asked for more: soon enough for an eye, no burden for a database.
const POLL: Duration = Duration::from_millis(250);

/// Print events in the order of the log.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    spindle events tail --follow\n  \
    spindle events tail --from 1 --type order.placed --limit 10\n  \
    spindle events tail --order 0198c1f2-7f5e-7c3a-9d7e-2f6b8a4c1e90 --output json\n\n\
    Without --from the last events are printed, with it those from that position on. JSON is one event a line.")]
pub(super) struct TailArgs {
    /// The position to begin at
    #[arg(long, value_name = "POSITION", value_parser = clap::value_parser!(i64).range(1..))]
    from: Option<i64>,
    /// Go on when the end of the log is reached
    #[arg(long, short)]
    follow: bool,
    /// Only events of this type, such as order.paid, or of all types that begin so: payment.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Only what happened to this order or for it
    #[arg(long, value_name = "ID")]
    order: Option<Uuid>,
    /// How many at most: the last so many, or with --from the first so many [default: 20; with --from, all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_OF_THE_LAST)))]
    limit: Option<u32>,
}

impl TailArgs {
    fn wants(&self, event: &StoredEvent) -> bool {
        self.kind.as_deref().is_none_or(|kind| is_type(&event.event_type, kind))
            && self.order.is_none_or(|order| is_for(event, order))
    }
}

/// A type, or the beginning of one up to a dot.
fn is_type(event_type: &str, wanted: &str) -> bool {
    event_type == wanted || (wanted.ends_with('.') && event_type.starts_with(wanted))
}

/// What happened to an order stands in its stream; what happened for it carries its name.
fn is_for(event: &StoredEvent, order: Uuid) -> bool {
    Uuid::parse_str(&event.aggregate_id) == Ok(order)
        || Circumstances::read(&event.metadata()).correlation == Some(order)
}

pub(super) async fn run(log: &EventLog, args: &TailArgs, out: &mut Out) -> anyhow::Result<Exit> {
    let head = log.head().await?;
    let (mut at, mut left) = if let Some(from) = args.from {
        (from - 1, args.limit)
    } else {
        for event in last(log, args, head).await? {
            print(&event, out)?;
        }
        (head, None)
    };
    loop {
        let events = log.read_after(at, BATCH).await?;
        at = events.last().map_or(at, |event| event.position);
        for event in events.iter().filter(|event| args.wants(event)) {
            if left == Some(0) {
                break;
            }
            print(event, out)?;
            left = left.map(|left| left - 1);
        }
        if left == Some(0) {
            return Ok(Exit::Done);
        }
        if events.is_empty() {
            if !args.follow {
                return Ok(Exit::Done);
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

/// The last events that are wanted, up to a position, oldest first. Read backwards in windows, so that a long log
/// is not read from its beginning.
async fn last(log: &EventLog, args: &TailArgs, head: i64) -> anyhow::Result<VecDeque<StoredEvent>> {
    let wanted = usize::try_from(args.limit.unwrap_or(USUAL)).unwrap_or(usize::MAX);
    let mut found = VecDeque::new();
    let mut end = head;
    while end > 0 && found.len() < wanted {
        let start = (end - BATCH).max(0);
        let window = log.read_after(start, end - start).await?;
        for event in window.into_iter().rev().filter(|event| args.wants(event)) {
            if found.len() == wanted {
                break;
            }
            found.push_front(event);
        }
        end = start;
    }
    Ok(found)
}

fn print(event: &StoredEvent, out: &mut Out) -> anyhow::Result<()> {
    let text = if out.is_json() { serde_json::to_string(event)? } else { line(event) };
    Ok(out.line(text)?)
}

/// An event in a line. Columns are as wide as they ever need to be, because nobody knows what follows.
fn line(event: &StoredEvent) -> String {
    let actor = Circumstances::read(&event.metadata()).actor.unwrap_or_default();
    let text = format!(
        "{:>9}  {}  {:<28}  {} #{:<3}  {actor}",
        event.position,
        moment(event.recorded_at),
        event.event_type,
        event.aggregate_id,
        event.sequence,
    );
    plain(text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use serde_json::value::RawValue;

    fn event(id: Uuid, metadata: &str) -> StoredEvent {
        StoredEvent {
            position: 12,
            event_id: Uuid::nil(),
            recorded_at: DateTime::UNIX_EPOCH,
            aggregate_type: "payment".into(),
            aggregate_id: id.to_string(),
            sequence: 2,
            event_type: "payment.captured".into(),
            event_version: "1.0".into(),
            payload: RawValue::from_string("{}".into()).unwrap(),
            metadata: RawValue::from_string(metadata.into()).unwrap(),
        }
    }

    #[test]
    fn a_type_is_meant_whole_unless_it_ends_with_a_dot() {
        assert!(is_type("order.paid", "order.paid") && is_type("order.paid", "order."));
        assert!(!is_type("order.paid", "order") && !is_type("order.payment_failed", "order.pa"));
    }

    #[test]
    fn what_happened_for_an_order_belongs_to_it() {
        let (order, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert!(is_for(&event(order, "{}"), order));
        assert!(is_for(&event(other, &format!(r#"{{"correlation_id":"{order}"}}"#)), order));
        assert!(!is_for(&event(other, "{}"), order));
        assert!(!is_for(&event(other, "[1]"), order));
    }

    #[test]
    fn an_event_fits_in_a_line() {
        assert_eq!(
            line(&event(Uuid::nil(), r#"{"actor":"process:fulfilment\n"}"#)),
            "       12  1970-01-01 00:00:00Z  payment.captured              \
             00000000-0000-0000-0000-000000000000 #2    process:fulfilment"
        );
    }
}
