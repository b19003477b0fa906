//! Where a private server keeps its data.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io::Read as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::account::Account;

/// Overrides where the data folders of private servers are made.
pub const FOLDER_VARIABLE: &str = "SPINDLE_SERVICES_DIR";

/// Makes an empty folder that only `owner` (or, without one, this user) can look into.
///
/// Not below the workspace: root's home is closed to the user PostgreSQL runs as, and the paths of unix
/// sockets are limited to about a hundred characters. Not in memory either, where `fsync` means nothing.
pub(crate) fn create(kind: &str, owner: Option<Account>) -> Result<PathBuf> {
    let path = base().join(format!("spindle-{kind}-{}", random_hex(4)?));
    DirBuilder::new().mode(0o700).create(&path).with_context(|| {
        format!("{} could not be made; set {FOLDER_VARIABLE} to a folder with space", path.display())
    })?;
    if let Some(owner) = owner {
        owner.own(&path)?;
    }
    Ok(path)
}

fn base() -> PathBuf {
    if let Some(chosen) = std::env::var_os(FOLDER_VARIABLE) {
        return chosen.into();
    }
    let on_disk = Path::new("/var/tmp");
    if on_disk.is_dir() { on_disk.to_owned() } else { std::env::temp_dir() }
}

/// The command that does what [`remove`] does.
pub(crate) fn removal(folder: &Path) -> Vec<OsString> {
    vec!["rm".into(), "-rf".into(), "--".into(), folder.into()]
}

/// Removes a folder that [`create`] made, with all that is in it; one that is gone is no error.
pub(crate) fn remove(folder: &Path) -> Result<()> {
    let ours = folder.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"spindle-"));
    ensure!(ours, "{} was not made by Spindle and is not removed", folder.display());
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Random bytes from the system as `2 * bytes` hexadecimal digits.
pub(crate) fn random_hex(bytes: usize) -> Result<String> {
    let mut buffer = vec![0_u8; bytes];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut buffer))
        .context("/dev/urandom could not be read")?;
    Ok(buffer.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")))
}

/// The last lines of a log, to be shown when a server did not start.
pub(crate) fn last_lines(log: &Path) -> String {
    const LINES: usize = 25;
    let text = match fs::read(log) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => return format!("({} could not be read: {error})", log.display()),
    };
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_names_differ_and_have_the_asked_length() {
        let (one, other) = (random_hex(8).expect("random"), random_hex(8).expect("random"));
        assert_eq!(one.len(), 16);
        assert_ne!(one, other);
    }

    #[test]
    fn a_folder_of_somebody_else_is_not_removed() {
        let other = std::env::temp_dir().join(format!("other-{}", std::process::id()));
        fs::create_dir(&other).expect("made");
        assert!(remove(&other).is_err() && other.is_dir());
        fs::remove_dir(other).expect("removed");
    }

    #[test]
    fn a_log_is_cut_to_its_end() {
        let log = std::env::temp_dir().join(format!("spindle-log-{}", std::process::id()));
        let text: Vec<String> = (0..100).map(|line| format!("line {line}")).collect();
        fs::write(&log, text.join("\n")).expect("written");
        let end = last_lines(&log);
        fs::remove_file(&log).expect("removed");
        assert!(end.starts_with("line 75\n") && end.ends_with("line 99"), "{end}");
    }
}
