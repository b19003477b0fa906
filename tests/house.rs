//! The rules of the house, read from the files. Each rule is tried on a small bad house too: one that finds nothing
//! there would find nothing here.

mod rules;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use spindle_domain::kitchen::ScheduleEvent;
use spindle_domain::order::OrderEvent;
use spindle_domain::payment::PaymentEvent;
use spindle_domain::shipment::ShipmentEvent;
use tempfile::TempDir;

/// This workspace.
fn here() -> Result<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).context("no workspace")
}

/// No faults, or all of them.
fn none(faults: &[String]) -> Result<()> {
    ensure!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    Ok(())
}

/// A house with these files.
fn house(files: &[(&str, &str)]) -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().context("a folder")?)?;
        fs::write(path, text)?;
    }
    Ok(folder)
}

/// The smallest workspace that keeps the rules about manifests.
const MANIFESTS: [(&str, &str); 6] = [
    (
        "Cargo.toml",
        "[workspace]\nmembers = [\"domain\", \"eventlog\", \"commands\", \"projections\", \"xtask\"]\n",
    ),
    ("domain/Cargo.toml", "[lints]\nworkspace = true\n[dependencies]\nserde.workspace = true\n"),
    ("eventlog/Cargo.toml", "[lints]\nworkspace = true\n[dependencies]\nsqlx.workspace = true\n"),
    (
        "commands/Cargo.toml",
        "[lints]\nworkspace = true\n[dependencies]\nspindle-domain = { path = \"../domain\" }\n",
    ),
    ("projections/Cargo.toml", "[lints]\nworkspace = true\n"),
    ("xtask/Cargo.toml", "[lints]\nworkspace = true\n"),
];

#[test]
fn the_top_level_holds_what_has_a_place_there() -> Result<()> {
    none(&rules::top(&here()?)?)
}

#[test]
fn a_stranger_at_the_top_level_is_seen_unless_it_is_ignored() -> Result<()> {
    let house = house(&[
        (".gitignore", "/target\n"),
        ("README.md", ""),
        ("notes/x.md", ""),
        ("target/y", ""),
        ("a.sh", ""),
    ])?;
    let made = Command::new("git").args(["init", "--quiet"]).current_dir(house.path()).status()?;
    ensure!(made.success());
    let faults = rules::top(house.path())?;
    assert_eq!(faults, ["a.sh has no place at the top", "notes has no place at the top"]);
    Ok(())
}

#[test]
fn packages_know_only_whom_they_may_know() -> Result<()> {
    none(&rules::manifests(&here()?)?)
}

#[test]
fn a_package_that_knows_too_much_is_seen() -> Result<()> {
    none(&rules::manifests(house(&MANIFESTS)?.path())?)?;
    let lints = "[lints]\nworkspace = true\n";
    let cases = [
        (
            "domain/Cargo.toml",
            format!("{lints}[dependencies]\nsqlx.workspace = true\n"),
            "domain depends on sqlx",
        ),
        (
            "domain/Cargo.toml",
            format!("{lints}[dependencies]\ntokio = {{ workspace = true }}\n"),
            "domain depends on tokio",
        ),
        (
            "domain/Cargo.toml",
            format!("{lints}[dev-dependencies]\nspindle-eventlog.workspace = true\n"),
            "domain depends on spindle-eventlog",
        ),
        (
            "eventlog/Cargo.toml",
            format!("{lints}[dependencies.spindle-domain]\npath = \"../domain\"\n"),
            "eventlog depends on spindle-domain",
        ),
        (
            "commands/Cargo.toml",
            format!("{lints}[dependencies]\nspindle-projections.workspace = true\n"),
            "commands depends on spindle-projections",
        ),
        (
            "projections/Cargo.toml",
            format!("{lints}[target.'cfg(unix)'.dependencies]\nspindle-commands.workspace = true\n"),
            "projections depends on spindle-commands",
        ),
        (
            "xtask/Cargo.toml",
            format!("{lints}[build-dependencies]\nspindle.workspace = true\n"),
            "xtask depends on spindle",
        ),
        ("xtask/Cargo.toml", "[dependencies]\n".to_owned(), "xtask does not use the workspace's lints"),
        (
            "xtask/Cargo.toml",
            format!("{lints}[dependencies]\nanyhow = \"1\"\n"),
            "xtask has its own version of anyhow",
        ),
    ];
    for (file, text, fault) in cases {
        let mut files = MANIFESTS.to_vec();
        files.retain(|(path, _)| *path != file);
        files.push((file, &text));
        let faults = rules::manifests(house(&files)?.path())?;
        ensure!(faults.iter().any(|found| found.starts_with(fault)), "{fault}: {faults:?}");
    }
    Ok(())
}

#[test]
fn no_code_says_what_was_not_thought_through() -> Result<()> {
    none(&rules::words(&here()?)?)
}

#[test]
fn a_word_that_should_not_be_there_is_seen() -> Result<()> {
    let bad = [
        concat!("    un", "safe { x() }"),
        concat!("fn x() { to", "do!() }"),
        concat!("unimple", "mented!(\"later\")"),
        concat!("#[ig", "nore = \"flaky\"]"),
        concat!("#[al", "low(dead_code)]"),
        concat!("db", "g!(x);"),
    ];
    for line in bad {
        let faults = rules::words(house(&[("api/src/x.rs", line)])?.path())?;
        ensure!(faults.len() == 1 && faults[0].starts_with("api/src/x.rs:1: "), "{line}: {faults:?}");
    }
    let good = concat!("// un", "safe in a comment\nlet un", "safe_code = 1;\nlet autotodo = \"forbid\";\n");
    none(&rules::words(house(&[("api/src/x.rs", good)])?.path())?)
}

#[test]
fn nothing_of_ours_panics_on_purpose() -> Result<()> {
    none(&rules::panics(&here()?)?)
}

#[test]
fn a_panic_outside_of_tests_is_seen() -> Result<()> {
    let tests = "fn a() {}\n\n#[cfg(test)]\npub(crate) mod tests {\n    fn b() { x().unwrap() }\n}\n";
    none(&rules::panics(
        house(&[
            ("api/src/a.rs", tests),
            ("api/src/b/mod.rs", "//! .unwrap() in words\n#[cfg(test)]\nmod deep;\n"),
            ("api/src/b/deep/mod.rs", "fn c() { x().expect(\"y\") }"),
            ("api/src/b/deep/er.rs", "fn c() { x().unwrap() }"),
            ("api/src/c.rs", "#[cfg(test)]\nmod tests;\n"),
            ("api/src/c/tests.rs", "fn c() { panic!(\"y\") }"),
            ("api/tests/d.rs", "fn d() { x().unwrap() }"),
        ])?
        .path(),
    )?)?;
    let excused =
        "#[expect(clippy::expect_used, reason = \"a constant\")]\nfn x() -> u8 {\n    y().expect(\"z\")\n}\n";
    none(&rules::panics(house(&[("api/src/a.rs", excused)])?.path())?)?;
    let far = excused.replacen('\n', "\nfn y() {}\nfn z() {}\nfn u() {}\n", 1);
    ensure!(
        rules::panics(house(&[("api/src/a.rs", &far)])?.path())?.len() == 1,
        "an excuse is for one thing"
    );
    for (line, place) in [
        ("x().unwrap();", "api/src/a.rs:1"),
        ("    .expect(\"y\")", "api/src/a.rs:1"),
        ("\npanic!(\"z\")", "api/src/a.rs:2"),
    ] {
        let faults = rules::panics(house(&[("api/src/a.rs", &format!("{line}\n{tests}"))])?.path())?;
        ensure!(faults.len() == 1 && faults[0].starts_with(place), "{line}: {faults:?}");
    }
    Ok(())
}

#[test]
fn no_file_is_too_long_and_each_says_what_it_is() -> Result<()> {
    none(&rules::long_files(&here()?)?)?;
    none(&rules::silent_files(&here()?)?)
}

#[test]
fn a_file_that_is_too_long_or_silent_is_seen() -> Result<()> {
    let house = house(&[
        ("api/src/a.rs", &"//!\n".repeat(450)),
        ("api/src/b.rs", &"//!\n".repeat(451)),
        ("api/src/c.rs", "fn c() {}\n#[cfg(test)]\nmod tests;\n"),
        ("api/src/c/tests.rs", "fn d() {}"),
        ("target/e.rs", "fn e() {}"),
    ])?;
    assert_eq!(rules::long_files(house.path())?, ["api/src/b.rs has 451 lines"]);
    assert_eq!(rules::silent_files(house.path())?, ["api/src/c.rs does not say what it is"]);
    Ok(())
}

#[test]
fn every_migration_goes_up_and_down() -> Result<()> {
    none(&rules::migrations(&here()?)?)
}

#[test]
fn a_migration_that_cannot_be_taken_back_is_seen() -> Result<()> {
    let house = house(&[
        ("migrations/postgres/0001_a.up.sql", "create table a (x text); -- SELECT\n"),
        ("migrations/postgres/0001_a.down.sql", "drop table a;"),
        ("migrations/postgres/0002_b.up.sql", ""),
        ("migrations/postgres/0004_c.up.sql", ""),
        ("migrations/postgres/0004_c.down.sql", ""),
        ("api/src/sql/d.sql", "SELECT 1"),
    ])?;
    let faults = rules::migrations(house.path())?;
    ensure!(faults.len() == 4, "{faults:?}");
    for part in ["0002_b goes", "0004_c should have number 3", "d.sql: SELECT"] {
        ensure!(faults.iter().any(|fault| fault.contains(part)), "{part}: {faults:?}");
    }
    Ok(())
}

#[test]
fn every_stored_name_has_a_golden_file() -> Result<()> {
    let names = [
        OrderEvent::WIRE_NAMES,
        PaymentEvent::WIRE_NAMES,
        ScheduleEvent::WIRE_NAMES,
        ShipmentEvent::WIRE_NAMES,
    ];
    ensure!(names.iter().all(|names| names.len() >= 9), "the names are not all there");
    none(&rules::golden(&here()?, &names.concat())?)
}

#[test]
fn a_stored_name_without_a_golden_file_is_seen() -> Result<()> {
    let house = house(&[
        ("domain/tests/golden/order.placed.v1.0.json", "{}"),
        ("domain/tests/golden/order.placed.v2.0.json", "nonsense"),
        ("domain/tests/golden/order.eaten.v1.0.json", "{}"),
        ("domain/tests/golden/payment.voided.v1.0.json", "{}"),
    ])?;
    let faults = rules::golden(house.path(), &["order.placed", "order.paid", "payment.voided"])?;
    assert_eq!(
        faults,
        [
            "order.eaten.v1.0.json is no event's",
            "order.placed.v2.0.json is no JSON",
            "order.paid has no golden file"
        ]
    );
    Ok(())
}

#[test]
fn newcomers_and_machines_find_their_way() -> Result<()> {
    none(&rules::signposts(&here()?))
}

#[test]
fn a_missing_signpost_is_seen() -> Result<()> {
    let house = house(&[
        ("README.md", "run it"),
        ("CHANGELOG.md", "## [Unreleased]"),
        (".ci/run", "cargo xtask ci"),
    ])?;
    let faults = rules::signposts(house.path());
    ensure!(faults.len() == 3, "{faults:?}");
    ensure!(faults[1] == "README.md does not name \"cargo xtask test\"", "{faults:?}");
    Ok(())
}
