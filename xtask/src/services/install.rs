//! Installs missing servers with the package manager of the machine.
//!
//! **Invariant:** nothing is installed when `SPINDLE_NO_INSTALL` is set, nor as a user who would have to
//! type a password; and no installed server is started, since Spindle starts private ones.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::{account, programs, say};

/// Set to anything, it forbids to install.
pub const NO_INSTALL_VARIABLE: &str = "SPINDLE_NO_INSTALL";

/// Debian's packages ask this program whether they may start their service; 101 means no.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Ours is recognised by this line, so that one left by a crash is removed the next time.
const POLICY_TEXT: &str = "#!/bin/sh\n# Written by Spindle for the time of one installation.\nexit 101\n";

/// A server that can be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    /// PostgreSQL, version 15 or newer.
    Postgres,
    /// RabbitMQ, with Erlang.
    Rabbit,
}

impl Server {
    /// Whether its programs are here.
    pub(crate) fn is_here(self) -> bool {
        match self {
            Self::Postgres => programs::postgres().is_some(),
            Self::Rabbit => programs::rabbit().is_some(),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Rabbit => "RabbitMQ",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manager {
    Apt,
    Dnf,
    Apk,
    Pacman,
    Brew,
}

impl Manager {
    const ALL: [Self; 5] = [Self::Apt, Self::Dnf, Self::Apk, Self::Pacman, Self::Brew];

    fn program(self) -> &'static str {
        match self {
            Self::Apt => "apt-get",
            Self::Dnf => "dnf",
            Self::Apk => "apk",
            Self::Pacman => "pacman",
            Self::Brew => "brew",
        }
    }

    fn package(self, server: Server) -> &'static str {
        match (self, server) {
            (Self::Dnf, Server::Postgres) => "postgresql-server",
            (Self::Brew, Server::Postgres) => "postgresql@17",
            (_, Server::Postgres) => "postgresql",
            (Self::Pacman | Self::Brew, Server::Rabbit) => "rabbitmq",
            (_, Server::Rabbit) => "rabbitmq-server",
        }
    }

    /// The commands, in order.
    fn commands(self, missing: &[Server]) -> Vec<Vec<&'static str>> {
        let packages = missing.iter().map(|server| self.package(*server));
        let with = |words: &[&'static str]| words.iter().copied().chain(packages.clone()).collect();
        match self {
            Self::Apt => {
                let wait = "DPkg::Lock::Timeout=300";
                vec![
                    vec!["apt-get", "-o", wait, "-q", "update"],
                    with(&["apt-get", "-o", wait, "-q", "install", "-y", "--no-install-recommends"]),
                ]
            }
            Self::Dnf => vec![with(&["dnf", "install", "-y"])],
            Self::Apk => vec![with(&["apk", "add"])],
            Self::Pacman => vec![with(&["pacman", "-S", "--noconfirm", "--needed"])],
            Self::Brew => vec![with(&["brew", "install"])],
        }
    }
}

/// Tries to install what is missing; `Ok(None)` when it worked, otherwise why it was not even tried.
///
/// # Errors
/// When the package manager fails.
pub(crate) fn install(missing: &[Server], lock: &Path) -> Result<Option<String>> {
    if std::env::var_os(NO_INSTALL_VARIABLE).is_some() {
        return Ok(Some(format!("{NO_INSTALL_VARIABLE} is set")));
    }
    let Some(manager) = Manager::ALL.into_iter().find(|it| programs::on_path(it.program()).is_some()) else {
        return Ok(Some("no package manager that Spindle knows was found".to_owned()));
    };
    let root = account::is_root();
    if manager == Manager::Brew && root {
        return Ok(Some("Homebrew does not run as root".to_owned()));
    }
    let sudo = manager != Manager::Brew && !root;
    if sudo && !may_sudo() {
        return Ok(Some(format!("{} needs root, and sudo asks for a password", manager.program())));
    }

    let file = File::create(lock).with_context(|| format!("{} cannot be written", lock.display()))?;
    file.lock().context("could not wait for another installation")?; // freed when `file` is dropped
    let missing: Vec<Server> = missing.iter().copied().filter(|it| !it.is_here()).collect();
    if missing.is_empty() {
        return Ok(None); // the other one installed them
    }
    let names: Vec<&str> = missing.iter().map(|it| it.name()).collect();
    say(&format!("installing {} with {}", names.join(" and "), manager.program()));
    let policy = if manager == Manager::Apt { Policy::set(sudo)? } else { None };
    for words in manager.commands(&missing) {
        run(sudo, &words)?;
    }
    drop(policy);
    for server in missing {
        let (name, program) = (server.name(), manager.program());
        ensure!(server.is_here(), "{program} installed no {name} that Spindle can use; install it by hand");
    }
    Ok(None)
}

/// What a person has to do where nothing can be installed.
pub(crate) fn advice(missing: &[Server], reasons: &[String]) -> String {
    let names: Vec<&str> = missing.iter().map(|it| it.name()).collect();
    let names = names.join(" and ");
    let variables: Vec<&str> = missing
        .iter()
        .map(|it| match it {
            Server::Postgres => "DATABASE_URL=postgres://user:password@host/database",
            Server::Rabbit => "AMQP_URL=amqp://user:password@host/%2f",
        })
        .collect();
    format!(
        "{names} not found, and not installed: {}.\nOne of these helps:\n  \
         - install {names} (PostgreSQL {} or newer), for example\n      \
         apt-get install postgresql rabbitmq-server\n      \
         brew install postgresql@17 rabbitmq\n  \
         - start a docker engine\n  \
         - point to servers that run already: {}",
        reasons.join("; "),
        programs::OLDEST_POSTGRES,
        variables.join(" and ")
    )
}

fn may_sudo() -> bool {
    let silent = Command::new("sudo")
        .args(["-n", "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    silent.is_ok_and(|status| status.success())
}

/// Runs a command with its output on standard error, by `sudo` if need be.
fn run<S: AsRef<OsStr>>(sudo: bool, words: &[S]) -> Result<()> {
    let settings = ["DEBIAN_FRONTEND=noninteractive", "HOMEBREW_NO_AUTO_UPDATE=1"];
    let mut command = Command::new(if sudo { "sudo" } else { "env" });
    if sudo {
        command.args(["-n", "env"]);
    }
    let status = command
        .args(settings)
        .args(words)
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status()
        .context("the package manager could not be started")?;
    let line: Vec<_> = words.iter().map(|word| word.as_ref().to_string_lossy()).collect();
    ensure!(status.success(), "`{}` failed ({status}); its output is above", line.join(" "));
    Ok(())
}

/// Forbids packages to start their services, until it is dropped. A policy that is there already stays.
struct Policy {
    sudo: bool,
}

impl Policy {
    fn set(sudo: bool) -> Result<Option<Self>> {
        let theirs = fs::read_to_string(POLICY).is_ok_and(|text| text != POLICY_TEXT);
        if theirs {
            return Ok(None);
        }
        let policy = Self { sudo };
        if !sudo {
            fs::write(POLICY, POLICY_TEXT)
                .and_then(|()| fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755)))
                .with_context(|| format!("{POLICY} cannot be written"))?;
            return Ok(Some(policy));
        }
        let mut tee = Command::new("sudo")
            .args(["-n", "tee", POLICY])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .context("sudo could not be started")?;
        if let Some(mut pipe) = tee.stdin.take() {
            pipe.write_all(POLICY_TEXT.as_bytes())?;
        }
        ensure!(tee.wait()?.success(), "{POLICY} cannot be written");
        run(sudo, &["chmod", "755", POLICY])?;
        Ok(Some(policy))
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        if let Err(error) = run(self.sudo, &["rm", "-f", POLICY]) {
            eprintln!("[services] remove {POLICY} by hand, or services will not start: {error:#}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_is_installed() {
        let commands = Manager::Apt.commands(&[Server::Rabbit]);
        assert_eq!(commands[1].last(), Some(&"rabbitmq-server"));
        assert!(!commands[1].contains(&"postgresql"));
        assert_eq!(
            Manager::Brew.commands(&[Server::Postgres, Server::Rabbit]),
            [["brew", "install", "postgresql@17", "rabbitmq"]]
        );
    }

    #[test]
    fn the_advice_names_the_servers_the_reason_and_the_way_out() {
        let text = advice(&[Server::Rabbit], &["SPINDLE_NO_INSTALL is set".to_owned()]);
        assert!(
            text.starts_with("RabbitMQ not found, and not installed: SPINDLE_NO_INSTALL is set."),
            "{text}"
        );
        assert!(text.contains("AMQP_URL=") && !text.contains("DATABASE_URL="), "{text}");
    }
}
