//! Checks what was ever stored: each golden file must load for ever, and what is written today must be the same.

use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};

use cqrs_es::DomainEvent;
use serde_json::Value;

/// Compares each event with its golden file, `<event_type>.v<version>.json`, both ways, and demands one of each
/// wire name.
pub(crate) fn check<E: DomainEvent + Debug>(wire_names: &[&str], events: &[E]) {
    let mut checked = Vec::new();
    for event in events {
        let name = event.event_type();
        let stored = read(&name, &event.event_version());
        let loaded: E = serde_json::from_value(stored.clone())
            .unwrap_or_else(|why| panic!("{name} does not load: {why}"));
        assert_eq!(&loaded, event, "{name} loads as something else");
        let written =
            serde_json::to_value(event).unwrap_or_else(|why| panic!("{name} is not written: {why}"));
        assert_eq!(written, stored, "{name} is written otherwise");
        checked.push(name);
    }
    assert_eq!(checked, wire_names, "every wire name has its golden file, in the order of the list");
}

fn read(name: &str, version: &str) -> Value {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "golden"].iter().collect();
    let path = path.join(Path::new(&format!("{name}.v{version}.json")));
    let text = fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}
