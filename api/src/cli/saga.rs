//! `spindle saga`: where the fulfilment of an order stands, and why.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use uuid::Uuid;

use super::client::ServerArgs;
use super::exit::Exit;
use super::output::{Out, drawn, list, table, text, time, words};

/// Where processes lie.
const SAGAS: &str = "sagas";
/// How much of a journal line is shown: it fits a wide terminal; `--output json` has all of it.
const LONGEST_REMARK: usize = 160;

/// See where the fulfilment of an order stands, and why.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  spindle saga list --status attention\n  \
                        spindle saga why 0198c1f2-7f5e-7c3a-9d7e-2f6b8a4c1e90")]
pub(super) struct SagaArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List processes, the last changed first
    #[command(after_help = "Example:\n  spindle saga list --status attention --limit 5")]
    List {
        /// Only of this status: running, compensating, attention, completed or compensated
        #[arg(long)]
        status: Option<String>,
        /// How many at most, up to 200
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: u32,
    },
    /// Show a process: why it stands where it stands, what it has to do, what it did
    #[command(after_help = "Example:\n  spindle saga show 0198c1f2-7f5e-7c3a-9d7e-2f6b8a4c1e90")]
    Show {
        /// The order
        id: Uuid,
    },
    /// Say in one sentence why a process stands where it stands
    #[command(after_help = "Example:\n  spindle saga why 0198c1f2-7f5e-7c3a-9d7e-2f6b8a4c1e90")]
    Why {
        /// The order
        id: Uuid,
    },
}

pub(super) async fn run(args: SagaArgs, out: &mut Out) -> anyhow::Result<Exit> {
    let server = args.server.server()?;
    match args.command {
        Command::List { status, limit } => {
            let mut query = vec![("limit", limit.to_string())];
            query.extend(status.map(|status| ("status", status)));
            let answer = server.get(&[SAGAS], &query).await?;
            let written = if out.is_json() { answer.text } else { listed(&answer.value) };
            out.line(written)?;
        }
        Command::Show { id } => {
            let answer = server.get(&[SAGAS, &id.to_string()], &[]).await?;
            let written = if out.is_json() { answer.text } else { shown(&answer.value) };
            out.line(written)?;
        }
        Command::Why { id } => {
            let answer = server.get(&[SAGAS, &id.to_string()], &[]).await?;
            let written =
                if out.is_json() { verdict(&answer.value).to_string() } else { text(&answer.value, "/why") };
            out.line(written)?;
        }
    }
    Ok(Exit::Done)
}

/// The part of a process that says why.
fn verdict(saga: &Value) -> Value {
    json!({ "id": saga["id"], "status": saga["status"], "step": saga["step"], "why": saga["why"], "verdict": saga["verdict"] })
}

fn listed(page: &Value) -> String {
    let sagas = list(page, "/sagas");
    if sagas.is_empty() {
        return "no processes".to_owned();
    }
    let mut table = table(&["order", "status", "step", "changed", "waiting for"]);
    for saga in sagas {
        let attention = text(saga, "/attention");
        let waiting = if attention.is_empty() { text(saga, "/waiting_for") } else { attention };
        table.add_row([
            text(saga, "/id"),
            text(saga, "/status"),
            words(saga, "/step"),
            time(saga, "/updated_at"),
            waiting,
        ]);
    }
    drawn(table)
}

fn shown(saga: &Value) -> String {
    let mut parts = vec![text(saga, "/why"), head(saga)];
    for (title, body) in [("Open work", work(saga)), ("Timers", timers(saga)), ("Journal", journal(saga))] {
        if let Some(body) = body {
            parts.push(format!("{title}\n{body}"));
        }
    }
    parts.join("\n\n")
}

fn head(saga: &Value) -> String {
    let mut table = table(&[]);
    let rows = [
        ("order", text(saga, "/id")),
        ("status", text(saga, "/status")),
        ("step", words(saga, "/step")),
        ("waiting for", text(saga, "/waiting_for")),
        ("attention", text(saga, "/attention")),
        ("began", time(saga, "/started_at")),
        ("changed", time(saga, "/updated_at")),
    ];
    for (name, value) in rows {
        if !value.is_empty() {
            table.add_row([name, &value]);
        }
    }
    drawn(table)
}

fn work(saga: &Value) -> Option<String> {
    let open = list(saga, "/work");
    let mut table = table(&["seq", "what", "status", "attempts", "next attempt", "last error"]);
    for work in open {
        table.add_row([
            text(work, "/seq"),
            described(&work["work"]),
            text(work, "/status"),
            text(work, "/attempts"),
            // What is given up has no next attempt.
            if work["status"] == "dead" { String::new() } else { time(work, "/next_attempt_at") },
            text(work, "/last_error"),
        ]);
    }
    (!open.is_empty()).then(|| drawn(table))
}

fn timers(saga: &Value) -> Option<String> {
    let set = list(saga, "/timers");
    let mut table = table(&["name", "due"]);
    for timer in set {
        table.add_row([words(timer, "/name"), time(timer, "/due_at")]);
    }
    (!set.is_empty()).then(|| drawn(table))
}

fn journal(saga: &Value) -> Option<String> {
    let entries = list(saga, "/journal");
    let mut table = table(&["seq", "at", "kind", "step", "what"]);
    for line in entries {
        let entry = &line["entry"];
        table.add_row([
            text(line, "/seq"),
            time(line, "/at"),
            words(line, "/kind"),
            step(entry),
            remark(line),
        ]);
    }
    (!entries.is_empty()).then(|| drawn(table))
}

/// The step that it led to, when it led to one.
fn step(entry: &Value) -> String {
    let (from, to) = (words(entry, "/step/from"), words(entry, "/step/to"));
    if from == to { String::new() } else { to }
}

/// What happened, in a line.
fn remark(line: &Value) -> String {
    let entry = &line["entry"];
    let what = match text(line, "/kind").as_str() {
        "event" => format!("{} at #{}", text(entry, "/event_type"), text(entry, "/position")),
        "timer" => format!("{} ran out", words(entry, "/timer")),
        "refused" => format!("{}: {}", command(&entry["command"]), text(entry, "/message")),
        "answered" => format!("{}: {}", words_of(&entry["effect"]), words_of(&entry["outcome"])),
        "gave_up" => format!("{}: {}", described(&entry["work"]), text(entry, "/error")),
        "attempt" => {
            let came = if entry["error"].is_null() { text(entry, "/result") } else { text(entry, "/error") };
            format!("{}, attempt {}: {came}", described(&entry["work"]), text(entry, "/attempt"))
        }
        _ => text(line, "/entry"),
    };
    let note = text(entry, "/remark");
    let whole = if note.is_empty() { what } else { format!("{what} ({note})") };
    match whole.char_indices().nth(LONGEST_REMARK) {
        Some((end, _)) => format!("{}…", &whole[..end]),
        None => whole,
    }
}

/// Work in a few words: `order: enter kitchen`, `provider: capture`.
fn described(work: &Value) -> String {
    if work["dispatch"].is_null() {
        format!("provider: {}", words_of(&work["call"]))
    } else {
        command(&work["dispatch"])
    }
}

fn command(command: &Value) -> String {
    format!("{}: {}", text(command, "/aggregate"), words_of(&command["command"]))
}

/// The name of a variant, as serde writes it: a text, or the only key of an object.
fn words_of(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            map.keys().next().map(|key| super::output::plain(key).replace('_', " ")).unwrap_or_default()
        }
        other => words(other, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saga() -> Value {
        json!({
            "id": "0198", "status": "running", "step": "accept", "waiting_for": "the kitchen to accept",
            "attention": null, "version": 3,
            "started_at": "2026-05-01T12:00:00Z", "updated_at": "2026-05-01T12:00:02Z",
            "verdict": { "verdict": "backing_off", "attempts": 3 }, "why": "Backing off.",
            "work": [
                { "seq": 4, "work": { "dispatch": { "aggregate": "kitchen", "id": "s", "command": { "schedule": {} } } },
                  "status": "due", "attempts": 3, "next_attempt_at": "2026-05-01T12:00:09Z", "last_error": "away" },
                { "seq": 5, "work": { "call": { "look_up": { "payment": "p" } } }, "status": "dead", "attempts": 12,
                  "next_attempt_at": "2026-05-01T12:00:09Z", "last_error": "away" },
            ],
            "timers": [{ "name": "accept_due", "due_at": "2026-05-01T12:05:00Z" }],
            "journal": [
                { "seq": 1, "at": "2026-05-01T12:00:00Z", "kind": "event",
                  "entry": { "event_type": "order.paid", "position": 7, "step": { "from": "pay", "to": "accept" } } },
                { "seq": 2, "at": "2026-05-01T12:00:01Z", "kind": "attempt",
                  "entry": { "work": { "dispatch": { "aggregate": "order", "command": "mark_ready" } }, "attempt": 1,
                             "error": "away\u{1b}[2J" } },
            ],
        })
    }

    #[test]
    fn the_verdict_comes_first() {
        assert_eq!(
            shown(&saga()),
            "Backing off.\n\n\
             order        0198\n\
             status       running\n\
             step         accept\n\
             waiting for  the kitchen to accept\n\
             began        2026-05-01 12:00:00Z\n\
             changed      2026-05-01 12:00:02Z\n\n\
             Open work\n\
             seq  what               status  attempts  next attempt          last error\n\
             4    kitchen: schedule  due     3         2026-05-01 12:00:09Z  away\n\
             5    provider: look up  dead    12                              away\n\n\
             Timers\n\
             name        due\n\
             accept due  2026-05-01 12:05:00Z\n\n\
             Journal\n\
             seq  at                    kind     step    what\n\
             1    2026-05-01 12:00:00Z  event    accept  order.paid at #7\n\
             2    2026-05-01 12:00:01Z  attempt          order: mark ready, attempt 1: away [2J"
        );
    }

    #[test]
    fn why_as_json_is_the_verdict_and_no_more() {
        let why = verdict(&saga());
        assert_eq!(why["verdict"]["verdict"], "backing_off");
        assert!(why.get("journal").is_none());
    }

    #[test]
    fn what_needs_a_person_says_so_in_the_list() {
        let page = json!({ "sagas": [{ "id": "0198", "status": "attention", "step": "refund",
            "updated_at": "2026-05-01T12:00:00Z", "waiting_for": "a person", "attention": "a refund failed" }] });
        assert!(listed(&page).ends_with("a refund failed"));
        assert_eq!(listed(&json!({ "sagas": [] })), "no processes");
    }

    #[test]
    fn a_journal_that_is_strange_is_shown_all_the_same() {
        let long = "x".repeat(500);
        let entries = [
            json!({ "kind": "new", "entry": { "a": 1 } }),
            json!({ "kind": "answered", "entry": {} }),
            json!({ "kind": "gave_up", "entry": { "error": long } }),
            json!(null),
        ];
        for entry in entries {
            assert!(remark(&entry).chars().count() <= LONGEST_REMARK + 1, "{entry}");
        }
    }
}
