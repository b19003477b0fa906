//! Given events, when a command, then events or a refusal.

mod items;

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::test::TestFramework;
use cqrs_es::{Aggregate, DomainEvent};
use rstest::rstest;
use serde_json::json;
use uuid::Uuid;

use crate::Now;
use crate::refusal::Kind;
use crate::values::{Item, LocationId, Note, OrderId};

use super::{
    Schedule, ScheduleCommand as Command, ScheduleError as Error, ScheduleEvent as Event,
    ScheduleStage as Stage, ScheduleStatus as Status,
};

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_750_000_000, 0).unwrap()
}

fn minutes(count: i64) -> DateTime<Utc> {
    now() + TimeDelta::minutes(count)
}

fn note(text: &str) -> Note {
    Note::parse(text).unwrap()
}

fn item(product: &str, quantity: u64) -> Item {
    Item { product: product.to_owned(), size: None, quantity }
}

fn order() -> OrderId {
    OrderId(Uuid::from_u128(1))
}

fn schedule(items: Vec<Item>, order: Option<OrderId>) -> Command {
    Command::Schedule { items, order, location: LocationId::default(), due: None, note: None }
}

fn scheduled(order: Option<OrderId>) -> Event {
    Event::Scheduled {
        items: vec![item("soup", 1)],
        order,
        location: LocationId::default(),
        due: None,
        note: None,
        at: now(),
    }
}

fn accepted() -> Event {
    Event::Accepted { ready_by: minutes(15) }
}

fn after(events: Vec<Event>) -> Schedule {
    events.into_iter().fold(Schedule::default(), |mut schedule, event| {
        schedule.apply(event);
        schedule
    })
}

/// A schedule at that stage, for an order or for a walk-in.
fn at(stage: Stage, order: Option<OrderId>) -> Schedule {
    let scheduled = scheduled(order);
    let schedule = after(match stage {
        Stage::Unscheduled => vec![],
        Stage::Pending => vec![scheduled],
        Stage::Accepted => vec![scheduled, accepted()],
        Stage::InProgress => vec![scheduled, accepted(), Event::Started],
        Stage::Finished => vec![scheduled, accepted(), Event::Started, Event::Finished],
        Stage::Collected => vec![scheduled, accepted(), Event::Started, Event::Finished, Event::Collected],
        Stage::Rejected => vec![scheduled, Event::Rejected { reason: note("closing") }],
        Stage::Cancelled => vec![scheduled, Event::Cancelled { reason: note("no longer hungry") }],
        Stage::Discarded => vec![scheduled, Event::Discarded],
    });
    assert_eq!(schedule.stage(), stage);
    schedule
}

/// What comes of it, in one word: event types, `-` for nothing, `!code` for a refusal.
fn outcome(schedule: &Schedule, command: &Command) -> String {
    match schedule.decide(command, now()) {
        Ok(events) if events.is_empty() => "-".to_owned(),
        Ok(events) => events.iter().map(DomainEvent::event_type).collect::<Vec<_>>().join(" "),
        Err(error) => format!("!{}", error.code()),
    }
    .replace("kitchen.", "")
    .replace("schedule_not_", "not_")
}

const ALL: [Stage; 9] = [
    Stage::Unscheduled,
    Stage::Pending,
    Stage::Accepted,
    Stage::InProgress,
    Stage::Finished,
    Stage::Collected,
    Stage::Rejected,
    Stage::Cancelled,
    Stage::Discarded,
];

/// Columns: unscheduled, pending, accepted, in progress, finished, collected, rejected, cancelled, discarded.
#[rstest]
#[case::schedule(
    schedule(vec![item("soup", 1)], Some(order())),
    ["scheduled", "-", "-", "-", "-", "-", "-", "-", "!schedule_discarded"]
)]
#[case::schedule_otherwise(
    schedule(vec![item("cake", 1)], Some(order())),
    ["scheduled", "!schedule_already_exists", "!schedule_already_exists", "!schedule_already_exists",
     "!schedule_already_exists", "!schedule_already_exists", "!schedule_already_exists",
     "!schedule_already_exists", "!schedule_discarded"]
)]
#[case::revise(
    Command::Revise { items: vec![item("cake", 2)] },
    ["!not_found", "revised", "!not_revisable", "!not_revisable", "!not_revisable", "!not_revisable",
     "!not_revisable", "!not_revisable", "!schedule_discarded"]
)]
#[case::revise_to_the_same(
    Command::Revise { items: vec![item("soup", 1)] },
    ["!not_found", "-", "-", "-", "-", "-", "-", "-", "!schedule_discarded"]
)]
#[case::accept(
    Command::Accept { ready_by: Some(minutes(40)) },
    ["!not_found", "accepted", "-", "-", "-", "-", "!not_acceptable", "!not_acceptable", "!schedule_discarded"]
)]
#[case::reject(
    Command::Reject { reason: note("closing") },
    ["!not_found", "rejected", "!not_rejectable", "!not_rejectable", "!not_rejectable", "!not_rejectable", "-",
     "!not_rejectable", "!schedule_discarded"]
)]
#[case::start(
    Command::Start,
    ["!not_found", "accepted started", "started", "-", "-", "-", "!not_startable", "!not_startable",
     "!schedule_discarded"]
)]
#[case::finish(
    Command::Finish,
    ["!not_found", "!not_finishable", "!not_finishable", "finished", "-", "-", "!not_finishable",
     "!not_finishable", "!schedule_discarded"]
)]
#[case::collect(
    Command::Collect,
    ["!not_found", "!not_collectable", "!not_collectable", "!not_collectable", "collected", "-",
     "!not_collectable", "!not_collectable", "!schedule_discarded"]
)]
#[case::cancel(
    Command::Cancel { reason: note("no longer hungry") },
    ["!not_found", "cancelled", "cancelled", "cancelled", "!not_cancellable", "!not_cancellable", "-", "-",
     "!schedule_discarded"]
)]
#[case::discard(
    Command::Discard,
    ["!not_found", "!not_discardable", "!not_discardable", "!not_discardable", "!not_discardable", "discarded",
     "discarded", "discarded", "-"]
)]
fn every_stage_answers_every_command(#[case] command: Command, #[case] expected: [&str; 9]) {
    let told = ALL.map(|stage| outcome(&at(stage, Some(order())), &command));
    assert_eq!(told, expected.map(str::to_owned));
}

#[test]
fn a_walk_in_can_be_discarded_unless_somebody_cooks_it() {
    let told = ALL.map(|stage| outcome(&at(stage, None), &Command::Discard));
    assert_eq!(
        told,
        [
            "!not_found",
            "discarded",
            "discarded",
            "!not_discardable",
            "discarded",
            "discarded",
            "discarded",
            "discarded",
            "-"
        ]
        .map(str::to_owned)
    );
}

/// The stage that follows, for each command that does something.
#[rstest]
#[case(Stage::Unscheduled, schedule(vec![], None), Stage::Pending)]
#[case(Stage::Pending, Command::Revise { items: vec![item("cake", 2)] }, Stage::Pending)]
#[case(Stage::Pending, Command::Accept { ready_by: None }, Stage::Accepted)]
#[case(Stage::Pending, Command::Reject { reason: note("closing") }, Stage::Rejected)]
#[case(Stage::Pending, Command::Start, Stage::InProgress)]
#[case(Stage::Pending, Command::Cancel { reason: note("why not") }, Stage::Cancelled)]
#[case(Stage::Accepted, Command::Start, Stage::InProgress)]
#[case(Stage::Accepted, Command::Cancel { reason: note("why not") }, Stage::Cancelled)]
#[case(Stage::InProgress, Command::Finish, Stage::Finished)]
#[case(Stage::InProgress, Command::Cancel { reason: note("why not") }, Stage::Cancelled)]
#[case(Stage::Finished, Command::Collect, Stage::Collected)]
#[case(Stage::Collected, Command::Discard, Stage::Discarded)]
fn a_command_leads_to_its_stage(#[case] from: Stage, #[case] command: Command, #[case] to: Stage) {
    let mut schedule = at(from, None);
    for event in schedule.decide(&command, now()).unwrap() {
        schedule.apply(event);
    }
    assert_eq!(schedule.stage(), to);
}

#[test]
fn a_command_told_twice_is_no_event() {
    let commands = [
        schedule(vec![item("soup", 1)], None),
        Command::Revise { items: vec![item("cake", 2)] },
        Command::Accept { ready_by: None },
        Command::Start,
        Command::Finish,
        Command::Collect,
        Command::Discard,
    ];
    let mut schedule = Schedule::default();
    for command in commands {
        for event in schedule.decide(&command, now()).unwrap() {
            schedule.apply(event);
        }
        assert_eq!(schedule.decide(&command, minutes(1)), Ok(vec![]), "{command:?}");
    }
}

#[test]
fn a_revised_schedule_still_knows_what_it_was_asked_first() {
    let revised = |items| Event::Revised { items };
    let schedule_ = after(vec![
        scheduled(None),
        revised(vec![item("cake", 1)]),
        revised(vec![item("tart", 1)]),
        accepted(),
    ]);
    assert_eq!(schedule_.items(), [item("tart", 1)]);
    assert_eq!(schedule_.decide(&schedule(vec![item("soup", 1)], None), now()), Ok(vec![]));
    assert_eq!(
        schedule_.decide(&schedule(vec![item("cake", 1)], None), now()),
        Err(Error::AlreadyScheduled { stage: Stage::Accepted })
    );
}

#[rstest]
#[case::as_promised(Some(minutes(50)), Some(minutes(90)), minutes(50))]
#[case::the_usual_time(None, None, minutes(15))]
#[case::when_due(None, Some(minutes(90)), minutes(90))]
#[case::due_too_soon(None, Some(minutes(5)), minutes(15))]
fn an_accepted_schedule_has_a_ready_by_time(
    #[case] promised: Option<DateTime<Utc>>,
    #[case] due: Option<DateTime<Utc>>,
    #[case] expected: DateTime<Utc>,
) {
    let mut schedule = Schedule::default();
    let items = vec![item("soup", 1)];
    let location = LocationId::default();
    schedule.apply(Event::Scheduled { items, order: None, location, due, note: None, at: now() });
    assert_eq!(
        schedule.decide(&Command::Accept { ready_by: promised }, now()),
        Ok(vec![Event::Accepted { ready_by: expected }])
    );
}

#[test]
fn the_end_of_time_is_no_panic() {
    let schedule = at(Stage::Pending, None);
    let end = DateTime::<Utc>::MAX_UTC;
    assert_eq!(
        schedule.decide(&Command::Accept { ready_by: None }, end),
        Ok(vec![Event::Accepted { ready_by: end }])
    );
}

#[test]
fn a_second_promise_does_not_move_the_first() {
    let schedule = at(Stage::Accepted, Some(order()));
    assert_eq!(schedule.decide(&Command::Accept { ready_by: Some(minutes(99)) }, now()), Ok(vec![]));
    assert_eq!(schedule.ready_by(), Some(minutes(15)));
}

#[test]
fn refusals_are_sentences_with_values() {
    let stage = Stage::InProgress;
    assert_eq!(
        Error::NotRevisable { stage }.to_string(),
        "schedule is in progress: only a pending schedule can be revised"
    );
    assert_eq!(
        Error::QuantityTooSmall { index: 3, quantity: 0 }.to_string(),
        "item 3 has a quantity of 0: it must be 1 or more"
    );
    assert_eq!(
        Error::TooManyItems { count: 1_001 }.to_string(),
        "1001 items are too many: a schedule holds at most 1000"
    );
    assert_eq!(Error::NotFound.kind(), Kind::NotFound);
    assert_eq!(Error::Discarded.kind(), Kind::NotFound);
    assert_eq!(Error::NotRevisable { stage }.kind(), Kind::Conflict);
}

#[test]
fn an_event_that_does_not_fit_changes_nothing() {
    let events = [
        scheduled(None),
        Event::Revised { items: vec![] },
        accepted(),
        Event::Rejected { reason: note("late") },
        Event::Started,
        Event::Finished,
        Event::Collected,
        Event::Cancelled { reason: note("late") },
    ];
    for stage in [Stage::Collected, Stage::Rejected, Stage::Cancelled, Stage::Discarded] {
        for event in &events {
            let mut schedule = at(stage, None);
            schedule.apply(event.clone());
            assert_eq!(schedule, at(stage, None), "{event:?}");
        }
    }
    assert!(!after(events[1..].iter().cloned().chain([Event::Discarded]).collect()).exists());
}

#[test]
fn each_stage_shows_what_it_has() {
    let accepted = at(Stage::Accepted, Some(order()));
    assert!(accepted.exists() && !accepted.is_discarded());
    assert_eq!((accepted.order(), accepted.scheduled_at()), (Some(order()), Some(now())));
    assert_eq!((accepted.location(), accepted.due()), (Some(&LocationId::default()), None));
    assert_eq!((accepted.note(), accepted.reason()), (None, None));
    let rejected = at(Stage::Rejected, None);
    assert_eq!((rejected.reason(), rejected.ready_by()), (Some(&note("closing")), None));
    let discarded = at(Stage::Discarded, None);
    assert!(discarded.exists() && discarded.is_discarded() && discarded.items().is_empty());
    assert!(!Schedule::default().exists());
}

#[test]
fn the_outside_sees_four_words() {
    use Status::{Cancelled, Finished, Pending, Progress};
    assert_eq!(
        ALL.map(|stage| at(stage, None).status()),
        [
            None,
            Some(Pending),
            Some(Pending),
            Some(Progress),
            Some(Finished),
            Some(Finished),
            Some(Cancelled),
            Some(Cancelled),
            None
        ]
    );
    for stage in ALL {
        assert_eq!(json!(stage), stage.as_str());
    }
    for status in [Pending, Progress, Finished, Cancelled] {
        assert_eq!(json!(status), status.to_string());
    }
}

#[test]
fn every_stage_survives_a_snapshot() {
    for stage in ALL {
        let schedule = at(stage, Some(order()));
        assert_eq!(serde_json::from_value::<Schedule>(json!(schedule)).unwrap(), schedule);
    }
}

#[test]
fn the_framework_sees_the_same_rules() {
    TestFramework::<Schedule>::with(Now(now()))
        .given(vec![scheduled(None)])
        .when(Command::Start)
        .then_expect_events(vec![accepted(), Event::Started]);
    TestFramework::<Schedule>::with(Now(now()))
        .given_no_previous_events()
        .when(Command::Start)
        .then_expect_error(Error::NotFound);
}
