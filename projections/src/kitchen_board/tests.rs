use super::*;
use crate::testing::*;

fn agrees(story: &Story) {
    let mut seen = Vec::new();
    story.each(KitchenBoard, SCHEDULE.0, |event, state| seen.push((event.position, state.view.stage)));
    let mut said = Vec::new();
    let schedule = |fact: &Fact| match fact {
        Fact::Kitchen(_, event) => Some(event.clone()),
        _ => None,
    };
    after_each::<Schedule>(story, schedule, |position, schedule| said.push((position, schedule.stage())));
    assert_eq!(seen, said);
}

#[test]
fn its_stage_is_what_the_domain_says_after_every_event() {
    let walk_in = || Story::default().walk_in(scheduled(None));
    let accepted = || walk_in().walk_in(ScheduleEvent::Accepted { ready_by: moment(600) });
    agrees(&Story::default().cooked().kitchen(ScheduleEvent::Collected));
    agrees(&walk_in().walk_in(ScheduleEvent::Revised { items: items() }));
    agrees(&walk_in().walk_in(ScheduleEvent::Rejected { reason: note("no") }));
    agrees(&accepted().walk_in(ScheduleEvent::Cancelled { reason: note("no") }));
    agrees(&walk_in().walk_in(ScheduleEvent::Discarded));
}

#[test]
fn a_schedule_shows_what_is_cooked_for_whom_and_since_when() {
    let view = Story::default().cooked().fold(KitchenBoard, SCHEDULE.0).view;
    assert_eq!((view.order_id, view.status, view.items), (Some(ORDER), ScheduleStatus::Finished, items()));
    assert_eq!((view.ready_by, view.scheduled_at), (Some(moment(600)), moment(0)));
    assert_eq!((view.started_at, view.finished_at), (Some(moment(10)), Some(moment(11))));
}

#[test]
fn a_walk_in_has_no_order_and_can_be_changed() {
    let items = vec![Item { product: "soup of the day".to_owned(), size: None, quantity: 2 }];
    let story =
        Story::default().walk_in(scheduled(None)).walk_in(ScheduleEvent::Revised { items: items.clone() });
    let view = story.fold(KitchenBoard, SCHEDULE.0).view;
    assert_eq!((view.order_id, view.items, view.stage), (None, items, ScheduleStage::Pending));
}

#[test]
fn a_rejected_schedule_says_why() {
    let story = Story::default()
        .walk_in(scheduled(None))
        .walk_in(ScheduleEvent::Rejected { reason: note("The oven is cold") });
    let view = story.fold(KitchenBoard, SCHEDULE.0).view;
    assert_eq!((view.status, view.reason), (ScheduleStatus::Cancelled, Some(note("The oven is cold"))));
}

#[test]
fn a_discarded_schedule_keeps_its_row_and_stands_in_no_list() {
    let view = Story::default()
        .walk_in(scheduled(None))
        .walk_in(ScheduleEvent::Discarded)
        .fold(KitchenBoard, SCHEDULE.0)
        .view;
    assert!(KitchenBoard.is_discarded(&view));
    assert_eq!((view.stage, view.status), (ScheduleStage::Discarded, ScheduleStatus::Pending));
    assert_eq!(KitchenBoard.index(&view), Index::default());
}

#[test]
fn a_schedule_that_begins_in_the_middle_is_an_error() {
    let story = Story::default().walk_in(ScheduleEvent::Started);
    let error = FoldError::NotBegun { event_type: "kitchen.started".to_owned() };
    assert_eq!(KitchenBoard.fold(SCHEDULE.0, None, &story.events[0]), Err(error));
}
