//! What may share a statement, and what each job hears when it is over.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::Job;
use crate::log::AppendError;
use crate::record::Appended;

/// Takes the jobs that may be stored together; the others come later. Two jobs with one key must not share a
/// statement: the second has to see what the first did. What comes after a postponed job of the same stream is
/// postponed too.
pub(super) fn admit(jobs: Vec<Job>) -> (Vec<Job>, Vec<Job>) {
    let mut keys = HashSet::new();
    let mut postponed = HashSet::new();
    let (mut ready, mut later) = (Vec::with_capacity(jobs.len()), Vec::new());
    for job in jobs {
        let fresh = job
            .append
            .claim
            .as_ref()
            .is_none_or(|claim| keys.insert((claim.scope.clone(), claim.key.clone())));
        if fresh && !postponed.contains(&job.append.stream) {
            ready.push(job);
        } else {
            postponed.insert(job.append.stream.clone());
            later.push(job);
        }
    }
    (drop_superseded(ready), later)
}

/// Fails the jobs that build on an append that was not stored.
pub(super) fn drop_superseded(jobs: Vec<Job>) -> Vec<Job> {
    let mut left = Vec::with_capacity(jobs.len());
    for job in jobs {
        if job.builds_on.as_ref().is_some_and(super::Ticket::is_lost) {
            job.finish(Err(AppendError::Superseded));
        } else {
            left.push(job);
        }
    }
    left
}

/// Tells every job where it was stored; returns the last position.
pub(super) fn finish_all(jobs: Vec<Job>, base: i64, recorded_at: DateTime<Utc>) -> i64 {
    let mut position = base;
    for job in jobs {
        position += i64::try_from(job.append.events.len()).unwrap_or(0);
        job.finish(Ok(Appended { position, recorded_at }));
    }
    position
}

/// Tells every job the same refusal.
pub(super) fn fail_all(jobs: Vec<Job>, error: &AppendError) {
    for job in jobs {
        job.finish(Err(error.clone()));
    }
}
