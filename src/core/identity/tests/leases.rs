//! One call counts for one interaction: the leases of called numbers (decision 17), under the production rules.

use super::super::lease::{Asking, CallerNumbers, Lease, NumberChoice, RESERVED_FOR, Wait, choose, rank};
use super::*;
use crate::id::InteractionId;
use crate::store::Error;
use proptest::prelude::*;

const TARO: &str = "09012343333";

fn production() -> Town {
    Town::with(|p| (p.by_network, p.rest) = (true, secs(60)))
}
/// A customer who stands at ③, from this address.
async fn at_phone<'t>(town: &'t Town, address: &str, now: Instant) -> Walker<'t> {
    let n = town.requests.fetch_add(1, Ordering::SeqCst);
    let mut walker = town.browser(Hash::of(format!("request {n}")), &[], address, now).await;
    assert_eq!(walker.to_phone().await.interaction.stage.screen(), "phone");
    walker
}
async fn at_call<'t>(town: &'t Town, address: &str, now: Instant) -> Walker<'t> {
    let mut walker = at_phone(town, address, now).await;
    assert_eq!(walker.post(Posted::Phone).await.interaction.stage.screen(), "call");
    walker
}
fn taros_phone() -> Caller {
    Caller::Known(Phone::parse(TARO).unwrap())
}
/// 電話番号の決定, where there is no number: the time the page names.
async fn refused(walker: &mut Walker<'_>) -> Instant {
    let view = walker.post(Posted::Phone).await;
    assert_eq!((messages(&view), view.interaction.stage.screen()), (vec![Message::NoNumber], "phone"));
    view.interaction.errors.problems[0].time.unwrap()
}

#[tokio::test]
async fn a_number_is_not_free_because_its_interaction_is_over() {
    let town = production();
    let mut first = at_call(&town, "192.0.2.1", NOON).await;
    let number = first.called().await;
    first.post(Posted::Cancel).await;
    // Twenty more that take a number and cancel do not push it out of sight.
    for n in 0..20 {
        let mut next = at_phone(&town, &format!("192.0.2.{}", 10 + n), NOON).await;
        if next.post(Posted::Phone).await.interaction.stage.screen() == "call" {
            assert_ne!(next.called().await, number, "start {n}");
        }
        next.post(Posted::Cancel).await;
    }
}

#[tokio::test]
async fn one_call_opens_one_interaction() {
    let town = production();
    let mut fraudster = at_call(&town, "203.0.113.9", NOON).await;
    let mut victim = at_call(&town, "192.0.2.1", NOON).await;
    let (stolen, own) = (fraudster.called().await, victim.called().await);
    assert_ne!(stolen, own);
    town.call(taros_phone(), &own, NOON + secs(5), secs(0)).await;
    fraudster.now = NOON + secs(6);
    assert_eq!(fraudster.post(Posted::Call).await.interaction.stage.screen(), "call");
    victim.now = NOON + secs(7);
    assert_eq!(victim.post(Posted::Call).await.interaction.stage.screen(), "pin");

    // The number rests for a minute after the press.
    for (wait, free) in [(8, false), (66, false), (67, true)] {
        let numbers = numbers_for(&town, "192.0.2.1", NOON + secs(wait)).await;
        assert_eq!(numbers.contains(&own), free, "{wait} seconds after noon");
    }
}
/// Every number that an interaction of this network could be given at a moment: asked as often as chance needs.
async fn numbers_for(town: &Town, address: &str, now: Instant) -> Vec<Phone> {
    let walker = at_phone(town, address, now).await;
    let (i, crypto, policy) =
        (walker.look().await.interaction, town.service.crypto().clone(), town.service.policy().clone());
    let (caller, network) = (Phone::parse(TARO).unwrap(), network(address).lease_holder());
    let give = move |tx: &mut Tx<'_, '_>| {
        let given = super::super::call::give(tx, &crypto, &policy, &i, (&caller, &network), 1, now)?.0;
        let super::super::call::Given::Number(calling) = given else { panic!("no number") };
        // What was given is rolled back, so that the next one finds the tables as they were.
        Err::<(), _>(Error::Engine(calling.called.as_str().to_owned()))
    };
    let mut found = Vec::new();
    for _ in 0..100 {
        let Err(Error::Engine(number)) = town.store.write(give.clone()).await else { panic!("it rolls back") };
        let number = Phone::parse(&number).unwrap();
        if !found.contains(&number) {
            found.push(number);
        }
    }
    found
}

#[tokio::test]
async fn the_last_number_goes_only_to_the_network_that_had_it() {
    let town = production();
    let first = at_call(&town, "192.0.2.1", NOON).await;
    let number = first.called().await;
    let later = NOON + secs(120 + 60);
    assert!(numbers_for(&town, "192.0.2.1", later).await.contains(&number));
    assert!(!numbers_for(&town, "192.0.2.2", later).await.contains(&number), "a call dialled again is not theirs");
    assert_eq!(numbers_for(&town, "192.0.2.2", later).await.len(), 4);
}

#[tokio::test]
async fn a_network_holds_one_number_and_a_second_only_while_there_is_room() {
    let town = production();
    at_call(&town, "2001:db8:1:1::1", NOON).await;
    // Another /64 of the same /48 is the same network here: it gets the one second number there is.
    at_call(&town, "2001:db8:1:2::1", NOON).await;
    let mut third = at_phone(&town, "2001:db8:1:3::1", NOON).await;
    assert_eq!(refused(&mut third).await, NOON + secs(180), "when the first of its two is free");
    // While one network holds two, no other gets a second one.
    at_call(&town, "192.0.2.1", NOON).await;
    let mut second = at_phone(&town, "192.0.2.1", NOON).await;
    refused(&mut second).await;
    at_call(&town, "192.0.2.2", NOON).await;
    at_call(&town, "192.0.2.3", NOON).await;
    let mut nobody = at_phone(&town, "192.0.2.4", NOON).await;
    assert_eq!(refused(&mut nobody).await, NOON + secs(180));
}

#[tokio::test]
async fn a_number_is_kept_for_a_minute_for_who_waited_longest() {
    let town = production();
    for n in 1..=5 {
        at_call(&town, &format!("192.0.2.{n}"), NOON + secs(n)).await;
    }
    let start = NOON + secs(10);
    let mut first = at_phone(&town, "198.51.100.1", start).await;
    let mut second = at_phone(&town, "198.51.100.2", start).await;
    let at = refused(&mut first).await;
    assert_eq!(at, NOON + secs(181), "the first lease began a second after noon");
    second.now = start + secs(1);
    assert_eq!(refused(&mut second).await, NOON + secs(182), "the second waits for the second number");
    first.now = start + secs(2);
    assert_eq!(refused(&mut first).await, at, "asking again costs nobody their place");

    // At that time a third one comes, and the number is not theirs.
    let mut third = at_phone(&town, "198.51.100.3", at).await;
    let theirs = refused(&mut third).await;
    assert!(theirs > at);
    first.now = at + secs(59);
    first.look().await;
    assert_eq!(first.post(Posted::Phone).await.interaction.stage.screen(), "call");
    // Who does not come within the minute loses it.
    let late = NOON + secs(182 + 60);
    let mut fourth = at_phone(&town, "198.51.100.4", late).await;
    assert_eq!(fourth.post(Posted::Phone).await.interaction.stage.screen(), "call");
}

#[tokio::test]
async fn many_numbers_for_one_caller_raise_an_alarm_and_refuse_nobody() {
    let town = Town::with(|p| p.alarms.numbers_by_caller = 3);
    for n in 1..=4 {
        let mut taro = town.customer(NOON + secs(n * 121)).await;
        taro.to_call().await;
        let raised = town.actions().await.iter().filter(|a| *a == "alarm.raised").count();
        assert_eq!(raised, usize::from(n >= 3), "number {n}");
    }
}

// ---- the decision alone, against a fraudster ---------------------------------------------------------------------------

/// What the tables would hold.
struct LeaseModel {
    pool: Vec<String>,
    leases: Vec<Lease>,
    waits: Vec<Wait>,
}
impl LeaseModel {
    fn new(numbers: usize) -> Self {
        Self { pool: (0..numbers).map(|n| format!("n{n}")).collect(), leases: vec![], waits: vec![] }
    }
    /// One interaction of a network asks; `pick` stands for chance. `false`: it got none.
    fn ask(&mut self, interaction: &InteractionId, network: Hash, pick: usize, now: Instant) -> bool {
        let asking = Asking { interaction, network, by_network: true };
        let known = CallerNumbers { pool: &self.pool, leases: &self.leases, waits: &self.waits };
        match choose(asking, known, now) {
            NumberChoice::OneOf(numbers) => {
                let called = numbers[pick % numbers.len()].to_owned();
                self.leases.retain(|l| l.called != called);
                self.waits.retain(|w| w.interaction != *interaction);
                self.leases.push(Lease { called, network, since: now, free_at: now + secs(180) });
                true
            }
            NumberChoice::NotBefore { at, called } => {
                assert!(at > now);
                let called = called.map(str::to_owned);
                self.waits.retain(|w| w.interaction != *interaction);
                self.waits.push(Wait { interaction: interaction.clone(), network, called, at });
                false
            }
            NumberChoice::Never => panic!("there are numbers"),
        }
    }
    fn forget_the_past(&mut self, now: Instant) {
        self.waits.retain(|w| now < w.at + RESERVED_FOR);
    }
}
fn id(n: usize) -> InteractionId {
    InteractionId::parse(&format!("interaction-{n}")).unwrap()
}

/// A customer who dials an old number again reaches nobody, as long as there is another number to give.
#[test]
fn what_another_network_had_is_given_last_and_the_oldest_first() {
    let mut model = LeaseModel::new(5);
    let lease = |called: &str, network: &str, since: u64| {
        let (since, free_at) = (NOON + secs(since), NOON + secs(since + 180));
        Lease { called: called.into(), network: Hash::of(network), since, free_at }
    };
    model.leases = vec![lease("n3", "another", 0), lease("n1", "a third", 60), lease("n0", "own", 30)];
    let (own, later) = (id(1), NOON + secs(600));
    let asking = Asking { interaction: &own, network: Hash::of("own"), by_network: true };
    let known = CallerNumbers { pool: &model.pool, leases: &model.leases, waits: &model.waits };
    let mut numbers = ["n1", "n4", "n3", "n2", "n0"];
    rank(asking, known, &mut numbers, later);
    assert_eq!(numbers, ["n4", "n2", "n0", "n3", "n1"]);
    // What is kept for who asks comes first.
    let wait = Wait { interaction: own.clone(), network: Hash::of("own"), called: Some("n3".into()), at: later };
    let known = CallerNumbers { waits: &[wait], ..known };
    rank(asking, known, &mut numbers, later);
    assert_eq!(numbers, ["n3", "n4", "n2", "n0", "n1"]);
    // For a minute, and not longer.
    rank(asking, known, &mut numbers, later + RESERVED_FOR);
    assert_eq!(numbers, ["n4", "n2", "n0", "n3", "n1"]);
}

/// A network that waits for a number has it reserved once, and not while it holds another.
#[test]
fn what_a_reservation_takes_from_others() {
    let mut model = LeaseModel::new(3);
    let network = |name: &str| Hash::of(name);
    let wait = |n: usize, called: &str| Wait {
        interaction: id(n),
        network: network("waits"),
        called: Some(called.into()),
        at: NOON,
    };
    let lease = |called: &str| Lease {
        called: called.into(),
        network: network("waits"),
        since: NOON - secs(10),
        free_at: NOON + secs(170),
    };
    // Why, the leases, the reservations, who asks, what may be given.
    type Row = (&'static str, Vec<Lease>, Vec<Wait>, &'static str, Vec<&'static str>);
    let table: [Row; 4] = [
        ("it is taken from another network", vec![], vec![wait(2, "n1")], "another", vec!["n0", "n2"]),
        ("only the first of two is", vec![], vec![wait(2, "n1"), wait(3, "n2")], "another", vec!["n0", "n2"]),
        (
            "none is while the network holds a number",
            vec![lease("n0")],
            vec![wait(2, "n1")],
            "another",
            vec!["n1", "n2"],
        ),
        ("and from another interaction of the network", vec![], vec![wait(2, "n1")], "waits", vec!["n0", "n2"]),
    ];
    for (why, leases, waits, asks, want) in table {
        (model.leases, model.waits) = (leases, waits);
        let asking = Asking { interaction: &id(1), network: network(asks), by_network: true };
        let known = CallerNumbers { pool: &model.pool, leases: &model.leases, waits: &model.waits };
        assert_eq!(choose(asking, known, NOON), NumberChoice::OneOf(want), "{why}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    /// A fraudster with N − 2 networks and any number of interactions in each, who asks, waits and lets a call be used up
    /// in any order: a customer whose network holds none gets a number at once.
    #[test]
    fn a_customer_gets_a_number_at_once(
        numbers in 3_usize..=10,
        steps in prop::collection::vec((0_usize..8, 0_usize..6, 0_usize..10, 0_u64..40, any::<bool>()), 1..120),
    ) {
        let mut model = LeaseModel::new(numbers);
        let mut now = NOON;
        for (n, (who, which, pick, pause, used)) in steps.into_iter().enumerate() {
            now = now + secs(pause);
            let network = who % (numbers - 2);
            model.ask(&id(network * 100 + which), Hash::of(format!("fraud {network}")), pick, now);
            // 確定する has used a call: the number rests for a minute and no longer.
            if used && pick % 3 == 0 && let Some(lease) = model.leases.last_mut() {
                lease.free_at = lease.free_at.min(now + secs(60));
            }
            model.forget_the_past(now);
            let asking = Asking { interaction: &id(9999), network: Hash::of("the customer's"), by_network: true };
            let known = CallerNumbers { pool: &model.pool, leases: &model.leases, waits: &model.waits };
            let choice = choose(asking, known, now);
            prop_assert!(matches!(choice, NumberChoice::OneOf(_)), "step {n}: {choice:?} of {numbers} numbers");
        }
    }
    /// The bound is the best there is: with one network more, all numbers can be taken.
    #[test]
    fn with_one_network_more_there_may_be_none(numbers in 3_usize..=10) {
        let mut model = LeaseModel::new(numbers);
        for network in 0..numbers - 1 {
            let got = model.ask(&id(network), Hash::of(format!("fraud {network}")), 0, NOON);
            prop_assert!(got);
        }
        prop_assert!(model.ask(&id(50), Hash::of("the customer's"), 0, NOON));
        prop_assert!(!model.ask(&id(51), Hash::of("another customer's"), 0, NOON));
    }
    /// A number that is kept is there: whoever comes at the time that was named, or within the minute, gets it.
    #[test]
    fn the_time_that_is_named_is_kept(
        numbers in 3_usize..=6,
        steps in prop::collection::vec((0_usize..12, 0_usize..10, 0_u64..30), 1..80),
        late in 0_u64..60,
    ) {
        let mut model = LeaseModel::new(numbers);
        let mut now = NOON;
        for (n, (network, pick, pause)) in steps.into_iter().enumerate() {
            now = now + secs(pause);
            model.ask(&id(n), Hash::of(format!("network {network}")), pick, now);
        }
        let (who, network) = (id(5000), Hash::of("waits"));
        if !model.ask(&who, network, 0, now) {
            let wait = model.waits.iter().find(|w| w.interaction == who).unwrap();
            let (at, kept) = (wait.at, wait.called.is_some());
            // Until then others come, too.
            for n in 0..20 {
                model.ask(&id(6000 + n), Hash::of(format!("later {n}")), n, at);
            }
            prop_assert!(!kept || model.ask(&who, network, 0, at + secs(late)));
        }
    }
}
