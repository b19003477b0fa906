//! Carries out due work: sends commands, calls the world outside, and says what came of it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rand::Rng;
use spindle_domain::fulfillment::{Input, Outcome, Work};
use spindle_eventlog::Claim;
use uuid::Uuid;

use super::NAME;
use crate::clock::Clock;
use crate::dispatcher::{CommandError, Context, Dispatcher};
use crate::effects::PaymentProvider;

/// How often and how soon failed work is tried again.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// The pause after the first failure; doubled after each, with jitter of half of it. Default 200 ms.
    pub first: Duration,
    /// The longest pause. Default 60 s.
    pub longest: Duration,
    /// After so many failures the work is dead-lettered. Default 12: about seven minutes.
    pub attempts: i32,
}

impl Default for Retry {
    fn default() -> Self {
        Self { first: Duration::from_millis(200), longest: Duration::from_mins(1), attempts: 12 }
    }
}

impl Retry {
    /// How long to wait after so many failures.
    pub(super) fn pause(&self, failures: i32) -> Duration {
        let doublings = u32::try_from(failures.clamp(1, 20) - 1).unwrap_or(0);
        let whole = self.first.saturating_mul(2_u32.saturating_pow(doublings)).min(self.longest);
        whole.mul_f64(rand::rng().random_range(0.5..=1.0))
    }
}

/// One piece of due work.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Due {
    pub(super) work_id: Uuid,
    pub(super) id: Uuid,
    pub(super) seq: i64,
    pub(super) cause: Option<Uuid>,
    pub(super) traceparent: Option<String>,
    pub(super) work: Work,
    pub(super) attempts: i32,
}

/// What came of an attempt.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) due: Due,
    pub(super) began: DateTime<Utc>,
    pub(super) ended: DateTime<Utc>,
    pub(super) result: Result<Achieved, Failed>,
}

/// The work is done.
#[derive(Debug)]
pub(super) struct Achieved {
    /// What the process should hear of it; a command's success it hears from the log.
    pub(super) input: Option<Input>,
    /// In words, for the journal.
    pub(super) remark: String,
}

/// The work is not done, and may be tried again.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: String,
    pub(super) not_before: Option<Duration>,
    /// Spindle's own log is away: that says nothing about the work and does not count.
    pub(super) counts: bool,
}

/// The hands of a process.
#[derive(Debug, Clone)]
pub(super) struct Labour {
    pub(super) dispatcher: Dispatcher,
    pub(super) provider: PaymentProvider,
    pub(super) clock: Clock,
}

impl Labour {
    pub(super) async fn attempt(self, due: Due) -> Attempt {
        let began = self.clock.now();
        let result = match &due.work {
            Work::Dispatch(command) => self.dispatch(command, &due).await,
            Work::Call(effect) => match self.provider.call(effect, due.traceparent.as_deref()).await {
                Ok(outcome) => Ok(Achieved {
                    remark: in_words(&outcome),
                    input: Some(Input::Answered { effect: effect.clone(), outcome }),
                }),
                Err(error) => {
                    Err(Failed { error: error.to_string(), not_before: error.retry_after, counts: true })
                }
            },
        };
        Attempt { due, began, ended: self.clock.now(), result }
    }

    async fn dispatch(
        &self,
        command: &spindle_domain::command::Command,
        due: &Due,
    ) -> Result<Achieved, Failed> {
        let context = Context {
            actor: format!("process:{NAME}"),
            correlation: Some(due.id),
            causation: due.cause,
            command_id: due.work_id,
            traceparent: due.traceparent.clone(),
            claim: Some(Claim {
                scope: format!("process:{NAME}"),
                key: due.work_id.to_string(),
                fingerprint: due.work_id.as_bytes().to_vec(),
            }),
            expected_version: None,
        };
        match self.dispatcher.send(command.clone(), context).await {
            Ok(position) => Ok(Achieved { input: None, remark: format!("recorded at position {position}") }),
            Err(CommandError::Refused(refusal)) => Ok(Achieved {
                remark: format!("refused: {refusal}"),
                input: Some(Input::Refused {
                    command: command.clone(),
                    code: refusal.code().to_owned(),
                    message: refusal.to_string(),
                }),
            }),
            Err(error) => {
                let counts = !matches!(
                    error,
                    CommandError::Unavailable(_) | CommandError::Unknown(_) | CommandError::Busy
                );
                Err(Failed { error: error.to_string(), not_before: None, counts })
            }
        }
    }
}

/// What the provider said, for the journal.
fn in_words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Authorized { reference, amount } => format!("the provider holds {amount} ({reference})"),
        Outcome::Captured { reference, amount } => format!("the provider took {amount} ({reference})"),
        Outcome::ActionRequired { reference, .. } => format!("the customer must act first ({reference})"),
        Outcome::Declined { code, message } => format!("declined ({code}): {message}"),
        Outcome::Voided => "the provider let go of the money".to_owned(),
        Outcome::Refunded => "the provider gave the money back".to_owned(),
        Outcome::NotFound => "the provider knows nothing of it".to_owned(),
        Outcome::Unknown { error, .. } => format!("no answer: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_never_vanish() {
        let retry = Retry::default();
        for failures in 1..40 {
            let pause = retry.pause(failures);
            assert!(pause >= retry.first / 2 && pause <= retry.longest, "{failures}: {pause:?}");
        }
        assert!(retry.pause(12) >= retry.longest / 2);
    }
}
