//! The files, the environment and the programs of a private RabbitMQ node.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::services::folder::random_hex;
use crate::services::programs::RabbitPrograms;

/// Memory above which the broker makes publishers wait; far more than tests need.
const MEMORY_LIMIT: &str = "768MB";

/// The log of quorum queues is written in files of this size; the default of 512 MB is for large machines.
const QUORUM_LOG_BYTES: u32 = 32 * 1024 * 1024;

/// For every Erlang machine that is started here: its traffic stays on this machine, and it starts no port
/// mapper, which would live on in the background.
const ERLANG_FLAGS: &str = "-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false";

/// The loopback ports of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RabbitPorts {
    /// Where clients connect.
    pub amqp: u16,
    /// Where Erlang nodes, such as the command line tool, connect.
    pub distribution: u16,
    /// Where this node's own port mapper listens.
    pub epmd: u16,
}

/// One node: its name, its ports, and a folder with all that it writes.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) ports: RabbitPorts,
    pub(super) folder: PathBuf,
    pub(super) programs: RabbitPrograms,
}

impl Node {
    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("node.log")
    }

    /// Writes all configuration. Files that need nothing are written too: a missing one would be looked
    /// for in the folders of the machine's own RabbitMQ.
    pub(super) fn configure(&self, more: &[String]) -> Result<()> {
        let write = |name: &str, text: &str| {
            let path = self.folder.join(name);
            fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))
        };
        write("rabbitmq.conf", &configuration(self.ports, more))?;
        // Quorum queues keep their tick of 5 s, although numbers of messages are as old as that: a queue of RabbitMQ
        // 3.10 whose first tick comes before its first entry is on disk dies and never answers again.
        write("advanced.config", "[].\n")?;
        write("enabled_plugins", "[].\n")?;
        write("rabbitmq-env.conf", "")?;
        let cookie = self.folder.join(".erlang.cookie");
        if !fs::exists(&cookie)? {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o400).open(&cookie)?;
            file.write_all(random_hex(20)?.as_bytes()).context("the Erlang cookie cannot be written")?;
        }
        Ok(())
    }

    /// The server itself, in the foreground.
    pub(super) fn server(&self) -> Command {
        let mut command = self.program(&self.programs.folder.join("rabbitmq-server"));
        // Makes the script become the virtual machine, so that its process is ours to signal and to await.
        command.env("RUNNING_UNDER_SYSTEMD", "true").env_remove("NOTIFY_SOCKET");
        command
    }

    /// The node's own port mapper, in the foreground.
    pub(super) fn epmd(&self) -> Command {
        let mut command = self.program(&self.programs.epmd);
        command.args(["-address", "127.0.0.1", "-port", &self.ports.epmd.to_string()]);
        command
    }

    /// A program that evaluates an expression in the running node, and what it wants on standard input.
    pub(super) fn evaluator(&self, expression: &str) -> (Command, Option<String>) {
        if let Some(program) = &self.programs.erl_call {
            let mut command = self.program(program);
            command.args(["-sname", &self.name, "-e"]);
            return (command, Some(format!("{expression}.\n")));
        }
        // Starts an Erlang machine of its own first, which takes half a second.
        let mut command = self.program(&self.programs.folder.join("rabbitmqctl"));
        command.args(["--quiet", "--node", &self.name, "eval", &format!("{expression}.")]);
        (command, None)
    }

    fn program(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        for (variable, _) in std::env::vars_os() {
            let name = variable.as_encoded_bytes();
            if [&b"RABBITMQ_"[..], b"ERL_", b"XDG_"].iter().any(|prefix| name.starts_with(prefix)) {
                command.env_remove(variable); // of another broker
            }
        }
        let at = |name: &str| self.folder.join(name);
        command
            .current_dir(&self.folder)
            .env("HOME", &self.folder)
            .env("LC_ALL", "C.UTF-8")
            .env("ERL_EPMD_PORT", self.ports.epmd.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_CRASH_DUMP", at("erl_crash.dump"))
            .env("RABBITMQ_NODENAME", &self.name)
            .env("RABBITMQ_DIST_PORT", self.ports.distribution.to_string())
            .env("ERL_FLAGS", ERLANG_FLAGS)
            .env("RABBITMQ_CONF_ENV_FILE", at("rabbitmq-env.conf"))
            .env("RABBITMQ_CONFIG_FILE", at("rabbitmq.conf"))
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", at("advanced.config"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", at("enabled_plugins"))
            .env("RABBITMQ_GENERATED_CONFIG_DIR", at("generated"))
            .env("RABBITMQ_MNESIA_BASE", at("data"))
            .env("RABBITMQ_LOG_BASE", at("log"))
            .env("RABBITMQ_PID_FILE", at("rabbit.pid"));
        command
    }
}

fn configuration(ports: RabbitPorts, more: &[String]) -> String {
    let own = format!(
        "listeners.tcp.default = 127.0.0.1:{}\n\
         vm_memory_high_watermark.absolute = {MEMORY_LIMIT}\n\
         raft.wal_max_size_bytes = {QUORUM_LOG_BYTES}\n\
         log.console = false\n\
         log.file.level = info\n",
        ports.amqp
    );
    more.iter().fold(own, |text, line| text + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_broker_listens_on_the_loopback_interface_only() {
        let ports = RabbitPorts { amqp: 5673, distribution: 1, epmd: 2 };
        let text = configuration(ports, &["heartbeat = 5".to_owned()]);
        assert!(text.starts_with("listeners.tcp.default = 127.0.0.1:5673\n"), "{text}");
        assert!(text.ends_with("\nheartbeat = 5\n"), "{text}");
    }
}
