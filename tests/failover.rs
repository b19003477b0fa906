//! Two servers on one database, both with every role.

use anyhow::{Result, ensure};
use harness::load::{Load, none_lost};
use harness::server::Server;
use harness::world::{SECRET, hire};
use harness::{WorldOptions, database, namespace, services, truth};
use spindle::simulators::provider;
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_do_no_work_twice_and_the_second_takes_over_when_the_first_dies() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let WorldOptions { provider: options, kitchen, couriers, .. } = WorldOptions::default();
    let provider = provider::start(options).await?;
    let database = database().await?;
    let environment = [
        ("SPINDLE_DATABASE_URL", database.url.clone()),
        ("SPINDLE_AMQP_URL", services::amqp_url()?),
        ("SPINDLE_AMQP_NAMESPACE", namespace()),
        ("SPINDLE_PROVIDER__URL", provider.url()),
        ("SPINDLE_PROVIDER__CALLBACK_SECRETS", format!("[{SECRET:?}]")),
        ("SPINDLE_DATABASE_CONNECTIONS", "8".into()),
        ("SPINDLE_LOG", "info".into()),
    ];
    // The first takes every lease before the second is there.
    let mut first = Server::prepare(&[], &environment, folder.path().join("first.log"))?;
    first.start().await?;
    let mut second = Server::prepare(&[], &environment, folder.path().join("second.log"))?;
    let crew = CancellationToken::new();
    hire(&second.url, kitchen, couriers, &crew);
    let load = Load::start(std::slice::from_ref(&first.url), 3);
    load.more(10).await?;
    second.start().await?;
    let both = Load::start(&[second.url.clone(), first.url.clone()], 3);
    both.more(20).await?;
    let mut orders = load.finish().await?;
    orders.extend(both.finish().await?);
    truth::settled(&database).await?;
    none_lost(&second.client(), &database, &orders).await?;
    // While nobody died, no piece of work was tried twice.
    let pool = database.pool().await?;
    let twice: Vec<(String, i64)> = sqlx::query_as(
        "select entry ->> 'work_id', count(*) from process_journal where kind = 'attempt' group by 1 having count(*) > 1",
    )
    .fetch_all(&pool)
    .await?;
    ensure!(twice.is_empty(), "work was tried twice: {twice:?}");
    ensure!(!second.written()?.contains("leads fulfilment"), "two servers lead one process");

    let load = Load::start(&[second.url.clone(), first.url.clone()], 4);
    load.more(5).await?;
    first.kill().await?;
    load.more(10).await?;
    orders.extend(load.finish().await?);
    truth::settled(&database).await?;
    ensure!(second.written()?.contains("leads fulfilment"), "the second has not taken over");
    none_lost(&second.client(), &database, &orders).await?;
    truth::whole(&database).await?;
    truth::money(&database, &provider.ledger()).await?;
    crew.cancel();
    second.kill().await?;
    provider.shutdown().await;
    Ok(())
}
