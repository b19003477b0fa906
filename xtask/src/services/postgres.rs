//! A private PostgreSQL: its own cluster, port, socket and log, gone without a trace when dropped.
//!
//! Real durability (`fsync` stays on), because tests of crashes would prove nothing otherwise.
//! **Invariant:** it listens on the loopback interface only, since everybody who can connect is trusted.

mod cluster;
mod wire;

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::{Deserialize, Serialize};

use self::cluster::Cluster;
use self::wire::Session;
use super::account;
use super::guard::Guard;
use super::process::{ProcessId, Running, Signal, wait_until};
use super::{NOT_OURS, folder, net, programs, say};

const SUPERUSER: &str = "postgres";

/// A cold start takes one second; recovery after a crash test, or a machine busy compiling, some more.
const START_PATIENCE: Duration = Duration::from_secs(90);

/// A fast shutdown writes a checkpoint.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// How long one answer may take. `create database` copies files.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);

/// How often another port is tried when someone took ours between choosing and listening.
const PORT_ATTEMPTS: u32 = 5;

/// What a private PostgreSQL is started with.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// How many sessions at once. Tests run in parallel, each with a pool of its own.
    pub max_connections: u16,
    /// More lines for `postgresql.conf`, as name and value: `("wal_level", "logical")`.
    pub settings: Vec<(String, String)>,
    /// Whether the data folder stays after the server is dropped.
    pub keep: bool,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self { max_connections: 300, settings: Vec::new(), keep: false }
    }
}

/// How to stop PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopMode {
    /// Sessions are ended, everything is written; the next start is quick.
    Fast,
    /// Everything ends at once; the next start recovers from the log.
    Immediate,
}

/// All that another process needs to know to use and stop a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresRecord {
    /// The postmaster; `None` while the server is stopped.
    pub process: Option<ProcessId>,
    /// The port on the loopback interface.
    pub port: u16,
    /// The folder with the data, the log and the socket.
    pub folder: PathBuf,
    /// The folder with the programs.
    pub programs: PathBuf,
}

/// A private PostgreSQL server. Dropping it stops it and removes its folder.
#[derive(Debug)]
pub struct PostgresServer {
    port: u16,
    cluster: Cluster,
    keep: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    running: Option<Running>,
    /// Only the owner has one; who attached to a server leaves it running when dropped.
    guard: Option<Guard>,
}

impl PostgresServer {
    /// Whether the programs for one are on this machine.
    #[must_use]
    pub fn is_available() -> bool {
        programs::postgres().is_some()
    }

    /// Makes a new cluster and starts it; returns when it accepts sessions.
    ///
    /// # Errors
    /// When the programs are missing or the server does not come up; the message ends with its log.
    pub fn start(options: &PostgresOptions) -> Result<Self> {
        let programs = programs::postgres().ok_or_else(|| {
            let oldest = programs::OLDEST_POSTGRES;
            anyhow!("no PostgreSQL {oldest} or newer on this machine; `cargo xtask services up` installs one")
        })?;
        let begun = Instant::now();
        let account = account::for_unprivileged_server()?;
        let folder = folder::create("postgres", account)?;
        let cleanup = if options.keep { Vec::new() } else { folder::removal(&folder) };
        let guard = Guard::start(&cleanup)?;
        let state = Mutex::new(State { running: None, guard: Some(guard) });
        let cluster = Cluster { folder, programs };
        let mut server = Self { port: 0, cluster, keep: options.keep, state };
        say(&format!("PostgreSQL: a new cluster in {}", server.cluster.folder.display()));
        server.cluster.initialise(account)?;
        for attempt in 1.. {
            server.port = net::free_port()?;
            server.cluster.configure(server.port, options, account)?;
            match server.start_again() {
                Ok(()) => break,
                Err(error) if attempt < PORT_ATTEMPTS && format!("{error:#}").contains("already in use") => {}
                Err(error) => return Err(error),
            }
        }
        say(&format!("PostgreSQL runs on port {} after {:.1?}", server.port, begun.elapsed()));
        Ok(server)
    }

    /// A handle on a server that another process started. Dropping it changes nothing.
    #[must_use]
    pub fn attach(record: PostgresRecord) -> Self {
        let state = State { running: record.process.map(Running::adopt), guard: None };
        let PostgresRecord { port, folder, programs, .. } = record;
        Self { port, cluster: Cluster { folder, programs }, keep: false, state: Mutex::new(state) }
    }

    /// What [`Self::attach`] needs.
    #[must_use]
    pub fn record(&self) -> PostgresRecord {
        PostgresRecord {
            process: self.state().running.as_ref().map(|running| running.id().clone()),
            port: self.port,
            folder: self.cluster.folder.clone(),
            programs: self.cluster.programs.clone(),
        }
    }

    /// Lets the server live on after this process.
    #[must_use]
    pub fn detach(self) -> PostgresRecord {
        let guard = self.state().guard.take();
        guard.into_iter().for_each(Guard::release);
        self.record()
    }

    /// Where clients find a database of this server.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        url(self.port, database)
    }

    /// The port on the loopback interface; it stays the same over restarts.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether a session can be opened now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.session().is_ok()
    }

    /// The postmaster and all its children; empty while stopped.
    #[must_use]
    pub fn processes(&self) -> Vec<ProcessId> {
        let state = self.state();
        let postmaster = state.running.iter().map(|it| it.id().clone()).filter(ProcessId::is_alive);
        postmaster.flat_map(|it| [vec![it.clone()], it.descendants()].concat()).collect()
    }

    /// Makes an empty database.
    ///
    /// # Errors
    /// When it exists already, or the server is not ready.
    pub fn create_database(&self, name: &str) -> Result<()> {
        self.session()?.execute(&format!("create database {}", wire::quote(name)))
    }

    /// Removes a database if it is there, and ends the sessions that use it.
    ///
    /// # Errors
    /// When the server is not ready.
    pub fn drop_database(&self, name: &str) -> Result<()> {
        self.session()?.execute(&format!("drop database if exists {} with (force)", wire::quote(name)))
    }

    /// Stops the server; data and port stay for [`Self::start_again`]. A stopped server is left alone.
    ///
    /// # Errors
    /// When a process survives even `SIGKILL`, or the server belongs to another process.
    pub fn stop(&self, mode: StopMode) -> Result<()> {
        ensure!(self.is_owned(), NOT_OURS);
        self.end(mode)
    }

    fn end(&self, mode: StopMode) -> Result<()> {
        let mut state = self.state();
        let Some(running) = state.running.take() else { return Ok(()) };
        let signal = match mode {
            StopMode::Fast => Signal::Interrupt,
            StopMode::Immediate => Signal::Quit,
        };
        let ended = running.end(signal, STOP_PATIENCE);
        watch(&mut state);
        ended.context("PostgreSQL does not stop")
    }

    /// Starts a server that was stopped or killed, with the same data on the same port; returns when
    /// recovery is over and it accepts sessions.
    ///
    /// # Errors
    /// When it runs already, belongs to another process or does not come up; the message ends with its log.
    pub fn start_again(&self) -> Result<()> {
        ensure!(self.is_owned(), NOT_OURS);
        let mut state = self.state();
        ensure!(state.running.as_mut().is_none_or(Running::has_ended), "PostgreSQL runs already");
        let account = account::for_unprivileged_server()?;
        let log = self.cluster.log();
        let sink =
            File::options().append(true).create(true).open(&log).context("its log cannot be written")?;
        let mut command = self.cluster.program("postgres", account);
        command.arg("-D").arg(self.cluster.data()).process_group(0);
        command.stdin(Stdio::null()).stdout(sink.try_clone()?).stderr(sink);
        let running = Running::spawn(&mut command)?;
        let pid = running.id().pid;
        state.running = Some(running);
        watch(&mut state);
        let mut ended = false;
        let ready = wait_until(START_PATIENCE, || {
            ended = state.running.as_mut().is_none_or(Running::has_ended);
            ended || (self.cluster.is_open(pid) && self.is_ready())
        });
        if ready && !ended {
            return Ok(());
        }
        let tail = folder::last_lines(&log);
        if let Some(running) = state.running.take() {
            running.kill()?;
        }
        watch(&mut state);
        let what = if ended { "ended while it started" } else { "does not accept sessions" };
        bail!("PostgreSQL {what}; the end of {}:\n{tail}", log.display())
    }

    /// Stops fast and starts again.
    ///
    /// # Errors
    /// As [`Self::stop`] and [`Self::start_again`].
    pub fn restart(&self) -> Result<()> {
        self.stop(StopMode::Fast)?;
        self.start_again()
    }

    /// Kills every process of the server at once, as a crash of the machine would.
    ///
    /// # Errors
    /// When a process survives even that, or the server belongs to another process.
    pub fn kill(&self) -> Result<()> {
        ensure!(self.is_owned(), NOT_OURS);
        let mut state = self.state();
        let killed = state.running.take().map_or(Ok(()), Running::kill);
        watch(&mut state);
        killed.context("PostgreSQL does not end")
    }

    /// Stops the server for good and removes its folder, whoever started it.
    ///
    /// # Errors
    /// When a process or a file cannot be removed.
    pub fn destroy(self) -> Result<()> {
        self.end(StopMode::Immediate)?;
        folder::remove(&self.cluster.folder)
    }

    fn session(&self) -> Result<Session> {
        Session::open(self.port, SUPERUSER, "postgres", ANSWER_PATIENCE)
    }

    fn is_owned(&self) -> bool {
        self.state().guard.is_some()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if !self.is_owned() {
            return;
        }
        let mode = if self.keep { StopMode::Fast } else { StopMode::Immediate };
        if let Err(error) = self.end(mode) {
            eprintln!("[services] {error:#}");
        }
        // Dropping the guard, now without targets, removes the folder.
    }
}

/// Tells the guard what runs now.
fn watch(state: &mut State) {
    let State { running, guard } = state;
    if let Some(guard) = guard {
        let targets: Vec<_> = running.iter().map(|it| (Signal::Quit, it.id())).collect();
        guard.watch(&targets);
    }
}

fn url(port: u16, database: &str) -> String {
    format!("postgres://{SUPERUSER}@127.0.0.1:{port}/{}", net::percent_encode(database))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_the_database_and_nothing_leaks_out_of_the_name() {
        assert_eq!(url(5433, "spindle"), "postgres://postgres@127.0.0.1:5433/spindle");
        assert_eq!(url(5433, "a/b?c"), "postgres://postgres@127.0.0.1:5433/a%2Fb%3Fc");
    }

    #[test]
    fn a_record_survives_being_written_down() {
        let record = PostgresRecord {
            process: Some(ProcessId { pid: 4, started: "77".into() }),
            port: 5433,
            folder: "/var/tmp/x".into(),
            programs: "/usr/bin".into(),
        };
        let text = serde_json::to_string(&record).expect("json");
        assert_eq!(serde_json::from_str::<PostgresRecord>(&text).expect("read"), record);
    }
}
