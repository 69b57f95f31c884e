//! The customer's own page without a browser: whose links it shows, and that no code comes of it.

use crate::id::{AccountId, ClientId, HolderId};
use crate::identity::tests::{NOON, Town, secs};
use crate::identity::{Holding, Interaction, Posted, Purpose, Stage, View};
use crate::secret::Secret;

/// The sample customer on their own page.
async fn on_the_page(town: &Town) -> (crate::identity::tests::Walker<'_>, View) {
    let mut taro = town.my(NOON).await;
    taro.to_pin().await;
    let view = taro.pin("4071").await;
    assert_eq!(view.interaction.stage.screen(), "links");
    (taro, view)
}

#[tokio::test]
async fn after_the_checks_stands_the_own_page_and_never_consent() {
    let town = Town::new();
    let (mut taro, view) = on_the_page(&town).await;
    let Stage::Links(owner) = &view.interaction.stage else { panic!("elsewhere") };
    assert_eq!((owner.last_visit, owner.accounts.len(), owner.auth_time), (None, 2, NOON));
    assert!(view.interaction.at_consent().is_none() && view.interaction.purpose.link().is_none());
    // What belongs to ⑥ is refused, whatever calls it.
    let grant = crate::id::GrantId::parse("g").unwrap();
    assert!(view.interaction.clone().completed(grant).is_err());
    assert!(view.interaction.clone().proofed(Secret::new("x").hash(), Vec::new(), NOON).is_err());
    taro.post(Posted::Return { unwritten: None }).await;
    assert_eq!(taro.at().await, "links");
    taro.post(Posted::Finish).await;
    assert_eq!(taro.at().await, "cancelled");
    // The next visit knows of this one.
    let (_, view) = on_the_page(&town).await;
    let Stage::Links(owner) = &view.interaction.stage else { panic!("elsewhere") };
    assert_eq!(owner.last_visit, Some(NOON));
}

#[tokio::test]
async fn a_link_never_leads_to_the_own_page() {
    let town = Town::new();
    let mut taro = town.customer(NOON).await;
    taro.to_pin().await;
    let at_pin = taro.look().await.interaction;
    assert!(at_pin.clone().reached_links(Vec::new(), None, NOON).is_err());
    assert_eq!(taro.pin("4071").await.interaction.stage.screen(), "consent");
    taro.post(Posted::Finish).await;
    assert_eq!(taro.at().await, "consent");
}

#[tokio::test]
async fn it_ends_after_five_minutes_without_a_step_and_after_twenty_in_all() {
    let town = Town::new();
    let (mut taro, _) = on_the_page(&town).await;
    for minute in [4, 8, 12, 16, 19] {
        taro.now = NOON + secs(minute * 60);
        taro.post(Posted::Extend).await;
        assert_eq!(taro.at().await, "links", "minute {minute}");
    }
    taro.now = NOON + secs(20 * 60);
    assert_eq!(taro.at().await, "expired");
    let town = Town::new();
    let (mut taro, _) = on_the_page(&town).await;
    taro.now = NOON + secs(300);
    town.service.sweep(taro.now, 100).await.unwrap();
    assert!(town.actions().await.contains(&"interaction.ended".to_owned()), "the sweeper ends it too");
    assert_eq!(taro.at().await, "expired");
}

#[tokio::test]
async fn one_browser_has_it_open_once_and_its_links_beside_it() {
    let town = Town::new();
    let linking = town.customer(NOON).await;
    let first = town.my(NOON).await;
    let second = town.my_with(&[linking.shows(), first.shows()], NOON).await;
    assert_eq!(second.forgets(), [first.shows().label], "the earlier page is forgotten, the link is not");
    assert_eq!((linking.at().await, second.at().await, first.at().await), ("account", "account", "expired"));
    // Under the addresses of the other kind neither exists.
    let crossed = crate::identity::Visitor { kind: crate::identity::PurposeKind::My, ..linking.visitor.clone() };
    let seen = town.service.look(&crossed, None, NOON).await.unwrap();
    assert!(matches!(seen, crate::identity::ViewResult::Foreign));
}

#[test]
fn a_row_of_the_release_before_is_read_and_the_new_kind_survives_storing() {
    let phone = "09012343333";
    let old = serde_json::json!({"name": "ﾃﾞｰﾀ ﾀﾛｳ", "phone": phone, "email": "taro@example.jp"});
    let read: crate::identity::Declared = serde_json::from_value(old.clone()).unwrap();
    assert!(matches!(read, crate::identity::Declared::Link(_)));
    assert_eq!(serde_json::to_value(&read).unwrap(), old);
    let own: crate::identity::Declared = serde_json::from_value(serde_json::json!({ "phone": phone })).unwrap();
    assert!(matches!(own, crate::identity::Declared::My { .. }));
    let id = crate::id::InteractionId::parse("interaction").unwrap();
    let account = crate::account::Account::parse("115-ordinary-1100026").unwrap();
    let holding = Holding { id: AccountId::parse("a").unwrap(), holder: HolderId::parse("h").unwrap() };
    // What was typed for one kind does not pass ② of the other.
    let my = Interaction::new(id.clone(), Purpose::My, NOON).entered(account.clone()).unwrap();
    assert!(my.matched(holding.clone(), read).is_err());
    let link =
        crate::identity::AnsweredRequest { client: ClientId::parse("c").unwrap(), request: Secret::new("r").hash() };
    let linking = Interaction::new(id, Purpose::Link(link), NOON).entered(account).unwrap();
    assert!(linking.matched(holding, own).is_err());
}
