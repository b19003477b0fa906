//! Steps one after the other, with a summary of what each took.

use std::fmt::Write as _;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::Result;

/// What was done so far. A step that fails does not keep the next from running.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    name: String,
    took: Duration,
    passed: bool,
}

impl Steps {
    /// Runs a step, which tells whether it passed. One that cannot be run has not.
    pub(crate) fn run(&mut self, name: &str, step: impl FnOnce() -> Result<bool>) {
        eprintln!("\n=== {name}");
        let begun = Instant::now();
        let passed = step().unwrap_or_else(|error| {
            eprintln!("error: {error:#}");
            false
        });
        self.done.push(Step { name: name.to_owned(), took: begun.elapsed(), passed });
    }

    /// Runs a step that is one command.
    pub(crate) fn command(&mut self, name: &str, command: &mut Command) {
        self.run(name, || Ok(command.status()?.success()));
    }

    /// Prints the summary; the exit code says whether all passed.
    pub(crate) fn finish(self) -> ExitCode {
        eprint!("\n{}", self.summary());
        if self.done.iter().all(|step| step.passed) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn summary(&self) -> String {
        let mut text = String::new();
        let total: Duration = self.done.iter().map(|step| step.took).sum();
        let failed: Vec<&str> =
            self.done.iter().filter(|step| !step.passed).map(|step| step.name.as_str()).collect();
        let verdict = if failed.is_empty() { "passed".to_owned() } else { failed.join(", ") + " FAILED" };
        for Step { name, took, passed } in &self.done {
            let mark = if *passed { "ok    " } else { "FAILED" };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{mark} {name:<24} {:>7.1} s", took.as_secs_f64());
        }
        let _ = writeln!(text, "{verdict}, {:.1} s in all", total.as_secs_f64());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_names_what_failed_and_later_steps_still_run() {
        let mut steps = Steps::default();
        steps.run("format", || Ok(true));
        steps.run("lints", || anyhow::bail!("no compiler"));
        steps.run("docs", || Ok(true));
        let text = steps.summary();
        let begins: Vec<&str> = text.lines().filter_map(|line| line.get(..12)).collect();
        assert_eq!(begins, ["ok     forma", "FAILED lints", "ok     docs ", "lints FAILED"]);
        assert_eq!(steps.finish(), ExitCode::FAILURE);
    }
}
