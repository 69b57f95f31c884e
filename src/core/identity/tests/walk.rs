//! Whatever is posted in whatever order: no check is skipped (requirements.md#states).

use super::*;
use proptest::prelude::*;

/// What a browser may do next.
#[derive(Debug, Clone, Copy)]
enum BrowserMove {
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
    Resend,
}
fn moves() -> impl Strategy<Value = Vec<BrowserMove>> {
    let one = prop_oneof![
        4 => Just(BrowserMove::Account),
        6 => any::<bool>().prop_map(|right| BrowserMove::Customer { right }),
        1 => Just(BrowserMove::Back),
        5 => Just(BrowserMove::Phone),
        5 => Just(BrowserMove::Call),
        5 => any::<bool>().prop_map(|right| BrowserMove::Pin { right }),
        1 => Just(BrowserMove::Cancel),
        2 => Just(BrowserMove::Restart),
        5 => Just(BrowserMove::Ring),
        2 => (1_u16..200).prop_map(BrowserMove::Wait),
        2 => Just(BrowserMove::Resend),
    ];
    proptest::collection::vec(one, 1..40)
}

/// What has been proved so far, by a model that knows nothing of the code.
#[derive(Debug, Default, Clone, PartialEq)]
struct ModelProgress {
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

async fn walk(list: &[BrowserMove]) {
    let town = Town::with(|p| p.failures_a_day = 100);
    let mut taro = town.customer(NOON).await;
    let mut proved = ModelProgress::default();
    let mut last: Option<(Secret, Posted)> = None;
    for step in list {
        let before = taro.look().await;
        let at = before.interaction.stage.screen();
        let posted = match step {
            BrowserMove::Account => Posted::Account(AccountForm::of(&Account::parse("115-ordinary-1100026").unwrap())),
            BrowserMove::Customer { right: true } => Posted::Customer(super::taro()),
            BrowserMove::Customer { right: false } => {
                Posted::Customer(CustomerForm { birth_year: "1986".into(), ..super::taro() })
            }
            BrowserMove::Back => Posted::Back,
            BrowserMove::Phone => Posted::Phone,
            BrowserMove::Call => Posted::Call,
            BrowserMove::Pin { right } => Posted::Pin(Secret::new(if *right { "4071" } else { "1704" })),
            BrowserMove::Cancel => Posted::Cancel,
            BrowserMove::Restart => Posted::Restart,
            BrowserMove::Ring => {
                if let Stage::Call { calling, .. } = &before.interaction.stage {
                    let caller = Caller::Known(Phone::parse("09012343333").unwrap());
                    town.call(caller, &calling.called, taro.now, secs(0)).await;
                    proved.rung = taro.now <= calling.call_until;
                }
                continue;
            }
            BrowserMove::Wait(n) => {
                taro.now = taro.now + secs((*n).into());
                continue;
            }
            BrowserMove::Resend => match last.clone() {
                Some((token, posted)) => {
                    let view = taro.post_with(&token, posted).await;
                    assert!(!view.accepted, "a step token is good once");
                    continue;
                }
                None => continue,
            },
        };
        last = Some((before.step.clone(), posted.clone()));
        let after = taro.post_with(&before.step, posted).await.interaction.stage.screen();
        // The model: what each screen's own form proves, and only there.
        match (at, step) {
            ("account", BrowserMove::Account) => proved.account = true,
            ("customer", BrowserMove::Customer { right: true }) => proved.customer = true,
            ("phone", BrowserMove::Phone) => (proved.number, proved.rung) = (true, false),
            ("call", BrowserMove::Call) => proved.call = proved.rung,
            ("pin", BrowserMove::Pin { right: true }) => proved.pin = true,
            ("customer", BrowserMove::Back) => proved = ModelProgress::default(),
            ("phone", BrowserMove::Back) => proved = ModelProgress { account: true, ..ModelProgress::default() },
            (_, BrowserMove::Restart) if after == "account" => proved = ModelProgress::default(),
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
