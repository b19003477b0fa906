//! The orders of a run: what is ordered, by whom, how it comes to them, and what became of it.

use std::io::{BufRead as _, BufReader, PipeReader, pipe};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use super::part::Part;
use super::words::typed;
use crate::services::process::wait_until;

/// How many orders are under way at once: few enough to follow on a screen.
const AT_ONCE: u16 = 3;

/// How long one order may take: twice what `--wait` allows. Beyond that the command itself hangs.
const PATIENCE: Duration = Duration::from_mins(2);

/// How often is looked whether everybody is still at work.
const POLL: Duration = Duration::from_millis(100);

/// Street and town.
type Address = (&'static str, &'static str);

/// Who orders what, and where it is brought; without an address they fetch it.
const WANTED: [(&str, &[&str], Option<Address>); 6] = [
    ("Ada", &["cappuccino:medium:2", "croissant"], Some(("Hauptstr. 1", "Berlin"))),
    ("Ben", &["espresso:small", "brownie:2"], None),
    ("Cleo", &["sushi-set", "green-tea:big:2"], Some(("Am Markt 7", "Potsdam"))),
    ("Dan", &["bagel:2", "orange-juice:medium"], None),
    ("Eve", &["pho-bo:2", "lemonade:small:2"], Some(("Lindenallee 12", "Berlin"))),
    ("Finn", &["flat-white:big", "cheesecake"], None),
];

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Which one it was, from 1.
    pub(super) number: u16,
    /// Its id, once it was placed.
    pub(super) id: Option<String>,
    /// Why the customer does not have it; `None` when they have.
    pub(super) fault: Option<String>,
}

/// Where lines go that a person shall see.
type Show<'a> = &'a (dyn Fn(&str) -> Result<()> + Sync);

/// Places orders, a few at a time, and shows what each command prints. `spindle` makes a command;
/// `alive` fails when somebody has stopped working. Ordered by number.
pub(super) fn place(
    count: u16,
    spindle: impl Fn(&[String]) -> Command + Sync,
    mut alive: impl FnMut() -> Result<()>,
    show: Show<'_>,
) -> Result<Vec<Outcome>> {
    let (next, stop, outcomes) = (AtomicU16::new(1), AtomicBool::new(false), Mutex::new(Vec::new()));
    let work = || -> Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number > count || stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            let arguments = arguments(number);
            let outcome = show(&format!("[{number}] $ {}", typed("spindle", &arguments)))
                .and_then(|()| follow(number, spindle(&arguments), &stop, show))
                .inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
            outcomes.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
        }
    };
    let finished = thread::scope(|scope| {
        let hands: Vec<_> = (0..AT_ONCE.min(count)).map(|_| scope.spawn(work)).collect();
        let mut all_is_well = Ok(());
        while all_is_well.is_ok() && !hands.iter().all(ScopedJoinHandle::is_finished) {
            thread::sleep(POLL);
            all_is_well = alive();
        }
        stop.store(true, Ordering::Relaxed);
        let finished = hands.into_iter().map(joined).fold(Ok(()), Result::and);
        all_is_well.and(finished)
    });
    finished?;
    let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by_key(|outcome| outcome.number);
    Ok(outcomes)
}

/// Runs the command of one order to its end, and shows what it prints.
fn follow(number: u16, mut command: Command, stop: &AtomicBool, show: Show<'_>) -> Result<Outcome> {
    let (reader, writer) = pipe().context("a pipe cannot be made")?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let mut part = Part::start("spindle order place", &mut command)?;
    drop(command); // it holds our end of the pipe
    thread::scope(|scope| {
        let echo = scope.spawn(|| echo(number, reader, show));
        wait_until(PATIENCE, || part.has_ended() || stop.load(Ordering::Relaxed));
        let status = part.exit_status();
        drop(part); // also one that hangs
        let id = joined(echo)?;
        let fault = match status {
            Some(status) if status.success() => None,
            Some(status) => Some(format!("the command ended with {status}")),
            None => Some("the command did not end by itself".to_owned()),
        };
        Ok(Outcome { number, id, fault })
    })
}

fn joined<T>(thread: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread.join().map_err(|_| anyhow!("a thread that followed an order panicked"))?
}

/// Shows each line as it comes, and returns the order's id.
fn echo(number: u16, from: PipeReader, show: Show<'_>) -> Result<Option<String>> {
    let mut id = None;
    for line in BufReader::new(from).lines() {
        let line = line.context("what a command printed cannot be read")?;
        show(&format!("[{number}] {line}"))?;
        id = id.or_else(|| id_of(&line).map(str::to_owned));
    }
    Ok(id)
}

/// The id in `order 0198c1f2-… is awaiting payment, 12.20 EUR`.
fn id_of(line: &str) -> Option<&str> {
    let (id, rest) = line.strip_prefix("order ")?.split_once(' ')?;
    let is_id = id.len() == 36 && id.chars().all(|letter| letter == '-' || letter.is_ascii_hexdigit());
    (is_id && rest.starts_with("is ")).then_some(id)
}

/// What is typed for an order. After the last of those wanted, the first is wanted again.
fn arguments(number: u16) -> Vec<String> {
    let (name, lines, address) = WANTED[usize::from(number.saturating_sub(1)) % WANTED.len()];
    let mut words = vec!["order", "place"];
    words.extend(lines.iter().flat_map(|line| ["--line", line]));
    words.extend(["--name", name]);
    match address {
        Some((street, city)) => words.extend(["--street", street, "--city", city]),
        None => words.push("--pickup"),
    }
    words.extend(["--pay", "tok_ok", "--wait"]);
    words.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    const ID: &str = "0198c1f2-7f5e-7c3a-9d7e-2f6b8a4c1e90";

    fn shell(script: String) -> impl Fn(&[String]) -> Command + Sync {
        move |_| {
            let mut command = Command::new("sh");
            command.args(["-c", &script]);
            command
        }
    }

    #[test]
    fn orders_are_brought_and_fetched_in_turn_and_begin_again() {
        assert_eq!(
            typed("spindle", &arguments(1)),
            "spindle order place --line cappuccino:medium:2 --line croissant --name Ada --street 'Hauptstr. 1' \
             --city Berlin --pay tok_ok --wait"
        );
        assert!(arguments(2).contains(&"--pickup".to_owned()));
        assert_eq!(arguments(7), arguments(1));
        assert_eq!(arguments(500).len(), arguments(2).len());
    }

    #[test]
    fn the_id_is_read_from_the_line_that_says_what_the_order_is() {
        assert_eq!(id_of(&format!("order {ID} is awaiting payment, 12.20 EUR")), Some(ID));
        for other in ["", "order", "order x is paid", "12:00:01Z  Paid.", &format!("order {ID} was")] {
            assert_eq!(id_of(other), None, "{other}");
        }
    }

    #[test]
    fn every_order_is_shown_and_has_an_outcome() {
        let shown = Mutex::new(Vec::new());
        let show = |line: &str| {
            shown.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
            Ok(())
        };
        let outcomes = place(5, shell(format!("echo order {ID} is paid")), || Ok(()), &show).expect("placed");
        assert_eq!(outcomes.iter().map(|it| it.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert!(outcomes.iter().all(|it| it.id.as_deref() == Some(ID) && it.fault.is_none()), "{outcomes:?}");
        let shown = shown.into_inner().expect("whole");
        assert_eq!(shown.len(), 10, "{shown:?}");
        assert!(shown.contains(&format!("[4] order {ID} is paid")), "{shown:?}");
        assert_eq!(place(0, shell(String::new()), || Ok(()), &|_| Ok(())).expect("nothing to do"), []);
    }

    #[test]
    fn an_order_that_was_refused_has_a_fault() {
        let refused =
            place(1, shell("echo refused >&2; exit 5".to_owned()), || Ok(()), &|_| Ok(())).expect("tried");
        let fault = Some("the command ended with exit status: 5".to_owned());
        assert_eq!(refused, [Outcome { number: 1, id: None, fault }]);
    }

    #[test]
    fn nobody_waits_for_orders_when_the_server_has_ended_or_nobody_looks() {
        let sleep = || shell("exec sleep 600".to_owned());
        let told = place(9, sleep(), || bail!("it has ended"), &|_| Ok(())).expect_err("told");
        assert_eq!(told.to_string(), "it has ended");
        let told = place(9, sleep(), || Ok(()), &|_| bail!("nobody looks")).expect_err("told");
        assert_eq!(told.to_string(), "nobody looks");
    }
}
