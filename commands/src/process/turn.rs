//! One turn of the runner: inputs go in, everything that follows comes out as rows. Pure but for the clock.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use spindle_domain::fact::trace_id;
use spindle_domain::fulfillment::{Action, Fulfilment, Input, Policy, Status, Timer, Work};
use spindle_domain::values::OrderId;
use uuid::Uuid;

use super::NAME;
use super::labour::{Attempt, Failed, Retry};

/// A process as it is stored.
#[derive(Debug, Clone)]
pub(super) struct Instance {
    pub(super) state: Fulfilment,
    /// 0: not stored yet.
    pub(super) version: i64,
    /// The `seq` of the last journal entry.
    pub(super) journal: i64,
    /// The `seq` of the last work.
    pub(super) work: i64,
    /// The trace of the request that began it.
    pub(super) traceparent: Option<String>,
    pub(super) started_at: DateTime<Utc>,
}

/// A line of the journal.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) id: Uuid,
    pub(super) seq: i64,
    pub(super) kind: &'static str,
    pub(super) content: Value,
}

/// New work.
#[derive(Debug, Clone)]
pub(super) struct NewWork {
    pub(super) work_id: Uuid,
    pub(super) id: Uuid,
    pub(super) seq: i64,
    pub(super) cause: Option<Uuid>,
    pub(super) traceparent: Option<String>,
    pub(super) work: Work,
}

/// What becomes of work that was tried.
#[derive(Debug, Clone)]
pub(super) struct Settled {
    pub(super) work_id: Uuid,
    pub(super) status: &'static str,
    pub(super) attempts: i32,
    pub(super) next_attempt_at: DateTime<Utc>,
    pub(super) error: Option<String>,
}

/// Everything that one transaction stores.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The version that each changed process had before.
    pub(super) before: HashMap<Uuid, i64>,
    pub(super) journal: Vec<Entry>,
    pub(super) work: Vec<NewWork>,
    pub(super) settled: Vec<Settled>,
    pub(super) timers_set: HashMap<(Uuid, Timer), DateTime<Utc>>,
    pub(super) timers_cancelled: Vec<(Uuid, Timer)>,
    /// Timers that fire: they must still be there.
    pub(super) timers_fired: Vec<(Uuid, Timer, DateTime<Utc>)>,
}

/// Where an input comes from, for causation and traces.
#[derive(Debug, Clone, Default)]
pub(super) struct Origin {
    /// The event, or the work whose answer it is; makes the ids of the work that follows.
    pub(super) name: Uuid,
    pub(super) cause: Option<Uuid>,
    pub(super) traceparent: Option<String>,
}

/// Collects what follows from inputs.
pub(super) struct Turn<'a> {
    pub(super) instances: &'a mut HashMap<Uuid, Instance>,
    pub(super) policy: &'a Policy,
    pub(super) retry: &'a Retry,
    pub(super) now: DateTime<Utc>,
    pub(super) outcome: Outcome,
}

impl Turn<'_> {
    /// Lets the process react. A process that does not exist is begun only by an input that begins one.
    pub(super) fn input(&mut self, id: Uuid, input: &Input, origin: &Origin) {
        if !self.instances.contains_key(&id) {
            let begins = matches!(input, Input::Fact(recorded) if Fulfilment::starts_with(recorded));
            if !begins {
                tracing::debug!(process = NAME, %id, "an input for a process that was never begun is ignored");
                return;
            }
            let state = Fulfilment::new(OrderId(id));
            let instance = Instance {
                state,
                version: 0,
                journal: 0,
                work: 0,
                traceparent: origin.traceparent.clone(),
                started_at: self.now,
            };
            self.instances.insert(id, instance);
        }
        let Some(instance) = self.instances.get_mut(&id) else { return };
        self.outcome.before.entry(id).or_insert(instance.version);
        let from = instance.state.step();
        let reaction = instance.state.react(input, self.now, self.policy);
        let changed = instance.journal == 0
            || reaction.state.status() != instance.state.status()
            || reaction.state.step() != from;
        instance.state = reaction.state;
        let to = instance.state.step();
        if changed {
            metrics::counter!("spindle_process_steps_total", "process" => NAME, "step" => to.as_str())
                .increment(1);
            tracing::info!(
                process = NAME,
                order.id = %id,
                step = to.as_str(),
                trace_id = origin.traceparent.as_deref().and_then(trace_id),
                "{NAME} of order {id} is at {to}: {}",
                reaction.remark.as_deref().unwrap_or("as it should")
            );
        }
        let mut entry = describe(input);
        entry["step"] = json!({ "from": from, "to": to });
        if let Some(remark) = reaction.remark {
            entry["remark"] = json!(remark);
        }
        if !reaction.actions.is_empty() {
            entry["actions"] = json!(reaction.actions);
        }
        self.write(id, kind(input), entry);
        for (number, action) in reaction.actions.into_iter().enumerate() {
            self.action(id, action, number, origin);
        }
    }

    fn action(&mut self, id: Uuid, action: Action, number: usize, origin: &Origin) {
        match action {
            Action::Do(work) => {
                let Some(instance) = self.instances.get_mut(&id) else { return };
                instance.work += 1;
                // The process, its input and the step name the work: deciding it twice names it the same.
                let name = format!("{NAME}/{}/{number}", origin.name);
                self.outcome.work.push(NewWork {
                    work_id: Uuid::new_v5(&id, name.as_bytes()),
                    id,
                    seq: instance.work,
                    cause: origin.cause,
                    traceparent: origin.traceparent.clone(),
                    work,
                });
            }
            Action::SetTimer(timer, due_at) => {
                self.outcome.timers_cancelled.retain(|cancelled| *cancelled != (id, timer));
                self.outcome.timers_set.insert((id, timer), due_at);
            }
            Action::CancelTimer(timer) => {
                self.outcome.timers_set.remove(&(id, timer));
                self.outcome.timers_cancelled.push((id, timer));
            }
        }
    }

    /// A timer runs out.
    pub(super) fn fire(&mut self, id: Uuid, timer: Timer, due_at: DateTime<Utc>) {
        self.outcome.timers_fired.push((id, timer, due_at));
        let name = format!("{timer:?}@{}", due_at.timestamp_micros());
        let traceparent = self.instances.get(&id).and_then(|instance| instance.traceparent.clone());
        let origin = Origin { name: Uuid::new_v5(&id, name.as_bytes()), cause: None, traceparent };
        self.input(id, &Input::Timer(timer), &origin);
    }

    /// Work was tried.
    pub(super) fn tried(&mut self, attempt: Attempt) {
        let Attempt { due, began, ended, result } = attempt;
        let kind = match &due.work {
            Work::Dispatch(_) => "command",
            Work::Call(_) => "effect",
        };
        let number = due.attempts + 1;
        let millis = (ended - began).num_milliseconds();
        let mut entry = json!({
            "work_id": due.work_id, "work": due.work, "attempt": number, "began": began, "took_ms": millis,
        });
        let origin = Origin { name: due.work_id, cause: due.cause, traceparent: due.traceparent.clone() };
        let mut settled = Settled {
            work_id: due.work_id,
            status: "done",
            attempts: number,
            next_attempt_at: self.now,
            error: None,
        };
        let input = match result {
            Ok(achieved) => {
                entry["result"] = json!(achieved.remark);
                achieved.input
            }
            Err(Failed { error, not_before, counts }) => {
                entry["error"] = json!(error);
                settled.error = Some(error.clone());
                settled.attempts = if counts { number } else { due.attempts };
                if settled.attempts >= self.retry.attempts {
                    settled.status = "dead";
                    tracing::error!(process = NAME, order.id = %due.id, error, "given up after {number} attempts: {error}");
                    Some(Input::GaveUp { work: due.work.clone(), error })
                } else {
                    settled.status = "due";
                    let pause = self.retry.pause(number).max(not_before.unwrap_or_default());
                    settled.next_attempt_at =
                        self.now + chrono::Duration::from_std(pause).unwrap_or(chrono::Duration::minutes(1));
                    entry["next_attempt_at"] = json!(settled.next_attempt_at);
                    tracing::warn!(process = NAME, order.id = %due.id, error, "attempt {number} of {kind} failed: {error}");
                    None
                }
            }
        };
        metrics::counter!("spindle_process_attempts_total", "process" => NAME, "kind" => kind, "result" => settled.status)
            .increment(1);
        self.outcome.settled.push(settled);
        if self.instances.contains_key(&due.id) {
            self.write(due.id, "attempt", entry);
        }
        if let Some(input) = input {
            self.input(due.id, &input, &origin);
        }
    }

    fn write(&mut self, id: Uuid, kind: &'static str, entry: Value) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        self.outcome.before.entry(id).or_insert(instance.version);
        instance.journal += 1;
        self.outcome.journal.push(Entry { id, seq: instance.journal, kind, content: entry });
    }
}

fn kind(input: &Input) -> &'static str {
    match input {
        Input::Fact(_) => "event",
        Input::Timer(_) => "timer",
        Input::Refused { .. } => "refused",
        Input::Answered { .. } => "answered",
        Input::GaveUp { .. } => "gave_up",
    }
}

fn describe(input: &Input) -> Value {
    match input {
        Input::Fact(recorded) => json!({
            "event_id": recorded.event_id, "position": recorded.position, "event_type": recorded.event_type(),
            "aggregate_id": recorded.aggregate(),
        }),
        Input::Timer(timer) => json!({ "timer": timer }),
        Input::Refused { command, code, message } => {
            json!({ "command": command, "code": code, "message": message })
        }
        Input::Answered { effect, outcome } => json!({ "effect": effect, "outcome": outcome }),
        Input::GaveUp { work, error } => json!({ "work": work, "error": error }),
    }
}

/// The name of a status, as it is stored.
pub(super) fn status_name(status: Status) -> &'static str {
    match status {
        Status::Running => "running",
        Status::Compensating => "compensating",
        Status::Attention => "attention",
        Status::Completed => "completed",
        Status::Compensated => "compensated",
    }
}
