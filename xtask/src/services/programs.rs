//! Finds the servers' programs. PostgreSQL and RabbitMQ often lie where no `PATH` leads.

use std::cmp::Reverse;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The oldest PostgreSQL that Spindle is tested with.
pub(crate) const OLDEST_POSTGRES: u32 = 15;

/// Folders below which each version of PostgreSQL has a folder: prefix of its name, what follows.
const POSTGRES_FOLDERS: [(&str, &str, &str); 9] = [
    ("/usr/lib/postgresql", "", "bin"),                       // Debian, Ubuntu
    ("/usr", "pgsql-", "bin"),                                // PostgreSQL's own RPMs
    ("/usr/libexec", "postgresql", ""),                       // Alpine
    ("/usr/lib", "postgresql", "bin"),                        // SUSE
    ("/opt/homebrew/opt", "postgresql@", "bin"),              // Homebrew on Apple silicon
    ("/usr/local/opt", "postgresql@", "bin"),                 // Homebrew on Intel
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql@", "bin"), // Homebrew on Linux
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"), // Postgres.app
    ("/usr/local", "pgsql", "bin"),                           // built from source
];

/// Folders with RabbitMQ's own scripts. Debian's wrappers in `/usr/sbin` change the user and forget the
/// environment, so what lies below `/usr/lib` comes first.
const RABBIT_FOLDERS: [&str; 5] = [
    "/usr/lib/rabbitmq/bin",
    "/opt/homebrew/opt/rabbitmq/sbin",
    "/usr/local/opt/rabbitmq/sbin",
    "/home/linuxbrew/.linuxbrew/opt/rabbitmq/sbin",
    "/opt/rabbitmq/sbin",
];

/// The first program of this name on the `PATH`.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// A folder with `initdb` and `postgres` of a version that Spindle runs on.
pub(crate) fn postgres() -> Option<PathBuf> {
    let on_path =
        on_path("initdb").and_then(|file| fs::canonicalize(file).ok()?.parent().map(Path::to_owned));
    on_path.into_iter().chain(postgres_folders()).find(|folder| {
        folder.join("initdb").is_file()
            && version(&folder.join("postgres"), "--version").is_some_and(|it| it >= OLDEST_POSTGRES)
    })
}

fn postgres_folders() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for (base, prefix, rest) in POSTGRES_FOLDERS {
        found.extend(versions_in(&names_in(Path::new(base)), prefix).into_iter().map(|(version, name)| {
            let folder = Path::new(base).join(name);
            (version, if rest.is_empty() { folder } else { folder.join(rest) })
        }));
    }
    found.sort_by_key(|(version, _)| Reverse(*version)); // stable: the order above breaks ties
    found.into_iter().map(|(_, folder)| folder).collect()
}

/// Names that are `prefix` and a version, with the major version. Without a number it counts as zero.
fn versions_in(names: &[String], prefix: &str) -> Vec<(u32, String)> {
    names
        .iter()
        .filter_map(|name| {
            let version = name.strip_prefix(prefix)?;
            let digits = version.split('.').next().unwrap_or_default();
            let number = if version.is_empty() { 0 } else { digits.parse().ok()? };
            Some((number, name.clone()))
        })
        .collect()
}

fn names_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

/// The major version a program says it has: the first number in what it prints.
pub(crate) fn version(program: &Path, flag: impl AsRef<OsStr>) -> Option<u32> {
    let output = Command::new(program).arg(flag).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| major_version(&String::from_utf8_lossy(&output.stdout)))?
}

fn major_version(text: &str) -> Option<u32> {
    let digits: String =
        text.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// RabbitMQ's programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RabbitPrograms {
    /// The folder with `rabbitmq-server` and `rabbitmqctl`.
    pub(crate) folder: PathBuf,
    /// Erlang's port mapper, by which nodes find each other.
    pub(crate) epmd: PathBuf,
    /// Evaluates an expression in a node within milliseconds; Erlang brings it along nearly everywhere.
    pub(crate) erl_call: Option<PathBuf>,
}

/// Finds RabbitMQ and the Erlang it needs.
pub(crate) fn rabbit() -> Option<RabbitPrograms> {
    let versioned = Path::new("/usr/lib/rabbitmq/lib"); // Fedora, Arch
    let mut versions: Vec<PathBuf> =
        names_in(versioned).into_iter().map(|name| versioned.join(name).join("sbin")).collect();
    versions.sort_unstable_by(|one, other| other.cmp(one));
    let by_path =
        on_path("rabbitmq-server").and_then(|file| fs::canonicalize(file).ok()?.parent().map(Path::to_owned));
    let folder =
        RABBIT_FOLDERS.iter().map(PathBuf::from).chain(versions).chain(by_path).find(|folder| {
            folder.join("rabbitmq-server").is_file() && folder.join("rabbitmqctl").is_file()
        })?;
    let epmd = epmd()?;
    let beside = || Some(fs::canonicalize(&epmd).ok()?.with_file_name("erl_call")).filter(|it| it.is_file());
    let erl_call = on_path("erl_call").or_else(beside);
    Some(RabbitPrograms { folder, epmd, erl_call })
}

fn epmd() -> Option<PathBuf> {
    on_path("epmd").or_else(|| {
        // It lies beside the virtual machine, and Erlang knows where that is.
        let question = "io:put_chars(filename:join([code:root_dir(), \"erts-\" ++ \
                        erlang:system_info(version), \"bin\", \"epmd\"])), halt().";
        let output =
            Command::new("erl").args(["-noinput", "-eval", question]).stdin(Stdio::null()).output().ok()?;
        let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
        path.is_file().then_some(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_a_folder_name_and_anything_else_is_passed_over() {
        let names: Vec<String> =
            ["9.6", "15", "17", "common", "postgresql@16"].iter().map(ToString::to_string).collect();
        let mut found: Vec<u32> = versions_in(&names, "").into_iter().map(|(version, _)| version).collect();
        found.sort_unstable();
        assert_eq!(found, [9, 15, 17]);
        assert_eq!(versions_in(&names, "postgresql@"), [(16, "postgresql@16".to_owned())]);
    }

    #[test]
    fn ten_is_newer_than_nine() {
        let mut found = versions_in(&["9".to_owned(), "10".to_owned()], "");
        found.sort_by_key(|(version, _)| Reverse(*version));
        assert_eq!(found[0].1, "10");
    }

    #[test]
    fn the_major_version_is_the_first_number_a_program_prints() {
        assert_eq!(major_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major_version("no number"), None);
    }
}
