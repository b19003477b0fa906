//! A shop at work: a server, a provider, a kitchen crew and couriers, each on a port of its own.

use std::time::Duration;

use anyhow::Result;
use spindle::config::Config;
use spindle::signature::Secret;
use spindle::simulators::CrewOptions;
use spindle::simulators::couriers::{self, CourierOptions};
use spindle::simulators::kitchen::{self, KitchenOptions};
use spindle::simulators::provider::{self, Provider, ProviderOptions};
use spindle_commands::Clock;
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::server::{InProcess, free_port};
use crate::services::{Database, amqp_url, database, forget, namespace};
use crate::wait::eventually;

/// Signs the provider's callbacks in tests.
pub const SECRET: &str = "whsec_c3BpbmRsZS10ZXN0LXNlY3JldC0wMTIzNDU2Nzg5";

/// How a world is made.
#[derive(Debug)]
pub struct WorldOptions {
    /// Of the server; addresses are filled in.
    pub config: Config,
    /// Of the provider.
    pub provider: ProviderOptions,
    /// Of the kitchen; none for an empty one.
    pub kitchen: Option<KitchenOptions>,
    /// Of the couriers; none for none.
    pub couriers: Option<CourierOptions>,
    /// With a broker.
    pub broker: bool,
    /// What time it is.
    pub clock: Clock,
    /// In this database instead of a new one.
    pub database: Option<Database>,
}

impl Default for WorldOptions {
    fn default() -> Self {
        let secret = Secret::parse(SECRET).expect("a secret of the right form");
        let mut config = Config { database_connections: 8, ..Config::default() };
        config.retry.first = Duration::from_millis(20);
        config.process.reconcile_after = Duration::from_millis(200);
        config.provider.timeout = Duration::from_secs(1);
        config.provider.callback_secrets = vec![SECRET.to_owned()];
        let mut provider = ProviderOptions::new(secret);
        provider.hang = Duration::from_secs(3);
        provider.decide_after = Some(Duration::from_millis(200));
        Self {
            config,
            provider,
            kitchen: Some(KitchenOptions::new(CrewOptions::new(""))),
            couriers: Some(CourierOptions::new(CrewOptions::new(""))),
            broker: true,
            clock: Clock::system(),
            database: None,
        }
    }
}

/// A shop at work.
#[derive(Debug)]
pub struct World {
    /// The server.
    pub server: InProcess,
    /// A client of it.
    pub client: Client,
    /// The payment provider, with its ledger.
    pub provider: Provider,
    /// Where everything is stored.
    pub database: Database,
    /// The configuration that the server runs with.
    pub config: Config,
    crew: CancellationToken,
}

impl World {
    /// A shop where everything goes well.
    ///
    /// # Errors
    /// When it does not open.
    pub async fn happy() -> Result<Self> {
        Self::start(WorldOptions::default()).await
    }

    /// Opens a shop.
    ///
    /// # Errors
    /// When it does not open.
    pub async fn start(options: WorldOptions) -> Result<Self> {
        let WorldOptions { mut config, provider, kitchen, couriers, broker, clock, database: given } =
            options;
        let database = match given {
            Some(given) => given,
            None => database().await?,
        };
        let provider = provider::start(provider).await?;
        let port = free_port()?;
        config.listen.set_port(port);
        config.database_url = Some(database.url.clone());
        if broker {
            config.amqp_url.get_or_insert(amqp_url()?);
            config.amqp_namespace = namespace();
        }
        config.provider.url = Some(provider.url());
        config.provider.callback_url = Some(format!("http://127.0.0.1:{port}/api/v1/payments/callback"));
        let server = InProcess::start_with(config.clone(), clock).await?;
        let crew = CancellationToken::new();
        hire(&server.url, kitchen, couriers, &crew);
        Ok(Self { client: Client::new(&server.url), server, provider, database, config, crew })
    }

    /// Waits until an order has a status, and returns it.
    ///
    /// # Errors
    /// When it does not get there.
    pub async fn until(&self, id: &str, status: &str) -> Result<serde_json::Value> {
        until(&self.client, id, status).await
    }

    /// Waits until every process is done and all is quiet.
    ///
    /// # Errors
    /// When that does not happen.
    pub async fn settle(&self) -> Result<()> {
        crate::truth::settled(&self.database).await
    }

    /// Closes the shop.
    ///
    /// # Errors
    /// When the server ends badly.
    pub async fn close(self) -> Result<()> {
        self.crew.cancel();
        self.server.stop().await?;
        self.provider.shutdown().await;
        match &self.config.amqp_url {
            Some(broker) if *broker == amqp_url()? => forget(&self.config.amqp_namespace).await?,
            _ => {}
        }
        Ok(())
    }
}

/// Puts a kitchen crew and couriers to work at a server.
pub fn hire(
    url: &str,
    kitchen: Option<KitchenOptions>,
    couriers: Option<CourierOptions>,
    stop: &CancellationToken,
) {
    if let Some(mut options) = kitchen {
        url.clone_into(&mut options.crew.url);
        tokio::spawn(kitchen::run(options, stop.clone()));
    }
    if let Some(mut options) = couriers {
        url.clone_into(&mut options.crew.url);
        tokio::spawn(couriers::run(options, stop.clone()));
    }
}

/// Waits until an order has a status, and returns it.
///
/// # Errors
/// When it does not get there; shows where it stands.
pub async fn until(client: &Client, id: &str, status: &str) -> Result<serde_json::Value> {
    let mut last = serde_json::Value::Null;
    let reached = eventually(&format!("order {id} becomes {status}"), async || {
        last = client.order(id).await.unwrap_or_default();
        (last["status"] == status).then(|| last.clone())
    })
    .await;
    match reached {
        Ok(order) => Ok(order),
        Err(error) => {
            let saga = client.get(&format!("/api/v1/sagas/{id}")).await.map(|answer| answer.body);
            anyhow::bail!("{error:#}; it is {last}; its process: {saga:?}")
        }
    }
}
