//! Notices about links go to customers who ticked the box on ⑥, and to nobody else (requirements.md#link-notices).

use crate::rar::{asked_with, detail};
use crate::support::app::{App, Tokens};
use crate::support::browser::{Browser, Customer};
use crate::support::http::encode;
use crate::support::town::{BANK_SECRET, Mail, Town, on_both, on_both_with};
use renkei_core::audit::Actor;
use renkei_core::grant::{self, Reason};
use renkei_core::id::GrantId;
use serde_json::json;
use std::time::Duration;

on_both!(
    the_box_is_not_ticked_and_stays_as_the_customer_left_it,
    whoever_did_not_tick_gets_the_completion_mail_alone,
    the_end_of_a_period_is_announced_once,
    an_end_is_told_with_its_reason,
    a_death_is_told_nobody,
    a_lock_is_told_once_and_never_to_what_was_typed_before_it,
    a_new_link_is_told_to_the_others_without_its_app,
    the_last_consent_decides,
    a_merge_without_the_box_ends_the_notices,
    a_link_beyond_the_limit_is_told_of,
    an_address_that_is_taken_back_gets_nothing,
    addresses_go_in_time,
    a_restored_copy_writes_to_nobody,
    a_redemption_that_was_taken_back_tells_once,
    two_sweeps_at_once_tell_once,
);
on_both_with!(a_link_without_a_screen_keeps_the_address, |config| {
    config.identity.proofing_memory = renkei_server::config::Span::secs(600);
});

const DAY: Duration = Duration::from_hours(24);
const ACCOUNT: &str = "115-ordinary-1100026";

/// The sample customer at ⑥, with this address.
async fn at_consent(w: &Town, url: &str, email: &str) -> Browser {
    let mut browser = w.browser();
    browser.open(url).await;
    let taro = Customer { email: email.into(), ..Customer::taro() };
    browser.walk_to_consent(w, "115-1100026", &taro, "4071").await;
    assert_eq!(browser.screen(), "consent", "{}", browser.page().text());
    browser
}
/// A link of this address, with the box for notices or without it.
async fn linked(w: &Town, app: &App, email: &str, ticked: bool) -> Tokens {
    let pending = app.ask_directly("openid accounts");
    let mut browser = at_consent(w, &pending.url, email).await;
    let brought = allow(&mut browser, ticked).await;
    app.exchange(&pending, &brought).await
}
async fn allow(browser: &mut Browser, ticked: bool) -> std::collections::BTreeMap<String, String> {
    let boxes = [("agree", "yes"), ("notices", "yes")];
    browser.press("allow", &boxes[..if ticked { 2 } else { 1 }]).await;
    browser.handed_to_app()
}
/// Another app of the same kind.
async fn budget(w: &Town) -> App {
    let callback = "https://budget.example/cb";
    w.register(json!({
        "client_id": "budget", "profile": "oidc", "client_name": "予算アプリ", "client_secret": "budget-secret",
        "redirect_uris": [callback], "token_endpoint_auth_method": "client_secret_basic", "scope": "openid accounts transactions",
        "proofing_memory": "10m",
    }))
    .await;
    let secret = crate::support::app::Credential::Secret("budget-secret".into());
    App::new(w.http.clone(), w.clock.clone(), "budget", callback, secret)
}
/// The mails about links that went out: to whom, and which.
async fn mailed(w: &Town) -> Vec<(String, String)> {
    let mut mailed: Vec<_> = letters(w).await.into_iter().map(|m| (m.to, m.subject)).collect();
    mailed.sort();
    mailed
}
async fn letters(w: &Town) -> Vec<Mail> {
    let about_links = w.mail().await.into_iter().filter(|m| !m.subject.contains("完了のお知らせ"));
    let letters: Vec<_> = about_links.map(|m| Mail { text: m.text.replace("\r\n", "\n"), ..m }).collect();
    // Two letters that are alike to the letter are one file.
    let sent = w.count("select count(*) from notices where state = 'sent' and facts is not null").await;
    assert_eq!(sent, i64::try_from(letters.len()).unwrap(), "a letter was sent twice");
    letters
}
async fn addresses(w: &Town) -> i64 {
    w.count("select count(*) from notice_addresses").await
}
fn pairs(wanted: &[(&str, &str)]) -> Vec<(String, String)> {
    wanted.iter().map(|(to, subject)| ((*to).to_owned(), (*subject).to_owned())).collect()
}
async fn end(w: &Town, grant: &str, reason: Reason) {
    let (id, now) = (GrantId::parse(grant).unwrap(), w.now());
    w.write(move |tx| grant::end(tx, &id, &reason, Actor::Customer, now)).await;
}

const EXPIRING: &str = "連携の期限が近づいたお知らせ";
const ENDED: &str = "連携終了のお知らせ";
const SUSPENDED: &str = "API連携認証の一時停止のお知らせ";
const NEW: &str = "新しい連携のお知らせ";
const TARO: &str = "taro@example.jp";

async fn the_box_is_not_ticked_and_stays_as_the_customer_left_it(w: &Town) {
    let pending = w.kakeibo().ask_directly("accounts");
    let mut browser = at_consent(w, &pending.url, TARO).await;
    let page = browser.page().text();
    assert!(page.contains("次のお知らせもメールで受け取ります。"), "{page}");
    assert!(
        page.contains(
            "メールアドレス（t***@example.jp）は、お知らせの送信にのみ使用し、連携の終了後31日以内に消去します。"
        ),
        "{page}"
    );
    let ticked = |b: &Browser| {
        b.answer
            .body
            .contains("id=\"notices\" name=\"notices\" value=\"yes\" aria-describedby=\"notices-hint\" checked")
    };
    assert!(!ticked(&browser));
    // The other box is missing: the page comes again, and this one is as it was left.
    browser.press("allow", &[("notices", "yes")]).await;
    assert!(browser.page().text().contains("同意のチェックを入れて下さい"));
    assert!(ticked(&browser));
    let mut fields = browser.filled("allow", &[]);
    fields.retain(|(name, _)| name != "notices");
    let url = browser.url.clone();
    let answer = browser.post(&url, &fields).await;
    browser.follow(&url, answer).await;
    assert!(!ticked(&browser), "{}", browser.page().text());
}

async fn whoever_did_not_tick_gets_the_completion_mail_alone(w: &Town) {
    let link = linked(w, &w.kakeibo(), TARO, false).await;
    linked(w, &budget(w).await, "jiro@example.jp", false).await;
    w.clock.advance(24 * DAY);
    w.sweep().await;
    for _ in 0..3 {
        w.guess_wrong(ACCOUNT).await;
    }
    w.revoke_by_staff(&link.grant_id).await;
    w.clock.advance(10 * DAY);
    w.sweep().await;
    assert_eq!((w.mail().await.len(), mailed(w).await.len(), addresses(w).await), (2, 0, 0));
}

async fn the_end_of_a_period_is_announced_once(w: &Town) {
    linked(w, &w.kakeibo(), TARO, true).await;
    w.clock.advance(23 * DAY - Duration::from_secs(1));
    w.sweep().await;
    assert_eq!(mailed(w).await, []);
    w.clock.advance(Duration::from_secs(1));
    w.sweep().await;
    assert_eq!(mailed(w).await, pairs(&[(TARO, EXPIRING)]), "at the greatest distance");
    let text = letters(w).await.remove(0).text;
    assert!(text.contains("期限：2026年12月25日 10時15分"), "{text}");
    assert!(text.contains("連携先：かけいぼ"), "{text}");
    assert!(!text.contains("下3桁") && !text.contains("1100026") && !text.contains("普通"), "no account: {text}");
    w.clock.advance(6 * DAY);
    w.sweep().await;
    assert_eq!(mailed(w).await.len(), 1, "the second warning is for the app alone");
    w.clock.advance(DAY);
    w.sweep().await;
    assert_eq!(mailed(w).await, pairs(&[(TARO, EXPIRING), (TARO, ENDED)]));
    let text = letters(w).await.into_iter().find(|m| m.subject == ENDED).unwrap().text;
    assert!(text.contains("終了日時：2026年12月25日 10時15分") && text.contains("期間の満了"), "{text}");
    assert_eq!(addresses(w).await, 0, "the address went with the link");
}

async fn an_end_is_told_with_its_reason(w: &Town) {
    for (reason, words) in [
        (Reason::Customer, "お客様による停止"),
        (Reason::Client, "アプリからの解除"),
        (Reason::Institution { note: "by telephone".into() }, "当信用組合による停止"),
        (Reason::Account, "口座の移管・解約等による終了"),
        (Reason::Replay, "安全のための停止"),
    ] {
        let email = format!("{}@example.jp", reason.as_str());
        let link = linked(w, &w.kakeibo(), &email, true).await;
        end(w, &link.grant_id, reason.clone()).await;
        end(w, &link.grant_id, reason).await;
        let mails: Vec<_> = letters(w).await.into_iter().filter(|m| m.to == email).collect();
        assert_eq!(mails.len(), 1, "{email}");
        assert_eq!(mails[0].subject, ENDED);
        let reference = w.world().grant(&GrantId::parse(&link.grant_id).unwrap()).await.reference;
        assert!(mails[0].text.contains(&format!("受付番号：{reference}\n")), "{}", mails[0].text);
        assert!(mails[0].text.contains(&format!("理由：{words}\n")), "{}", mails[0].text);
        w.clock.advance(Duration::from_secs(60));
    }
}

async fn a_death_is_told_nobody(w: &Town) {
    linked(w, &w.kakeibo(), TARO, true).await;
    w.clock.advance(Duration::from_secs(600));
    let report = json!({ "v": 1, "event_id": "e-1", "type": "deceased", "account": ACCOUNT, "at": w.now().secs() });
    w.bank_reports(&report, BANK_SECRET).await.expect(204);
    w.tidy().await;
    assert_eq!((mailed(w).await, addresses(w).await), (vec![], 0));
}

async fn a_lock_is_told_once_and_never_to_what_was_typed_before_it(w: &Town) {
    linked(w, &w.kakeibo(), TARO, true).await;
    linked(w, &budget(w).await, "taro@example.jp", true).await;
    let before = mailed(w).await.len();
    // Somebody else types their own address, and guesses.
    let mut thief = w.browser();
    thief.open(&w.creco().push("accounts").await.url).await;
    let typed = Customer { email: "thief@example.com".into(), ..Customer::taro() };
    thief.account("115-1100026").await;
    thief.customer(&typed).await;
    let to = thief.settle_phone().await;
    w.phone.call(&typed.phone, &to).await.expect(204);
    thief.confirm_call().await;
    for pin in ["0001", "0002", "0003"] {
        thief.pin(pin).await;
    }
    assert_eq!(thief.screen(), "locked");
    let mails = letters(w).await;
    let locked: Vec<_> = mails.iter().filter(|m| m.subject == SUSPENDED).map(|m| m.to.as_str()).collect();
    assert_eq!(locked, [TARO], "two links, one address, one mail");
    assert_eq!(mails.len(), before + 1);
    let text = &mails.iter().find(|m| m.subject == SUSPENDED).unwrap().text;
    assert!(text.contains("2026年11月26日0時以降に自動で解除されます。"), "{text}");
    assert!(!text.contains("かけいぼ") && !text.contains("受付番号"), "{text}");
    // Whoever comes while it is locked tells nobody again.
    let mut again = w.browser();
    again.open(&w.creco().push("accounts").await.url).await;
    again.account("115-1100026").await;
    again.customer(&typed).await;
    assert_eq!(again.screen(), "locked");
    assert_eq!(letters(w).await.len(), before + 1);
    assert!(w.mail().await.iter().all(|m| m.to != "thief@example.com"), "the thief is not told");
    // A lock of another day is another lock.
    w.release_lock(ACCOUNT).await;
    w.clock.advance(DAY);
    for _ in 0..3 {
        w.guess_wrong(ACCOUNT).await;
    }
    assert_eq!(letters(w).await.len(), before + 2);
}

async fn a_new_link_is_told_to_the_others_without_its_app(w: &Town) {
    linked(w, &w.kakeibo(), TARO, true).await;
    assert_eq!(mailed(w).await, [], "there is no other link");
    w.clock.advance(Duration::from_secs(60));
    let app = budget(w).await;
    let pending = app.ask_directly("openid accounts");
    let mut browser = at_consent(w, &pending.url, "thief@example.com").await;
    let brought = allow(&mut browser, true).await;
    assert_eq!(mailed(w).await, [], "there is no link yet");
    app.exchange(&pending, &brought).await;
    assert_eq!(mailed(w).await, pairs(&[(TARO, NEW)]));
    let text = letters(w).await.remove(0).text;
    assert!(text.contains("\n日時：2026年11月25日 10時16分\n"), "{text}");
    assert!(!text.contains("予算アプリ") && !text.contains("かけいぼ") && !text.contains("受付番号"), "{text}");
}

/// The same app again: the new link takes the place of the old one, and what was ticked last counts.
async fn the_last_consent_decides(w: &Town) {
    let app = w.kakeibo();
    let first = linked(w, &app, TARO, true).await;
    w.clock.advance(Duration::from_secs(60));
    let second = linked(w, &app, TARO, true).await;
    assert_eq!(mailed(w).await, [], "the completion mail went to the same address, and the link goes on");
    assert_eq!(addresses(w).await, 1);
    // Another address takes over: the first one hears of it, for the last time.
    w.clock.advance(Duration::from_secs(60));
    linked(w, &app, "thief@example.com", false).await;
    assert_eq!(mailed(w).await, pairs(&[(TARO, NEW)]));
    assert_eq!(addresses(w).await, 0);
    for link in [first, second] {
        end(w, &link.grant_id, Reason::Customer).await;
    }
    assert_eq!(mailed(w).await.len(), 1);
}

async fn a_merge_without_the_box_ends_the_notices(w: &Town) {
    let app = w.kakeibo();
    let own = w.bank.ids(ACCOUNT).await;
    let mut id = String::new();
    for (ticked, want) in [(true, 1), (false, 0), (true, 1)] {
        let merge = [("grant_management_action", "merge"), ("grant_id", id.as_str())];
        let more = if id.is_empty() { &[][..] } else { &merge[..] };
        let (pending, mut browser) = asked_with(w, &app, "openid accounts", &detail(json!({})), more).await;
        let notices = if ticked { "yes" } else { "" };
        let account = if id.is_empty() { own[0].as_str() } else { "" };
        let mut fields = vec![("agree", "yes")];
        fields.extend([("notices", notices), ("account", account)].iter().filter(|(_, v)| !v.is_empty()));
        let before = addresses(w).await;
        browser.press("allow", &fields).await;
        let code = browser.handed_to_app()["code"].clone();
        assert_eq!(addresses(w).await, before, "the redemption decides");
        let tokens = app.try_exchange(&pending, &code).await.expect(200).json();
        id = tokens["grant_id"].as_str().unwrap().to_owned();
        assert_eq!(addresses(w).await, want);
        w.clock.advance(Duration::from_secs(60));
    }
    end(w, &id, Reason::Customer).await;
    assert_eq!(mailed(w).await, pairs(&[(TARO, ENDED)]));
}

/// `prompt=none`: a new link on the same consent.
async fn a_link_without_a_screen_keeps_the_address(w: &Town) {
    let app = budget(w).await;
    let pending = app.ask_directly("openid accounts");
    let mut browser = at_consent(w, &pending.url, TARO).await;
    let brought = allow(&mut browser, true).await;
    let first = app.exchange(&pending, &brought).await.grant_id;
    w.clock.advance(Duration::from_secs(60));
    let (mut pending, mut fields) = app.request("openid accounts");
    fields.push(("prompt", "none".to_owned()));
    pending.url = format!("{}/oauth/authorize?{}", browser.issuer(), encode(&fields));
    browser.open(&pending.url).await;
    let brought = browser.handed_to_app();
    let second = app.exchange(&pending, &brought).await.grant_id;
    assert_ne!(first, second);
    assert_eq!(mailed(w).await, [], "nobody was asked anything");
    assert_eq!(w.text("select grant_id from notice_addresses").await, second);
    end(w, &second, Reason::Customer).await;
    assert_eq!(mailed(w).await, pairs(&[(TARO, ENDED)]));
}

/// A link that ends because the app has as many as allowed: nothing goes on in its place.
async fn a_link_beyond_the_limit_is_told_of(w: &Town) {
    let app = w.kakeibo();
    let own = w.bank.ids(ACCOUNT).await;
    let most = w.config().tokens.open_grants;
    for n in 0..=most {
        let create = [("grant_management_action", "create")];
        let (pending, mut browser) = asked_with(w, &app, "openid accounts", &detail(json!({})), &create).await;
        let boxes = [("agree", "yes"), ("account", own[0].as_str()), ("notices", "yes")];
        browser.press("allow", &boxes[..if n == 0 { 3 } else { 2 }]).await;
        let code = browser.handed_to_app()["code"].clone();
        app.try_exchange(&pending, &code).await.expect(200);
        w.clock.advance(Duration::from_secs(60));
    }
    let ended: Vec<_> = letters(w).await.into_iter().filter(|m| m.subject == ENDED).collect();
    assert_eq!(ended.len(), 1);
    assert!(ended[0].text.contains("理由：新しい許可への切り替え\n"), "{}", ended[0].text);
    assert_eq!(addresses(w).await, 0);
}

async fn an_address_that_is_taken_back_gets_nothing(w: &Town) {
    let link = linked(w, &w.kakeibo(), TARO, true).await;
    let id = GrantId::parse(&link.grant_id).unwrap();
    let masked = async || {
        let (id, sealer) = (id.clone(), w.world().sealer.clone());
        w.write(move |tx| grant::masked_address(tx, &id, &sealer)).await
    };
    assert_eq!(masked().await.as_deref(), Some("t***@example.jp"));
    w.clock.advance(23 * DAY);
    w.sweep().await;
    assert_eq!(mailed(w).await, pairs(&[(TARO, EXPIRING)]));
    let forget = async || {
        let (id, now) = (id.clone(), w.now());
        w.write(move |tx| grant::forget_address(tx, &id, Actor::Customer, now)).await
    };
    // What is queued and not sent yet is not sent.
    let (locked, now) = (w.world().index(ACCOUNT), w.now());
    let queued = id.clone();
    let unsent = w
        .write(move |tx| {
            renkei_core::notice_address::suspended(tx, &locked, None, now)?;
            let count = "select count(*) from notices where state = 'waiting'";
            let before = tx.row(count, &[])?.unwrap().int(0)?;
            assert!(grant::forget_address(tx, &queued, Actor::Customer, now)?);
            Ok((before, tx.row(count, &[])?.unwrap().int(0)?))
        })
        .await;
    assert_eq!(unsent, (1, 0));
    assert!(!forget().await, "it is gone");
    assert_eq!((masked().await, addresses(w).await), (None, 0));
    assert_eq!(w.count("select count(*) from notices where facts is not null and sealed is not null").await, 0);
    assert_eq!(w.recorded("grant.address.taken_back").await, 1);
    end(w, id.as_str(), Reason::Customer).await;
    assert_eq!(mailed(w).await.len(), 1);
}

async fn addresses_go_in_time(w: &Town) {
    // A code that is never redeemed.
    let pending = w.kakeibo().ask_directly("accounts");
    let mut browser = at_consent(w, &pending.url, TARO).await;
    allow(&mut browser, true).await;
    w.clock.advance(Duration::from_secs(6 * 60));
    w.tidy().await;
    let left =
        "select count(*) from notices where sealed is not null or address is not null or address_index is not null";
    assert_eq!((w.count(left).await, addresses(w).await), (0, 0));
    // A link that ends: its notice went out, and another one that staff retries again and again.
    let link = linked(w, &w.kakeibo(), TARO, true).await;
    end(w, &link.grant_id, Reason::Customer).await;
    assert_eq!(mailed(w).await, pairs(&[(TARO, ENDED)]));
    w.write(|tx| {
        let again =
            "update notices set state = 'waiting', next_at = 9000000000000, done_at = null where kind = 'ended'";
        tx.execute(again, &[]).map(drop)
    })
    .await;
    let kept = "select count(*) from notices where kind = 'ended' and sealed is not null";
    w.clock.advance(31 * DAY - Duration::from_secs(1));
    w.tidy().await;
    assert_eq!(w.count(kept).await, 1);
    w.clock.advance(Duration::from_secs(1));
    w.tidy().await;
    assert_eq!((w.count(left).await, addresses(w).await), (0, 0), "31 days after the end at the latest");
    assert_eq!(w.count("select count(*) from notices where state = 'waiting'").await, 0, "it is given up");
    assert!(!String::from_utf8_lossy(&w.store_bytes().await).contains(TARO), "it was never there in the clear");
}

async fn a_restored_copy_writes_to_nobody(w: &Town) {
    let link = linked(w, &w.kakeibo(), TARO, true).await;
    w.mail().await;
    w.world().restore().await;
    assert_eq!(addresses(w).await, 0, "nobody knows whether its owner took it back since");
    end(w, &link.grant_id, Reason::Customer).await;
    assert_eq!(mailed(w).await, []);
}

/// The store undoes a redemption whose answer nobody got. The link is there, so the others hear of it once.
async fn a_redemption_that_was_taken_back_tells_once(w: &Town) {
    let first = linked(w, &w.kakeibo(), "jiro@example.jp", true).await;
    let app = budget(w).await;
    let pending = app.ask_directly("openid accounts");
    let mut browser = at_consent(w, &pending.url, TARO).await;
    let brought = allow(&mut browser, true).await;
    let code = app.code(&pending, &brought);
    let tokens = app.try_exchange(&pending, &code).await.expect(200).json();
    let id = GrantId::parse(tokens["grant_id"].as_str().unwrap()).unwrap();
    let (undone, grant, now) = (id.clone(), w.world().grant(&id).await, w.now());
    let hash = renkei_core::secret::presented(renkei_core::secret::SecretKind::Code, &code).unwrap();
    w.write(move |tx| {
        grant::code::undo(tx, &hash, &grant, now)?;
        renkei_core::lifecycle::notice::put_on_hold(tx, &undone)
    })
    .await;
    app.try_exchange(&pending, &code).await.expect(200);
    assert_eq!(mailed(w).await, pairs(&[("jiro@example.jp", NEW)]));
    assert_eq!(w.mail().await.iter().filter(|m| m.to == TARO).count(), 1, "one completion mail");
    assert_eq!(addresses(w).await, 2);
    // What was taken back between the two does not come again.
    let (again, grant, now) = (id.clone(), w.world().grant(&id).await, w.now());
    w.write(move |tx| {
        grant::forget_address(tx, &again, Actor::Customer, now)?;
        grant::code::undo(tx, &hash, &grant, now)?;
        renkei_core::lifecycle::notice::put_on_hold(tx, &again)
    })
    .await;
    app.try_exchange(&pending, &code).await.expect(200);
    assert_eq!(addresses(w).await, 1);
    end(w, &first.grant_id, Reason::Customer).await;
    end(w, id.as_str(), Reason::Customer).await;
    assert_eq!(mailed(w).await, pairs(&[("jiro@example.jp", NEW), ("jiro@example.jp", ENDED)]));
}

/// Two nodes sweep, and two nodes send, at the same time.
async fn two_sweeps_at_once_tell_once(w: &Town) {
    linked(w, &w.kakeibo(), TARO, true).await;
    let node = match w.engine {
        crate::support::town::Engine::Postgres => Some(w.second_node().await),
        crate::support::town::Engine::Sqlite => None,
    };
    w.clock.advance(23 * DAY);
    futures_util::future::join_all((0..8).map(|_| w.sweep())).await;
    w.clock.advance(7 * DAY);
    futures_util::future::join_all((0..8).map(|_| w.sweep())).await;
    w.mail().await;
    // Either node may have sent them.
    let sent = "select count(*) from notices where state = 'sent'";
    assert_eq!((w.count(sent).await, w.recorded("notice.sent").await), (3, 3));
    if let Some(node) = node {
        node.stop().await;
    }
}
