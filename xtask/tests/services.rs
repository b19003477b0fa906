//! Private servers for real: started, used, crashed, restarted, stopped, and nothing left behind.

#![expect(clippy::expect_used, reason = "a helper of a test fails the test")]

mod amqp;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use xtask::Workspace;
use xtask::services::Services;
use xtask::services::postgres::{PostgresOptions, PostgresServer, StopMode};
use xtask::services::process::{ProcessId, wait_until};
use xtask::services::rabbit::{RabbitOptions, RabbitRecord, RabbitServer};

/// How long anything may take on a machine that also compiles.
const PATIENCE: Duration = Duration::from_mins(2);

/// Whether this machine has the programs, installing them if it may. A machine that points to servers
/// elsewhere, by its environment, may have none.
fn programs_are_here() -> bool {
    let both = || PostgresServer::is_available() && RabbitServer::is_available();
    if both() {
        return true;
    }
    let workspace = Workspace::find().expect("the workspace");
    drop(Services::start(workspace.root()).expect("servers from somewhere"));
    let here = both();
    if !here {
        eprintln!("NOT TESTED: the servers are not on this machine, so no private ones can be started");
    }
    here
}

fn psql(server: &PostgresServer, database: &str, sql: &str) -> Result<String, String> {
    let output = Command::new(server.record().programs.join("psql"))
        .args([&server.url(database), "--no-psqlrc", "--tuples-only", "--no-align", "--command", sql])
        .stdin(Stdio::null())
        .output()
        .expect("psql runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

fn all_gone(processes: &[ProcessId]) -> bool {
    processes.iter().all(|process| !process.is_alive())
}

#[test]
fn a_private_postgres_keeps_what_was_committed_over_stops_and_crashes() {
    if !programs_are_here() {
        return;
    }
    let server = PostgresServer::start(&PostgresOptions::default()).expect("it starts");
    let (port, folder) = (server.port(), server.record().folder);
    assert!(server.is_ready());
    server.create_database("a \"shop\"").expect("a database");
    assert!(server.create_database("a \"shop\"").is_err(), "it exists");
    psql(&server, "a \"shop\"", "create table t (n int); insert into t values (1)").expect("written");
    assert_eq!(psql(&server, "postgres", "show fsync").as_deref(), Ok("on"));

    let before = server.processes();
    assert!(before.len() > 1, "a postmaster and its children: {before:?}");
    server.kill().expect("killed");
    assert!(all_gone(&before) && !server.is_ready() && server.processes().is_empty());

    server.start_again().expect("it recovers");
    assert_eq!(psql(&server, "a \"shop\"", "select n from t").as_deref(), Ok("1"));
    assert!(server.start_again().is_err(), "it runs already");
    for mode in [StopMode::Immediate, StopMode::Fast] {
        server.stop(mode).expect("stopped");
        server.stop(mode).expect("stopped is stopped");
        assert!(!server.is_ready());
        server.start_again().expect("started");
    }
    server.restart().expect("restarted");
    assert_eq!(psql(&server, "a \"shop\"", "select n from t").as_deref(), Ok("1"));
    assert_eq!(server.port(), port);
    server.drop_database("a \"shop\"").expect("dropped");

    let guest = PostgresServer::attach(server.record());
    assert!(guest.is_ready() && guest.stop(StopMode::Fast).is_err(), "a guest stops nothing");
    drop(guest);
    assert!(server.is_ready());

    let processes = server.processes();
    drop(server);
    assert!(all_gone(&processes));
    assert!(!folder.exists(), "{}", folder.display());
}

#[test]
fn a_private_rabbitmq_keeps_quorum_queues_over_stops_and_crashes() {
    if !programs_are_here() {
        return;
    }
    let server = RabbitServer::start(&RabbitOptions::default()).expect("it starts");
    let (ports, folder) = (server.ports(), server.record().folder);
    assert!(server.is_ready());
    server.add_vhost("one").expect("added");
    server.add_vhost("one").expect("adding twice is no error");
    server.add_vhost("zwö \"2\"").expect("any name will do");
    amqp::publish_confirmed(ports.amqp, "one", "orders");
    await_queues(&server, "one", &[("orders", 1)]);
    assert_eq!(server.list_queues("zwö \"2\"").expect("listed"), []);

    server.settle().expect("settled");
    let before = server.processes();
    assert!(before.len() > 2, "an Erlang machine, its helper and a port mapper: {before:?}");
    server.kill().expect("killed");
    assert!(all_gone(&before) && !server.is_ready() && server.processes().is_empty());

    server.start_again().expect("it recovers");
    await_queues(&server, "one", &[("orders", 1)]);
    server.stop().expect("stopped");
    assert!(!server.is_ready() && server.processes().is_empty());
    server.start_again().expect("started");
    assert_eq!(server.ports(), ports);
    await_queues(&server, "one", &[("orders", 1)]);
    server.purge_queue("one", "orders").expect("purged");
    await_queues(&server, "one", &[("orders", 0)]);
    server.delete_queue("one", "orders").expect("deleted");
    await_queues(&server, "one", &[]);
    server.delete_vhost("one").expect("deleted");
    assert!(server.delete_vhost("one").is_err() && server.list_queues("one").is_err(), "it is gone");
    assert_eq!(server.eval("lists:sum([1, 2])").expect("evaluated"), "3");
    assert!(server.eval("1 / 0").is_err());

    let guest = RabbitServer::attach(RabbitRecord { erl_call_program: None, ..server.record() });
    assert_eq!(guest.eval("lists:seq(1, 99)").expect("by rabbitmqctl").split(',').count(), 99);
    assert!(guest.eval("1 / 0").is_err() && guest.stop().is_err(), "a guest stops nothing");
    drop(guest);
    assert!(server.is_ready());

    let processes = server.processes();
    drop(server);
    assert!(all_gone(&processes));
    assert!(!folder.exists(), "{}", folder.display());
}

/// Counts lag behind a quorum queue's elections and statistics, so they are awaited.
#[track_caller]
fn await_queues(server: &RabbitServer, vhost: &str, expected: &[(&str, u64)]) {
    let expected: Vec<(String, u64)> = expected.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
    let mut last = None;
    let seen = wait_until(PATIENCE, || {
        let queues = server.list_queues(vhost);
        let seen = queues.as_ref().is_ok_and(|queues| *queues == expected);
        last = Some(queues);
        seen
    });
    assert!(seen, "{last:?} is not {expected:?}");
}

/// Reruns itself in a process of its own, which is then killed.
#[test]
fn a_killed_owner_leaves_no_server_behind() {
    const AS_OWNER: &str = "SPINDLE_TEST_OWNER";
    if !programs_are_here() {
        return;
    }
    if let Ok(path) = std::env::var(AS_OWNER) {
        let postgres = PostgresServer::start(&PostgresOptions::default()).expect("it starts");
        let rabbit = RabbitServer::start(&RabbitOptions::default()).expect("it starts");
        let processes = [postgres.processes(), rabbit.processes()].concat();
        let folders = [postgres.record().folder, rabbit.record().folder];
        let text = serde_json::to_string(&(processes, folders)).expect("json");
        std::fs::write(format!("{path}.new"), text).expect("written");
        std::fs::rename(format!("{path}.new"), &path).expect("moved");
        // Until it is killed; should the test itself fail, its end of this pipe closes.
        let nothing = std::io::stdin().read_line(&mut String::new()).expect("read");
        assert_eq!(nothing, 0, "the owner was not killed");
        return;
    }
    let path = std::env::temp_dir().join(format!("spindle-owner-{}", std::process::id()));
    let mut owner = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "a_killed_owner_leaves_no_server_behind"])
        .env(AS_OWNER, &path)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    assert!(wait_until(PATIENCE, || path.exists()), "the owner did not start its servers");
    let text = std::fs::read_to_string(&path).expect("read");
    std::fs::remove_file(path).expect("removed");
    let (processes, folders): (Vec<ProcessId>, [PathBuf; 2]) = serde_json::from_str(&text).expect("json");
    assert!(folders.iter().all(|folder| folder.exists()));
    owner.kill().expect("killed");
    owner.wait().expect("reaped");
    assert!(wait_until(PATIENCE, || all_gone(&processes)), "its servers still run");
    let removed = || folders.iter().all(|folder| !folder.exists());
    assert!(wait_until(PATIENCE, removed), "{folders:?} are still there");
}
