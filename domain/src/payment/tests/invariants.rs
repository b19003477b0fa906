//! Whatever is told in whatever order: the sums hold, and nothing is news twice.

use proptest::prelude::*;

use super::*;
use crate::payment::Progress;

fn any_command() -> impl Strategy<Value = Command> {
    let operation = prop_oneof![
        Just(Operation::Authorize),
        Just(Operation::Capture),
        Just(Operation::Void),
        Just(Operation::Refund),
    ];
    let amount = prop_oneof![Just(1_000), 0_i64..=1_100];
    prop_oneof![
        Just(request(1_000)),
        Just(act("https://bank.example/1")),
        amount.clone().prop_map(authorize),
        amount.clone().prop_map(capture),
        Just(fail()),
        Just(fail_capture()),
        Just(Command::RecordVoided),
        operation.prop_map(lose),
        (0_u128..4, proptest::option::of(amount)).prop_map(|(number, amount)| refund(number, amount)),
        (0_u128..4).prop_map(|number| Command::RecordRefunded { refund: id(number) }),
        (0_u128..4).prop_map(|number| Command::RecordRefundFailed {
            refund: id(number),
            error: "account closed".to_owned()
        }),
    ]
}

proptest! {
    #[test]
    fn no_money_is_made_and_nothing_is_news_twice(
        commands in proptest::collection::vec(any_command(), 1..40),
        captured_first: bool,
    ) {
        let mut payment = at(if captured_first { Stage::Captured } else { Stage::Requested });
        for command in commands {
            let Ok(events) = payment.decide(&command, now()) else { continue };
            for event in events {
                let before = payment.clone();
                payment.apply(event.clone());
                prop_assert_ne!(&before, &payment, "{:?} changed nothing", event);
            }
            prop_assert_eq!(payment.decide(&command, now()), Ok(vec![]), "{:?} twice", command);

            let (held, taken) = (payment.authorized(), payment.captured());
            prop_assert!(held.is_none_or(|held| held.amount <= 1_000));
            prop_assert!(taken.is_none_or(|taken| held.is_some_and(|held| taken.amount <= held.amount)));
            let promised = payment
                .refunds()
                .iter()
                .filter(|refund| !matches!(refund.progress, Progress::Failed { .. }))
                .map(|refund| refund.amount.amount)
                .sum::<i64>();
            prop_assert!(promised <= taken.map_or(0, |taken| taken.amount));
        }
    }
}
