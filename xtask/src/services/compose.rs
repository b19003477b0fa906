//! Servers in containers, where nothing can be installed but a docker engine runs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::guard::Guard;
use super::install::Server;
use super::{folder, net, say};

/// The user, and the database, in `docker-compose.yml`.
const USER: &str = "spindle";

/// What another process needs to know to stop the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainerRecord {
    /// The name of the compose project, which holds one container.
    pub project: String,
    /// The workspace's `docker-compose.yml`.
    pub file: PathBuf,
    /// Where clients find the server.
    pub url: String,
}

/// One service of `docker-compose.yml`, in a project and on a port of its own.
#[derive(Debug)]
pub struct Container {
    record: ContainerRecord,
    /// Removes the container when its owner is gone; only the owner has one.
    guard: Option<Guard>,
}

/// Whether a docker engine answers, and its client knows `compose`.
pub(crate) fn is_available() -> bool {
    let silent = |arguments: &[&str]| {
        let mut command = Command::new("docker");
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    silent(&["info"]) && silent(&["compose", "version"])
}

impl Container {
    /// Starts the container and waits until it is healthy.
    pub(crate) fn start(server: Server, workspace: &Path) -> Result<Self> {
        let begun = Instant::now();
        let port = net::free_port()?;
        let (service, prefix) = match server {
            Server::Postgres => ("postgres", "SPINDLE_POSTGRES"),
            Server::Rabbit => ("rabbitmq", "SPINDLE_RABBITMQ"),
        };
        let password = folder::random_hex(8)?;
        let record = ContainerRecord {
            project: format!("spindle-{service}-{}", folder::random_hex(4)?),
            file: workspace.join("docker-compose.yml"),
            url: url(server, &password, port),
        };
        say(&format!("{}: starting a container, project {}", server.name(), record.project));
        let container = Self { guard: Some(Guard::start(&record.removal())?), record };
        let words = container.record.compose(&["up", "--detach", "--wait", service]);
        let status = docker(&words)
            .env(format!("{prefix}_PORT"), port.to_string())
            .env(format!("{prefix}_PASSWORD"), password)
            .status()
            .context("docker cannot be run")?;
        ensure!(status.success(), "docker compose did not start {service}; its output is above");
        say(&format!("{} runs on port {port} after {:.1?}", server.name(), begun.elapsed()));
        Ok(container)
    }

    /// A handle on a container that another process started. Dropping it changes nothing.
    pub(crate) fn attach(record: ContainerRecord) -> Self {
        Self { record, guard: None }
    }

    /// What another process needs to know.
    pub(crate) fn record(&self) -> ContainerRecord {
        self.record.clone()
    }

    /// Lets the container live on after this process.
    pub(crate) fn detach(self) -> ContainerRecord {
        self.guard.into_iter().for_each(Guard::release);
        self.record
    }

    /// Where clients find the server.
    #[must_use]
    pub fn url(&self) -> String {
        self.record.url.clone()
    }

    /// Removes the container and its data, whoever started it.
    pub(crate) fn destroy(self) -> Result<()> {
        let status = docker(&self.record.compose(&["down", "--volumes"])).status()?;
        ensure!(status.success(), "docker compose did not remove {}", self.record.project);
        self.guard.into_iter().for_each(Guard::release);
        Ok(())
    }
}

impl ContainerRecord {
    fn compose(&self, verb: &[&str]) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["compose".into(), "--project-name".into()];
        words.extend([self.project.clone().into(), "--file".into(), self.file.clone().into()]);
        words.extend(verb.iter().map(Into::into));
        words
    }

    fn removal(&self) -> Vec<OsString> {
        [vec!["docker".into()], self.compose(&["down", "--volumes"])].concat()
    }
}

fn docker(words: &[OsString]) -> Command {
    let mut command = Command::new("docker");
    command.args(words).stdin(Stdio::null()).stdout(std::io::stderr());
    command
}

fn url(server: Server, password: &str, port: u16) -> String {
    match server {
        Server::Postgres => format!("postgres://{USER}:{password}@127.0.0.1:{port}/{USER}"),
        Server::Rabbit => format!("amqp://{USER}:{password}@127.0.0.1:{port}/%2F"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_removed_by_the_project_it_was_started_in() {
        let record =
            ContainerRecord { project: "spindle-x".into(), file: "/w/d.yml".into(), url: String::new() };
        let words = record.removal();
        let expected = ["docker", "compose", "--project-name", "spindle-x", "--file", "/w/d.yml"];
        assert_eq!(words[..6], expected.map(OsString::from));
        assert_eq!(words[6..], ["down", "--volumes"].map(OsString::from));
    }

    #[test]
    fn a_container_is_found_on_its_own_port() {
        assert_eq!(url(Server::Postgres, "p", 7), "postgres://spindle:p@127.0.0.1:7/spindle");
        assert_eq!(url(Server::Rabbit, "p", 8), "amqp://spindle:p@127.0.0.1:8/%2F");
    }
}
