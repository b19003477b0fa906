//! One trace follows an order: from the request, through its commands, the process and the broker, to every view.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use harness::{Database, Server, database, eventually, namespace, order};
use harness::{services, world};
use serde_json::Value;
use spindle::signature::Secret;
use spindle::simulators::provider::{self, Provider, ProviderOptions};
use sqlx::Row;
use uuid::Uuid;

/// What is logged in these tests: everything of Spindle's own.
const DETAIL: &str =
    "info,spindle=debug,spindle_commands=debug,spindle_projections=debug,spindle_eventlog=debug";

/// A server in a process of its own that writes JSON, with a provider, a broker, and nobody in the kitchen.
struct Watched {
    server: Server,
    provider: Provider,
    database: Database,
    namespace: String,
    folder: tempfile::TempDir,
}

impl Watched {
    async fn start() -> Result<Self> {
        Self::start_with(&[]).await
    }

    async fn start_with(settings: &[(&str, &str)]) -> Result<Self> {
        let database = database().await?;
        let provider = provider::start(ProviderOptions::new(Secret::parse(world::SECRET)?)).await?;
        let (namespace, folder) = (namespace(), tempfile::tempdir()?);
        let environment = [
            ("SPINDLE_DATABASE_URL", database.url.clone()),
            ("SPINDLE_AMQP_URL", services::amqp_url()?),
            ("SPINDLE_AMQP_NAMESPACE", namespace.clone()),
            ("SPINDLE_PROVIDER__URL", provider.url()),
            ("SPINDLE_PROVIDER__CALLBACK_SECRETS", format!("[\"{}\"]", world::SECRET)),
            ("SPINDLE_LOG", DETAIL.to_owned()),
        ];
        let log = folder.path().join("server.log");
        let mut server = Server::prepare(&["--log-format", "json"], &environment, log)?;
        for (name, value) in settings {
            server.set(name, *value);
        }
        server.start().await?;
        Ok(Self { server, provider, database, namespace, folder })
    }

    /// What it has written, every line of it.
    fn lines(&self) -> Result<Vec<Value>> {
        let text = self.server.written()?;
        // The last line may be half written.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).with_context(|| format!("no JSON: {line}")))
            .collect()
    }

    async fn stop(mut self) -> Result<()> {
        self.server.kill().await?;
        self.provider.shutdown().await;
        services::forget(&self.namespace).await?;
        Ok(self.folder.close()?)
    }
}

/// The lines of a trace: it stands in the line or in the span that the line was written in.
fn of<'a>(lines: &'a [Value], trace: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["trace_id"] == trace || line["span"]["trace_id"] == trace).collect()
}

/// What became of each part of the way.
#[derive(Debug, Default)]
struct Way {
    requests: BTreeSet<String>,
    commands: BTreeSet<String>,
    steps: BTreeSet<String>,
    views: BTreeSet<(String, String)>,
}

impl Way {
    fn of(lines: &[&Value]) -> Self {
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut way = Self::default();
        for line in lines {
            let span = &line["span"];
            if span["name"] == "request" && line["status"].is_number() {
                way.requests.insert(format!(
                    "{} {} {}",
                    word(&span["method"]),
                    word(&span["route"]),
                    line["status"]
                ));
            }
            if span["name"] == "command" {
                way.commands.insert(format!("{} by {}", word(&span["aggregate"]), word(&span["actor"])));
            }
            if line["process"].is_string() {
                way.steps.insert(word(&line["step"]));
            }
            if line["message"] == "projected" {
                way.views.insert((word(&line["projection"]), word(&line["event.kind"])));
            }
        }
        way
    }

    fn shows(&self, view: &str, event: &str) -> bool {
        self.views.contains(&(view.to_owned(), event.to_owned()))
    }
}

fn traceparent(trace: &str) -> String {
    format!("00-{trace}-00f067aa0ba902b7-01")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trace_of_a_request_is_found_in_everything_that_follows_from_it() -> Result<()> {
    let watched = Watched::start().await?;
    let client = watched.server.client();
    let trace = Uuid::new_v4().simple().to_string();
    let parent = traceparent(&trace);
    let headers =
        [("content-type", "application/json"), ("traceparent", parent.as_str()), ("spindle-actor", "ann")];
    let body = order::delivery("tok_ok").to_string().into_bytes();
    let placed = client.send("POST", "/api/v1/orders", &headers, Some(body)).await?;
    ensure!(placed.status == 201 && placed.header("spindle-trace") == Some(trace.as_str()), "{placed:?}");
    let told = placed.header("traceparent").context("no traceparent")?;
    ensure!(
        told.starts_with(&format!("00-{trace}-")) && told != parent,
        "the answer has a span of its own: {told}"
    );
    // A second order, in a trace that nobody asked for.
    let other = client.post("/api/v1/orders", &order::delivery("tok_declined")).await?;
    let stranger = other.header("spindle-trace").context("no trace")?.to_owned();
    ensure!(stranger.len() == 32 && stranger != trace, "{other:?}");

    let way = eventually("the trace reaches the kitchen's board", async || {
        let lines = watched.lines().ok()?;
        let way = Way::of(&of(&lines, &trace));
        way.shows("kitchen_board_v1", "kitchen.scheduled").then_some(())?;
        way.shows("order_timeline_v1", "kitchen.scheduled").then_some(way)
    })
    .await?;
    ensure!(way.requests.contains("POST /api/v1/orders 201"), "{way:?}");
    for command in [
        "order by ann",
        "payment by process:fulfilment",
        "order by process:fulfilment",
        "kitchen by process:fulfilment",
    ] {
        ensure!(way.commands.contains(command), "no line of the command to {command}: {way:?}");
    }
    ensure!(way.steps.contains("accept"), "that the process went on is not told: {way:?}");
    for (view, event) in [
        ("order_summary_v1", "order.placed"),
        ("order_summary_v1", "order.paid"),
        ("order_summary_v1", "payment.authorized"),
        ("order_timeline_v1", "order.placed"),
        ("payments_v1", "payment.requested"),
        ("payments_v1", "payment.authorized"),
    ] {
        ensure!(way.shows(view, event), "{view} does not tell of {event}: {way:?}");
    }

    // The events themselves carry it, for those who come later.
    let pool = watched.database.pool().await?;
    let id = placed.body["id"].as_str().context("an id")?;
    let rows = sqlx::query(
        "select event_type, metadata::text as metadata from events where metadata ->> 'correlation_id' = $1",
    )
    .bind(id)
    .fetch_all(&pool)
    .await?;
    ensure!(rows.len() >= 6, "{} events", rows.len());
    for row in rows {
        let (event, metadata): (String, String) = (row.try_get("event_type")?, row.try_get("metadata")?);
        ensure!(metadata.contains(&format!("00-{trace}-")), "{event} has lost it: {metadata}");
    }
    // And nothing of the other order's.
    let lines = watched.lines()?;
    let stranger_id = other.body["id"].as_str().context("an id")?;
    ensure!(
        of(&lines, &stranger).iter().any(|line| line["order.id"] == stranger_id),
        "the other trace is empty"
    );
    ensure!(
        !of(&lines, &trace).iter().any(|line| line.to_string().contains(stranger_id)),
        "traces are mixed up"
    );
    watched.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_request_brings_its_own_trace_and_it_too_is_followed() -> Result<()> {
    let watched = Watched::start().await?;
    let client = watched.server.client();
    let placed = client.post("/api/v1/orders", &order::delivery("tok_ok")).await?.ok()?;
    let id = placed["id"].as_str().context("an id")?;
    let board = format!("/api/v1/kitchen/schedules?order={id}");
    let schedule = eventually("the kitchen is asked", async || {
        let list = client.get(&board).await.ok()?.body;
        Some(list["schedules"][0]["id"].as_str()?.to_owned())
    })
    .await?;
    let trace = Uuid::new_v4().simple().to_string();
    let parent = traceparent(&trace);
    let headers = [("traceparent", parent.as_str()), ("spindle-actor", "kitchen:bob")];
    client
        .send("POST", &format!("/api/v1/kitchen/schedules/{schedule}/accept"), &headers, None)
        .await?
        .ok()?;
    let way = eventually("the acceptance reaches the order", async || {
        let lines = watched.lines().ok()?;
        let way = Way::of(&of(&lines, &trace));
        way.shows("order_summary_v1", "order.entered_kitchen").then_some(way)
    })
    .await?;
    // The capture is what follows from an acceptance, and the order's entry into the kitchen from that.
    ensure!(
        way.commands.contains("kitchen by kitchen:bob")
            && way.commands.contains("payment by process:fulfilment"),
        "{way:?}"
    );
    ensure!(way.shows("payments_v1", "payment.captured"), "{way:?}");
    watched.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_timer_sets_off_belongs_to_the_trace_of_the_order() -> Result<()> {
    let watched = Watched::start_with(&[("SPINDLE_PROCESS__PAYMENT_TTL", "200ms")]).await?;
    let client = watched.server.client();
    let trace = Uuid::new_v4().simple().to_string();
    let parent = traceparent(&trace);
    let headers = [("content-type", "application/json"), ("traceparent", parent.as_str())];
    let body = order::unpaid(order::delivery("")).to_string().into_bytes();
    let placed = client.send("POST", "/api/v1/orders", &headers, Some(body)).await?.ok()?;
    let id = placed["id"].as_str().context("an id")?;
    world::until(&client, id, "cancelled").await?;
    let pool = watched.database.pool().await?;
    let metadata: String = sqlx::query_scalar(
        "select metadata::text from events where event_type = 'order.cancellation_requested' and aggregate_id = $1",
    )
    .bind(id)
    .fetch_one(&pool)
    .await?;
    ensure!(metadata.contains(&format!("00-{trace}-")), "the deadline has lost the trace: {metadata}");
    watched.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_shows_no_secret_and_no_card() -> Result<()> {
    let watched = Watched::start().await?;
    let client = watched.server.client();
    let placed = client.post("/api/v1/orders", &order::delivery("tok_ok")).await?.ok()?;
    world::until(&client, placed["id"].as_str().context("an id")?, "paid").await?;
    let written = watched.server.written()?;
    ensure!(written.len() > 1_000, "nothing is written, so nothing is tested");
    let password = url_password(&services::amqp_url()?);
    for secret in [Some(world::SECRET.to_owned()), password.map(|password| format!(":{password}@"))]
        .into_iter()
        .flatten()
    {
        ensure!(!written.contains(&secret), "the log shows a secret");
    }
    watched.stop().await
}

fn url_password(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let (user, _) = rest.split_once('@')?;
    user.split_once(':').map(|(_, password)| password.to_owned())
}
