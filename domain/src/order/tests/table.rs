//! Every command in every state, in one table.

use cqrs_es::test::TestFramework;
use cqrs_es::{Aggregate, DomainEvent};
use rstest::rstest;

use super::super::*;
use super::story::{When, given, history, now, row};
use crate::refusal::Kind;

/// `+` happens, `=` is known already, `#` conflicts, `x` is never allowed, `0` finds no order.
/// `ready` waits for a courier, `waiting` for the customer.
const TABLE: &str = "
command          unplaced placed awaiting paid kitchen ready waiting dispatched delivered collected cancelling cancelled discarded
place            +        =      =        =    =       =     #       =          =         #         =          =         0
revise           0        +      #        #    #       #     #       #          #         #         #          #         0
pay              0        +      =        =    =       =     =       =          =         =         =          =         0
pay-other        0        +      #        #    #       #     #       #          #         #         #          #         0
paid             0        #      +        =    =       =     =       =          =         =         =          =         0
paid-other       0        #      #        #    #       #     #       #          #         #         =          =         0
fail             0        #      +        #    #       #     #       #          #         #         =          =         0
fail-other       0        #      #        #    #       #     #       #          #         #         =          =         0
cook             0        #      #        +    =       =     =       =          =         =         #          #         0
mark-ready       0        #      #        #    +       =     =       =          =         =         #          #         0
dispatch         0        #      #        #    #       +     x       =          =         x         #          #         0
deliver          0        #      #        #    #       #     x       +          =         x         #          #         0
collect          0        x      x        x    x       x     +       x          x         =         x          x         0
cancel-customer  0        +      +        +    +       #     #       #          #         #         =          =         0
cancel-operator  0        +      +        +    +       +     +       #          #         #         =          =         0
cancel-process   0        +      +        +    +       +     +       +          #         #         =          =         0
confirm-cancel   0        #      #        #    #       #     #       #          #         #         +          =         0
discard          0        +      #        #    #       #     #       #          +         +         #          +         0
";

/// State, command, expected.
fn cells() -> Vec<(&'static str, &'static str, &'static str)> {
    let mut rows = TABLE.trim().lines().map(str::split_whitespace);
    let states: Vec<_> = rows.next().unwrap().skip(1).collect();
    let mut cells = Vec::new();
    for mut row in rows {
        let command = row.next().unwrap();
        let before = cells.len();
        cells.extend(states.iter().zip(row).map(|(state, cell)| (*state, command, cell)));
        assert_eq!(cells.len() - before, states.len(), "{command}");
    }
    cells
}

#[test]
fn every_command_in_every_state_does_what_the_table_says() {
    for (state, name, expected) in cells() {
        let (command, event) = row(name);
        let answer = match given(state).when(&command) {
            Ok(events) if events.is_empty() => "=",
            Ok(events) => {
                assert_eq!(events, [event], "{name} when {state}");
                "+"
            }
            Err(error) => match error.kind() {
                Kind::NotFound => "0",
                Kind::Conflict => "#",
                Kind::Invalid => "x",
            },
        };
        assert_eq!(answer, expected, "{name} when {state}");
    }
}

#[test]
fn what_was_just_done_is_known() {
    for (state, name, _) in cells().into_iter().filter(|(.., cell)| *cell == "+") {
        let (command, event) = row(name);
        let mut order = given(state);
        order.apply(event);
        let again = order.when(&command);
        match name {
            // A tombstone answers nothing, not even to who made it.
            "discard" => assert_eq!(again, Err(OrderError::Discarded)),
            _ => assert_eq!(again, Ok(vec![]), "{name} twice from {state}"),
        }
    }
}

#[test]
fn an_event_that_does_not_fit_the_stage_changes_nothing() {
    let fits: Vec<_> = cells()
        .into_iter()
        .filter(|(.., cell)| *cell == "+")
        .map(|(s, c, _)| (given(s).stage(), c))
        .collect();
    for (state, command, _) in cells() {
        let before = given(state);
        let mut after = before.clone();
        after.apply(row(command).1);
        // Who may cancel is a rule, not a fact: the event fits wherever anyone may.
        let anyone = if command.starts_with("cancel-") { "cancel-process" } else { command };
        assert_eq!(after != before, fits.contains(&(before.stage(), anyone)), "{command} applied to {state}");
    }
}

#[test]
fn an_order_survives_a_snapshot_in_every_state() {
    for state in cells().into_iter().map(|(state, ..)| state) {
        let order = given(state);
        let text = serde_json::to_string(&order).unwrap();
        assert_eq!(serde_json::from_str::<Order>(&text).unwrap(), order, "{state}");
    }
}

#[rstest]
#[case("revise", "placed")]
#[case("pay", "placed")]
#[case("place", "unplaced")]
fn the_adapter_writes_what_was_decided(#[case] command: &str, #[case] state: &str) {
    let (command, event) = row(command);
    TestFramework::<Order>::with(Now(now()))
        .given(history(state))
        .when(command)
        .then_expect_events(vec![event]);
}

#[test]
fn the_adapter_passes_refusals_on() {
    TestFramework::<Order>::with(Now(now()))
        .given_no_previous_events()
        .when(OrderCommand::MarkReady)
        .then_expect_error(OrderError::NotPlaced);
}

#[test]
fn every_event_has_a_wire_name_of_its_own() {
    let mut names: Vec<_> = cells().into_iter().map(|(_, command, _)| row(command).1.event_type()).collect();
    names.sort();
    names.dedup();
    let mut known: Vec<_> = OrderEvent::WIRE_NAMES.iter().map(|name| (*name).to_owned()).collect();
    known.sort();
    assert_eq!(names, known);
}
