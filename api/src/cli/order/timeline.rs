//! What happened to an order, as a table: what, why, by whom.

use std::collections::HashMap;

use serde_json::Value;

use crate::cli::output::{drawn, list, table, text, time};

/// The timeline as a table. A cause that is in it is named by its position.
pub(super) fn render(timeline: &Value) -> String {
    let entries = list(timeline, "/entries");
    let positions: HashMap<String, String> =
        entries.iter().map(|entry| (text(entry, "/event_id"), text(entry, "/position"))).collect();
    let mut table = table(&["position", "at", "event", "what", "actor", "cause"]);
    for entry in entries {
        let by = text(entry, "/caused_by");
        let cause = positions.get(&by).filter(|_| !by.is_empty()).map_or(by.clone(), |at| format!("#{at}"));
        table.add_row([
            text(entry, "/position"),
            time(entry, "/at"),
            text(entry, "/event_type"),
            text(entry, "/text"),
            text(entry, "/actor"),
            cause,
        ]);
    }
    let omitted = timeline.pointer("/omitted").and_then(Value::as_u64).unwrap_or(0);
    let left_out =
        if omitted > 0 { format!("\n{omitted} older events are left out.") } else { String::new() };
    format!("{}{left_out}", drawn(table))
}

/// One step in a line.
pub(super) fn line(entry: &Value) -> String {
    let at = time(entry, "/at");
    // Whoever watches knows the day.
    let clock = at.split_once(' ').map_or(at.as_str(), |(_, clock)| clock);
    format!("{clock}  {}", text(entry, "/text"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_cause_within_the_timeline_is_named_by_its_position() {
        let timeline = json!({
            "entries": [
                { "position": 3, "at": "2026-05-01T12:00:00Z", "event_type": "order.placed", "text": "Ada ordered.",
                  "actor": "anonymous", "caused_by": "c0", "event_id": "e3" },
                { "position": 5, "at": "2026-05-01T12:00:01Z", "event_type": "payment.requested",
                  "text": "The provider is asked.", "actor": "process:fulfilment", "caused_by": "e3", "event_id": "e5" },
                { "position": 6, "at": "2026-05-01T12:00:01Z", "event_type": "order.paid", "text": "Paid.",
                  "event_id": "e6" },
            ],
            "omitted": 2,
        });
        assert_eq!(
            render(&timeline),
            "position  at                    event              what                    actor               cause\n\
             3         2026-05-01 12:00:00Z  order.placed       Ada ordered.            anonymous           c0\n\
             5         2026-05-01 12:00:01Z  payment.requested  The provider is asked.  process:fulfilment  #3\n\
             6         2026-05-01 12:00:01Z  order.paid         Paid.\n\
             2 older events are left out."
        );
        assert_eq!(line(&timeline["entries"][1]), "12:00:01Z  The provider is asked.");
    }
}
