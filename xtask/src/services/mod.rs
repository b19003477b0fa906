//! PostgreSQL and RabbitMQ for tests and for work on this machine.
//!
//! Where they come from, first match wins: servers handed down by `cargo xtask test`; the environment
//! variables `DATABASE_URL` and `AMQP_URL`; private servers from programs on this machine; programs that
//! are installed now; containers. If none of it is possible, the error says what would help.
//!
//! A private server has its own folder, ports and processes, and is gone when its handle is dropped or
//! its process ends, in whichever way. **Invariant:** a server that somebody else started is never
//! stopped, restarted or configured here.

mod account;
mod compose;
pub(crate) mod folder;
pub(crate) mod guard;
mod install;
mod manage;
pub(crate) mod net;
pub mod postgres;
pub mod process;
mod programs;
pub mod rabbit;
mod service;
mod state;

use std::path::Path;
use std::thread;

use anyhow::{Context, Result, anyhow};

pub use self::compose::{Container, ContainerRecord};
pub use self::folder::FOLDER_VARIABLE;
pub use self::install::NO_INSTALL_VARIABLE;
use self::install::Server;
pub use self::manage::{ServiceStatus, Status, down, status, up};
use self::postgres::PostgresServer;
use self::rabbit::RabbitServer;
use self::service::PrivateServer;
pub use self::service::{Entry, Service};
use self::state::State;

/// Carries the servers of `cargo xtask test` to the tests, as JSON.
pub const HANDED_DOWN_VARIABLE: &str = "SPINDLE_SERVICES";

/// Why a handle of somebody else's server does not stop it.
const NOT_OURS: &str = "this server belongs to another process; start one of your own to stop or restart it";

/// A line of progress. Standard output is for results.
fn say(line: &str) {
    eprintln!("[services] {line}");
}

/// Both servers, ready for clients.
#[derive(Debug)]
pub struct Services {
    /// The database.
    pub postgres: Service<PostgresServer>,
    /// The broker.
    pub rabbit: Service<RabbitServer>,
}

impl Services {
    /// Finds or starts both servers, at the same time. `workspace` is the folder with
    /// `docker-compose.yml`.
    ///
    /// # Errors
    /// When one can be neither found nor started; the message says what to do.
    pub fn start(workspace: &Path) -> Result<Self> {
        match Self::handed_down()? {
            Some(services) => Ok(services),
            None => start_missing(workspace, None, None),
        }
    }

    /// The servers that `cargo xtask test` started for the tests it runs.
    ///
    /// # Errors
    /// When what it says cannot be read.
    pub fn handed_down() -> Result<Option<Self>> {
        let Ok(text) = std::env::var(HANDED_DOWN_VARIABLE) else { return Ok(None) };
        let state =
            State::from_json(&text).with_context(|| format!("{HANDED_DOWN_VARIABLE} is unreadable"))?;
        let missing = || anyhow!("{HANDED_DOWN_VARIABLE} names only one server");
        Ok(Some(Self {
            postgres: Service::attach(state.postgres.ok_or_else(missing)?),
            rabbit: Service::attach(state.rabbit.ok_or_else(missing)?),
        }))
    }

    /// What to set for another process, so that [`Self::start`] there uses these servers.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn environment(&self) -> Result<Vec<(&'static str, String)>> {
        let state = State::new(Some(self.postgres.entry()), Some(self.rabbit.entry()));
        Ok(vec![
            (PostgresServer::VARIABLE, self.database_url()),
            (RabbitServer::VARIABLE, self.amqp_url()),
            (HANDED_DOWN_VARIABLE, state.to_json()?),
        ])
    }

    /// Where clients find the database.
    #[must_use]
    pub fn database_url(&self) -> String {
        self.postgres.url()
    }

    /// Where clients find the broker.
    #[must_use]
    pub fn amqp_url(&self) -> String {
        self.rabbit.url()
    }
}

/// Completes what is there already.
fn start_missing(
    workspace: &Path,
    postgres: Option<Service<PostgresServer>>,
    rabbit: Option<Service<RabbitServer>>,
) -> Result<Services> {
    let postgres = postgres.map_or_else(Service::external, |it| Ok(Some(it)))?;
    let rabbit = rabbit.map_or_else(Service::external, |it| Ok(Some(it)))?;
    let wanted = [(postgres.is_none(), Server::Postgres), (rabbit.is_none(), Server::Rabbit)];
    let wanted = wanted.into_iter().filter_map(|(missing, server)| missing.then_some(server));
    let contained = make_available(workspace, &wanted.collect::<Vec<_>>())?;
    thread::scope(|scope| {
        let postgres = scope.spawn(|| launch(postgres, workspace, &contained));
        let rabbit = launch(rabbit, workspace, &contained);
        let postgres = postgres.join().map_err(|_| anyhow!("starting PostgreSQL panicked"))?;
        Ok(Services { postgres: postgres?, rabbit: rabbit? })
    })
}

fn launch<S: PrivateServer>(
    there: Option<Service<S>>,
    workspace: &Path,
    contained: &[Server],
) -> Result<Service<S>> {
    match there {
        Some(service) => Ok(service),
        None if contained.contains(&S::SERVER) => {
            Container::start(S::SERVER, workspace).map(Service::Container)
        }
        None => S::launch().map(Service::Private),
    }
}

/// Installs what is missing; returns what has to run in a container instead.
fn make_available(workspace: &Path, wanted: &[Server]) -> Result<Vec<Server>> {
    let missing = || -> Vec<Server> { wanted.iter().copied().filter(|server| !server.is_here()).collect() };
    let before = missing();
    if before.is_empty() {
        return Ok(before);
    }
    let lock = state::folder(workspace)?.join("install.lock");
    let reason = match install::install(&before, &lock) {
        Ok(None) => return Ok(Vec::new()),
        Ok(Some(reason)) => reason,
        Err(error) => format!("{error:#}"),
    };
    if compose::is_available() {
        say(&format!("no installation ({reason}); using containers"));
        return Ok(missing());
    }
    let reasons = [reason, "no docker engine answers".to_owned()];
    Err(anyhow!(install::advice(&missing(), &reasons)))
}
