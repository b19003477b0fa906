//! Which user runs what. PostgreSQL refuses to run as root, so root hands it to another account.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The accounts that root lends to PostgreSQL, best first.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// A user and its group, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    uid: u32,
    gid: u32,
}

impl Account {
    /// Makes `command` run as this user, with no other groups. Only root may do that.
    pub(crate) fn run(self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }

    /// Gives a file or folder to this user.
    pub(crate) fn own(self, path: &Path) -> Result<()> {
        chown(path, Some(self.uid), Some(self.gid))
            .with_context(|| format!("{} could not be given to user {}", path.display(), self.uid))
    }
}

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    id(&["-u"]) == Some(0)
}

/// The account for a server that refuses to be root: `None` when we are not root, and need no other.
pub(crate) fn for_unprivileged_server() -> Result<Option<Account>> {
    if !is_root() {
        return Ok(None);
    }
    for name in UNPRIVILEGED {
        if let (Some(uid), Some(gid)) = (id(&["-u", name]), id(&["-g", name])) {
            return Ok(Some(Account { uid, gid }));
        }
    }
    bail!(
        "PostgreSQL does not run as root, and there is no user `postgres` or `nobody` to run it as; add one"
    )
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).stdin(Stdio::null()).output().ok()?;
    output.status.success().then_some(())?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
