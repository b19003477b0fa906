//! Why a process stands where it stands, in one sentence: the same for command line, API and dashboard.
//!
//! Pure: everything that is known is given, and the first explanation that fits is the verdict.

use std::fmt;

use chrono::{DateTime, SubsecRound, Utc};
use serde::Serialize;

/// Everything that is known about a process and those who run it.
#[derive(Debug, Clone)]
pub struct Circumstance {
    /// The moment of asking.
    pub now: DateTime<Utc>,
    /// The stored status.
    pub status: String,
    /// The stored step.
    pub step: String,
    /// What the machine says it waits for.
    pub waiting_for: String,
    /// What the machine wants a person to look at.
    pub attention: Option<String>,
    /// What is not done.
    pub work: Vec<Work>,
    /// Timers that are set, with their times.
    pub timers: Vec<(String, DateTime<Utc>)>,
    /// How many events the process has not seen yet.
    pub behind: i64,
    /// Whether anybody runs the process.
    pub worker: bool,
    /// How many of its events are parked.
    pub parked: i64,
}

/// Work that is not done.
#[derive(Debug, Clone)]
pub struct Work {
    /// In a few words.
    pub what: String,
    /// Given up.
    pub dead: bool,
    /// How often it failed.
    pub attempts: i32,
    /// After how many failures it is given up.
    pub of: i32,
    /// When it is tried next.
    pub next_attempt_at: DateTime<Utc>,
    /// How it failed last.
    pub error: Option<String>,
}

/// Why a process stands where it stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// There is nothing more to do.
    Done {
        /// `completed` or `compensated`.
        how: String,
    },
    /// One of its events cannot be read.
    Parked {
        /// How many events wait.
        events: i64,
    },
    /// Work was given up.
    DeadLettered {
        /// Which.
        what: String,
        /// After so many attempts.
        attempts: i32,
        /// The last error.
        error: String,
    },
    /// The machine asks for a person.
    Attention {
        /// What to look at.
        what: String,
    },
    /// Nobody runs the process.
    NoWorker,
    /// Work failed and will be tried again.
    BackingOff {
        /// Which.
        what: String,
        /// How often it failed.
        attempts: i32,
        /// After how many failures it is given up.
        of: i32,
        /// The last error.
        error: String,
        /// When it is tried next.
        next: DateTime<Utc>,
    },
    /// It has not seen the newest events.
    Behind {
        /// How many are missing.
        events: i64,
    },
    /// Work is being done.
    Working {
        /// Which.
        what: String,
    },
    /// A timer should have gone off.
    Overdue {
        /// What it waits for.
        what: String,
        /// Since when.
        since: DateTime<Utc>,
    },
    /// It waits, and a timer limits the wait.
    WaitingOnTimer {
        /// For what.
        what: String,
        /// Which timer.
        timer: String,
        /// Until when.
        until: DateTime<Utc>,
    },
    /// It waits for somebody, without limit.
    Waiting {
        /// For whom or what.
        what: String,
    },
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |t: &DateTime<Utc>| t.trunc_subsecs(0).format("%H:%M:%SZ").to_string();
        match self {
            Self::Done { how } => write!(f, "Nothing more to do: the process is {how}."),
            Self::Parked { events } => write!(
                f,
                "{events} of its events are parked because one cannot be read: see the parked events of this order."
            ),
            Self::DeadLettered { what, attempts, error } => {
                write!(f, "Given up after {attempts} attempts ({what}): {error}.")
            }
            Self::Attention { what } => write!(f, "A person must look: {what}."),
            Self::NoWorker => write!(f, "No worker runs the process: start a server with `--role process`."),
            Self::BackingOff { what, attempts, of, error, next } => write!(
                f,
                "Backing off after attempt {attempts} of {of} ({what}): {error}; tried again at {}.",
                time(next)
            ),
            Self::Behind { events } => {
                write!(f, "Only looks stuck: the process has {events} events still to read.")
            }
            Self::Working { what } => write!(f, "Being worked on right now ({what})."),
            Self::Overdue { what, since } => {
                write!(f, "Overdue since {}: it waits for {what}.", time(since))
            }
            Self::WaitingOnTimer { what, until, .. } if what.contains("until") => {
                write!(f, "Waiting for {what}; the limit is {}.", time(until))
            }
            Self::WaitingOnTimer { what, until, .. } => {
                write!(f, "Waiting until {} for {what}.", time(until))
            }
            Self::Waiting { what } => write!(f, "Waiting for {what}."),
        }
    }
}

/// How late a timer may be before that is the explanation.
const LATE: chrono::Duration = chrono::Duration::seconds(5);
/// How many unseen events are ordinary traffic.
const ORDINARY: i64 = 1_000;

/// The first explanation that fits, the gravest first.
#[must_use]
pub fn why(known: &Circumstance) -> Verdict {
    if known.parked > 0 {
        return Verdict::Parked { events: known.parked };
    }
    if let Some(dead) = known.work.iter().find(|work| work.dead) {
        let error = dead.error.clone().unwrap_or_default();
        return Verdict::DeadLettered { what: dead.what.clone(), attempts: dead.attempts, error };
    }
    if let Some(what) = &known.attention {
        return Verdict::Attention { what: what.clone() };
    }
    if matches!(known.status.as_str(), "completed" | "compensated") && known.work.is_empty() {
        return Verdict::Done { how: known.status.clone() };
    }
    if !known.worker {
        return Verdict::NoWorker;
    }
    let first = known.work.first();
    if let Some((work, error)) = first.and_then(|work| work.error.clone().map(|error| (work, error))) {
        return Verdict::BackingOff {
            what: work.what.clone(),
            attempts: work.attempts,
            of: work.of,
            error,
            next: work.next_attempt_at,
        };
    }
    if known.behind > ORDINARY {
        return Verdict::Behind { events: known.behind };
    }
    if let Some(work) = first {
        return Verdict::Working { what: work.what.clone() };
    }
    match known.timers.iter().min_by_key(|(_, due)| *due) {
        Some((_, due)) if *due + LATE < known.now => {
            Verdict::Overdue { what: known.waiting_for.clone(), since: *due }
        }
        Some((timer, due)) => {
            Verdict::WaitingOnTimer { what: known.waiting_for.clone(), timer: timer.clone(), until: *due }
        }
        None => Verdict::Waiting { what: known.waiting_for.clone() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calm() -> Circumstance {
        Circumstance {
            now: DateTime::UNIX_EPOCH,
            status: "running".into(),
            step: "accept".into(),
            waiting_for: "the kitchen to accept".into(),
            attention: None,
            work: vec![],
            timers: vec![],
            behind: 0,
            worker: true,
            parked: 0,
        }
    }

    fn work() -> Work {
        Work {
            what: "provider: capture".into(),
            dead: false,
            attempts: 3,
            of: 12,
            next_attempt_at: DateTime::UNIX_EPOCH,
            error: Some("connection refused".into()),
        }
    }

    #[test]
    fn a_calm_process_waits_for_somebody() {
        assert_eq!(why(&calm()).to_string(), "Waiting for the kitchen to accept.");
    }

    #[test]
    fn a_failing_step_is_never_called_running() {
        let known = Circumstance { work: vec![work()], ..calm() };
        let sentence = why(&known).to_string();
        assert!(
            sentence.contains("attempt 3 of 12") && sentence.contains("connection refused"),
            "{sentence}"
        );
    }

    #[test]
    fn the_gravest_explanation_wins() {
        let dead = Work { dead: true, ..work() };
        let known = Circumstance { work: vec![work(), dead], worker: false, ..calm() };
        assert!(matches!(why(&known), Verdict::DeadLettered { .. }));
        assert!(matches!(why(&Circumstance { parked: 2, ..known }), Verdict::Parked { events: 2 }));
    }

    #[test]
    fn a_process_that_nobody_runs_says_so() {
        assert_eq!(why(&Circumstance { worker: false, ..calm() }), Verdict::NoWorker);
    }

    #[test]
    fn a_late_timer_is_overdue_and_a_future_one_limits_the_wait() {
        let due = DateTime::UNIX_EPOCH + chrono::Duration::seconds(60);
        let known = Circumstance { timers: vec![("accept_due".into(), due)], ..calm() };
        assert!(matches!(why(&known), Verdict::WaitingOnTimer { .. }));
        let later = Circumstance { now: due + chrono::Duration::seconds(6), ..known };
        assert!(matches!(why(&later), Verdict::Overdue { .. }));
    }

    #[test]
    fn a_finished_process_is_done_even_when_nobody_runs_it() {
        let known = Circumstance { status: "completed".into(), worker: false, ..calm() };
        assert!(matches!(why(&known), Verdict::Done { .. }));
    }

    #[test]
    fn one_that_has_events_to_read_only_looks_stuck() {
        assert!(matches!(why(&Circumstance { behind: 5_000, ..calm() }), Verdict::Behind { .. }));
    }
}
