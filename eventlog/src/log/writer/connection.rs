//! The writer's one connection: sends a batch, and finds out what became of it when things go wrong.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection as _, Row};
use uuid::Uuid;

use super::{Job, WriterOptions, batch};
use crate::log::{AppendError, postgres};
use crate::record::{Appended, Claimed, Stream};

/// What came of a batch.
pub(super) enum Insert {
    /// All of it is in the log, after this position.
    Stored { base: i64, recorded_at: DateTime<Utc> },
    /// None of it is: a stream has moved on or a key is taken.
    Stale,
    /// None of it is: the database refused or could not be reached.
    Refused(String),
    /// The connection broke while the statement ran.
    AnswerLost(String),
}

#[derive(Debug)]
pub(super) struct Connection {
    address: PgConnectOptions,
    open: Option<PgConnection>,
}

impl Connection {
    pub(super) fn new(address: PgConnectOptions, options: WriterOptions) -> Self {
        let limit = options.statement.as_millis().to_string();
        let address =
            address.application_name("spindle-writer").options([("statement_timeout", limit.as_str())]);
        Self { address, open: None }
    }

    async fn get(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        let connection = match self.open.take() {
            Some(open) => open,
            None => tokio::time::timeout(Duration::from_secs(3), PgConnection::connect_with(&self.address))
                .await
                .map_err(|_| sqlx::Error::PoolTimedOut)??,
        };
        Ok(self.open.insert(connection))
    }

    pub(super) async fn insert(&mut self, jobs: &[Job]) -> Insert {
        let connection = match self.get().await {
            Ok(connection) => connection,
            Err(error) => return Insert::Refused(error.to_string()),
        };
        match Columns::of(jobs).insert(connection).await {
            Ok(Some((base, recorded_at))) => Insert::Stored { base, recorded_at },
            Ok(None) => Insert::Stale,
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Insert::Stale,
            Err(sqlx::Error::Database(error)) if !is_farewell(&*error) => {
                // The server said no to the statement, so it is undone.
                self.open = None;
                Insert::Refused(error.to_string())
            }
            Err(error) => {
                self.open = None;
                Insert::AnswerLost(error.to_string())
            }
        }
    }

    /// After a refusal of the whole batch: settles the jobs that caused it and returns the others.
    pub(super) async fn settle_stale(&mut self, jobs: Vec<Job>) -> Vec<Job> {
        match self.look(&jobs).await {
            Ok(truth) => truth.settle(jobs),
            Err(error) => {
                self.open = None;
                batch::fail_all(jobs, &AppendError::Unavailable(error.to_string()));
                Vec::new()
            }
        }
    }

    /// After a lost answer: asks the log itself whether the batch is in it. If the statement still runs
    /// somewhere and is stored later, a retry under the same key finds the claim, and one without a key
    /// finds the stream changed.
    pub(super) async fn resolve(&mut self, jobs: Vec<Job>, why: &str, within: Duration) {
        tracing::warn!(why, appends = jobs.len(), "the log's answer was lost: asking what was stored");
        let asked = async {
            let mut pause = Duration::from_millis(20);
            loop {
                match self.look(&jobs).await {
                    Ok(truth) => return truth,
                    Err(error) => tracing::debug!(%error, "the log cannot be asked yet"),
                }
                self.open = None;
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_millis(500));
            }
        };
        if let Ok(truth) = tokio::time::timeout(within, asked).await {
            truth.settle_lost(jobs);
        } else {
            self.open = None;
            batch::fail_all(jobs, &AppendError::Unknown(why.to_owned()));
        }
    }

    async fn look(&mut self, jobs: &[Job]) -> Result<Truth, sqlx::Error> {
        let connection = self.get().await?;
        let types: Vec<&str> = jobs.iter().map(|job| &*job.append.stream.aggregate_type).collect();
        let ids: Vec<&str> = jobs.iter().map(|job| &*job.append.stream.aggregate_id).collect();
        let next: Vec<i64> = jobs.iter().map(|job| job.append.after + 1).collect();
        let mut truth = Truth::default();
        for row in sqlx::query(include_str!("../sql/stored.sql"))
            .bind(&types)
            .bind(&ids)
            .bind(&next)
            .fetch_all(&mut *connection)
            .await?
        {
            let stream = Stream::new(
                row.try_get::<String, _>("aggregate_type")?,
                row.try_get::<String, _>("aggregate_id")?,
            );
            truth.heads.insert(stream, row.try_get("head")?);
            if let Some(event_id) = row.try_get::<Option<Uuid>, _>("event_id")? {
                truth.stored.insert(event_id, (row.try_get("position")?, row.try_get("recorded_at")?));
            }
        }
        let keyed = jobs.iter().filter_map(|job| job.append.claim.as_ref());
        let (scopes, keys): (Vec<&str>, Vec<&str>) =
            keyed.map(|claim| (claim.scope.as_str(), claim.key.as_str())).unzip();
        for row in sqlx::query(include_str!("../sql/claims.sql"))
            .bind(&scopes)
            .bind(&keys)
            .fetch_all(&mut *connection)
            .await?
        {
            let claimed = postgres::claimed(&row)?;
            truth.claims.insert((claimed.claim.scope.clone(), claimed.claim.key.clone()), claimed);
        }
        Ok(truth)
    }
}

/// A server that shuts down or crashes may say so just after it has committed (SQLSTATE classes 57P and 08).
fn is_farewell(error: &dyn DatabaseError) -> bool {
    error.code().is_some_and(|code| code.starts_with("57P") || code.starts_with("08"))
}

/// What the log says about a batch.
#[derive(Default)]
struct Truth {
    /// The version of each stream.
    heads: HashMap<Stream, i64>,
    /// The events that stand where the batch's would.
    stored: HashMap<Uuid, (i64, DateTime<Utc>)>,
    /// The keys that are taken.
    claims: HashMap<(String, String), Claimed>,
}

impl Truth {
    /// Where this job's events are, if they are in the log after all.
    fn found(&self, job: &Job) -> Option<Appended> {
        let first = job.append.events.first()?;
        let (position, recorded_at) = self.stored.get(&first.event_id)?;
        let others = i64::try_from(job.append.events.len()).unwrap_or(1) - 1;
        Some(Appended { position: position + others, recorded_at: *recorded_at })
    }

    fn claimed(&self, job: &Job) -> Option<Claimed> {
        let claim = job.append.claim.as_ref()?;
        self.claims.get(&(claim.scope.clone(), claim.key.clone())).cloned()
    }

    /// Settles the jobs that cannot be stored and returns those that can, in order.
    fn settle(mut self, jobs: Vec<Job>) -> Vec<Job> {
        let mut left = Vec::with_capacity(jobs.len());
        for job in jobs {
            if job.builds_on.as_ref().is_some_and(super::Ticket::is_lost) {
                job.finish(Err(AppendError::Superseded));
            } else if let Some(appended) = self.found(&job) {
                job.finish(Ok(appended));
            } else if let Some(claimed) = self.claimed(&job) {
                job.finish(Err(AppendError::Claimed(Box::new(claimed))));
            } else {
                let head = self.heads.entry(job.append.stream.clone()).or_insert(0);
                if *head == job.append.after {
                    *head = job.append.version();
                    left.push(job);
                } else {
                    job.finish(Err(AppendError::Conflict));
                }
            }
        }
        left
    }

    /// Settles every job of a batch whose answer was lost: it is in the log, or it is not.
    fn settle_lost(self, jobs: Vec<Job>) {
        for job in jobs {
            let result = match (self.found(&job), self.claimed(&job)) {
                (Some(appended), _) => Ok(appended),
                (None, Some(claimed)) => Err(AppendError::Claimed(Box::new(claimed))),
                (None, None) => {
                    Err(AppendError::Unavailable("the connection broke; nothing was stored".into()))
                }
            };
            job.finish(result);
        }
    }
}

/// The columns of one batch.
#[derive(Default)]
struct Columns<'a> {
    event_id: Vec<Uuid>,
    aggregate_type: Vec<&'a str>,
    aggregate_id: Vec<&'a str>,
    sequence: Vec<i64>,
    event_type: Vec<&'a str>,
    event_version: Vec<&'a str>,
    payload: Vec<&'a str>,
    metadata: Vec<&'a str>,
    claim_scope: Vec<&'a str>,
    claim_key: Vec<&'a str>,
    claim_fingerprint: Vec<&'a [u8]>,
    claim_type: Vec<&'a str>,
    claim_id: Vec<&'a str>,
    claim_version: Vec<i64>,
    claim_last_event: Vec<i64>,
    before_type: Vec<&'a str>,
    before_id: Vec<&'a str>,
    before_sequence: Vec<i64>,
}

impl<'a> Columns<'a> {
    fn of(jobs: &'a [Job]) -> Self {
        let mut columns = Self::default();
        let mut seen = HashSet::new();
        let mut ordinal = 0;
        for job in jobs {
            let Stream { aggregate_type, aggregate_id } = &job.append.stream;
            if job.append.after > 0 && !job.append.events.is_empty() && seen.insert(&job.append.stream) {
                columns.before_type.push(aggregate_type);
                columns.before_id.push(aggregate_id);
                columns.before_sequence.push(job.append.after);
            } else {
                seen.insert(&job.append.stream);
            }
            for (sequence, event) in (job.append.after + 1..).zip(&job.append.events) {
                ordinal += 1;
                columns.event_id.push(event.event_id);
                columns.aggregate_type.push(aggregate_type);
                columns.aggregate_id.push(aggregate_id);
                columns.sequence.push(sequence);
                columns.event_type.push(&event.event_type);
                columns.event_version.push(&event.event_version);
                columns.payload.push(&event.payload);
                columns.metadata.push(&event.metadata);
            }
            if let Some(claim) = &job.append.claim {
                columns.claim_scope.push(&claim.scope);
                columns.claim_key.push(&claim.key);
                columns.claim_fingerprint.push(&claim.fingerprint);
                columns.claim_type.push(aggregate_type);
                columns.claim_id.push(aggregate_id);
                columns.claim_version.push(job.append.version());
                columns.claim_last_event.push(ordinal);
            }
        }
        columns
    }

    async fn insert(
        self,
        connection: &mut PgConnection,
    ) -> Result<Option<(i64, DateTime<Utc>)>, sqlx::Error> {
        let count = i64::try_from(self.event_id.len()).unwrap_or(i64::MAX);
        sqlx::query_as(include_str!("../sql/append.sql"))
            .bind(self.event_id)
            .bind(self.aggregate_type)
            .bind(self.aggregate_id)
            .bind(self.sequence)
            .bind(self.event_type)
            .bind(self.event_version)
            .bind(self.payload)
            .bind(self.metadata)
            .bind(self.claim_scope)
            .bind(self.claim_key)
            .bind(self.claim_fingerprint)
            .bind(self.claim_type)
            .bind(self.claim_id)
            .bind(self.claim_version)
            .bind(self.claim_last_event)
            .bind(count)
            .bind(self.before_type)
            .bind(self.before_id)
            .bind(self.before_sequence)
            .fetch_optional(connection)
            .await
    }
}
