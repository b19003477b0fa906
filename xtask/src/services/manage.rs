//! `services up`, `down` and `status`: servers that outlive the command that started them.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use super::postgres::PostgresServer;
use super::rabbit::RabbitServer;
use super::service::{Entry, PrivateServer, Service};
use super::state::{State, StateFile};
use super::{say, start_missing};

/// Where clients find both servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The database; `None` when none was left running.
    pub postgres: Option<ServiceStatus>,
    /// The broker; `None` when none was left running.
    pub rabbit: Option<ServiceStatus>,
}

/// One server that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceStatus {
    /// Where clients find it.
    pub url: String,
    /// Whether it answers clients now.
    pub ready: bool,
    /// What it is: a private server, a container, or somebody else's.
    pub kind: &'static str,
    /// Its process id, unless it runs in a container or elsewhere.
    pub pid: Option<u32>,
}

/// Starts what does not run yet and leaves it running. Doing it twice changes nothing.
///
/// # Errors
/// When a server can be neither found nor started; the message says what to do.
pub fn up(workspace: &Path) -> Result<Status> {
    let file = StateFile::open(workspace)?;
    let state = file.load()?;
    let services = start_missing(workspace, running(state.postgres.clone()), running(state.rabbit.clone()))?;
    let status =
        Status { postgres: Some(describe(&services.postgres)), rabbit: Some(describe(&services.rabbit)) };
    // Written down before the guards let go: a crash in between leaves a stale entry, not a server that
    // nobody knows of.
    let postgres = ours(services.postgres.entry()).or(state.postgres);
    let rabbit = ours(services.rabbit.entry()).or(state.rabbit);
    file.save(&State::new(postgres, rabbit))?;
    services.postgres.detach();
    services.rabbit.detach();
    Ok(status)
}

/// Stops what [`up`] left running and removes its data; returns what was stopped.
///
/// # Errors
/// When something cannot be stopped.
pub fn down(workspace: &Path) -> Result<Vec<&'static str>> {
    let file = StateFile::open(workspace)?;
    let state = file.load()?;
    let mut stopped = Vec::new();
    let postgres = stop::<PostgresServer>(state.postgres, &mut stopped);
    let rabbit = stop::<RabbitServer>(state.rabbit, &mut stopped);
    postgres.and(rabbit)?;
    file.save(&State::new(None, None))?;
    Ok(stopped)
}

/// What [`up`] left running and still runs.
///
/// # Errors
/// When the state file cannot be read.
pub fn status(workspace: &Path) -> Result<Status> {
    let state = StateFile::open(workspace)?.load()?;
    Ok(Status {
        postgres: state.postgres.map(Service::<PostgresServer>::attach).as_ref().map(describe),
        rabbit: state.rabbit.map(Service::<RabbitServer>::attach).as_ref().map(describe),
    })
}

/// What was left running, unless the environment names another server.
fn running<S: PrivateServer>(entry: Option<Entry<S::Record>>) -> Option<Service<S>> {
    let service = Service::<S>::attach(entry?);
    let other = std::env::var(S::VARIABLE).is_ok_and(|url| !url.is_empty() && url != service.url());
    if other {
        say(&format!("{} names another server than the one left running", S::VARIABLE));
    }
    (!other).then_some(service)
}

fn ours<R>(entry: Entry<R>) -> Option<Entry<R>> {
    match entry {
        Entry::External(_) => None,
        Entry::Private(_) | Entry::Container(_) => Some(entry),
    }
}

fn stop<S: PrivateServer>(entry: Option<Entry<S::Record>>, stopped: &mut Vec<&'static str>) -> Result<()> {
    let Some(entry) = entry else { return Ok(()) };
    Service::<S>::attach(entry).destroy()?;
    stopped.push(S::SERVER.name());
    Ok(())
}

fn describe<S: PrivateServer>(service: &Service<S>) -> ServiceStatus {
    let (kind, pid) = match service.entry() {
        Entry::External(_) => ("external", None),
        Entry::Private(record) => ("private", S::process(&record).map(|it| it.pid)),
        Entry::Container(_) => ("container", None),
    };
    ServiceStatus { url: service.url(), ready: service.is_ready(), kind, pid }
}
