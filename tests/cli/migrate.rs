//! `spindle migrate`: forward, back, and never over what is stored without a yes.

use anyhow::{Result, ensure};
use harness::{Edge, database};
use serde_json::json;

use super::Shell;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tables_come_and_go_and_every_command_says_what_is_missing() -> Result<()> {
    let database = database().await?;
    let shell = Shell::new(&[("SPINDLE_DATABASE_URL", &database.url)])?;
    let status = shell.run(&["migrate", "status"]).await?.with(0)?;
    ensure!(status.out.contains("event log") && !status.out.contains("missing"), "{status:?}");
    let back = shell.run(&["migrate", "down"]).await?.with(0)?;
    ensure!(back.out.contains("views") && back.out.contains("taken back"), "{back:?}");

    let status = shell.run(&["migrate", "status", "--output", "json"]).await?.with(6)?.json()?;
    let applied: Vec<_> =
        status["migrations"].as_array().into_iter().flatten().map(|step| &step["applied"]).collect();
    ensure!(applied == [&json!(true), &json!(true), &json!(false)], "{status}");
    let serve = shell.run(&["serve", "--listen", "127.0.0.1:0"]).await?.with(6)?;
    ensure!(
        serve.err.contains("1 migrations are missing") || serve.err.contains("1 migration is missing"),
        "{serve:?}"
    );
    ensure!(serve.err.contains("spindle migrate up"), "{serve:?}");

    shell.run(&["migrate", "down", "--to", "0"]).await?.with(0)?;
    for words in [&["events", "check"][..], &["events", "tail"]] {
        let left = shell.run(words).await?.with(6)?;
        ensure!(left.err.contains("spindle migrate up"), "{left:?}");
    }
    shell.run(&["migrate", "down", "--to", "9"]).await?.with(2)?;
    let up = shell.run(&["migrate", "up"]).await?.with(0)?;
    ensure!(up.out.matches("applied").count() >= 3, "{up:?}");
    shell.run(&["migrate", "up"]).await?.with(0)?;
    shell.run(&["migrate", "status"]).await?.with(0)?;
    let check = shell.run(&["events", "check"]).await?.with(0)?;
    ensure!(check.out.contains("the log is empty"), "{check:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stored_is_dropped_only_with_a_yes() -> Result<()> {
    let edge = Edge::open().await?;
    let shell = Shell::new(&[("SPINDLE_DATABASE_URL", &edge.database.url)])?;
    edge.make("/api/v1/orders", &harness::order::unpaid(harness::order::delivery(""))).await?;
    let before = edge.stored().await?;
    for words in
        [&["migrate", "down", "--to", "0"][..], &["migrate", "down", "--to", "0", "--output", "json"]]
    {
        let left = shell.run(words).await?.with(2)?;
        ensure!(left.err.contains("1 row in events") && left.err.contains("--yes"), "{left:?}");
    }
    ensure!(edge.stored().await? == before, "nobody said yes");
    let pool = edge.database.pool().await?;
    edge.close().await?;
    shell.run(&["migrate", "down", "--to", "0", "--yes"]).await?.with(0)?;
    let left: i64 =
        sqlx::query_scalar("select count(*) from pg_tables where tablename in ('events', 'processes')")
            .fetch_one(&pool)
            .await?;
    ensure!(left == 0, "{left} tables are left");
    Ok(())
}
