//! Cleans up after a process that could not do so itself.
//!
//! Rust has no destructors on Ctrl-C, `SIGKILL` or for statics. So beside every private server a small
//! shell waits at the other end of a pipe: when its owner is gone, however it went, the pipe closes and
//! the shell ends the server and removes its folder. **Invariant:** the guard never acts while its
//! owner lives, nor after [`Guard::release`].

use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result};

use super::process::{ProcessId, Signal};

/// Reads `targets SIGNAL -GROUP …` (what to end, replacing what was said before) and `release`; at the
/// end of the input it ends the targets, waits for at most ten seconds, kills what is left and cleans up
/// with the command in its arguments.
const SCRIPT: &str = r#"
trap '' INT TERM HUP QUIT
targets=
while read -r verb rest; do
  case $verb in
    targets) targets=$rest ;;
    release) exit 0 ;;
  esac
done
set -f
all=
pending() { for p in $all; do kill -s 0 -- "$p" 2>/dev/null && return 0; done; return 1; }
clean="$#"
signal_each() {
  while [ "$#" -ge 2 ]; do kill -s "$1" -- "$2" 2>/dev/null; all="$all $2"; shift 2; done
}
signal_each $targets
i=0
while pending && [ "$i" -lt 100 ]; do i=$((i + 1)); sleep 0.1; done
for p in $all; do kill -s KILL -- "$p" 2>/dev/null; done
[ "$clean" -gt 0 ] && "$@"
exit 0
"#;

/// The shell that waits, and the pipe that keeps it waiting.
#[derive(Debug)]
pub(crate) struct Guard {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Guard {
    /// Starts watching over the owner, which is this process. `cleanup` is run after the targets ended.
    pub(crate) fn start(cleanup: &[OsString]) -> Result<Self> {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "spindle-guard"])
            .args(cleanup)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0) // a Ctrl-C on the terminal is not for it
            .spawn()
            .context("`sh` could not be started; it is needed to clean up after private servers")?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, pipe })
    }

    /// Says which process groups must end when the owner is gone, and how.
    pub(crate) fn watch(&mut self, targets: &[(Signal, &ProcessId)]) {
        let words: Vec<String> =
            targets.iter().map(|(signal, id)| format!("{} -{}", signal.name(), id.pid)).collect();
        self.say(&format!("targets {}", words.join(" ")));
    }

    /// Sends the guard home: from now on the servers live on without this process.
    pub(crate) fn release(mut self) {
        self.say("release");
    }

    fn say(&mut self, line: &str) {
        let Some(pipe) = &mut self.pipe else { return };
        if let Err(error) = writeln!(pipe, "{line}").and_then(|()| pipe.flush()) {
            // Somebody ended the guard. The server works without it; only a crash would leave it behind.
            eprintln!("[services] the clean-up guard is gone: {error}");
            self.pipe = None;
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.pipe.take());
        if let Err(error) = self.shell.wait() {
            eprintln!("[services] the clean-up guard could not be awaited: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::super::process::{Running, wait_until};
    use super::*;

    fn sleeper() -> Running {
        Running::spawn(Command::new("sleep").arg("600").process_group(0)).expect("sleep starts")
    }

    #[test]
    fn the_guard_ends_the_server_and_cleans_up_when_its_owner_is_gone() {
        let mark = std::env::temp_dir().join(format!("spindle-guard-{}", std::process::id()));
        let mut server = sleeper();
        let mut guard = Guard::start(&["touch".into(), mark.clone().into()]).expect("sh starts");
        guard.watch(&[(Signal::Terminate, server.id())]);
        drop(guard.pipe.take());
        assert!(wait_until(Duration::from_secs(20), || server.has_ended()));
        assert!(wait_until(Duration::from_secs(20), || mark.exists()));
        fs::remove_file(mark).expect("the mark is there");
    }

    #[test]
    fn a_released_guard_leaves_the_server_alone() {
        let mut server = sleeper();
        let mut guard = Guard::start(&[]).expect("sh starts");
        guard.watch(&[(Signal::Terminate, server.id())]);
        guard.release(); // returns when the shell has ended
        assert!(!server.has_ended());
        server.kill().expect("it ends");
    }
}
