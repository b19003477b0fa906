//! What came of a command, as a code for scripts and a sentence for people.
//!
//! **Invariant:** an error is printed once, here, and never with a password: nothing above puts an address with one
//! into an error.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use spindle_commands::effects::http::chain;

use super::output::{Format, printable};
use super::problem::Refused;
use crate::app::Missing;
use crate::config::ConfigError;

/// What came of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// It is done.
    Done,
    /// It is not done.
    Failed,
    /// It was not asked for correctly.
    Usage,
    /// What was verified is not as it should be.
    Differs,
    /// There is no such thing.
    NotFound,
    /// Its state does not allow that now, or somebody else holds it.
    Conflict,
    /// Something that is needed does not answer, or is not migrated.
    Unreachable,
    /// Ctrl-C.
    Interrupted,
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Differs => 3,
            Self::NotFound => 4,
            Self::Conflict => 5,
            Self::Unreachable => 6,
            Self::Interrupted => 130,
        }
    }

    /// What an error amounts to: the outermost cause that says so decides.
    pub(super) fn of(error: &anyhow::Error) -> Self {
        error.chain().find_map(verdict).unwrap_or(Self::Failed)
    }

    /// What a refusal by the API amounts to.
    pub(super) fn of_status(status: u16) -> Self {
        match status {
            404 => Self::NotFound,
            409 | 412 => Self::Conflict,
            // A gateway in front of Spindle says 502 and 504 when Spindle is away.
            502..=504 => Self::Unreachable,
            _ => Self::Failed,
        }
    }
}

/// It was asked for in a way that the command line alone cannot refuse.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub(super) String);

/// Something that is needed does not answer.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub(super) struct Unreachable {
    why: String,
    /// What was asked may have arrived, and only the answer was lost.
    asked: bool,
}

impl Unreachable {
    /// There was no connection, so nothing was asked.
    pub(super) fn before(why: String) -> Self {
        Self { why, asked: false }
    }

    /// The connection was there and brought no answer.
    pub(super) fn after(why: String) -> Self {
        Self { why, asked: true }
    }
}

/// Whether a command that ended in this error may have been carried out all the same.
pub(super) fn may_be_done(error: &anyhow::Error) -> bool {
    match error.downcast_ref::<Unreachable>() {
        Some(unreachable) => unreachable.asked,
        None => Exit::of(error) == Exit::Unreachable,
    }
}

fn verdict(cause: &(dyn Error + 'static)) -> Option<Exit> {
    if let Some(refused) = cause.downcast_ref::<Refused>() {
        return Some(refused.exit());
    }
    if cause.is::<Usage>() || cause.is::<ConfigError>() {
        return Some(Exit::Usage);
    }
    if cause.is::<Unreachable>() || cause.is::<Missing>() {
        return Some(Exit::Unreachable);
    }
    if let Some(error) = cause.downcast_ref::<io::Error>() {
        // Who reads our output has had enough, as `head` does: that is no failure.
        return (error.kind() == io::ErrorKind::BrokenPipe).then_some(Exit::Done);
    }
    cause.downcast_ref::<sqlx::Error>().and_then(of_database)
}

fn of_database(error: &sqlx::Error) -> Option<Exit> {
    use sqlx::Error as E;
    match error {
        E::Configuration(_) => Some(Exit::Usage),
        E::Io(_) | E::Tls(_) | E::Protocol(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed => {
            Some(Exit::Unreachable)
        }
        E::Database(said) => Some(of_sqlstate(said.code().as_deref().unwrap_or_default())),
        _ => None,
    }
}

/// The server's own codes, as PostgreSQL documents them in its appendix A.
fn of_sqlstate(code: &str) -> Exit {
    match code {
        // A table or schema is missing: not migrated.
        "42P01" | "3F000" => Exit::Unreachable,
        // Serialization failure, deadlock, lock not available.
        "40001" | "40P01" | "55P03" => Exit::Conflict,
        _ => match code.get(..2) {
            // Connection, authorization, no such database, insufficient resources, operator intervention.
            Some("08" | "28" | "3D" | "53" | "57") => Exit::Unreachable,
            _ => Exit::Failed,
        },
    }
}

/// Says what came of a command, on standard error, and gives the code.
pub(super) fn conclude(outcome: anyhow::Result<Exit>, format: Format) -> ExitCode {
    let exit = match outcome {
        Ok(exit) => exit,
        Err(error) => {
            let exit = Exit::of(&error);
            if exit != Exit::Done {
                complain(&sentence(&error, format));
            }
            exit
        }
    };
    ExitCode::from(exit.code())
}

/// Writes to standard error. When even that is closed, there is nobody left to tell.
pub(super) fn complain(text: &str) {
    drop(writeln!(io::stderr(), "{text}"));
}

fn sentence(error: &anyhow::Error, format: Format) -> String {
    if let Some(refused) = error.downcast_ref::<Refused>() {
        return match format {
            Format::Human => refused.render(),
            Format::Json => refused.body().to_owned(),
        };
    }
    let missing_table = error.chain().any(|cause| {
        matches!(cause.downcast_ref::<sqlx::Error>(), Some(sqlx::Error::Database(said)) if said.code().as_deref() == Some("42P01"))
    });
    let hint = if missing_table { "\nThe database is not migrated: run `spindle migrate up`." } else { "" };
    format!("error: {}{hint}", printable(&chain(error.as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn every_outcome_has_its_code() {
        let codes = [
            Exit::Done,
            Exit::Failed,
            Exit::Usage,
            Exit::Differs,
            Exit::NotFound,
            Exit::Conflict,
            Exit::Unreachable,
            Exit::Interrupted,
        ]
        .map(Exit::code);
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 130]);
    }

    #[test]
    fn the_status_of_a_refusal_gives_the_code() {
        let codes = [400, 401, 404, 409, 412, 413, 422, 429, 500, 502, 503, 504].map(Exit::of_status);
        assert_eq!(codes.map(Exit::code), [1, 1, 4, 5, 5, 1, 1, 1, 1, 6, 6, 6]);
    }

    #[test]
    fn the_cause_counts_however_deep_it_lies() {
        let deep =
            Err::<(), _>(sqlx::Error::PoolTimedOut).context("reading").context("checking").unwrap_err();
        assert_eq!(Exit::of(&deep), Exit::Unreachable);
        assert_eq!(Exit::of(&anyhow::anyhow!("no idea")), Exit::Failed);
        assert_eq!(Exit::of(&Usage("--to".into()).into()), Exit::Usage);
        assert_eq!(Exit::of(&Unreachable::before("away".into()).into()), Exit::Unreachable);
    }

    #[test]
    fn only_what_was_asked_may_be_done() {
        let refused = |status| Refused::read(status, String::new()).into();
        assert!(may_be_done(&Unreachable::after("cut off".into()).into()) && may_be_done(&refused(503)));
        assert!(!may_be_done(&Unreachable::before("refused".into()).into()) && !may_be_done(&refused(422)));
    }

    #[test]
    fn a_reader_that_has_had_enough_is_no_failure() {
        let error = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe)).context("writing");
        assert_eq!(Exit::of(&error), Exit::Done);
        let error = anyhow::Error::from(io::Error::from(io::ErrorKind::PermissionDenied));
        assert_eq!(Exit::of(&error), Exit::Failed);
    }

    #[test]
    fn what_the_database_says_is_told_apart() {
        assert_eq!(of_sqlstate("42P01"), Exit::Unreachable);
        assert_eq!(of_sqlstate("28P01"), Exit::Unreachable);
        assert_eq!(of_sqlstate("55P03"), Exit::Conflict);
        assert_eq!(of_sqlstate("22012"), Exit::Failed);
        assert_eq!(of_sqlstate(""), Exit::Failed);
    }
}
