//! `cargo xtask run`: the main job at work, to be watched.
//!
//! Services, the server, stand-ins for everybody outside, then orders from the first click to the door, and
//! what Spindle knows about them. **Invariant:** nothing that is started here outlives this program, however
//! it ends.

mod orders;
mod part;
mod ready;
mod shop;
mod words;

use std::convert::Infallible;
use std::io::Write as _;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use self::orders::Outcome;
use self::shop::Shop;
use crate::cli::RunArgs;
use crate::plan::SERVER;
use crate::workspace::Workspace;

/// How often is looked whether everybody is still at work while a person looks around.
const WATCH: Duration = Duration::from_millis(500);

/// Shows the main job at work. The exit code says whether every order reached its customer and the log is whole.
pub(crate) fn run(workspace: &Workspace, args: &RunArgs) -> Result<ExitCode> {
    let address = ready::free(args.listen)?;
    say(if args.debug {
        "building spindle"
    } else {
        "building spindle; the first release build takes minutes"
    });
    let Some(program) = workspace.build(SERVER, &build(args.debug))? else { return Ok(ExitCode::FAILURE) };
    let mut shop = Shop::open(workspace, program, address)?;
    let passed = work(&mut shop, args.orders)?;
    if passed && !args.exit {
        show(&shop.site.welcome())?;
        let Err(error) = stay(&mut shop);
        return Err(error);
    }
    shop.close()?;
    say("everything is stopped");
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Places the orders, shows what Spindle knows about them, and judges.
fn work(shop: &mut Shop, count: u16) -> Result<bool> {
    let begun = Instant::now();
    let outcomes = shop.place(count)?;
    let took = begun.elapsed();
    let mut passed = outcomes.iter().all(|outcome| outcome.fault.is_none());
    if let Some(id) = most_telling(&outcomes) {
        passed &= shop.ask(&["order", "events", id])?;
    }
    passed &= shop.ask(&["saga", "list"])?;
    passed &= shop.ask(&["events", "check"])?;
    shop.must_be_open()?;
    show(&format!("\n{}", verdict(&outcomes, took)))?;
    Ok(passed)
}

/// Ctrl-C ends this program, and the guards all that it started; until then somebody must watch.
fn stay(shop: &mut Shop) -> Result<Infallible> {
    loop {
        shop.must_be_open()?;
        thread::sleep(WATCH);
    }
}

/// The arguments of `cargo build`.
fn build(debug: bool) -> Vec<String> {
    let profile = (!debug).then_some("--release");
    ["--package", SERVER, "--bin", SERVER].into_iter().chain(profile).map(str::to_owned).collect()
}

/// The order whose timeline is shown: one that went wrong, else the first.
fn most_telling(outcomes: &[Outcome]) -> Option<&str> {
    let wrong = outcomes.iter().filter(|outcome| outcome.fault.is_some());
    wrong.chain(outcomes).find_map(|outcome| outcome.id.as_deref())
}

/// A line for each order that did not reach its customer, and one for all.
fn verdict(outcomes: &[Outcome], took: Duration) -> String {
    let faults = outcomes.iter().filter_map(|it| Some((it.number, it.fault.as_ref()?)));
    let mut lines: Vec<String> =
        faults.map(|(number, fault)| format!("[{number}] FAILED: {fault}")).collect();
    let all = outcomes.len();
    lines.push(format!(
        "{} of {all} orders reached their customers, in {:.1} s",
        all - lines.len(),
        took.as_secs_f64()
    ));
    lines.join("\n")
}

/// A line of progress. Standard output is for what Spindle says.
fn say(line: &str) {
    eprintln!("[run] {line}");
}

/// Writes to standard output. Nobody works on for a person who has gone away.
fn show(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).context("nobody reads the output")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(number: u16, fault: Option<&str>) -> Outcome {
        Outcome { number, id: Some(format!("id-{number}")), fault: fault.map(str::to_owned) }
    }

    #[test]
    fn the_verdict_counts_and_names_what_failed() {
        let outcomes = [outcome(1, None), outcome(2, Some("cancelled")), outcome(3, None)];
        assert_eq!(
            verdict(&outcomes, Duration::from_millis(2_345)),
            "[2] FAILED: cancelled\n2 of 3 orders reached their customers, in 2.3 s"
        );
    }

    #[test]
    fn what_went_wrong_tells_most() {
        assert_eq!(most_telling(&[outcome(1, None), outcome(2, Some("cancelled"))]), Some("id-2"));
        assert_eq!(most_telling(&[outcome(1, None), outcome(2, None)]), Some("id-1"));
        let unplaced = Outcome { id: None, ..outcome(1, Some("refused")) };
        assert_eq!(most_telling(&[unplaced, outcome(2, None)]), Some("id-2"));
        assert_eq!(most_telling(&[]), None);
    }

    #[test]
    fn the_server_is_built_as_it_is_shipped_unless_told_otherwise() {
        assert_eq!(build(false), ["--package", "spindle", "--bin", "spindle", "--release"]);
        assert_eq!(build(true), ["--package", "spindle", "--bin", "spindle"]);
    }
}
