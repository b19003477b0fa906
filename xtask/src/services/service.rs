//! One server, wherever it comes from: somebody else's, a private one, or a container.

use std::fmt::Debug;

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};

use super::compose::{Container, ContainerRecord};
use super::install::Server;
use super::net::Endpoint;
use super::postgres::{PostgresOptions, PostgresRecord, PostgresServer};
use super::process::ProcessId;
use super::rabbit::{RabbitOptions, RabbitRecord, RabbitServer};

/// The database that is made in a private PostgreSQL.
const DATABASE: &str = "spindle";

/// The virtual host that every RabbitMQ has.
const VHOST: &str = "/";

/// What the private servers have in common.
pub(crate) trait PrivateServer: Sized {
    type Record: Clone + Debug + Serialize;
    const SERVER: Server;
    const VARIABLE: &str;

    fn launch() -> Result<Self>;
    fn adopt(record: Self::Record) -> Self;
    fn describe(&self) -> Self::Record;
    fn let_go(self) -> Self::Record;
    fn remove(self) -> Result<()>;
    fn address(&self) -> String;
    fn answers(&self) -> bool;
    fn process(record: &Self::Record) -> Option<&ProcessId>;
}

impl PrivateServer for PostgresServer {
    type Record = PostgresRecord;
    const SERVER: Server = Server::Postgres;
    const VARIABLE: &str = "DATABASE_URL";

    fn launch() -> Result<Self> {
        let server = Self::start(&PostgresOptions::default())?;
        server.create_database(DATABASE)?;
        Ok(server)
    }

    fn adopt(record: PostgresRecord) -> Self {
        Self::attach(record)
    }

    fn describe(&self) -> PostgresRecord {
        self.record()
    }

    fn let_go(self) -> PostgresRecord {
        self.detach()
    }

    fn remove(self) -> Result<()> {
        self.destroy()
    }

    fn address(&self) -> String {
        self.url(DATABASE)
    }

    fn answers(&self) -> bool {
        self.is_ready()
    }

    fn process(record: &PostgresRecord) -> Option<&ProcessId> {
        record.process.as_ref()
    }
}

impl PrivateServer for RabbitServer {
    type Record = RabbitRecord;
    const SERVER: Server = Server::Rabbit;
    const VARIABLE: &str = "AMQP_URL";

    fn launch() -> Result<Self> {
        Self::start(&RabbitOptions::default())
    }

    fn adopt(record: RabbitRecord) -> Self {
        Self::attach(record)
    }

    fn describe(&self) -> RabbitRecord {
        self.record()
    }

    fn let_go(self) -> RabbitRecord {
        self.detach()
    }

    fn remove(self) -> Result<()> {
        self.destroy()
    }

    fn address(&self) -> String {
        self.url(VHOST)
    }

    fn answers(&self) -> bool {
        self.is_ready()
    }

    fn process(record: &RabbitRecord) -> Option<&ProcessId> {
        record.process.as_ref()
    }
}

/// A server in use. Dropping one that this process started stops it.
#[derive(Debug)]
pub enum Service<S> {
    /// It runs already, and belongs to somebody else.
    External(String),
    /// A private one.
    Private(S),
    /// A private one in a container.
    Container(Container),
}

/// A server as it is written down for other processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Entry<R> {
    /// It runs already, and belongs to somebody else: its URL.
    External(String),
    /// A private one.
    Private(R),
    /// A private one in a container.
    Container(ContainerRecord),
}

impl<S> Service<S> {
    /// The private server, unless it is somebody else's or in a container.
    #[must_use]
    pub fn private(&self) -> Option<&S> {
        match self {
            Self::Private(server) => Some(server),
            Self::External(_) | Self::Container(_) => None,
        }
    }
}

#[expect(
    private_bounds,
    reason = "the trait only spares writing everything twice; nobody else implements it"
)]
impl<S: PrivateServer> Service<S> {
    /// Where clients find it.
    #[must_use]
    pub fn url(&self) -> String {
        match self {
            Self::External(url) => url.clone(),
            Self::Private(server) => server.address(),
            Self::Container(container) => container.url(),
        }
    }

    pub(crate) fn attach(entry: Entry<S::Record>) -> Self {
        match entry {
            Entry::External(url) => Self::External(url),
            Entry::Private(record) => Self::Private(S::adopt(record)),
            Entry::Container(record) => Self::Container(Container::attach(record)),
        }
    }

    pub(crate) fn entry(&self) -> Entry<S::Record> {
        match self {
            Self::External(url) => Entry::External(url.clone()),
            Self::Private(server) => Entry::Private(server.describe()),
            Self::Container(container) => Entry::Container(container.record()),
        }
    }

    /// Lets it live on after this process.
    pub(crate) fn detach(self) -> Entry<S::Record> {
        match self {
            Self::External(url) => Entry::External(url),
            Self::Private(server) => Entry::Private(server.let_go()),
            Self::Container(container) => Entry::Container(container.detach()),
        }
    }

    /// Stops it and removes its data, unless it is somebody else's.
    pub(crate) fn destroy(self) -> Result<()> {
        match self {
            Self::External(_) => Ok(()),
            Self::Private(server) => server.remove(),
            Self::Container(container) => container.destroy(),
        }
    }

    /// Whether it answers clients.
    pub(crate) fn is_ready(&self) -> bool {
        match self {
            Self::Private(server) => server.answers(),
            Self::External(_) | Self::Container(_) => {
                Endpoint::of(&self.url()).is_ok_and(|it| it.reach().is_ok())
            }
        }
    }

    /// The server that the environment variable points to, once it has answered.
    pub(crate) fn external() -> Result<Option<Self>> {
        let variable = S::VARIABLE;
        let Some(url) = std::env::var_os(variable).filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        let url = url.into_string().map_err(|_| anyhow!("{variable} is not text"))?;
        let endpoint = Endpoint::of(&url).with_context(|| {
            format!("{variable} cannot be read; unset it to let `cargo xtask` start a private server")
        })?;
        endpoint.reach().with_context(|| {
            format!(
                "{variable} is set, but its server cannot be reached; start that server, or \
                 `unset {variable}` to let `cargo xtask` start a private one"
            )
        })?;
        Ok(Some(Self::External(url)))
    }
}
