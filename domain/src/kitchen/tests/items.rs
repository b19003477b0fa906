//! What may stand on a schedule.

use super::*;
use crate::kitchen::{LONGEST_PRODUCT, MOST_ITEMS};

#[test]
fn an_empty_schedule_is_for_walk_ins_only() {
    assert_eq!(outcome(&Schedule::default(), &schedule(vec![], None)), "scheduled");
    assert_eq!(Schedule::default().decide(&schedule(vec![], Some(order())), now()), Err(Error::NoItems));
    let revise = Command::Revise { items: vec![] };
    assert_eq!(at(Stage::Pending, Some(order())).decide(&revise, now()), Err(Error::NoItems));
    assert_eq!(outcome(&at(Stage::Pending, None), &revise), "revised");
}

#[rstest]
#[case(item("soup", 0), Error::QuantityTooSmall { index: 1, quantity: 0 })]
#[case(item("", 1), Error::ProductEmpty { index: 1 })]
#[case(item(" \t ", 1), Error::ProductEmpty { index: 1 })]
#[case(item("so\0up", 1), Error::ProductUnprintable { index: 1 })]
#[case(item(&"ü".repeat(LONGEST_PRODUCT + 1), 1), Error::ProductTooLong { index: 1, length: 201 })]
fn an_item_that_breaks_a_rule_is_named(#[case] bad: Item, #[case] error: Error) {
    let items = vec![item(&"ü".repeat(LONGEST_PRODUCT), 1), bad];
    assert_eq!(error.kind(), Kind::Invalid);
    assert_eq!(Schedule::default().decide(&schedule(items.clone(), None), now()), Err(error.clone()));
    assert_eq!(at(Stage::Pending, None).decide(&Command::Revise { items }, now()), Err(error));
}

#[test]
fn a_schedule_holds_a_thousand_items_and_no_more() {
    let items = |count| vec![item("soup", 1); count];
    assert_eq!(outcome(&Schedule::default(), &schedule(items(MOST_ITEMS), None)), "scheduled");
    assert_eq!(
        Schedule::default().decide(&schedule(items(MOST_ITEMS + 1), None), now()),
        Err(Error::TooManyItems { count: 1_001 })
    );
}
