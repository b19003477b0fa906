//! The files of a private cluster, and the programs that work on them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::{PostgresOptions, SUPERUSER};
use crate::services::account::Account;

/// A data folder, a socket folder and a log below one folder.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) folder: PathBuf,
    pub(super) programs: PathBuf,
}

impl Cluster {
    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("postgres.log")
    }

    /// Fills the data folder.
    pub(super) fn initialise(&self, account: Option<Account>) -> Result<()> {
        let output = self
            .program("initdb", account)
            .args(["--username", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C"])
            .args(["--no-sync", "--no-instructions", "--pgdata"]) // the syncs of a running server matter
            .arg(self.data())
            .stdin(Stdio::null())
            .output()
            .context("initdb could not be started")?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "initdb failed ({}):\n{}", output.status, complaint.trim());
        Ok(())
    }

    /// Writes what differs from PostgreSQL's defaults, in the file that has the last word.
    pub(super) fn configure(
        &self,
        port: u16,
        options: &PostgresOptions,
        account: Option<Account>,
    ) -> Result<()> {
        let socket = self.folder.join("socket");
        fs::create_dir_all(&socket).context("the folder for the socket cannot be made")?;
        let config = self.data().join("postgresql.auto.conf");
        fs::write(&config, configuration(port, &socket, options))
            .with_context(|| format!("{} cannot be written", config.display()))?;
        account.map_or(Ok(()), |it| it.own(&socket).and_then(|()| it.own(&config)))
    }

    /// Whether the server with this process id has said, in its own folder, that it is open. A port alone
    /// proves nothing: another server may listen there while ours is about to give up.
    pub(super) fn is_open(&self, pid: u32) -> bool {
        let text = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        says_ready(&text, pid)
    }

    /// One of PostgreSQL's programs, run by `account`, deaf to settings meant for other servers.
    pub(super) fn program(&self, name: &str, account: Option<Account>) -> Command {
        let mut command = Command::new(self.programs.join(name));
        for (variable, _) in std::env::vars_os() {
            if variable.as_encoded_bytes().starts_with(b"PG") {
                command.env_remove(variable);
            }
        }
        command.env("LC_ALL", "C").current_dir(&self.folder);
        if let Some(account) = account {
            account.run(&mut command);
        }
        command
    }
}

/// Reads `postmaster.pid`: the process id in the first line, the state in the eighth.
fn says_ready(text: &str, pid: u32) -> bool {
    let mut lines = text.lines();
    let same = lines.next().is_some_and(|line| line.trim() == pid.to_string());
    same && lines.nth(6).is_some_and(|line| line.trim() == "ready")
}

fn configuration(port: u16, socket: &Path, options: &PostgresOptions) -> String {
    let quoted = |value: &str| format!("'{}'", value.replace('\'', "''"));
    let own = [
        ("listen_addresses", "127.0.0.1".to_owned()),
        ("port", port.to_string()),
        ("unix_socket_directories", socket.display().to_string()),
        ("max_connections", options.max_connections.to_string()),
        ("fsync", "on".to_owned()),
        ("synchronous_commit", "on".to_owned()),
        ("timezone", "UTC".to_owned()),
        ("log_timezone", "UTC".to_owned()),
        ("log_line_prefix", "%m [%p] ".to_owned()),
    ];
    let own = own.iter().map(|(name, value)| (*name, value.as_str()));
    let more = options.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    own.chain(more).fold(String::new(), |text, (name, value)| text + name + " = " + &quoted(value) + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_settings_come_last_and_so_win() {
        let settings = vec![("fsync".into(), "it's off".into())];
        let options = PostgresOptions { settings, ..Default::default() };
        let text = configuration(5433, Path::new("/x/socket"), &options);
        assert!(text.contains("listen_addresses = '127.0.0.1'\nport = '5433'\n"), "{text}");
        assert!(text.contains("max_connections = '300'\n"), "{text}");
        assert!(text.ends_with("fsync = 'it''s off'\n"), "{text}");
    }

    #[test]
    fn a_server_is_open_when_it_says_so_itself() {
        let text = "4242\n/data\n1763634000\n5433\n/socket\n127.0.0.1\n  123 4\nready   \n";
        assert!(says_ready(text, 4242));
        assert!(!says_ready(text, 4243), "left by an earlier one");
        assert!(!says_ready(&text.replace("ready   ", "starting"), 4242));
        assert!(!says_ready("4242\n", 4242));
    }
}
