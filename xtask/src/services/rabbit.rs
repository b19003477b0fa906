//! A private RabbitMQ: its own node, ports, cookie, port mapper and data, gone without a trace when
//! dropped.
//!
//! **Invariant:** it shares nothing with a RabbitMQ of the machine, not even Erlang's port mapper, and
//! listens on the loopback interface only.

mod inside;
mod node;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use serde::{Deserialize, Serialize};

use self::node::Node;
pub use self::node::RabbitPorts;
use super::guard::Guard;
use super::process::{ProcessId, Running, Signal, wait_until};
use super::programs::{self, RabbitPrograms};
use super::{NOT_OURS, folder, net, say};

/// Erlang and RabbitMQ need four seconds on an idle machine, and many more beside a compiler.
const START_PATIENCE: Duration = Duration::from_mins(3);

/// Closing queues and writing them down.
const STOP_PATIENCE: Duration = Duration::from_mins(1);

/// The port mapper starts and stops in milliseconds.
const EPMD_PATIENCE: Duration = Duration::from_secs(15);

/// How long the broker may take to greet a client.
const GREETING_PATIENCE: Duration = Duration::from_secs(5);

/// How often other ports are tried when someone took ours between choosing and listening.
const PORT_ATTEMPTS: u32 = 3;

/// The user that every RabbitMQ has, and which may connect from this machine only.
const USER: &str = "guest";

/// What a private RabbitMQ is started with.
#[derive(Debug, Clone, Default)]
pub struct RabbitOptions {
    /// More lines for `rabbitmq.conf`, such as `"heartbeat = 5"`.
    pub settings: Vec<String>,
    /// Whether the data folder stays after the server is dropped.
    pub keep: bool,
}

/// All that another process needs to know to use and stop a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RabbitRecord {
    /// The Erlang machine; `None` while the server is stopped.
    pub process: Option<ProcessId>,
    /// The node's own port mapper.
    pub epmd: Option<ProcessId>,
    /// Its name among Erlang nodes.
    pub node: String,
    /// Its ports on the loopback interface.
    pub ports: RabbitPorts,
    /// The folder with data, logs and configuration.
    pub folder: PathBuf,
    /// The folder with RabbitMQ's programs.
    pub programs: PathBuf,
    /// The port mapper's program.
    pub epmd_program: PathBuf,
    /// The program that evaluates Erlang expressions, if there is one.
    pub erl_call_program: Option<PathBuf>,
}

/// A private RabbitMQ server. Dropping it stops it and removes its folder.
#[derive(Debug)]
pub struct RabbitServer {
    node: Node,
    keep: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    server: Option<Running>,
    epmd: Option<Running>,
    /// Only the owner has one; who attached to a server leaves it running when dropped.
    guard: Option<Guard>,
}

impl RabbitServer {
    /// Whether the programs for one are on this machine.
    #[must_use]
    pub fn is_available() -> bool {
        programs::rabbit().is_some()
    }

    /// Starts a new, empty broker; returns when it greets clients.
    ///
    /// # Errors
    /// When the programs are missing or the broker does not come up; the message ends with its log.
    pub fn start(options: &RabbitOptions) -> Result<Self> {
        let programs = programs::rabbit()
            .ok_or_else(|| anyhow!("no RabbitMQ on this machine; `cargo xtask services up` installs one"))?;
        let begun = Instant::now();
        let mut attempts_left = PORT_ATTEMPTS;
        loop {
            let server = Self::prepare(options, programs.clone())?;
            attempts_left -= 1;
            match server.start_again() {
                Ok(()) => {
                    let port = server.node.ports.amqp;
                    say(&format!("RabbitMQ runs on port {port} after {:.1?}", begun.elapsed()));
                    return Ok(server);
                }
                Err(error) if attempts_left > 0 && names_a_taken_port(&format!("{error:#}")) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn prepare(options: &RabbitOptions, programs: RabbitPrograms) -> Result<Self> {
        let folder = folder::create("rabbit", None)?;
        say(&format!("RabbitMQ: a new node in {}", folder.display()));
        let cleanup = if options.keep { Vec::new() } else { folder::removal(&folder) };
        let state = State { guard: Some(Guard::start(&cleanup)?), ..State::default() };
        let (amqp, distribution, epmd) = (net::free_port()?, net::free_port()?, net::free_port()?);
        let name = format!("spindle-{}@localhost", folder::random_hex(4)?);
        let node = Node { name, ports: RabbitPorts { amqp, distribution, epmd }, folder, programs };
        let server = Self { node, keep: options.keep, state: Mutex::new(state) };
        server.node.configure(&options.settings)?;
        Ok(server)
    }

    /// A handle on a server that another process started. Dropping it changes nothing.
    #[must_use]
    pub fn attach(record: RabbitRecord) -> Self {
        let (server, epmd) = (record.process.map(Running::adopt), record.epmd.map(Running::adopt));
        let (folder, epmd_program) = (record.programs, record.epmd_program);
        let programs = RabbitPrograms { folder, epmd: epmd_program, erl_call: record.erl_call_program };
        let node = Node { name: record.node, ports: record.ports, folder: record.folder, programs };
        Self { node, keep: false, state: Mutex::new(State { server, epmd, guard: None }) }
    }

    /// What [`Self::attach`] needs.
    #[must_use]
    pub fn record(&self) -> RabbitRecord {
        let state = self.state();
        let id = |running: &Option<Running>| running.as_ref().map(|it| it.id().clone());
        RabbitRecord {
            process: id(&state.server),
            epmd: id(&state.epmd),
            node: self.node.name.clone(),
            ports: self.node.ports,
            folder: self.node.folder.clone(),
            programs: self.node.programs.folder.clone(),
            epmd_program: self.node.programs.epmd.clone(),
            erl_call_program: self.node.programs.erl_call.clone(),
        }
    }

    /// Lets the server live on after this process.
    #[must_use]
    pub fn detach(self) -> RabbitRecord {
        let guard = self.state().guard.take();
        guard.into_iter().for_each(Guard::release);
        self.record()
    }

    /// Where clients find a virtual host of this broker; the one that is always there is `/`.
    #[must_use]
    pub fn url(&self, vhost: &str) -> String {
        url(self.node.ports.amqp, vhost)
    }

    /// The ports on the loopback interface; they stay the same over restarts.
    #[must_use]
    pub fn ports(&self) -> RabbitPorts {
        self.node.ports
    }

    /// Whether the broker greets a client now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        greets(self.node.ports.amqp)
    }

    /// The Erlang machine, its children and its port mapper; empty while stopped.
    #[must_use]
    pub fn processes(&self) -> Vec<ProcessId> {
        let state = self.state();
        let roots = state.server.iter().chain(&state.epmd).map(|it| it.id().clone());
        roots
            .filter(ProcessId::is_alive)
            .flat_map(|it| [vec![it.clone()], it.descendants()].concat())
            .collect()
    }

    /// Stops the broker in good order; data and ports stay for [`Self::start_again`]. A stopped one is
    /// left alone.
    ///
    /// # Errors
    /// When a process survives even `SIGKILL`, or the server belongs to another process.
    pub fn stop(&self) -> Result<()> {
        ensure!(self.is_owned(), NOT_OURS);
        self.end(|server| server.end(Signal::Terminate, STOP_PATIENCE))
    }

    /// Kills every process of the broker at once, as a crash of the machine would.
    ///
    /// # Errors
    /// When a process survives even that, or the server belongs to another process.
    pub fn kill(&self) -> Result<()> {
        ensure!(self.is_owned(), NOT_OURS);
        self.end(Running::kill)
    }

    fn end(&self, how: impl FnOnce(Running) -> Result<()>) -> Result<()> {
        let mut state = self.state();
        let server = state.server.take().map_or(Ok(()), how);
        let epmd = state.epmd.take().map_or(Ok(()), |it| it.end(Signal::Terminate, EPMD_PATIENCE));
        watch(&mut state);
        server.and(epmd).context("RabbitMQ does not stop")
    }

    /// Starts a broker that was stopped or killed, with the same data on the same ports; returns when it
    /// greets clients.
    ///
    /// # Errors
    /// When it runs already, belongs to another process or does not come up; the message ends with its log.
    pub fn start_again(&self) -> Result<()> {
        ensure!(self.is_owned(), NOT_OURS);
        let mut state = self.state();
        ensure!(state.server.as_mut().is_none_or(Running::has_ended), "RabbitMQ runs already");
        let failure = match self.launch(&mut state) {
            Ok(()) => return Ok(()),
            Err(failure) => failure,
        };
        drop(state);
        self.end(Running::kill)?;
        let logs: Vec<String> = self.logs().iter().map(|log| folder::last_lines(log)).collect();
        Err(failure.context(format!("RabbitMQ did not start; its log:\n{}", logs.join("\n"))))
    }

    fn launch(&self, state: &mut State) -> Result<()> {
        let log = self.node.log();
        let spawn = |mut command: Command| -> Result<Running> {
            let sink = File::options().append(true).create(true).open(&log)?;
            command.process_group(0).stdin(Stdio::null()).stdout(sink.try_clone()?).stderr(sink);
            Running::spawn(&mut command)
        };
        if state.epmd.as_mut().is_none_or(Running::has_ended) {
            state.epmd = Some(spawn(self.node.epmd())?);
            watch(state);
            let listens = || net::connect(self.node.ports.epmd, GREETING_PATIENCE).is_ok();
            ensure!(wait_until(EPMD_PATIENCE, listens), "Erlang's port mapper does not listen");
        }
        state.server = Some(spawn(self.node.server())?);
        watch(state);
        let mut ended = false;
        let ready = wait_until(START_PATIENCE, || {
            ended = state.server.iter_mut().chain(&mut state.epmd).any(Running::has_ended);
            ended || self.is_ready()
        });
        ensure!(!ended, "it ended while it started");
        ensure!(ready, "it does not greet clients after {START_PATIENCE:?}");
        Ok(())
    }

    /// Stops the server for good and removes its folder, whoever started it.
    ///
    /// # Errors
    /// When a process or a file cannot be removed.
    pub fn destroy(self) -> Result<()> {
        self.end(Running::kill)?;
        folder::remove(&self.node.folder)
    }

    fn logs(&self) -> [PathBuf; 2] {
        [self.node.log(), self.node.folder.join("log").join(format!("{}.log", self.node.name))]
    }

    fn is_owned(&self) -> bool {
        self.state().guard.is_some()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RabbitServer {
    fn drop(&mut self) {
        if !self.is_owned() {
            return;
        }
        let ended = if self.keep {
            self.end(|server| server.end(Signal::Terminate, STOP_PATIENCE))
        } else {
            self.end(Running::kill) // nobody will read its data again
        };
        if let Err(error) = ended {
            eprintln!("[services] {error:#}");
        }
        // Dropping the guard, now without targets, removes the folder.
    }
}

/// Tells the guard what runs now.
fn watch(state: &mut State) {
    let State { server, epmd, guard } = state;
    if let Some(guard) = guard {
        let targets: Vec<_> = server.iter().chain(&*epmd).map(|it| (Signal::Kill, it.id())).collect();
        guard.watch(&targets);
    }
}

fn url(port: u16, vhost: &str) -> String {
    format!("amqp://{USER}:{USER}@127.0.0.1:{port}/{}", net::percent_encode(vhost))
}

/// Says hello in AMQP 0-9-1; a broker that is open answers with a method frame, type 1.
fn greets(port: u16) -> bool {
    let hello = || -> std::io::Result<bool> {
        let mut stream = net::connect(port, GREETING_PATIENCE)?;
        stream.write_all(b"AMQP\x00\x00\x09\x01")?;
        let mut first = [0_u8; 1];
        stream.read_exact(&mut first)?;
        Ok(first == [1])
    };
    hello().unwrap_or(false) // any failure means: not yet
}

fn names_a_taken_port(error: &str) -> bool {
    ["eaddrinuse", "in use", "already_started"].iter().any(|sign| error.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_virtual_host_is_escaped_in_the_url() {
        assert_eq!(url(5673, "/"), "amqp://guest:guest@127.0.0.1:5673/%2F");
        assert_eq!(url(5673, "test-1"), "amqp://guest:guest@127.0.0.1:5673/test-1");
    }

    #[test]
    fn a_port_where_nothing_listens_greets_nobody() {
        assert!(!greets(net::free_port().expect("a port")));
    }
}
