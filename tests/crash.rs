//! Kill -9 at any moment: what was answered is kept, once, and reaches its end.

use anyhow::Result;
use harness::load::{Load, none_lost};
use harness::server::Server;
use harness::world::{SECRET, hire};
use harness::{WorldOptions, database, namespace, services, truth};
use spindle::simulators::provider;
use tokio_util::sync::CancellationToken;

/// How often the server is killed.
const KILLS: usize = 30;

/// A reproducible number from 0 to `below` - 1.
fn random(seed: &mut u64, below: u64) -> usize {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    usize::try_from(*seed % below).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_survives_being_killed_thirty_times() -> Result<()> {
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
        ("SPINDLE_RETRY__FIRST", "50ms".into()),
        ("SPINDLE_LOG", "warn".into()),
    ];
    let mut server = Server::prepare(&[], &environment, folder.path().join("server.log"))?;
    let callback = format!("{}/api/v1/payments/callback", server.url);
    server.set("SPINDLE_PROVIDER__CALLBACK_URL", callback);
    server.start().await?;
    let crew = CancellationToken::new();
    hire(&server.url, kitchen, couriers, &crew);
    let load = Load::start(std::slice::from_ref(&server.url), 6);
    let mut seed = 0x5EED_u64;
    for _ in 0..KILLS {
        load.more(1 + random(&mut seed, 12)).await?;
        server.kill().await?;
        server.spawn()?;
        if random(&mut seed, 4) == 0 {
            // Now and then it dies again before it has answered anybody.
            server.kill().await?;
            server.spawn()?;
        }
    }
    load.more(5).await?;
    let orders = load.finish().await?;
    truth::settled(&database).await?;
    none_lost(&server.client(), &database, &orders).await?;
    truth::whole(&database).await?;
    truth::money(&database, &provider.ledger()).await?;
    println!("killed {KILLS} times under load: {} orders answered, all delivered", orders.len());
    crew.cancel();
    server.kill().await?;
    provider.shutdown().await;
    Ok(())
}
