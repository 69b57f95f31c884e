//! 連携サービスの確認・停止, `/my`: what a customer sees there, how they stop a link, and what nobody gets out of it.

use crate::support::app::{App, Tokens};
use crate::support::browser::{Browser, Customer};
use crate::support::http::RequestParts;
use crate::support::town::{Town, on_both, on_both_with};

use serde_json::json;
use std::time::Duration;

on_both!(
    a_customer_sees_every_link_and_stops_one,
    every_link_is_stopped_at_once,
    one_account_of_a_link_is_stopped,
    a_receipt_says_what_was_agreed_also_after_the_end,
    only_the_browser_that_passed_the_checks_sees_anything,
    nobody_sees_or_stops_the_links_of_somebody_else,
    no_code_ever_comes_of_it,
    a_link_and_the_own_page_stand_in_one_browser,
    a_closure_after_five_prevents_no_stop,
    who_is_locked_or_comes_too_late_reads_how_to_stop_all_the_same,
    after_the_end_back_shows_nothing,
    notices_are_taken_back_with_one_press,
    wrong_answers_count_together_with_those_of_a_link,
    it_is_there_in_english,
    a_receipt_says_what_was_agreed_in_the_words_of_then,
    the_first_change_of_a_link_is_named,
);
on_both_with!(a_remembered_proofing_never_opens_it_and_a_stop_forgets_it, |config| {
    config.identity.proofing_memory = renkei_server::config::Span::secs(600);
});
on_both_with!(a_number_staffed_at_night_is_named, |config| {
    config.institution.stop_contact = Some("0120-000-009".into());
});

/// The sample customer passes ① to ⑤ of the own page.
async fn walk(w: &Town, browser: &mut Browser) {
    browser.open("/my").await;
    walk_on(w, browser, "115-1100026", &Customer::taro(), "4071").await;
}
async fn walk_on(w: &Town, browser: &mut Browser, account: &str, who: &Customer, pin: &str) {
    assert_eq!((browser.status(), browser.screen()), (200, "account"), "{}", browser.page().text());
    browser.account(account).await;
    customer(browser, who).await;
    let to = browser.settle_phone().await;
    assert_eq!(browser.call_status().await["state"], "waiting");
    w.phone.call(&who.phone, &to).await.expect(204);
    browser.confirm_call().await;
    browser.pin(pin).await;
    assert_eq!((browser.status(), browser.screen()), (200, "links"), "{}", browser.page().text());
}
/// ② of the own page: no name, no mail address.
async fn customer(browser: &mut Browser, who: &Customer) {
    assert_eq!(browser.screen(), "customer", "{}", browser.page().text());
    let names = browser.page().form_with("next").unwrap().names;
    assert_eq!(names, ["birth_year", "birth_month", "birth_day", "phone"]);
    let (year, month, day) = &who.birth;
    let typed = [("birth_year", &**year), ("birth_month", month), ("birth_day", day), ("phone", &who.phone)];
    browser.press("next", &typed).await;
}
async fn page_of(w: &Town) -> Browser {
    let mut browser = w.browser();
    walk(w, &mut browser).await;
    browser
}
/// Confirms the stop of one link.
async fn stop(browser: &mut Browser, grant: &str) {
    let mut fields = vec![("step".to_owned(), step(browser)), ("grant".to_owned(), grant.to_owned())];
    fields.push(("action".into(), "stop".into()));
    let url = browser.url.clone();
    let answer = browser.post(&url, &fields).await;
    browser.follow(&url, answer).await;
}
fn step(browser: &Browser) -> String {
    let form = browser.page().forms().into_iter().find(|f| f.fields.iter().any(|(name, _)| name == "step")).unwrap();
    form.fields.into_iter().find(|(name, _)| name == "step").unwrap().1
}
async fn active(w: &Town, tokens: &Tokens) -> bool {
    w.accounts_api().introspect(&tokens.access_token).await["active"] == json!(true)
}
/// The sample customer's savings account is shared as well.
async fn link_both(w: &Town, app: &App, browser: &mut Browser) -> Tokens {
    let details = json!([{"type": "account_information", "permissions": ["balances", "transactions"]}]).to_string();
    let (mut pending, mut fields) = app.request("openid accounts transactions");
    fields.push(("authorization_details", details));
    pending.url = format!("{}/oauth/authorize?{}", browser.issuer(), crate::support::http::encode(&fields));
    browser.open(&pending.url).await;
    browser.walk_to(w, "consent").await;
    let mut form = browser.filled("allow", &[("agree", "yes")]);
    form.retain(|(name, _)| name != "account");
    for id in browser.page().html().split("name=\"account\" value=\"").skip(1) {
        form.push(("account".into(), id.split('"').next().unwrap().into()));
    }
    let url = browser.url.clone();
    let answer = browser.post(&url, &form).await;
    browser.follow(&url, answer).await;
    let brought = browser.handed_to_app();
    app.exchange(&pending, &brought).await
}

async fn a_customer_sees_every_link_and_stops_one(w: &Town) {
    let creco = w.link(&w.creco(), &mut w.browser()).await;
    let kakeibo = link_both(w, &w.kakeibo(), &mut w.browser()).await;
    let mut browser = page_of(w).await;
    let text = browser.page().text();
    for part in [
        "連携サービスの確認・停止",
        "2件",
        "しんくみアプリwithCRECO",
        "かけいぼ",
        "アイ・ティ・リアライズ株式会社",
        "関東財務局長(電代)第1号",
        "03-0000-0000",
        "https://creco.example/disclosure",
        "普通預金（口座番号下3桁 026）",
        "貯蓄預金（口座番号下3桁 011）",
        "口座情報・明細情報へのアクセス",
        "2026年11月25日 10時15分",
        "2026年12月25日 10時15分まで",
        "あと30日",
        "前回のご利用の記録はありません。",
        "停止（連携の解除）はすぐに行われ、取り消せません。",
        "苦情は、アイ・ティ・リアライズ株式会社（03-0000-0000）へお問い合わせください。",
        "この口座で本人確認をした連携のため、停止すると、この連携に含まれるすべての口座の連携が終了します。",
        "許可（お客様）",
    ] {
        assert!(text.contains(part), "the page lacks {part}: {text}");
    }
    assert!(!text.contains("最終利用日"), "what is not known is left out");
    assert!(!browser.page().html().contains("1100026") && !browser.page().html().contains("2200011"), "three digits");
    assert_eq!(browser.answer.headers["cache-control"], "no-store");
    assert_eq!(browser.answer.headers["refresh"], "301");

    // A resource server asks about a token: the page shows the day, and not the minute.
    assert!(w.accounts_api().introspect(&kakeibo.access_token).await["active"] == true);
    w.write_uses().await;
    browser.reload().await;
    let text = browser.page().text();
    assert!(text.contains("最終利用日"), "{text}");
    let used = text.split("最終利用日").nth(1).unwrap();
    let shown: String = used.trim_start().chars().take(20).collect();
    assert!(shown.starts_with("2026年11月25日") && !shown.contains('時'), "{shown}");

    stop(&mut browser, &creco.grant_id).await;
    let text = browser.page().text();
    assert!(text.contains("しんくみアプリwithCRECOとの連携を停止しました"), "{text}");
    assert!(text.contains("1件"), "{text}");
    assert!(!active(w, &creco).await && active(w, &kakeibo).await);
    w.expect_events(&["grant.revoked"]).await;
    assert_eq!(w.recorded("interaction.link.stopped").await, 1);

    browser.open(&format!("{}/ended", browser.interaction())).await;
    let text = browser.page().text();
    assert!(text.contains("お客様による停止") && text.contains("終了（お客様による停止）"), "{text}");
    assert!(!text.contains("かけいぼ"), "what goes on has not ended: {text}");

    // The next visit says when this one was.
    w.clock.advance(Duration::from_secs(3600));
    let again = page_of(w).await.page().text();
    let said = "前回のご利用：2026年11月25日 10時15分。お心当たりのない場合は、お問い合わせ先へご連絡ください。";
    assert!(again.contains(said), "{again}");
}

async fn every_link_is_stopped_at_once(w: &Town) {
    let links = [w.link(&w.creco(), &mut w.browser()).await, w.link(&w.kakeibo(), &mut w.browser()).await];
    let mut browser = page_of(w).await;
    browser.press("stop_all", &[]).await;
    assert!(browser.page().text().contains("2件の連携を停止しました"), "{}", browser.page().text());
    assert!(browser.page().text().contains("サービスはありません。"), "{}", browser.page().text());
    for tokens in &links {
        assert!(!active(w, tokens).await);
    }
    // A link that ended while the page was open is told of, and nothing else happens.
    let third = w.link(&w.creco(), &mut w.browser()).await;
    browser.reload().await;
    w.revoke_by_staff(&third.grant_id).await;
    stop(&mut browser, &third.grant_id).await;
    assert!(browser.page().text().contains("すでに終了していました"), "{}", browser.page().text());
    browser.open(&format!("{}/ended", browser.interaction())).await;
    assert!(browser.page().text().contains("当信用組合による停止"), "{}", browser.page().text());
}

async fn one_account_of_a_link_is_stopped(w: &Town) {
    let tokens = link_both(w, &w.kakeibo(), &mut w.browser()).await;
    let mut browser = page_of(w).await;
    let form = browser.page().form_with("narrow").expect("the account that was not verified can be stopped alone");
    let fields: Vec<_> = form.fields.into_iter().chain([("action".to_owned(), "narrow".to_owned())]).collect();
    // The account of somebody else is none, and neither is the link of somebody else.
    for (name, value) in [("account", "acct-of-somebody-else"), ("grant", "grant-of-somebody-else")] {
        let change = |(n, v): &(String, String)| match n.as_str() {
            "step" => (n.clone(), step(&browser)),
            n if n == name => (n.to_owned(), value.to_owned()),
            _ => (n.clone(), v.clone()),
        };
        let (forged, url) = (fields.iter().map(change).collect::<Vec<_>>(), browser.url.clone());
        let answer = browser.post(&url, &forged).await;
        browser.follow(&url, answer).await;
        assert!(browser.page().text().contains("貯蓄預金（口座番号下3桁 011）"), "{name}: {}", browser.page().text());
    }
    browser.press("narrow", &[]).await;
    let text = browser.page().text();
    assert!(text.contains("かけいぼとの連携から、口座を1つ外しました"), "{text}");
    assert!(text.contains("内容の縮小（お客様）") && !text.contains("口座番号下3桁 011"), "{text}");
    assert!(browser.page().form_with("narrow").is_none(), "the last account is stopped with the link");
    let heard = w.accounts_api().introspect(&tokens.access_token).await;
    assert_eq!(heard["authorization_details"][0]["accounts"].as_array().map(Vec::len), Some(1), "{heard}");
    w.expect_events(&["grant.updated"]).await;
}

async fn a_receipt_says_what_was_agreed_also_after_the_end(w: &Town) {
    let tokens = link_both(w, &w.kakeibo(), &mut w.browser()).await;
    let mut browser = page_of(w).await;
    let links = browser.url.clone();
    let url = format!("{}/receipt/{}", browser.interaction(), tokens.grant_id);
    browser.open(&url).await;
    let before = browser.page().text();
    for part in [
        "連携の控え",
        "受付番号",
        "かけいぼ",
        "関東財務局長(電代)第1号",
        "口座の科目、口座番号、残高",
        "入出金明細（約3か月分）",
        "お客様を見分けるための番号",
        "普通預金（口座番号下3桁 026） 貯蓄預金（口座番号下3桁 011）",
        "普通預金 店番 ＊＊＊ 口座番号 ＊＊＊＊026",
        "30日 2026年12月25日（金）10時15分まで",
        "期間を過ぎると連携は終わります。",
        "当信用組合のAPI利用規定を確認し、同意します。",
        "API利用規定の版：2026-04",
        "連携中（2026年12月25日 10時15分まで）",
    ] {
        assert!(before.contains(part), "the receipt lacks {part}: {before}");
    }
    assert!(!browser.page().html().contains("1100026"));
    for (box_of, ticked) in [
        ("普通預金 店番", true),
        ("貯蓄預金 店番", true),
        ("当信用組合のAPI利用規定を確認し、同意します。", true),
        ("次のお知らせもメールで受け取ります。", false),
    ] {
        let mark = if ticked { "チェックあり" } else { "チェックなし" };
        assert!(before.contains(&format!("{mark} {box_of}")), "{box_of}: {before}");
    }
    let (_, agreed) =
        browser.page().html().split_once("class=\"agreed\"").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert!(!agreed.split("</div>").next().unwrap().contains("新しいタブ"), "{agreed}");
    browser.open(&links).await;
    stop(&mut browser, &tokens.grant_id).await;
    assert!(browser.page().form_with("extend").is_none(), "nothing is left to go on with");
    browser.open(&url).await;
    let after = browser.page().text();
    let then = "終了するまで連携していた口座 普通預金（口座番号下3桁 026） 貯蓄預金（口座番号下3桁 011）";
    assert!(after.contains(then), "{after}");
    assert!(after.contains("2026年11月25日 10時15分に終了（お客様による停止）"), "{after}");
    // It is shown for a year after the end, and no longer.
    for (days, there) in [(364, true), (366, false)] {
        w.set_clock("2026-11-25T10:15:00+09:00");
        w.clock.advance(Duration::from_hours(days * 24));
        let mut later = page_of(w).await;
        let at = later.interaction();
        later.open(&format!("{at}/receipt/{}", tokens.grant_id)).await;
        assert_eq!(later.page().text().contains("に終了（お客様による停止）"), there, "after {days} days");
        later.open(&format!("{at}/ended")).await;
        assert_eq!(later.page().text().contains("かけいぼ"), there, "after {days} days");
    }
}

async fn only_the_browser_that_passed_the_checks_sees_anything(w: &Town) {
    let tokens = w.link(&w.creco(), &mut w.browser()).await;
    let mut browser = page_of(w).await;
    let mut stranger = w.browser();
    for path in ["links", "ended", &format!("receipt/{}", tokens.grant_id)] {
        stranger.open(&format!("{}/{path}", browser.interaction())).await;
        assert_eq!(stranger.status(), 403, "{path}");
        assert!(!stranger.page().text().contains("CRECO"), "{path}");
    }
    let fields = |step: String| {
        vec![("step".to_owned(), step), ("grant".into(), tokens.grant_id.clone()), ("action".into(), "stop".into())]
    };
    // With the step token but without the cookie; then with the cookie from another site; then with a token used before.
    let url = browser.url.clone();
    assert_eq!(stranger.post(&url, &fields(step(&browser))).await.status, 403);
    let forged = RequestParts::default().form(&fields(step(&browser))).header("sec-fetch-site", "cross-site");
    assert_eq!(browser.request("POST", &url, forged).await.status, 403);
    let used = step(&browser);
    browser.press("extend", &[]).await;
    let answer = browser.post(&url, &fields(used)).await;
    browser.follow(&url, answer).await;
    assert_eq!(browser.screen(), "links");
    assert!(active(w, &tokens).await, "nothing was stopped");
    // And nothing is shown before ⑤.
    let mut early = w.browser();
    early.open("/my").await;
    early.account("115-1100026").await;
    for path in ["links", "ended", &format!("receipt/{}", tokens.grant_id)] {
        early.open(&format!("{}/{path}", early.interaction())).await;
        assert_eq!(early.screen(), "customer", "{path}");
        assert!(!early.page().text().contains("CRECO"));
    }
}

async fn nobody_sees_or_stops_the_links_of_somebody_else(w: &Town) {
    let app = w.kakeibo();
    let mut hanako = w.browser();
    let pending = app.ask_directly("accounts");
    hanako.open(&pending.url).await;
    hanako.walk_to_consent(w, "005-0000123", &Customer::hanako(), "9182").await;
    let brought = hanako.allow().await;
    let hers = app.exchange(&pending, &brought).await;
    let mut browser = page_of(w).await;
    assert!(browser.page().text().contains("サービスはありません。"), "{}", browser.page().text());
    stop(&mut browser, &hers.grant_id).await;
    assert_eq!(browser.screen(), "links");
    assert!(!browser.page().text().contains("かけいぼ"), "{}", browser.page().text());
    browser.open(&format!("{}/receipt/{}", browser.interaction(), hers.grant_id)).await;
    assert_eq!(browser.screen(), "links", "a link of somebody else is like none");
    assert!(active(w, &hers).await);
    // What ended long before this holder had the account is not theirs either.
    let world = w.world();
    let app = world.app("earlier").await;
    let before = world.allow(&app).await;
    world.end(&before.grant, renkei_core::grant::Reason::Customer).await;
    browser.open(&format!("{}/ended", browser.interaction())).await;
    assert!(!browser.page().text().contains("earlier"), "{}", browser.page().text());
    browser.open(&format!("{}/receipt/{}", browser.interaction(), before.grant)).await;
    assert_eq!(browser.screen(), "links");
}

async fn no_code_ever_comes_of_it(w: &Town) {
    let mut browser = page_of(w).await;
    let codes = "select count(*) from codes";
    assert_eq!(w.count(codes).await, 0);
    let at = browser.interaction();
    for screen in ["consent", "links", "pin", "account"] {
        for action in ["allow", "deny", "return", "next"] {
            let fields = vec![
                ("step".to_owned(), step(&browser)),
                ("agree".into(), "yes".into()),
                ("action".into(), action.into()),
            ];
            let url = format!("{at}/{screen}");
            let answer = browser.post(&url, &fields).await;
            browser.follow(&url, answer).await;
            assert_eq!((browser.screen(), browser.status()), ("links", 200), "{screen} {action}");
        }
    }
    // Under the addresses of a link this interaction does not exist, and the other way round.
    let own = at.rsplit_once('/').unwrap().1.to_owned();
    assert_eq!(browser.clone().open(&format!("/link/{own}/consent")).await.status(), 403);
    browser.open(&w.creco().push("accounts").await.url).await;
    let link = browser.interaction().rsplit_once('/').unwrap().1.to_owned();
    assert_eq!(browser.clone().open(&format!("/my/{link}/account")).await.status(), 403);
    assert_eq!((w.count(codes).await, w.count("select count(*) from consents").await), (0, 0));
}

async fn a_link_and_the_own_page_stand_in_one_browser(w: &Town) {
    let app = w.creco();
    let first = w.link(&app, &mut w.browser()).await;
    let mut linking = w.browser();
    let pending = app.push("accounts").await;
    linking.open(&pending.url).await;
    linking.walk_to(w, "consent").await;
    // ⑥ names the page and opens it in a new tab: the same cookies, another address.
    assert!(linking.page().links().contains(&"/my".to_owned()), "{:?}", linking.page().links());
    let mut own = linking.clone();
    walk(w, &mut own).await;
    stop(&mut own, &first.grant_id).await;
    assert!(!active(w, &first).await);
    // Whoever opens the page anew ends the earlier one; the link goes on.
    let (earlier, mut anew) = (own.url.clone(), own.clone());
    anew.open("/my").await;
    assert_eq!(own.open(&earlier).await.screen(), "expired");
    linking.cookies = anew.cookies.clone();
    let brought = linking.allow().await;
    let second = app.exchange(&pending, &brought).await;
    assert!(active(w, &second).await);
}

async fn a_closure_after_five_prevents_no_stop(w: &Town) {
    let tokens = w.link(&w.creco(), &mut w.browser()).await;
    w.set_clock("2026-12-12T23:48:00+09:00");
    let mut browser = page_of(w).await;
    w.set_clock("2026-12-12T23:50:30+09:00");
    let asked = w.bank.pin_checks();
    stop(&mut browser, &tokens.grant_id).await;
    assert!(browser.page().text().contains("停止しました"), "{}", browser.page().text());
    assert!(!active(w, &tokens).await);
    assert_eq!(w.bank.pin_checks(), asked, "a stop needs no core bank");
    // Who comes during the closure reads when it opens again, and what can be done meanwhile.
    let mut late = w.browser();
    late.open("/my").await;
    assert_eq!((late.status(), late.screen()), (503, "closed"));
    let text = late.page().text();
    let said = "ただ今の時間は、この画面をご利用いただけません。2026年12月13日 7時00分から再開します。アプリの画面で連携を解除することもできます。お電話でも連携を停止できます（0120-000-000、平日9時～17時）。";
    assert!(text.contains(said), "{text}");
    assert!(!text.contains("連携元画面へ"), "{text}");
    late.press("finish", &[]).await;
    assert_eq!((late.screen(), late.status()), ("cancelled", 200));
}

async fn who_is_locked_or_comes_too_late_reads_how_to_stop_all_the_same(w: &Town) {
    let mut browser = w.browser();
    browser.open("/my").await;
    browser.account("115-1100026").await;
    for _ in 0..3 {
        customer(&mut browser, &Customer::taro().born("1985", "4", "13")).await;
    }
    let said = "API連携認証が一時停止中のため、この画面でのお手続きはできません。お電話でも連携を停止できます（0120-000-000、平日9時～17時）。";
    assert_eq!((browser.status(), browser.screen()), (403, "locked"));
    assert!(browser.page().text().contains(said), "{}", browser.page().text());
    let mut again = w.browser();
    again.open("/my").await;
    again.account("115-1100026").await;
    customer(&mut again, &Customer::taro()).await;
    assert_eq!((again.status(), again.screen()), (403, "locked"));
    assert!(again.page().text().contains(said) && again.page().text().contains("B84"), "{}", again.page().text());
    again.press("finish", &[]).await;
    assert!(again.page().text().contains("この画面を閉じてください。"), "{}", again.page().text());
    assert!(again.page().form_with("finish").is_none(), "there is nothing left to end");
}

async fn after_the_end_back_shows_nothing(w: &Town) {
    let tokens = w.link(&w.creco(), &mut w.browser()).await;
    let mut browser = page_of(w).await;
    let at = browser.interaction();
    browser.press("finish", &[]).await;
    assert_eq!(browser.screen(), "cancelled");
    assert!(
        browser.page().text().contains("「連携サービスの確認・停止」を終了しました。"),
        "{}",
        browser.page().text()
    );
    for path in ["links", "ended", &format!("receipt/{}", tokens.grant_id)] {
        browser.open(&format!("{at}/{path}")).await;
        assert_eq!(browser.screen(), "cancelled", "{path}");
        assert!(!browser.page().text().contains("CRECO"), "{path}");
    }
    // Five minutes without a step end it as well, twenty in all too.
    let mut idle = page_of(w).await;
    w.clock.advance(Duration::from_secs(299));
    assert_eq!(idle.reload().await.screen(), "links");
    w.clock.advance(Duration::from_secs(300));
    assert_eq!(idle.reload().await.screen(), "expired");
    let mut long = page_of(w).await;
    for _ in 0..4 {
        w.clock.advance(Duration::from_secs(290));
        assert_eq!(long.press("extend", &[]).await.screen(), "links");
    }
    w.clock.advance(Duration::from_secs(40));
    assert_eq!(long.reload().await.screen(), "expired");
    assert!(active(w, &tokens).await);
    // What a stopped page leaves in the store holds neither account nor telephone number in the clear.
    let stored = w.store_bytes().await;
    for plain in ["1100026", "09012343333"] {
        assert!(!stored.windows(plain.len()).any(|part| part == plain.as_bytes()), "{plain} is stored in the clear");
    }
}

async fn wrong_answers_count_together_with_those_of_a_link(w: &Town) {
    let mut linking = w.browser();
    linking.open(&w.creco().push("accounts").await.url).await;
    linking.account("115-1100026").await;
    for _ in 0..2 {
        linking.customer(&Customer::taro().born("1985", "4", "13")).await;
    }
    let mut browser = w.browser();
    browser.open("/my").await;
    browser.account("115-1100026").await;
    customer(&mut browser, &Customer::taro().born("1985", "4", "13")).await;
    assert_eq!(browser.screen(), "locked", "it is no second place to guess");
    assert_eq!(w.locks().await.len(), 1);
}

async fn it_is_there_in_english(w: &Town) {
    w.link(&w.creco(), &mut w.browser()).await;
    let mut browser = w.browser();
    browser.open("/my?ui_locales=en").await;
    walk_on(w, &mut browser, "115-1100026", &Customer::taro(), "4071").await;
    let text = browser.page().text();
    for part in
        ["Check and stop linked services", "One service receives", "30 days left", "cannot be undone", "Allowed (you)"]
    {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    browser.open(&format!("{}?ui_locales=ja", browser.url)).await;
    assert!(browser.page().text().contains("あと30日"));
}

async fn a_remembered_proofing_never_opens_it_and_a_stop_forgets_it(w: &Town) {
    let own = json!({"scope": "openid accounts transactions", "proofing_memory": "10m"});
    let app = w.oidc_app("memo", own).await;
    let mut browser = w.browser();
    let tokens = w.link(&app, &mut browser).await;
    let sessions = "select count(*) from proofings";
    assert_eq!(w.count(sessions).await, 1, "this browser is remembered");
    walk(w, &mut browser).await;
    assert_eq!(w.count(sessions).await, 1);
    stop(&mut browser, &tokens.grant_id).await;
    assert_eq!(w.count(sessions).await, 0, "a stop forgets it");
    browser.open(&app.ask_directly("accounts").url).await;
    assert_eq!(browser.screen(), "account", "the checks are needed again");
}

async fn a_number_staffed_at_night_is_named(w: &Town) {
    w.set_clock("2026-12-12T23:50:30+09:00");
    let mut late = w.browser();
    late.open("/my").await;
    assert!(late.page().text().contains("0120-000-009"), "{}", late.page().text());
}

/// Who ticked the box on ⑥ sees the address masked, and takes it back; the link goes on. Somebody else's grant changes nothing.
async fn notices_are_taken_back_with_one_press(w: &Town) {
    let app = w.creco();
    let mut browser = w.browser();
    let pending = app.push("accounts").await;
    browser.open(&pending.url).await;
    browser.walk_to(w, "consent").await;
    browser.press("allow", &[("agree", "yes"), ("notices", "yes")]).await;
    let linked = app.exchange(&pending, &browser.handed_to_app()).await;
    let mut own = page_of(w).await;
    assert!(own.page().text().contains("t***@example.jp"), "{}", own.page().text());
    assert!(!own.answer.body.contains("taro@example.jp"));

    let take_back = async |own: &mut Browser, grant: &str| {
        let mut fields = own.filled("finish", &[]);
        fields.retain(|(name, _)| name == "step");
        fields.extend([("action", "no_mail"), ("grant", grant)].map(|(n, v)| (n.to_owned(), v.to_owned())));
        let url = own.url.clone();
        let answer = own.post(&url, &fields).await;
        own.follow(&url, answer).await;
    };
    take_back(&mut own, "somebody-elses-grant").await;
    assert!(own.page().text().contains("t***@example.jp"));
    take_back(&mut own, &linked.grant_id).await;
    let text = own.page().text();
    assert!(!text.contains("t***@example.jp"), "{text}");
    assert!(text.contains("今後お送りしません") && text.contains("連携は続いています"), "{text}");
    assert!(active(w, &linked).await, "the link goes on");
    assert_eq!(w.recorded("grant.address.taken_back").await, 1);
}

/// The texts of the program change: the receipt does not.
async fn a_receipt_says_what_was_agreed_in_the_words_of_then(w: &Town) {
    let tokens = link_both(w, &w.kakeibo(), &mut w.browser()).await;
    let then = "期間を過ぎると連携は終わります。";
    let changed =
        "update consent_words set text = replace(text, '期間を過ぎると連携は終わります。', '当時の文です。{{')";
    assert!(w.write(move |tx| tx.execute(changed, &[])).await > 0);
    let mut browser = page_of(w).await;
    let (links, url) = (browser.url.clone(), format!("{}/receipt/{}", browser.interaction(), tokens.grant_id));
    browser.open(&url).await;
    let text = browser.page().text();
    assert!(text.contains("当時の文です。{") && !text.contains(then), "{text}");
    for part in ["許可されたときに画面に表示した内容", "現在連携している口座", "チェックを入れた口座だけを連携します。"]
    {
        assert!(text.contains(part), "the receipt lacks {part}: {text}");
    }
    assert!(!text.contains("現在の画面の文"), "{text}");
    for button in ["許可する", "拒否する"] {
        assert!(!browser.page().html().contains(&format!("<p>{button}</p>")), "{button} is no sentence");
    }
    let issuer = browser.issuer().to_owned();
    let how =
        format!("「連携サービスの確認・停止」（{issuer}/my）、アプリの画面、お電話（0120-000-000、平日9時～17時）で");
    assert!(text.contains(&how), "{text}");
    assert!(!browser.page().html().contains("1100026") && !browser.page().html().contains("2200011"), "three digits");
    // In English the frame is English, and the words are those that were read.
    browser.open(&format!("{url}?ui_locales=en")).await;
    let english = browser.page().text();
    assert!(
        english.contains("What the screen said when you allowed it") && english.contains("当時の文です。"),
        "{english}"
    );
    // A record of an earlier release has no words: today's, and it says so.
    w.write(|tx| tx.execute("update consents set words = null", &[])).await;
    browser.open(&format!("{url}?ui_locales=ja")).await;
    let text = browser.page().text();
    assert!(text.contains("許可されたときの画面の記録がないため、現在の画面の文で表示しています。"), "{text}");
    assert!(text.contains(then) && !text.contains("当時の文です。"), "{text}");
    // What has ended can no longer be stopped.
    browser.open(&links).await;
    stop(&mut browser, &tokens.grant_id).await;
    browser.open(&url).await;
    assert!(!browser.page().text().contains("停止（連携の解除）の方法"), "{}", browser.page().text());
}

async fn the_first_change_of_a_link_is_named(w: &Town) {
    let own = w.bank.ids("115-ordinary-1100026").await;
    let (one, both) = (vec![own[0].as_str()], vec![own[0].as_str(), own[1].as_str()]);
    for (n, before, action, chosen, said) in [
        (1, &one, "merge", vec![own[1].as_str()], "内容の追加（アプリ）"),
        (2, &one, "merge", vec![], "期間の更新（アプリ）"),
        (3, &both, "replace", one.clone(), "内容の縮小（アプリ）"),
        (4, &both, "replace", both.clone(), "期間の更新（アプリ）"),
    ] {
        let app = crate::grant_management::client(w, &format!("budget-{n}")).await;
        let first = crate::grant_management::linked(w, &app, "openid accounts", before, &[]).await;
        let id = first["grant_id"].as_str().unwrap().to_owned();
        w.clock.advance(Duration::from_secs(60));
        let change = [("grant_management_action", action), ("grant_id", id.as_str())];
        let (pending, mut browser) = crate::grant_management::asked(w, &app, "openid accounts", &change).await;
        crate::rar::allow(&mut browser, &chosen).await;
        crate::grant_management::redeemed(&app, &pending, &browser).await.expect(200);
        let mut own_page = page_of(w).await;
        own_page.open(&format!("{}/receipt/{id}", own_page.interaction())).await;
        let text = own_page.page().text();
        assert!(text.contains(said) && !text.contains("内容の変更"), "{action} {n}: {text}");
    }
}
