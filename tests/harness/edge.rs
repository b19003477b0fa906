//! The edge alone: a server that takes commands and shows views, where nothing is stored that no request asks for.
//! There is no process, no broker and nobody outside.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use spindle::config::{Config, Role};
use spindle_commands::{Clock, Context, Dispatcher};
use spindle_domain::payment::{Payment, PaymentCommand};
use spindle_domain::shipment::{Shipment, ShipmentCommand};
use spindle_domain::values::{Currency, LocationId, Money, OrderId, PaymentMethod};
use sqlx::PgPool;
use uuid::Uuid;

use crate::client::{Answer, Client};
use crate::server::InProcess;
use crate::services::{Database, database};
use crate::world::SECRET;

/// The amount of every payment that [`Edge::payment`] makes, in cents.
pub const AMOUNT: i64 = 1_220;

/// The edge, with its database.
#[derive(Debug)]
pub struct Edge {
    /// The server.
    pub server: InProcess,
    /// A client of it.
    pub client: Client,
    /// Where everything is stored.
    pub database: Database,
    /// To look there.
    pub pool: PgPool,
    /// What the server runs with.
    pub config: Config,
    dispatcher: Dispatcher,
}

/// What is stored: the log's head, and how many idempotency keys are claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// The last position.
    pub head: i64,
    /// The keys.
    pub claims: i64,
}

impl Edge {
    /// Opens one.
    ///
    /// # Errors
    /// When it does not open.
    pub async fn open() -> Result<Self> {
        Self::open_with(|_| ()).await
    }

    /// Opens one whose configuration is changed first.
    ///
    /// # Errors
    /// When it does not open.
    pub async fn open_with(change: impl FnOnce(&mut Config)) -> Result<Self> {
        let database = database().await?;
        let mut config = Config {
            database_url: Some(database.url.clone()),
            database_connections: 8,
            roles: vec![Role::Api, Role::Projector],
            ..Config::default()
        };
        config.listen.set_port(0);
        config.provider.callback_secrets = vec![SECRET.to_owned()];
        change(&mut config);
        Self::on(database, config).await
    }

    async fn on(database: Database, config: Config) -> Result<Self> {
        let server = InProcess::start(config.clone()).await?;
        let pool = database.pool().await?;
        let dispatcher = Dispatcher::new(database.log(), Clock::system());
        Ok(Self { client: Client::new(&server.url), server, pool, dispatcher, database, config })
    }

    /// Stops the server and starts another on the same database, with a changed configuration. Nothing that was
    /// only in memory is left.
    ///
    /// # Errors
    /// When it does not stop or start.
    pub async fn restart(self, change: impl FnOnce(&mut Config)) -> Result<Self> {
        let Self { server, database, mut config, .. } = self;
        server.stop().await?;
        change(&mut config);
        Self::on(database, config).await
    }

    /// Closes it.
    ///
    /// # Errors
    /// When the server ends badly.
    pub async fn close(self) -> Result<()> {
        self.server.stop().await
    }

    /// What is stored now.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn stored(&self) -> Result<Stored> {
        let (head, claims) = sqlx::query_as(
            "select (select position from event_log_head), (select count(*) from idempotency_keys)",
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(Stored { head, claims })
    }

    /// How many events of a type are stored.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn events(&self, event_type: &str) -> Result<i64> {
        Ok(sqlx::query_scalar("select count(*) from events where event_type = $1")
            .bind(event_type)
            .fetch_one(&self.pool)
            .await?)
    }

    /// Posts a body that makes something, and returns the name of it.
    ///
    /// # Errors
    /// When it is not made.
    pub async fn make(&self, path: &str, body: &Value) -> Result<String> {
        let made = self.client.post(path, body).await?.ok()?;
        Ok(made["id"].as_str().context("no id")?.to_owned())
    }

    /// A payment of [`AMOUNT`] that nobody has answered yet, for an order that is only a name.
    ///
    /// # Errors
    /// When it is not stored.
    pub async fn payment(&self) -> Result<Uuid> {
        let (id, order) = (Uuid::now_v7(), OrderId(Uuid::now_v7()));
        let method = PaymentMethod::parse("tok_ok")?;
        let request = PaymentCommand::Request { order, amount: Money::new(AMOUNT, Currency::EUR), method };
        self.dispatcher.execute::<Payment>(id, request, Context::by("test")).await?;
        Ok(id)
    }

    /// Tells a payment something.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn tell(&self, payment: Uuid, command: PaymentCommand) -> Result<()> {
        self.dispatcher.execute::<Payment>(payment, command, Context::by("test")).await?;
        Ok(())
    }

    /// A payment of [`AMOUNT`] that the provider took.
    ///
    /// # Errors
    /// When it is not stored.
    pub async fn captured(&self) -> Result<Uuid> {
        let id = self.payment().await?;
        let (reference, amount) = (format!("pp_{id}"), Money::new(AMOUNT, Currency::EUR));
        self.tell(id, PaymentCommand::RecordCaptured { reference, amount }).await?;
        Ok(id)
    }

    /// A shipment that waits for a courier.
    ///
    /// # Errors
    /// When it is not stored.
    pub async fn shipment(&self) -> Result<Uuid> {
        let id = Uuid::now_v7();
        let request = ShipmentCommand::Request {
            order: OrderId(Uuid::now_v7()),
            address: serde_json::from_value(json!({ "street": "Long Lane 1", "city": "London" }))?,
            contact: serde_json::from_value(json!({ "name": "Ada Lovelace" }))?,
            location: LocationId::default(),
        };
        self.dispatcher.execute::<Shipment>(id, request, Context::by("test")).await?;
        Ok(id)
    }
}

impl Answer {
    /// The document of a refusal with this status and code.
    ///
    /// # Errors
    /// When it is none, or another.
    pub fn problem(&self, status: u16, code: &str) -> Result<&Value> {
        let body = &self.body;
        ensure!(self.status == status, "answered {}, not {status} {code}: {body}", self.status);
        let media_type = self.header("content-type");
        ensure!(media_type == Some("application/problem+json"), "{status} came as {media_type:?}: {body}");
        ensure!(body["type"] == format!("/problems/{code}"), "not {code}: {body}");
        ensure!(body["status"] == status, "another status inside: {body}");
        for field in ["title", "detail"] {
            ensure!(body[field].as_str().is_some_and(|text| !text.is_empty()), "no {field}: {body}");
        }
        Ok(body)
    }

    /// The rule that a part of the request breaks, as a refusal names it: `at` is `pointer`, `parameter` or
    /// `header`.
    ///
    /// # Errors
    /// When the refusal names another part, or no rule.
    pub fn rule(&self, at: &str, place: &str) -> Result<&str> {
        let fault = &self.body["errors"][0];
        ensure!(fault[at] == place, "{at} {place:?} is not what is named: {}", self.body);
        fault["rule"].as_str().filter(|rule| !rule.is_empty()).context("no rule is named")
    }
}
