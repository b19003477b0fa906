//! A program that takes part in a run: in a process group of its own, and never alive after the run.
//!
//! **Invariant:** beside each stands a guard that ends it when this program is gone, however it went.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::services::folder;
use crate::services::guard::Guard;
use crate::services::process::{Running, Signal, wait_until};

/// How long a program may take to end: half as much again as the server allows itself.
const END_PATIENCE: Duration = Duration::from_secs(15);

/// What it is sent to end: every command of Spindle's hears Ctrl-C.
const END: Signal = Signal::Interrupt;

/// A program that runs.
#[derive(Debug)]
pub(super) struct Part {
    name: String,
    running: Option<Running>,
    guard: Guard,
    log: Option<PathBuf>,
}

impl Part {
    /// Starts a program that writes where `command` says.
    pub(super) fn start(name: &str, command: &mut Command) -> Result<Self> {
        let mut guard = Guard::start(&[])?;
        let running = Running::spawn(command.process_group(0))?;
        guard.watch(&[(END, running.id())]);
        Ok(Self { name: name.to_owned(), running: Some(running), guard, log: None })
    }

    /// Starts a program that writes into a file, from its beginning.
    pub(super) fn start_logging(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let sink = File::create(log).with_context(|| format!("{} cannot be written", log.display()))?;
        let mut part = Self::start(name, command.stdout(sink.try_clone()?).stderr(sink))?;
        part.log = Some(log.to_owned());
        Ok(part)
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&mut self) -> bool {
        self.running.as_mut().is_none_or(Running::has_ended)
    }

    /// An error if it has ended, although nobody told it to.
    pub(super) fn must_run(&mut self) -> Result<()> {
        if !self.has_ended() {
            return Ok(());
        }
        let how = self.exit_status().map(|status| format!(" ({status})")).unwrap_or_default();
        bail!("`{}` has ended by itself{how}{}", self.name, self.tail())
    }

    /// Waits for an end that comes by itself; `None` when it does not within `patience`.
    pub(super) fn wait(&mut self, patience: Duration) -> Option<ExitStatus> {
        wait_until(patience, || self.has_ended());
        self.exit_status()
    }

    /// Ends it in good order.
    ///
    /// # Errors
    /// When it does not end, or says that it ended badly.
    pub(super) fn close(mut self) -> Result<()> {
        self.must_run()?;
        if let Some(running) = &mut self.running {
            running.signal(END);
        }
        let status = self.wait(END_PATIENCE);
        let how =
            status.map_or_else(|| "did not end when told to".to_owned(), |it| format!("ended with {it}"));
        ensure!(status.is_some_and(|it| it.success()), "`{}` {how}{}", self.name, self.tail());
        Ok(())
    }

    /// The end of its log, to stand at the end of an error.
    pub(super) fn tail(&self) -> String {
        let of = |log: &PathBuf| format!("; the end of {}:\n{}", log.display(), folder::last_lines(log));
        self.log.as_ref().map(of).unwrap_or_default()
    }

    /// How it ended, if it has.
    pub(super) fn exit_status(&mut self) -> Option<ExitStatus> {
        self.running.as_mut().and_then(Running::exit_status)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let Some(running) = self.running.take() else { return };
        if let Err(error) = running.end(END, END_PATIENCE) {
            eprintln!("[run] `{}`: {error:#}", self.name);
        }
        self.guard.watch(&[]); // its number may be somebody else's soon
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::process::ProcessId;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn id(part: &Part) -> ProcessId {
        part.running.as_ref().expect("it runs").id().clone()
    }

    #[test]
    fn a_part_ends_when_it_is_dropped() {
        let part = Part::start("sleep", Command::new("sleep").arg("600")).expect("it starts");
        let id = id(&part);
        assert!(id.is_alive());
        drop(part);
        assert!(!id.is_alive());
    }

    #[test]
    fn a_part_ends_when_its_owner_is_gone() {
        let Part { guard, running, .. } =
            &mut Part::start("sleep", Command::new("sleep").arg("600")).expect("it starts");
        *guard = Guard::start(&[]).expect("sh starts"); // the first one sees its owner go
        assert!(wait_until(PATIENCE, || running.as_mut().is_none_or(Running::has_ended)));
    }

    #[test]
    fn an_early_end_is_told_with_the_end_of_the_log() {
        let log = std::env::temp_dir().join(format!("spindle-part-{}", std::process::id()));
        let mut part =
            Part::start_logging("spindle serve", &mut shell("echo the port is taken >&2; exit 6"), &log)
                .expect("it starts");
        assert_eq!(part.wait(PATIENCE).and_then(|status| status.code()), Some(6));
        let told = part.must_run().expect_err("it has ended").to_string();
        std::fs::remove_file(&log).expect("removed");
        assert!(
            told.starts_with("`spindle serve` has ended by itself (exit status: 6); the end of "),
            "{told}"
        );
        assert!(told.ends_with("the port is taken"), "{told}");
    }

    #[test]
    fn a_part_that_ends_badly_when_told_to_is_not_closed() {
        let script = "trap 'exit 3' INT; echo ready; while :; do sleep 0.05; done";
        let log = std::env::temp_dir().join(format!("spindle-bad-{}", std::process::id()));
        let part = Part::start_logging("sh", &mut shell(script), &log).expect("it starts");
        assert!(wait_until(PATIENCE, || folder::last_lines(&log) == "ready"));
        let told = part.close().expect_err("it ended with 3").to_string();
        std::fs::remove_file(&log).expect("removed");
        assert!(told.contains("`sh` ended with exit status: 3"), "{told}");
    }
}
