//! What kitchen and couriers have in common: they look at lists, and act on what they see, over HTTP.
//!
//! **Invariant:** nobody acts on what was not seen in an answer of the server, nor twice at a time on the same
//! thing. A server that is away is waited for, however long.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::ensure;
use chrono::{DateTime, Utc};
use reqwest::{RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use spindle_commands::effects::http::{self, Endpoint, Patience};
use spindle_commands::effects::wire::IDEMPOTENCY_KEY;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::is_local;

/// The pause between two looks while there is work; doubled while there is none, up to [`SLOWEST`].
const FASTEST: Duration = Duration::from_millis(20);
const SLOWEST: Duration = Duration::from_millis(200);
/// The longest pause while the server is away.
const AWAY: Duration = Duration::from_secs(2);
/// How many entries are asked for at once.
const PAGE: &str = "100";
/// How many things may be in hand at once: beyond that, what is seen waits for the next look.
const MOST_IN_HAND: usize = 2_000;
/// How many things are remembered as done: an hour's work at any speed that a simulator reaches.
const MOST_REMEMBERED: usize = 100_000;
/// How often a step is tried before it is left for the next look.
const ATTEMPTS: u32 = 8;
/// How long a step that was taken is not taken again: lists lag behind.
const LIST_LAG: Duration = Duration::from_secs(1);
/// How long a step that was refused for a reason that will not pass is left alone.
const SULK: Duration = Duration::from_secs(10);
/// The longest wait that is granted to a server that asks for one.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What every crew needs to know.
#[derive(Debug, Clone)]
pub struct CrewOptions {
    /// Spindle's address; loopback only.
    pub url: String,
    /// The bearer token to show; none where the server asks for none.
    pub token: Option<String>,
    /// Decides who meets which fate.
    pub seed: u64,
    /// How long each step takes.
    pub delay: Duration,
    /// How many requests are under way at once; at least one.
    pub concurrency: usize,
}

impl CrewOptions {
    /// Quick and without failures.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), token: None, seed: 0, delay: Duration::ZERO, concurrency: 32 }
    }
}

/// A list to look at.
pub(super) struct List {
    /// Under `/api/v1`.
    pub(super) path: &'static [&'static str],
    /// The stage that is asked for.
    pub(super) stage: &'static str,
    /// The answer's field that holds the entries.
    pub(super) field: &'static str,
}

/// An entry of a list; other fields are none of a crew's business.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Seen {
    pub(super) id: String,
    #[serde(default)]
    pub(super) stage: Option<String>,
    #[serde(default)]
    pub(super) order_id: Option<String>,
    #[serde(default)]
    pub(super) courier: Option<String>,
}

/// Something to do about an entry.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    pub(super) verb: &'static str,
    pub(super) body: Value,
    pub(super) only_if: Option<Condition>,
    /// Whether the next step is taken even if this one is refused.
    pub(super) optional: bool,
}

impl Step {
    pub(super) fn new(verb: &'static str, body: Value) -> Self {
        Self { verb, body, only_if: None, optional: false }
    }

    pub(super) fn only_if(self, condition: Condition) -> Self {
        Self { only_if: Some(condition), ..self }
    }

    pub(super) fn optional(self) -> Self {
        Self { optional: true, ..self }
    }
}

/// What the entry's order must be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    /// The customer fetches it. True where there is no order: a walk-in waits at the counter.
    Pickup,
    /// The kitchen has finished.
    Ready,
}

/// A kind of work.
pub(super) trait Trade: Send + Sync + 'static {
    /// What to look at.
    const LISTS: &'static [List];
    /// Where steps are taken, under `/api/v1`.
    const RESOURCE: &'static [&'static str];
    /// What to do about an entry at a stage: a matter of fate, not of circumstances.
    fn plan(&self, stage: &str, seen: &Seen, now: DateTime<Utc>) -> Vec<Step>;
}

#[derive(Debug)]
struct Crew {
    endpoint: Endpoint,
    options: CrewOptions,
    permits: Semaphore,
    stop: CancellationToken,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    in_hand: HashSet<String>,
    /// Until when an entry is left alone at a stage.
    rests: HashMap<(String, String), Instant>,
}

/// Works until told to stop.
pub(super) async fn work<T: Trade>(
    trade: T,
    options: CrewOptions,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    ensure!(is_local(&options.url), "simulators act on this machine only, not on {}", options.url);
    let crew = Arc::new(Crew {
        endpoint: Endpoint::new(&options.url, Patience::default())?,
        permits: Semaphore::new(options.concurrency.max(1)),
        options,
        stop,
        memory: Mutex::default(),
    });
    let trade = Arc::new(trade);
    let tasks = TaskTracker::new();
    let stop = crew.stop.clone();
    let _ = stop.run_until_cancelled(rounds(&trade, &crew, &tasks)).await;
    tasks.close();
    tasks.wait().await;
    Ok(())
}

async fn rounds<T: Trade>(trade: &Arc<T>, crew: &Arc<Crew>, tasks: &TaskTracker) {
    let mut cursors: Vec<Option<String>> = T::LISTS.iter().map(|_| None).collect();
    let mut pause = FASTEST;
    let mut away = false;
    loop {
        let (mut busy, mut seen_any, mut failed) = (false, false, None);
        for (list, cursor) in T::LISTS.iter().zip(&mut cursors) {
            match crew.look(list, cursor.take()).await {
                Ok((entries, next)) => {
                    seen_any = true;
                    busy |= next.is_some();
                    *cursor = next;
                    for seen in entries {
                        busy |= take_up(trade, crew, tasks, list.stage, seen);
                    }
                }
                Err(why) => failed = Some(why),
            }
        }
        // A server that answers one list of four is not away.
        if let Some(why) = failed.filter(|_| !seen_any) {
            if !away {
                tracing::warn!("a simulator cannot see its work and keeps trying: {why}");
            }
            pause = (pause * 2).min(AWAY);
            away = true;
        } else {
            pause = if busy || away { FASTEST } else { (pause * 2).min(SLOWEST) };
            away = false;
        }
        tokio::time::sleep(pause).await;
    }
}

/// Takes an entry in hand, unless it is in hand, was done just now, or needs nothing.
fn take_up<T: Trade>(trade: &Arc<T>, crew: &Arc<Crew>, tasks: &TaskTracker, stage: &str, seen: Seen) -> bool {
    let stage = seen.stage.as_deref().unwrap_or(stage).to_owned();
    let rest_key = (seen.id.clone(), stage);
    {
        let memory = crew.memory();
        let resting = memory.rests.get(&rest_key).is_some_and(|until| *until > Instant::now());
        if resting || memory.in_hand.len() >= MOST_IN_HAND || memory.in_hand.contains(&seen.id) {
            return false;
        }
    }
    let steps = trade.plan(&rest_key.1, &seen, Utc::now());
    if steps.is_empty() {
        return false;
    }
    crew.memory().in_hand.insert(seen.id.clone());
    let crew = Arc::clone(crew);
    tasks.spawn(async move {
        let stop = crew.stop.clone();
        let rest = stop.run_until_cancelled(crew.carry_out(T::RESOURCE, &seen, steps)).await;
        crew.lay_down(rest_key, rest.unwrap_or(Duration::ZERO));
    });
    true
}

/// What came of a step.
enum Came {
    Done,
    Refused(StatusCode, String),
    Lost(String),
}

impl Crew {
    async fn carry_out(&self, resource: &[&str], seen: &Seen, steps: Vec<Step>) -> Duration {
        for Step { verb, body, only_if, optional } in steps {
            tokio::time::sleep(self.options.delay).await;
            if let Some(condition) = only_if {
                match self.holds(condition, seen).await {
                    Ok(true) => {}
                    // The kitchen will be ready soon; how an order is fetched never changes.
                    Ok(false) if condition == Condition::Ready => return SLOWEST,
                    Ok(false) => return Duration::from_mins(1),
                    Err(why) => {
                        tracing::debug!("the order of {} cannot be looked up: {why}", seen.id);
                        return LIST_LAG;
                    }
                }
            }
            match self.step(resource, &seen.id, verb, &body).await {
                Came::Done => tracing::debug!("{verb} {}", seen.id),
                Came::Refused(..) if optional => {}
                // Somebody was faster, or it is gone.
                Came::Refused(StatusCode::CONFLICT | StatusCode::NOT_FOUND | StatusCode::GONE, why) => {
                    tracing::debug!("{verb} {} was refused: {why}", seen.id);
                    return LIST_LAG;
                }
                Came::Refused(status, why) => {
                    tracing::warn!("{verb} {} was refused with HTTP {status}: {why}", seen.id);
                    return SULK;
                }
                Came::Lost(why) => {
                    tracing::warn!("{verb} {} was not answered, to be seen again: {why}", seen.id);
                    return Duration::ZERO;
                }
            }
        }
        LIST_LAG
    }

    /// Takes a step: the same request under the same key until an answer comes.
    async fn step(&self, resource: &[&str], id: &str, verb: &str, body: &Value) -> Came {
        let mut path = vec!["api", "v1"];
        path.extend_from_slice(resource);
        path.extend([id, verb]);
        let key = format!("simulator-{}", Uuid::new_v4());
        let (mut pause, mut said) = (FASTEST * 2, String::new());
        for _ in 0..ATTEMPTS {
            let request = self.endpoint.post(&path).header(IDEMPOTENCY_KEY, &key).json(body);
            let wait = match self.send(request).await {
                Ok((status, _, _)) if status.is_success() => return Came::Done,
                Ok((status, wait, body)) if is_passing(status) => {
                    said = format!("HTTP {status}: {}", excerpt(&body));
                    wait
                }
                Ok((status, _, body)) => return Came::Refused(status, excerpt(&body)),
                Err(why) => {
                    said = why;
                    None
                }
            };
            tokio::time::sleep(wait.unwrap_or(pause).min(LONGEST_WAIT)).await;
            pause = (pause * 2).min(AWAY);
        }
        Came::Lost(said)
    }

    async fn look(&self, list: &List, cursor: Option<String>) -> Result<(Vec<Seen>, Option<String>), String> {
        let mut path = vec!["api", "v1"];
        path.extend_from_slice(list.path);
        let mut query = vec![("stage", list.stage.to_owned()), ("limit", PAGE.to_owned())];
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let (status, _, body) = self.send(self.endpoint.get(&path).query(&query)).await?;
        if !status.is_success() {
            return Err(format!("HTTP {status}: {}", excerpt(&body)));
        }
        let mut page: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        let next = page.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
        let entries: Vec<Seen> = page
            .get_mut(list.field)
            .map(Value::take)
            .ok_or_else(|| format!("the answer has no field {:?}", list.field))
            .and_then(|entries| serde_json::from_value(entries).map_err(|error| error.to_string()))?;
        Ok((entries, next))
    }

    async fn holds(&self, condition: Condition, seen: &Seen) -> Result<bool, String> {
        let Some(order) = &seen.order_id else { return Ok(true) };
        let (status, _, body) = self.send(self.endpoint.get(&["api", "v1", "orders", order])).await?;
        if !status.is_success() {
            return Err(format!("HTTP {status}: {}", excerpt(&body)));
        }
        let order: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        let word = |pointer: &str| order.pointer(pointer).and_then(Value::as_str);
        Ok(match condition {
            Condition::Pickup => word("/fulfilment/type") == Some("pickup"),
            // A server that tells no stage refuses what comes too early.
            Condition::Ready => !matches!(
                word("/stage").or_else(|| word("/status")),
                Some("created" | "placed" | "awaiting_payment" | "paid" | "in_kitchen" | "progress")
            ),
        })
    }

    /// Sends a request and reads the answer, one of a limited number at a time.
    async fn send(&self, request: RequestBuilder) -> Result<(StatusCode, Option<Duration>, Vec<u8>), String> {
        let _permit = self.permits.acquire().await.map_err(|error| error.to_string())?;
        let request = match &self.options.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let response = request.send().await.map_err(|error| http::chain(&error))?;
        let status = response.status();
        let wait = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let wait = wait.and_then(|text| text.parse().ok()).map(Duration::from_secs);
        Ok((status, wait, http::body(response).await?))
    }

    fn lay_down(&self, rest_key: (String, String), rest: Duration) {
        let mut memory = self.memory();
        memory.in_hand.remove(&rest_key.0);
        if memory.rests.len() >= MOST_REMEMBERED {
            let now = Instant::now();
            memory.rests.retain(|_, until| *until > now);
        }
        // Forgetting costs a refused request, no more.
        if !rest.is_zero() && memory.rests.len() < MOST_REMEMBERED {
            memory.rests.insert(rest_key, Instant::now() + rest);
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether it may be otherwise in a moment.
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429)
}

/// The beginning of an answer, for a log line.
fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}
