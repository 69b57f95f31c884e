//! Whatever is posted in whatever order: no check is skipped (requirements.md#states).

use super::*;
use proptest::prelude::*;

/// What a browser may do next.
#[derive(Debug, Clone, Copy)]
enum Move {
    Account,
    Customer {
        right: bool,
    },
    Back,
    Phone,
    Call,
    Pin {
        right: bool,
    },
    Cancel,
    Restart,
    /// The customer's telephone calls the number ④ shows.
    Ring,
    Wait(u16),
    /// The last posted form is sent again.
    Again,
}
fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        4 => Just(Move::Account),
        6 => any::<bool>().prop_map(|right| Move::Customer { right }),
        1 => Just(Move::Back),
        5 => Just(Move::Phone),
        5 => Just(Move::Call),
        5 => any::<bool>().prop_map(|right| Move::Pin { right }),
        1 => Just(Move::Cancel),
        2 => Just(Move::Restart),
        5 => Just(Move::Ring),
        2 => (1_u16..200).prop_map(Move::Wait),
        2 => Just(Move::Again),
    ];
    proptest::collection::vec(one, 1..40)
}

/// What has been proved so far, by a model that knows nothing of the code.
#[derive(Debug, Default, Clone, PartialEq)]
struct Proved {
    account: bool,
    customer: bool,
    number: bool,
    rung: bool,
    call: bool,
    pin: bool,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn no_stage_is_reached_without_what_leads_to_it(list in moves()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(walk(&list));
    }
}

async fn walk(list: &[Move]) {
    let town = Town::with(|p| p.failures_a_day = 100);
    let mut taro = town.customer(NOON).await;
    let mut proved = Proved::default();
    let mut last: Option<(Secret, Posted)> = None;
    for step in list {
        let before = taro.look().await;
        let at = before.interaction.stage.screen();
        let posted = match step {
            Move::Account => Posted::Account(AccountForm::of(&Account::parse("115-ordinary-1100026").unwrap())),
            Move::Customer { right: true } => Posted::Customer(super::taro()),
            Move::Customer { right: false } => {
                Posted::Customer(CustomerForm { birth_year: "1986".into(), ..super::taro() })
            }
            Move::Back => Posted::Back,
            Move::Phone => Posted::Phone,
            Move::Call => Posted::Call,
            Move::Pin { right } => Posted::Pin(Secret::new(if *right { "4071" } else { "1704" })),
            Move::Cancel => Posted::Cancel,
            Move::Restart => Posted::Restart,
            Move::Ring => {
                if let Stage::Call { calling, .. } = &before.interaction.stage {
                    let caller = Caller::Known(Phone::parse("09012343333").unwrap());
                    town.call(caller, &calling.called, taro.now, secs(0)).await;
                    proved.rung = taro.now <= calling.call_until;
                }
                continue;
            }
            Move::Wait(n) => {
                taro.now = taro.now + secs((*n).into());
                continue;
            }
            Move::Again => match last.clone() {
                Some((token, posted)) => {
                    let view = taro.post_with(&token, posted).await;
                    assert!(!view.taken, "a step token is good once");
                    continue;
                }
                None => continue,
            },
        };
        last = Some((before.step.clone(), posted.clone()));
        let after = taro.post_with(&before.step, posted).await.interaction.stage.screen();
        // The model: what each screen's own form proves, and only there.
        match (at, step) {
            ("account", Move::Account) => proved.account = true,
            ("customer", Move::Customer { right: true }) => proved.customer = true,
            ("phone", Move::Phone) => (proved.number, proved.rung) = (true, false),
            ("call", Move::Call) => proved.call = proved.rung,
            ("pin", Move::Pin { right: true }) => proved.pin = true,
            ("customer", Move::Back) | ("expired", Move::Restart) => proved = Proved::default(),
            _ => {}
        }
        let needs: &[bool] = match after {
            "customer" => &[proved.account],
            "phone" => &[proved.account, proved.customer],
            "call" => &[proved.account, proved.customer, proved.number],
            "pin" => &[proved.account, proved.customer, proved.number, proved.call],
            "consent" => &[proved.account, proved.customer, proved.number, proved.call, proved.pin],
            _ => &[],
        };
        assert!(needs.iter().all(|n| *n), "{after} after {step:?} at {at} with {proved:?}");
    }
}
