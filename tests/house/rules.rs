//! The rules, each a function from a folder to what breaks it there, a line for each fault.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use figment::Figment;
use figment::providers::{Format, Toml};
use serde_json::Value;

/// What may stand at the top, as the overview says.
const TOP: &[&str] = &[
    ".cargo",
    ".ci",
    ".config",
    ".dockerignore",
    ".github",
    ".gitattributes",
    ".gitignore",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "Dockerfile",
    "LICENSE",
    "README.md",
    "api",
    "bench",
    "clippy.toml",
    "commands",
    "deny.toml",
    "docker-compose.yml",
    "docs",
    "domain",
    "eventlog",
    "migrations",
    "projections",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "tests",
    "xtask",
];
/// What the domain may stand on: nothing that reads, writes, waits or knows the time.
const PURE: &[&str] = &["chrono", "cqrs-es", "iso_currency", "serde", "serde_json", "thiserror", "uuid"];
/// Whom each package of ours may know, of our own.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("eventlog", &[]),
    ("commands", &["spindle-domain", "spindle-eventlog"]),
    ("projections", &["spindle-domain", "spindle-eventlog"]),
    ("xtask", &[]),
];
/// The most lines of a file: beyond it, it does more than one thing.
const LONGEST: usize = 450;
/// How many lines above a panic its excuse may stand: on the function, which then does nothing else.
const EXCUSE: usize = 3;
/// What no code may say, in parts so that this file does not say it.
const NEVER: &[(&str, &str)] = &[
    (concat!("un", "safe"), "what the compiler cannot check"),
    (concat!("to", "do!"), "what is not done"),
    (concat!("unimple", "mented!"), "what is not done"),
    (concat!("db", "g!"), "what was only to be looked at"),
    (concat!("#[ig", "nore"), "a test that does not run"),
    (concat!("#[al", "low("), "an exception that nobody misses when it is over: use expect with a reason"),
];

/// Every file below a folder with this ending, by its path from there. What is built or hidden is not looked at.
pub(super) fn files(root: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let (path, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if kind.is_dir() && !name.starts_with('.') && name != "target" {
                folders.push(path);
            } else if kind.is_file() && name.ends_with(ending) {
                found.push(path.strip_prefix(root)?.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

fn read(root: &Path, path: impl AsRef<Path>) -> Result<String> {
    let path = root.join(path);
    fs::read_to_string(&path).with_context(|| path.display().to_string())
}

/// What is kept at the top that has no place there.
pub(super) fn top(root: &Path) -> Result<Vec<String>> {
    let listed =
        Command::new("git").args(["ls-files", "-co", "--exclude-standard"]).current_dir(root).output();
    let listed = listed.context("git is needed to tell what is kept")?;
    ensure!(listed.status.success(), "git: {}", String::from_utf8_lossy(&listed.stderr));
    let text = String::from_utf8(listed.stdout)?;
    let kept: BTreeSet<&str> = text.lines().filter_map(|path| path.split('/').next()).collect();
    ensure!(!kept.is_empty(), "git knows no file");
    let strangers = kept.into_iter().filter(|entry| !TOP.contains(entry));
    Ok(strangers.map(|entry| format!("{entry} has no place at the top")).collect())
}

/// The names of everything that a manifest depends on, in any way.
fn dependencies(manifest: &Value) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for (table, value) in manifest.as_object().into_iter().flatten() {
        match value.as_object() {
            Some(named) if table.ends_with("dependencies") => {
                all.extend(named.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
            // `[target.'cfg(…)'.dependencies]`, at whatever depth.
            Some(_) if table != "workspace" => all.extend(dependencies(value)),
            _ => {}
        }
    }
    all
}

fn manifest(root: &Path, package: &str) -> Result<Value> {
    let text = read(root, Path::new(package).join("Cargo.toml"))?;
    Figment::from(Toml::string(&text)).extract().with_context(|| format!("{package}/Cargo.toml"))
}

/// Who depends on whom they must not know, and who keeps to themselves what all should share.
pub(super) fn manifests(root: &Path) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for (package, known) in MAY_KNOW {
        for name in dependencies(&manifest(root, package)?).keys() {
            if (name == "spindle" || name.starts_with("spindle-")) && !known.contains(&name.as_str()) {
                faults.push(format!("{package} depends on {name}"));
            }
        }
    }
    let domain = manifest(root, "domain")?;
    for name in domain["dependencies"].as_object().into_iter().flatten().map(|(name, _)| name) {
        if !PURE.contains(&name.as_str()) {
            faults.push(format!("domain depends on {name}, which is not known to be pure"));
        }
    }
    for member in manifest(root, "")?["workspace"]["members"].as_array().context("no members")? {
        let member = member.as_str().context("a member without a name")?;
        let manifest = manifest(root, member)?;
        if manifest["lints"]["workspace"] != true {
            faults.push(format!("{member} does not use the workspace's lints"));
        }
        for (name, value) in dependencies(&manifest) {
            if value["workspace"] != true && value["path"].is_null() {
                faults.push(format!("{member} has its own version of {name}"));
            }
        }
    }
    Ok(faults)
}

/// What follows `mod`, whoever may see it.
fn module(line: &str) -> Option<&str> {
    ["mod ", "pub mod ", "pub(crate) mod ", "pub(super) mod "]
        .iter()
        .find_map(|words| line.strip_prefix(words))
}

/// A file's code, with the numbers of its lines: no comments, and nothing from the tests at its end.
fn code(text: &str) -> Vec<(usize, &str)> {
    let lines: Vec<(usize, &str)> = text.lines().enumerate().map(|(at, line)| (at + 1, line)).collect();
    let tests = lines.windows(2).position(|two| {
        two[0].1 == "#[cfg(test)]" && module(two[1].1).is_some_and(|rest| rest.ends_with('{'))
    });
    let code = &lines[..tests.unwrap_or(lines.len())];
    code.iter().filter(|(_, line)| !line.trim_start().starts_with("//")).copied().collect()
}

/// The files that are tests and nothing else: those that `#[cfg(test)] mod …;` names, and all that is below them.
fn only_tests(root: &Path, sources: &[PathBuf]) -> Result<BTreeSet<PathBuf>> {
    let mut tests = BTreeSet::new();
    for path in sources {
        let text = read(root, path)?;
        let folder = match path.file_name().and_then(|name| name.to_str()) {
            Some("mod.rs" | "lib.rs" | "main.rs") => path.parent().unwrap_or(path).to_owned(),
            _ => path.with_extension(""),
        };
        let lines: Vec<&str> = text.lines().collect();
        for two in lines.windows(2).filter(|two| two[0] == "#[cfg(test)]") {
            if let Some(name) = module(two[1]).and_then(|rest| rest.strip_suffix(';')) {
                let module = folder.join(name);
                let below = sources
                    .iter()
                    .filter(|path| path.starts_with(&module) || **path == module.with_extension("rs"));
                tests.extend(below.cloned());
            }
        }
    }
    Ok(tests)
}

/// Words that stand for what was not thought through.
pub(super) fn words(root: &Path) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for path in files(root, ".rs")? {
        let text = read(root, &path)?;
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for (word, why) in NEVER {
                let part_of_a_word = |at: usize| {
                    let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
                    line[..at].ends_with(is_letter) || line[at + word.len()..].starts_with(is_letter)
                };
                let found =
                    line.match_indices(word).any(|(at, _)| word.starts_with('#') || !part_of_a_word(at));
                if found {
                    faults.push(format!("{}:{}: {word}: {why}", path.display(), number + 1));
                }
            }
        }
    }
    Ok(faults)
}

/// Where a program of ours would panic on what it did not expect.
pub(super) fn panics(root: &Path) -> Result<Vec<String>> {
    let sources: Vec<PathBuf> = files(root, ".rs")?
        .into_iter()
        .filter(|path| path.components().any(|part| part.as_os_str() == "src"))
        .collect();
    let tests = only_tests(root, &sources)?;
    let mut faults = Vec::new();
    for path in sources.iter().filter(|path| !tests.contains(*path)) {
        let text = read(root, path)?;
        let code = code(&text);
        for (at, (number, line)) in code.iter().enumerate() {
            let above = &code[at.saturating_sub(EXCUSE)..at];
            let excused = above
                .iter()
                .any(|(_, line)| line.contains("#[expect(clippy::") && line.contains("_used, reason = "));
            let panics = line.contains(".unwrap()") || line.contains(".expect(") || line.contains("panic!(");
            if panics && !excused {
                faults.push(format!("{}:{number}: {}", path.display(), line.trim()));
            }
        }
    }
    Ok(faults)
}

/// Files that do more than one thing.
pub(super) fn long_files(root: &Path) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for path in files(root, ".rs")? {
        let lines = read(root, &path)?.lines().count();
        if lines > LONGEST {
            faults.push(format!("{} has {lines} lines", path.display()));
        }
    }
    Ok(faults)
}

/// Files of ours that do not say what they are.
pub(super) fn silent_files(root: &Path) -> Result<Vec<String>> {
    let sources = files(root, ".rs")?;
    let tests = only_tests(root, &sources)?;
    let mut faults = Vec::new();
    for path in sources.iter().filter(|path| !tests.contains(*path)) {
        if !read(root, path)?.starts_with("//!") {
            faults.push(format!("{} does not say what it is", path.display()));
        }
    }
    Ok(faults)
}

/// Migrations that go only one way, or not one after the other; SQL that shouts.
pub(super) fn migrations(root: &Path) -> Result<Vec<String>> {
    let mut ways: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in files(&root.join("migrations/postgres"), ".sql")? {
        let name = path.to_string_lossy().into_owned();
        match name.strip_suffix(".sql").and_then(|name| name.rsplit_once('.')) {
            Some((step, way)) => drop(ways.entry(step.to_owned()).or_default().insert(way.to_owned())),
            None => drop(ways.entry(name).or_default()),
        }
    }
    let mut faults = Vec::new();
    for (number, (step, ways)) in ways.iter().enumerate() {
        if !ways.iter().eq(["down", "up"]) {
            faults.push(format!("migration {step} goes {ways:?}, not up and down"));
        }
        if !step.starts_with(&format!("{:04}_", number + 1)) {
            faults.push(format!("migration {step} should have number {}", number + 1));
        }
    }
    for path in files(root, ".sql")? {
        let text = read(root, &path)?;
        let code = text.lines().filter(|line| !line.trim_start().starts_with("--"));
        for word in code.flat_map(|line| line.split(|letter: char| !letter.is_ascii_alphabetic())) {
            if ["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "FROM", "WHERE", "TABLE"]
                .contains(&word)
            {
                faults.push(format!("{}: {word} is not in lower case", path.display()));
            }
        }
    }
    Ok(faults)
}

/// Stored names without a golden file, golden files that nobody stores, and those that are no JSON.
pub(super) fn golden(root: &Path, names: &[&str]) -> Result<Vec<String>> {
    let folder = root.join("domain/tests/golden");
    let mut seen = BTreeSet::new();
    let mut faults = Vec::new();
    for path in files(&folder, ".json")? {
        let file = path.to_string_lossy();
        match file.rsplit_once(".v").map(|(name, _)| name).filter(|name| names.contains(name)) {
            Some(name) => drop(seen.insert(name.to_owned())),
            None => faults.push(format!("{file} is no event's")),
        }
        if serde_json::from_str::<Value>(&read(&folder, &path)?).is_err() {
            faults.push(format!("{file} is no JSON"));
        }
    }
    faults.extend(
        names.iter().filter(|name| !seen.contains(**name)).map(|name| format!("{name} has no golden file")),
    );
    Ok(faults)
}

/// What a newcomer and a machine must be told, and are not.
pub(super) fn signposts(root: &Path) -> Vec<String> {
    let told = [
        ("README.md", "cargo xtask run"),
        ("README.md", "cargo xtask test"),
        (".ci/run", "xtask"),
        ("CHANGELOG.md", "## [Unreleased]"),
        ("docs/ARCHITECTURE.md", "**Invariant:**"),
    ];
    let mut faults = Vec::new();
    for (file, text) in told {
        match fs::read_to_string(root.join(file)) {
            Ok(content) if content.contains(text) => {}
            Ok(_) => faults.push(format!("{file} does not name {text:?}")),
            Err(error) => faults.push(format!("{file}: {error}")),
        }
    }
    faults
}
