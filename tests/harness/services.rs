//! PostgreSQL and RabbitMQ for tests: every test has a database and a broker namespace of its own.

use std::str::FromStr;

use anyhow::{Context, Result};
use lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};
use spindle_eventlog::EventLog;
use spindle_eventlog::log::WriterOptions;
use spindle_eventlog::migrations;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection, PgPool};
use uuid::Uuid;

/// A database of its own, migrated, on a server that is shared.
#[derive(Debug, Clone)]
pub struct Database {
    /// Its address.
    pub url: String,
}

/// The shared PostgreSQL server's address, as `cargo xtask test` gives it.
///
/// # Errors
/// When it is not given.
pub fn database_url() -> Result<String> {
    std::env::var("DATABASE_URL").context("DATABASE_URL is not set: run the tests with `cargo xtask test`")
}

/// The shared RabbitMQ server's address, as `cargo xtask test` gives it.
///
/// # Errors
/// When it is not given.
pub fn amqp_url() -> Result<String> {
    std::env::var("AMQP_URL").context("AMQP_URL is not set: run the tests with `cargo xtask test`")
}

/// A name that no other test has.
#[must_use]
pub fn namespace() -> String {
    format!("t{}", Uuid::new_v4().simple())
}

/// Takes away what a namespace has on the shared broker: every queue that is left there costs it a little for ever.
///
/// # Errors
/// When the broker refuses.
pub async fn forget(namespace: &str) -> Result<()> {
    let connection = lapin::Connection::connect(&amqp_url()?, lapin::ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let projections = spindle_projections::names().map(spindle_projections::Name::consumer);
    for group in projections.into_iter().chain([spindle_commands::process::NAME.to_owned()]) {
        channel
            .queue_delete(format!("{namespace}.log.{group}").into(), QueueDeleteOptions::default())
            .await?;
    }
    channel.exchange_delete(format!("{namespace}.log").into(), ExchangeDeleteOptions::default()).await?;
    connection.close(200, "bye".into()).await?;
    Ok(())
}

/// A new database on the shared server, with every migration.
///
/// # Errors
/// When the server refuses.
pub async fn database() -> Result<Database> {
    database_on(&database_url()?).await
}

/// A new database on a server, with every migration.
///
/// # Errors
/// When the server refuses.
pub async fn database_on(server: &str) -> Result<Database> {
    let name = namespace();
    let options = PgConnectOptions::from_str(server)?;
    let mut connection = PgConnection::connect_with(&options).await.context("the shared PostgreSQL")?;
    sqlx::query(&format!("create database {name}")).execute(&mut connection).await?;
    connection.close().await?;
    let (address, query) = server.split_once('?').map_or((server, None), |(a, q)| (a, Some(q)));
    let slash = address.rfind('/').filter(|at| *at > "postgres://".len()).unwrap_or(address.len());
    let mut url = format!("{}/{name}", &address[..slash]);
    if let Some(query) = query {
        url = format!("{url}?{query}");
    }
    let database = Database { url };
    let pool = database.pool().await?;
    migrations::up(&pool).await?;
    pool.close().await;
    Ok(database)
}

impl Database {
    /// How to connect.
    ///
    /// # Panics
    /// Never: the address was used before.
    #[must_use]
    pub fn options(&self) -> PgConnectOptions {
        PgConnectOptions::from_str(&self.url).expect("an address that was used before")
    }

    /// A small pool for looking and for tampering.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn pool(&self) -> Result<PgPool> {
        Ok(sqlx::postgres::PgPoolOptions::new().max_connections(4).connect_with(self.options()).await?)
    }

    /// The log in it, with a writer of its own, as another node would have.
    #[must_use]
    pub fn log(&self) -> EventLog {
        EventLog::open(&self.options(), 8, WriterOptions::default())
    }
}
