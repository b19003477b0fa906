//! `spindle migrate`: the database's shape, forward and back.
//!
//! **Invariant:** nothing that is stored is dropped unless somebody has said yes to it.

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use spindle_eventlog::migrations::{self, Step};
use sqlx::PgPool;

use super::database::DatabaseArgs;
use super::exit::{Exit, Usage};
use super::output::{Out, drawn, table};

/// How many rows of a table are counted before it is said to hold more: enough to know what is at stake, and
/// counted within a second.
const MOST_COUNTED: i64 = 1_000_000;

/// A table, with the statement that counts its rows up to one more than [`MOST_COUNTED`].
macro_rules! rows {
    ($table:literal) => {
        ($table, concat!("select count(*) from (select from ", $table, " limit 1000001) as counted"))
    };
}

/// What each migration holds when it is applied: lost when it is taken back. The views of the third hold nothing of
/// their own: they are folded from the log again.
const HOLDS: &[(i64, &[(&str, &str)])] = &[
    (1, &[rows!("events"), rows!("idempotency_keys"), rows!("checkpoints"), rows!("parked_events")]),
    (2, &[rows!("processes"), rows!("process_journal"), rows!("process_work"), rows!("process_timers")]),
    (3, &[]),
];

/// Bring the database to the shape that this version needs, or back.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  spindle migrate up --database-url postgres://127.0.0.1/spindle\n  \
                        spindle migrate status")]
pub(super) struct MigrateArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Apply every migration that is missing
    #[command(
        after_help = "Example:\n  SPINDLE_DATABASE_URL=postgres://127.0.0.1/spindle spindle migrate up"
    )]
    Up,
    /// Take migrations back, newest first, with what they hold
    #[command(after_help = "Examples:\n  spindle migrate down             takes back the newest\n  \
                            spindle migrate down --to 0 --yes  takes back all, data included\n\n\
                            Without --yes it drops only what is empty, and says otherwise what would be lost.")]
    Down {
        /// The number of the migration that stays as the newest; 0 takes back all
        #[arg(long, value_name = "N")]
        to: Option<i64>,
        /// Yes, drop what is stored
        #[arg(long)]
        yes: bool,
    },
    /// Show what is applied and what is missing
    #[command(after_help = "Example:\n  spindle migrate status --output json\n\n\
                            Exits with 6 when a migration is missing.")]
    Status,
}

pub(super) async fn run(args: MigrateArgs, out: &mut Out) -> anyhow::Result<Exit> {
    let log = args.database.open().await?;
    let pool = log.pool();
    let exit = match args.command {
        Command::Up => up(pool, out).await,
        Command::Down { to, yes } => down(pool, to, yes, out).await,
        Command::Status => status(pool, out).await,
    };
    log.close().await;
    exit
}

async fn steps(pool: &PgPool) -> anyhow::Result<Vec<Step>> {
    migrations::status(pool).await.context("the migrations cannot be read")
}

async fn up(pool: &PgPool, out: &mut Out) -> anyhow::Result<Exit> {
    let before = steps(pool).await?;
    migrations::up(pool).await.context("the migrations could not be applied")?;
    report(&before, &steps(pool).await?, "applied", out)?;
    Ok(Exit::Done)
}

async fn down(pool: &PgPool, to: Option<i64>, yes: bool, out: &mut Out) -> anyhow::Result<Exit> {
    let before = steps(pool).await?;
    let to = target(&before, to)?;
    if !yes {
        let losses = losses(pool, &before, to).await?;
        if !losses.is_empty() {
            let lost = losses.join("\n  ");
            return Err(Usage(format!("this would be lost:\n  {lost}\nSay --yes to drop it.")).into());
        }
    }
    if before.iter().any(|step| step.applied && step.version > to) {
        migrations::down(pool, to).await.context("the migrations could not be taken back")?;
    }
    report(&before, &steps(pool).await?, "taken back", out)?;
    Ok(Exit::Done)
}

async fn status(pool: &PgPool, out: &mut Out) -> anyhow::Result<Exit> {
    let steps = steps(pool).await?;
    if out.is_json() {
        out.line(json!({ "migrations": document(&steps) }).to_string())?;
    } else {
        let mut table = table(&["number", "name", "state"]);
        for step in &steps {
            let state = if step.applied { "applied" } else { "missing" };
            table.add_row([&number(step), &step.name, state]);
        }
        out.line(drawn(table))?;
    }
    Ok(if steps.iter().all(|step| step.applied) { Exit::Done } else { Exit::Unreachable })
}

/// The migration that is to be the newest; one less than now when nobody says.
fn target(steps: &[Step], to: Option<i64>) -> anyhow::Result<i64> {
    match to {
        Some(to) if to == 0 || steps.iter().any(|step| step.version == to) => Ok(to),
        Some(to) => {
            let known: Vec<_> = steps.iter().map(|step| step.version.to_string()).collect();
            Err(Usage(format!("--to {to}: there is no such migration, only 0, {}", known.join(", "))).into())
        }
        None => {
            let mut applied = steps.iter().rev().filter(|step| step.applied);
            Ok(applied.nth(1).map_or(0, |step| step.version))
        }
    }
}

/// What would be dropped, a line for each table that is not empty.
async fn losses(pool: &PgPool, steps: &[Step], to: i64) -> anyhow::Result<Vec<String>> {
    let mut losses = Vec::new();
    for step in steps.iter().filter(|step| step.applied && step.version > to) {
        let Some((_, tables)) = HOLDS.iter().find(|(version, _)| *version == step.version) else {
            losses.push(format!("whatever migration {} ({}) holds", number(step), step.name));
            continue;
        };
        for (table, count) in *tables {
            let rows: i64 = sqlx::query_scalar(count).fetch_one(pool).await?;
            if rows > 0 {
                losses.push(format!("{} in {table}", counted(rows)));
            }
        }
    }
    Ok(losses)
}

fn counted(rows: i64) -> String {
    match rows {
        1 => "1 row".to_owned(),
        rows if rows > MOST_COUNTED => format!("more than {MOST_COUNTED} rows"),
        rows => format!("{rows} rows"),
    }
}

fn report(before: &[Step], after: &[Step], verb: &str, out: &mut Out) -> anyhow::Result<()> {
    let changed: Vec<&Step> = after.iter().filter(|step| !before.contains(step)).collect();
    if out.is_json() {
        let versions: Vec<i64> = changed.iter().map(|step| step.version).collect();
        return Ok(out.line(json!({ "changed": versions, "migrations": document(after) }).to_string())?);
    }
    for step in &changed {
        out.line(format!("{} {} {verb}", number(step), step.name))?;
    }
    if changed.is_empty() {
        let applied = after.iter().filter(|step| step.applied).count();
        out.line(format!("nothing to do: {applied} of {} migrations are applied", after.len()))?;
    }
    Ok(())
}

/// As its file is numbered.
fn number(step: &Step) -> String {
    format!("{:04}", step.version)
}

fn document(steps: &[Step]) -> Vec<Value> {
    let one = |step: &Step| json!({ "version": step.version, "name": step.name, "applied": step.applied });
    steps.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(applied: [bool; 3]) -> Vec<Step> {
        (1..)
            .zip(applied)
            .map(|(version, applied)| Step { version, name: format!("m{version}"), applied })
            .collect()
    }

    #[test]
    fn one_step_back_is_the_default() {
        assert_eq!(target(&steps([true, true, true]), None).unwrap(), 2);
        assert_eq!(target(&steps([true, true, false]), None).unwrap(), 1);
        assert_eq!(target(&steps([true, false, false]), None).unwrap(), 0);
        assert_eq!(target(&steps([false; 3]), None).unwrap(), 0);
    }

    #[test]
    fn only_a_migration_that_exists_can_be_the_newest() {
        assert_eq!(target(&steps([true; 3]), Some(0)).unwrap(), 0);
        assert_eq!(target(&steps([true; 3]), Some(3)).unwrap(), 3);
        for wrong in [-1, 4, i64::MAX] {
            assert_eq!(Exit::of(&target(&steps([true; 3]), Some(wrong)).unwrap_err()), Exit::Usage);
        }
    }

    #[test]
    fn rows_are_counted_up_to_a_million() {
        assert_eq!(counted(1), "1 row");
        assert_eq!(counted(MOST_COUNTED), "1000000 rows");
        assert_eq!(counted(MOST_COUNTED + 1), "more than 1000000 rows");
        let statements = HOLDS.iter().flat_map(|(_, tables)| tables.iter());
        for (table, count) in statements {
            assert!(count.contains(&format!("limit {}", MOST_COUNTED + 1)), "{table}");
        }
    }

    /// Whoever adds a migration that drops a table must say here whether it holds something. The head of the log
    /// has one row from the start and is nothing without the events; views are folded again.
    #[test]
    fn every_table_that_is_dropped_is_named_before() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations/postgres");
        let mut seen = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if !name.ends_with(".down.sql") {
                continue;
            }
            let version: i64 = name.split('_').next().unwrap().parse().unwrap();
            let known =
                HOLDS.iter().find(|(number, _)| *number == version).map_or(&[][..], |(_, tables)| tables);
            for line in std::fs::read_to_string(&path).unwrap().lines() {
                let Some(table) = line.strip_prefix("drop table ") else { continue };
                let table = table.trim_end_matches(';');
                seen += 1;
                let derived = table == "event_log_head" || table.starts_with("view_");
                assert!(derived || known.iter().any(|(name, _)| *name == table), "{name} drops {table}");
            }
        }
        assert!(seen > 0);
    }
}
