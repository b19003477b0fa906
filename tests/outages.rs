//! The broker and the database go away under load, and come back.

use anyhow::{Result, ensure};
use harness::load::{Load, none_lost};
use harness::{World, WorldOptions, eventually, services, truth};
use spindle::config::Role;
use spindle_eventlog::bus::{Batch, Bus};
use spindle_eventlog::relay;
use xtask::services::postgres::{PostgresOptions, PostgresServer, StopMode};
use xtask::services::rabbit::{RabbitOptions, RabbitServer};

async fn private_rabbit() -> Result<RabbitServer> {
    tokio::task::spawn_blocking(|| RabbitServer::start(&RabbitOptions::default())).await?
}

/// Waits until every consumer group has its queue, and returns their names.
async fn queues(rabbit: &std::sync::Arc<RabbitServer>) -> Result<Vec<String>> {
    eventually("every group has its queue", async || {
        let broker = std::sync::Arc::clone(rabbit);
        let listed = tokio::task::spawn_blocking(move || broker.list_queues("/")).await.ok()?.ok()?;
        (listed.len() == 6).then(|| listed.into_iter().map(|(name, _)| name).collect())
    })
    .await
}

/// Waits until the relay has carried everything that is in the log at this moment.
async fn relayed(world: &World) -> Result<()> {
    let head = world.database.log().head().await?;
    let pool = world.database.pool().await?;
    eventually("the relay reaches what was the head", async || {
        let position: i64 = sqlx::query_scalar("select position from checkpoints where consumer = $1")
            .bind(relay::NAME)
            .fetch_one(&pool)
            .await
            .ok()?;
        (position >= head).then_some(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_succeed_while_the_broker_is_away_and_lost_queues_heal_without_a_restart() -> Result<()> {
    let rabbit = std::sync::Arc::new(private_rabbit().await?);
    let mut options = WorldOptions::default();
    options.config.amqp_url = Some(rabbit.url("/"));
    let world = World::start(options).await?;
    let load = Load::start(std::slice::from_ref(&world.server.url), 4);
    load.more(20).await?;
    relayed(&world).await?;

    let broker = std::sync::Arc::clone(&rabbit);
    tokio::task::spawn_blocking(move || broker.kill()).await??;
    let refused = load.refused();
    load.more(30).await?;
    ensure!(load.refused() == refused, "commands were refused while the broker was away");
    let broker = std::sync::Arc::clone(&rabbit);
    tokio::task::spawn_blocking(move || broker.start_again()).await??;
    load.more(10).await?;
    relayed(&world).await?;

    for delete in [false, true] {
        let lost = queues(&rabbit).await?;
        let broker = std::sync::Arc::clone(&rabbit);
        tokio::task::spawn_blocking(move || -> Result<()> {
            for queue in &lost {
                if delete {
                    broker.delete_queue("/", queue)?;
                } else {
                    broker.purge_queue("/", queue)?;
                }
            }
            Ok(())
        })
        .await??;
        load.more(15).await?;
    }
    let orders = load.finish().await?;
    world.settle().await?;
    relayed(&world).await?;
    none_lost(&world.client, &world.database, &orders).await?;
    truth::whole(&world.database).await?;
    truth::money(&world.database, &world.provider.ledger()).await?;
    // The queues that were deleted are there again.
    queues(&rabbit).await?;
    world.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_come_twice_out_of_order_or_never_change_nothing() -> Result<()> {
    // No server relays: the test does, and as badly as a broker ever could.
    let mut options = WorldOptions::default();
    options.config.roles = vec![Role::Api, Role::Projector, Role::Process];
    let world = World::start(options).await?;
    let log = world.database.log();
    let bus = Bus::new(&services::amqp_url()?, &world.config.amqp_namespace);
    let publisher = bus.publisher(log.identity().await?).await?;
    let load = Load::start(std::slice::from_ref(&world.server.url), 4);
    let (mut position, mut rounds) = (0, 0);
    while rounds < 40 {
        let events = log.read_after(position, 24).await?;
        let Some(last) = events.last() else { continue };
        position = last.position;
        rounds += 1;
        // Three events a message, the last message first, each twice, and every fifth not at all.
        for (number, chunk) in events.chunks(3).enumerate().collect::<Vec<_>>().into_iter().rev() {
            for _ in 0..if (rounds + number) % 5 == 0 { 0 } else { 2 } {
                publisher.publish(&Batch::new(chunk.to_vec())?).await?;
            }
        }
    }
    let orders = load.finish().await?;
    world.settle().await?;
    none_lost(&world.client, &world.database, &orders).await?;
    truth::whole(&world.database).await?;
    truth::money(&world.database, &world.provider.ledger()).await?;
    bus.close().await;
    world.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_restarts_is_refused_for_and_recovered_from() -> Result<()> {
    let postgres =
        tokio::task::spawn_blocking(|| PostgresServer::start(&PostgresOptions::default())).await??;
    let postgres = std::sync::Arc::new(postgres);
    let database = services::database_on(&postgres.url("postgres")).await?;
    let world = World::start(WorldOptions { database: Some(database), ..WorldOptions::default() }).await?;
    let load = Load::start(std::slice::from_ref(&world.server.url), 4);
    load.more(15).await?;
    for mode in [StopMode::Fast, StopMode::Immediate] {
        let server = std::sync::Arc::clone(&postgres);
        tokio::task::spawn_blocking(move || server.stop(mode)).await??;
        let refused = load.refused();
        eventually("commands are refused with 503 and Retry-After", async || {
            (load.refused() > refused).then_some(())
        })
        .await?;
        let ready = world.client.get("/readyz").await?;
        ensure!(
            ready.status == 503 && ready.body.to_string().contains("database"),
            "{}: {}",
            ready.status,
            ready.body
        );
        ensure!(world.client.get("/healthz").await?.status == 200, "it lives all the same");
        let server = std::sync::Arc::clone(&postgres);
        tokio::task::spawn_blocking(move || server.start_again()).await??;
        load.more(15).await?;
    }
    let orders = load.finish().await?;
    world.settle().await?;
    none_lost(&world.client, &world.database, &orders).await?;
    truth::whole(&world.database).await?;
    truth::money(&world.database, &world.provider.ledger()).await?;
    world.close().await
}
