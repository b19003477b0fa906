//! `/healthz`, `/readyz`, `/metrics`.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use harness::wait::PATIENCE;
use harness::{Client, Edge, World, eventually, eventually_ok, order};
use serde_json::json;
use spindle::config::Role;

use super::{post, text, unpaid};

/// The samples of `/metrics`, by name and labels.
async fn metrics(client: &Client) -> Result<BTreeMap<String, f64>> {
    let answer = client.get("/metrics").await?;
    let media_type = answer.header("content-type").context("no content type")?;
    ensure!(answer.status == 200 && media_type.starts_with("text/plain; version=0.0.4"), "{media_type}");
    let text = answer.body.as_str().context("no text")?;
    let samples = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    samples
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').with_context(|| format!("no sample: {line}"))?;
            Ok((name.to_owned(), value.parse().with_context(|| format!("no number: {line}"))?))
        })
        .collect()
}

fn lag(consumer: &str) -> String {
    format!("spindle_consumer_lag_events{{consumer=\"{consumer}\"}}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_works_says_so_in_every_part() -> Result<()> {
    let world = World::happy().await?;
    let placed = post(&world.client, "/api/v1/orders", &order::delivery("tok_ok")).await?;
    world.until(text(&placed, "id")?, "delivered").await?;
    world.settle().await?;
    ensure!(world.client.get("/healthz").await?.ok()? == json!({ "status": "ok" }));
    let mut names: Vec<String> = spindle_projections::names().iter().map(ToString::to_string).collect();
    names.extend([spindle_commands::process::NAME.to_owned(), spindle_eventlog::relay::NAME.to_owned()]);
    let report = eventually_ok("everything is well", PATIENCE, async || {
        let answer = world.client.get("/readyz").await?;
        let done = names.iter().all(|name| answer.body["consumers"][name]["lag"] == 0);
        ensure!(answer.status == 200 && answer.body["status"] == "ok" && done, "{}", answer.body);
        Ok(answer.body)
    })
    .await?;
    for part in ["database", "migrations", "accepting", "broker", "process"] {
        ensure!(report[part]["status"] == "ok", "{part}: {report}");
    }
    for name in &names {
        let consumer = &report["consumers"][name];
        ensure!(consumer["status"] == "ok" && consumer["parked"] == 0, "{name}: {report}");
    }

    let head: i64 = sqlx::query_scalar("select position from event_log_head")
        .fetch_one(&world.database.pool().await?)
        .await?;
    let metrics = metrics(&world.client).await?;
    let sample = |name: &str| {
        metrics.get(name).copied().with_context(|| format!("{name} is not measured: {metrics:?}"))
    };
    ensure!(sample("spindle_log_up")? > 0.5);
    ensure!(sample("spindle_log_head")?.to_string() == head.to_string());
    for name in &names {
        ensure!(sample(&lag(name))? < 0.5, "{name}");
    }
    ensure!(sample("spindle_process_work{status=\"due\"}")? < 0.5);
    ensure!(sample("spindle_process_work{status=\"dead\"}")? < 0.5);
    ensure!(sample("spindle_processes{status=\"completed\"}")?.to_string() == "1");
    // What is counted by this program, whichever test did it.
    let posted = "spindle_http_requests_total{method=\"POST\",route=\"/api/v1/orders\",status=\"201\"}";
    ensure!(sample(posted)? >= 1.0);
    ensure!(sample("spindle_commands_total{aggregate=\"order\",outcome=\"done\"}")? >= 1.0);
    for family in ["spindle_http_request_seconds", "spindle_command_seconds", "spindle_projection_batch_size"]
    {
        ensure!(metrics.keys().any(|name| name.starts_with(family)), "{family} is not measured");
    }
    let identifier = placed["id"].as_str().context("an id")?;
    ensure!(!metrics.keys().any(|name| name.contains(identifier)), "labels must not grow with orders");
    world.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lag_is_measured_against_the_head_although_the_consumer_is_dead() -> Result<()> {
    let edge = Edge::open().await?;
    edge.make("/api/v1/orders", &unpaid()).await?;
    let names: Vec<String> = spindle_projections::names().iter().map(ToString::to_string).collect();
    eventually("every view is there", async || {
        let metrics = metrics(&edge.client).await.ok()?;
        names.iter().all(|name| metrics.get(&lag(name)).is_some_and(|lag| *lag < 0.5)).then_some(())
    })
    .await?;
    let edge = edge.restart(|config| config.roles = vec![Role::Api]).await?;
    for _ in 0..3 {
        edge.make("/api/v1/orders", &unpaid()).await?;
    }
    let metrics = metrics(&edge.client).await?;
    let report = edge.client.get("/readyz").await?.ok()?;
    for name in &names {
        ensure!(
            metrics.get(&lag(name)).map(ToString::to_string).as_deref() == Some("3"),
            "{name}: {metrics:?}"
        );
        ensure!(report["consumers"][name]["lag"] == 3, "{name}: {report}");
    }
    // Nobody runs the process here: commands are taken, and the gap is told.
    ensure!(report["status"] == "degraded" && report["process"]["status"] == "degraded", "{report}");
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_never_ran_has_all_of_the_log_before_it() -> Result<()> {
    let edge = Edge::open_with(|config| config.roles = vec![Role::Api]).await?;
    for _ in 0..2 {
        edge.make("/api/v1/orders", &unpaid()).await?;
    }
    let report = edge.client.get("/readyz").await?.ok()?;
    let metrics = metrics(&edge.client).await?;
    let views = spindle_projections::names().map(|name| name.to_string());
    for name in views.iter().map(String::as_str) {
        ensure!(report["consumers"][name]["lag"] == 2, "{name}: {report}");
    }
    for name in views.iter().map(String::as_str).chain([spindle_commands::process::NAME]) {
        ensure!(
            metrics.get(&lag(name)).map(ToString::to_string).as_deref() == Some("2"),
            "{name}: {metrics:?}"
        );
    }
    edge.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_its_tables_is_not_ready_and_says_what_is_missing() -> Result<()> {
    let edge = Edge::open_with(|config| config.roles = vec![Role::Api]).await?;
    spindle_eventlog::migrations::down(&edge.pool, 2).await?;
    let answer = edge.client.get("/readyz").await?;
    ensure!(answer.status == 503 && answer.body["status"] == "failed", "{answer:?}");
    let detail = answer.body["migrations"]["detail"].as_str().context("a word about it")?;
    ensure!(answer.body["migrations"]["status"] == "failed" && detail.contains('3'), "{answer:?}");
    ensure!(answer.body["database"]["status"] == "ok", "{answer:?}");
    ensure!(edge.client.get("/healthz").await?.status == 200, "it lives all the same");
    spindle_eventlog::migrations::up(&edge.pool).await?;
    let answer = edge.client.get("/readyz").await?;
    ensure!(answer.status == 200 && answer.body["migrations"]["status"] == "ok", "{answer:?}");
    edge.close().await
}
