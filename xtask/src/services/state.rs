//! What `services up` left running, so that `status` and `down` find it from another process.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::postgres::{PostgresRecord, PostgresServer};
use super::rabbit::{RabbitRecord, RabbitServer};
use super::say;
use super::service::{Entry, PrivateServer, Service};

/// Changes when older programs cannot read what newer ones write.
const FORMAT: u32 = 1;

/// The servers that run for this workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    format: u32,
    pub(crate) postgres: Option<Entry<PostgresRecord>>,
    pub(crate) rabbit: Option<Entry<RabbitRecord>>,
}

impl State {
    pub(crate) fn new(postgres: Option<Entry<PostgresRecord>>, rabbit: Option<Entry<RabbitRecord>>) -> Self {
        Self { format: FORMAT, postgres, rabbit }
    }

    pub(crate) fn to_json(&self) -> Result<String> {
        serde_json::to_string_pretty(self).context("the state cannot be written as JSON")
    }

    pub(crate) fn from_json(text: &str) -> Result<Self> {
        let state: Self = serde_json::from_str(text)?;
        ensure!(state.format == FORMAT, "it has format {}, and this program reads {FORMAT}", state.format);
        Ok(state)
    }
}

/// The folder `.spindle-services` of a workspace, held by one process at a time.
#[derive(Debug)]
pub(crate) struct StateFile {
    folder: PathBuf,
    /// Its lock ends when it is closed, even by a crash.
    _lock: File,
}

/// The folder for what is remembered between two runs. Git ignores it.
pub(crate) fn folder(workspace: &Path) -> Result<PathBuf> {
    let folder = workspace.join(".spindle-services");
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    Ok(folder)
}

impl StateFile {
    /// Waits until no other process works on it.
    pub(crate) fn open(workspace: &Path) -> Result<Self> {
        let folder = folder(workspace)?;
        let lock = File::create(folder.join("lock")).context("the lock of the state file cannot be made")?;
        lock.lock().context("could not wait for another `cargo xtask services`")?;
        Ok(Self { folder, _lock: lock })
    }

    fn path(&self) -> PathBuf {
        self.folder.join("state.json")
    }

    /// What still runs. What has ended since is cleaned away, and forgotten.
    pub(crate) fn load(&self) -> Result<State> {
        let path = self.path();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(State::new(None, None)),
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
        };
        let written = State::from_json(&text).with_context(|| {
            format!("{} cannot be read; remove it if no servers are left running", path.display())
        })?;
        let state = State::new(
            living::<PostgresServer>(written.postgres.clone())?,
            living::<RabbitServer>(written.rabbit.clone())?,
        );
        if state != written {
            self.save(&state)?;
        }
        Ok(state)
    }

    /// Writes beside and moves over, so that a crash leaves the old or the new file.
    pub(crate) fn save(&self, state: &State) -> Result<()> {
        let (path, draft) = (self.path(), self.folder.join("state.json.new"));
        fs::write(&draft, state.to_json()? + "\n")
            .and_then(|()| fs::rename(&draft, &path))
            .with_context(|| format!("{} cannot be written", path.display()))
    }
}

fn living<S: PrivateServer>(entry: Option<Entry<S::Record>>) -> Result<Option<Entry<S::Record>>> {
    let Some(entry) = entry else { return Ok(None) };
    let lives = match &entry {
        Entry::External(_) => false, // never written by us
        Entry::Private(record) => S::process(record).is_some_and(super::process::ProcessId::is_alive),
        Entry::Container(_) => Service::<S>::attach(entry.clone()).is_ready(),
    };
    if lives {
        return Ok(Some(entry));
    }
    say(&format!("{} that was left running has ended; cleaning up after it", S::SERVER.name()));
    Service::<S>::attach(entry).destroy()?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::super::process::ProcessId;
    use super::super::rabbit::RabbitPorts;
    use super::*;

    fn workspace(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("spindle-state-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("made");
        path
    }

    fn dead() -> ProcessId {
        ProcessId { pid: std::process::id(), started: "before this one".into() }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let postgres = PostgresRecord {
            process: Some(dead()),
            port: 5433,
            folder: "/var/tmp/spindle-postgres-1".into(),
            programs: "/usr/bin".into(),
        };
        let rabbit = RabbitRecord {
            process: Some(dead()),
            epmd: None,
            node: "spindle-1@localhost".into(),
            ports: RabbitPorts { amqp: 1, distribution: 2, epmd: 3 },
            folder: "/var/tmp/spindle-rabbit-1".into(),
            programs: "/usr/lib/rabbitmq/bin".into(),
            epmd_program: "/usr/bin/epmd".into(),
            erl_call_program: None,
        };
        let state = State::new(Some(Entry::Private(postgres)), Some(Entry::Private(rabbit)));
        assert_eq!(State::from_json(&state.to_json().expect("json")).expect("read"), state);
    }

    #[test]
    fn a_state_of_another_format_or_with_unknown_fields_is_refused() {
        for text in [
            r#"{"format":2,"postgres":null,"rabbit":null}"#,
            r#"{"format":1,"postgres":null,"rabbit":null,"mysql":null}"#,
            "{}",
        ] {
            assert!(State::from_json(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_server_that_has_ended_is_forgotten_and_its_folder_removed() {
        let workspace = workspace("stale");
        let folder = std::env::temp_dir().join(format!("spindle-postgres-stale-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("made");
        let record = PostgresRecord {
            process: Some(dead()),
            port: 1,
            folder: folder.clone(),
            programs: "/usr/bin".into(),
        };
        let file = StateFile::open(&workspace).expect("opened");
        file.save(&State::new(Some(Entry::Private(record)), None)).expect("saved");
        assert_eq!(file.load().expect("loaded"), State::new(None, None));
        assert!(!folder.exists());
        assert_eq!(file.load().expect("loaded again"), State::new(None, None));
        fs::remove_dir_all(workspace).expect("removed");
    }

    #[test]
    fn a_broken_state_file_is_named() {
        let workspace = workspace("broken");
        let file = StateFile::open(&workspace).expect("opened");
        fs::write(file.path(), "{").expect("written");
        let message = format!("{:#}", file.load().expect_err("broken"));
        assert!(message.contains("state.json cannot be read; remove it"), "{message}");
        fs::remove_dir_all(workspace).expect("removed");
    }
}
