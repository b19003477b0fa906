//! Processes by identity: who runs, who descends from whom, how to end them.
//!
//! A process id alone is no identity, because the system hands it out again; the moment the process
//! started is kept beside it. **Invariant:** nothing in here signals a process whose identity was not
//! checked just before.

use std::fs;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

/// How often a condition is looked at again while waiting for it.
const POLL: Duration = Duration::from_millis(20);

/// How long a process that was sent `SIGKILL` may take to vanish.
const KILL_PATIENCE: Duration = Duration::from_secs(10);

/// One process, told apart from a later one that was given the same number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// The process id.
    pub pid: u32,
    /// When it started, in the units of the system: to be compared, not to be read.
    pub started: String,
}

impl ProcessId {
    /// The process that has this number now, or `None` if there is none or it is only waiting to be reaped.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        let row = row(pid)?;
        (!row.zombie).then_some(Self { pid: row.pid, started: row.started })
    }

    /// Whether this very process still runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// All that descends from this process, children before grandchildren; empty when it is gone.
    #[must_use]
    pub fn descendants(&self) -> Vec<Self> {
        let table = table();
        let mut found: Vec<&Row> = Vec::new();
        let mut parents = vec![self.pid];
        while let Some(parent) = parents.pop() {
            for row in table.iter().filter(|row| row.parent == parent && !row.zombie) {
                parents.push(row.pid);
                found.push(row);
            }
        }
        found.into_iter().map(|row| Self { pid: row.pid, started: row.started.clone() }).collect()
    }
}

/// The signals that servers are sent here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// End in good order.
    Terminate,
    /// PostgreSQL: end sessions, then end (a "fast" shutdown).
    Interrupt,
    /// PostgreSQL: end at once, recover at the next start (an "immediate" shutdown).
    Quit,
    /// Freeze, so that no new children appear while they are counted.
    Stop,
    /// End now; nothing can be done about it.
    Kill,
}

impl Signal {
    /// The name `kill -s` knows.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Terminate => "TERM",
            Self::Interrupt => "INT",
            Self::Quit => "QUIT",
            Self::Stop => "STOP",
            Self::Kill => "KILL",
        }
    }
}

/// Sends a signal to a process, or to a whole group when `target` is negative. That the target is
/// gone already is no error: whoever ends a process waits for it to vanish anyway.
fn send(signal: Signal, target: i64) {
    // The shell's own `kill`: the program of that name is missing on small images.
    let sent = Command::new("sh")
        .args(["-c", r#"kill -s "$1" -- "$2""#, "kill", signal.name(), &target.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if let Err(error) = sent {
        eprintln!("[services] could not run `sh` to send {} to {target}: {error}", signal.name());
    }
}

/// Waits until `condition` holds, looking every 20 ms; `false` when it does not within `patience`.
pub fn wait_until(patience: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(POLL);
    }
}

/// A server process: our own child, which must be reaped, or one that another process left running.
#[derive(Debug)]
pub(crate) struct Running {
    id: ProcessId,
    child: Option<Child>,
}

impl Running {
    /// Starts `command`. The caller has put it into a group of its own.
    pub(crate) fn spawn(command: &mut Command) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command.spawn().with_context(|| format!("{program} could not be started"))?;
        let pid = child.id();
        if let Some(row) = row(pid) {
            return Ok(Self { id: ProcessId { pid, started: row.started }, child: Some(child) });
        }
        let status = child.wait().with_context(|| format!("{program} vanished"))?;
        bail!("{program} ended at once ({status})")
    }

    /// Takes over a process that another one started.
    pub(crate) fn adopt(id: ProcessId) -> Self {
        Self { id, child: None }
    }

    /// Which process it is.
    pub(crate) fn id(&self) -> &ProcessId {
        &self.id
    }

    /// Whether it has ended. Reaps it if it is our child.
    pub(crate) fn has_ended(&mut self) -> bool {
        match &mut self.child {
            Some(child) => !matches!(child.try_wait(), Ok(None)),
            None => !self.id.is_alive(),
        }
    }

    /// How it ended, if it has and was our child.
    pub(crate) fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.as_mut()?.try_wait().ok().flatten()
    }

    /// Sends `signal`, unless it has ended.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if !self.has_ended() {
            send(signal, i64::from(self.id.pid));
        }
    }

    /// Sends `signal` and waits for the end; kills the process and all below it when that takes
    /// longer than `patience`.
    ///
    /// # Errors
    /// When it survives even that.
    pub(crate) fn end(mut self, signal: Signal, patience: Duration) -> Result<()> {
        let family = self.id.descendants();
        if !self.has_ended() {
            send(signal, i64::from(self.id.pid));
            if !wait_until(patience, || self.has_ended()) {
                return self.kill();
            }
        }
        // Children that outlive a server which ended in good order are on their way out.
        if !wait_until(patience, || family.iter().all(|member| !member.is_alive())) {
            kill_all(&family)?;
        }
        Ok(())
    }

    /// Kills the process, its group and all that descends from it, as a crash would.
    ///
    /// # Errors
    /// When one of them is still there ten seconds later.
    pub(crate) fn kill(mut self) -> Result<()> {
        if self.has_ended() {
            return Ok(());
        }
        let pid = self.id.pid;
        send(Signal::Stop, i64::from(pid));
        wait_until(KILL_PATIENCE, || row(pid).is_none_or(|row| row.stopped || row.zombie));
        let family = self.id.descendants();
        send(Signal::Kill, -i64::from(pid));
        send(Signal::Kill, i64::from(pid));
        ensure!(
            wait_until(KILL_PATIENCE, || self.has_ended()),
            "process {pid} does not end on SIGKILL; it may hang in the kernel"
        );
        kill_all(&family)
    }
}

fn kill_all(family: &[ProcessId]) -> Result<()> {
    for member in family.iter().filter(|member| member.is_alive()) {
        send(Signal::Kill, i64::from(member.pid));
    }
    let gone = wait_until(KILL_PATIENCE, || family.iter().all(|member| !member.is_alive()));
    let left: Vec<u32> = family.iter().filter(|m| m.is_alive()).map(|m| m.pid).collect();
    ensure!(gone, "processes {left:?} do not end on SIGKILL");
    Ok(())
}

/// What is read of one process.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    pid: u32,
    parent: u32,
    zombie: bool,
    stopped: bool,
    started: String,
}

fn has_proc() -> bool {
    fs::exists("/proc/self/stat").unwrap_or(false)
}

fn row(pid: u32) -> Option<Row> {
    if has_proc() {
        return parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?);
    }
    ps(&["-p", &pid.to_string()]).into_iter().next()
}

fn table() -> Vec<Row> {
    if !has_proc() {
        return ps(&["-A"]);
    }
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(row) // a process may end between the listing and the look
        .collect()
}

/// Systems without `/proc`, macOS first of all.
fn ps(selection: &[&str]) -> Vec<Row> {
    let output = Command::new("ps")
        .args(selection)
        .args(["-o", "pid=", "-o", "ppid=", "-o", "stat=", "-o", "lstart="])
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output();
    let Ok(output) = output else { return Vec::new() };
    String::from_utf8_lossy(&output.stdout).lines().filter_map(parse_ps).collect()
}

/// A line of `/proc/<pid>/stat`. The second field is the program's name in brackets, which may hold
/// blanks and brackets of its own: what counts comes after the last one.
fn parse_stat(line: &str) -> Option<Row> {
    let (head, tail) = line.rsplit_once(')')?;
    let pid = head.split(' ').next()?.parse().ok()?;
    let fields: Vec<&str> = tail.split_whitespace().collect();
    let state = *fields.first()?;
    Some(Row {
        pid,
        parent: fields.get(1)?.parse().ok()?,
        zombie: matches!(state, "Z" | "X"),
        stopped: matches!(state, "T" | "t"),
        started: (*fields.get(19)?).to_owned(), // field 22 of proc(5): ticks since boot
    })
}

fn parse_ps(line: &str) -> Option<Row> {
    let mut fields = line.split_whitespace();
    let pid = fields.next()?.parse().ok()?;
    let parent = fields.next()?.parse().ok()?;
    let state = fields.next()?;
    let started = fields.collect::<Vec<_>>().join(" ");
    let (zombie, stopped) = (state.starts_with('Z'), state.starts_with('T'));
    (!started.is_empty()).then_some(Row { pid, parent, zombie, stopped, started })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_after_the_last_bracket() {
        let line = "4242 (beam (x) y) S 17 4242 4242 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 998877 1 2 3";
        let expected = Row { pid: 4242, parent: 17, zombie: false, stopped: false, started: "998877".into() };
        assert_eq!(parse_stat(line), Some(expected));
    }

    #[test]
    fn a_line_of_ps_is_read_with_its_start_time() {
        let expected = Row {
            pid: 71,
            parent: 1,
            zombie: true,
            stopped: false,
            started: "Mon Nov 16 10:00:00 2026".into(),
        };
        assert_eq!(parse_ps("   71     1 Z+   Mon Nov 16 10:00:00 2026"), Some(expected));
        assert_eq!(parse_ps("   71     1 S"), None);
    }

    #[test]
    fn this_process_is_alive_and_the_same_number_with_another_start_is_not() {
        let this = ProcessId::of(std::process::id()).expect("this test runs");
        assert!(this.is_alive());
        assert!(!ProcessId { started: "never".into(), ..this }.is_alive());
    }

    #[test]
    fn killing_a_process_ends_what_descends_from_it() {
        use std::os::unix::process::CommandExt as _;
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 600 & sleep 600 & wait"]).process_group(0);
        let process = Running::spawn(&mut command).expect("sh starts");
        let id = process.id().clone();
        assert!(wait_until(KILL_PATIENCE, || id.descendants().len() == 2));
        let family = id.descendants();
        process.kill().expect("it ends");
        assert!(!id.is_alive() && family.iter().all(|member| !member.is_alive()));
    }

    #[test]
    fn a_process_that_ignores_the_signal_is_killed_when_patience_ends() {
        use std::io::{BufRead as _, BufReader};
        use std::os::unix::process::CommandExt as _;
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' TERM; echo ready; while :; do sleep 600; done"]);
        command.process_group(0).stdout(Stdio::piped());
        let mut process = Running::spawn(&mut command).expect("sh starts");
        let out = process.child.as_mut().and_then(|child| child.stdout.take()).expect("piped");
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line).expect("the trap is set");
        let id = process.id().clone();
        process.end(Signal::Terminate, Duration::from_millis(50)).expect("it ends");
        assert!(!id.is_alive());
    }
}
