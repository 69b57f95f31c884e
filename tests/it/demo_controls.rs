//! What a developer has in the demo beside a link: the customer's own page, the bank's reports, the clock, and accounts that
//! fail on purpose (requirements.md#demo).

use crate::demo_link::{Person, holds};
use crate::support::browser::Customer;
use crate::support::demo::{Demo, json_of};
use crate::support::http::{Answer, RequestParts};
use renkei_core::clock::{Clock, SystemClock};
use renkei_server::web::routes;
use serde_json::json;
use std::time::{Duration, Instant};

const DAY: i64 = 86_400;

impl Person {
    /// The app's page without white space, once it holds a text so many times.
    async fn see_soon(&mut self, text: &str, times: usize) -> String {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let page: String = self.see().await.split_whitespace().collect();
            if page.matches(text).count() >= times {
                return page;
            }
            assert!(Instant::now() < until, "{text} does not come: {page}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    /// Presses a button of the simulator, as its page does.
    async fn simulator_form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let fields: Vec<_> = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let origin = self.simulator.issuer.clone();
        let form = RequestParts::default().form(&fields).header("origin", origin);
        self.simulator.send("POST", path, form.header("sec-fetch-site", "same-origin")).await
    }
    /// Presses the button of the clock, and says what it shows.
    async fn day(&self) -> i64 {
        let answer = self.simulator.send("POST", "/day", RequestParts::default()).await.expect(200).json();
        let now = answer["now"].as_str().unwrap_or_else(|| panic!("{answer}"));
        chrono::DateTime::parse_from_rfc3339(now).unwrap().timestamp()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_customer_stops_a_link_on_the_own_page_and_the_app_says_so() {
    let demo = Demo::start(&[]);
    let mut person = Person::at(&demo);
    let before = person.app.open(&format!("{}/", demo.app())).await.page();
    let own = format!("{}/my?ui_locales=ja", demo.issuer());
    assert!(before.links().contains(&own), "{:?}", before.links());
    person.link().await;
    let links = person.app.page().links();
    assert!(links.contains(&own), "{links:?}");
    person.bank.open(&own).await;
    person.bank.account("115-1100026").await;
    let typed = [("birth_year", "1985"), ("birth_month", "4"), ("birth_day", "12"), ("phone", "09012343333")];
    person.bank.press("next", &typed).await;
    person.prove().await;
    assert_eq!(person.bank.screen(), "links", "{}", person.bank.page().text());
    holds(&person.bank.page().text(), &["連携サービスの確認・停止", "しんくみアプリwithCRECO"]);
    person.bank.press("stop", &[]).await;
    holds(&person.bank.page().text(), &["連携を停止しました"]);
    let page = person.see_soon("お客様が連携を停止しました", 1).await;
    holds(&page, &["口座を連携する"]);
    assert!(demo.stop("-TERM").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_of_the_bank_ends_a_link_and_the_app_says_so() {
    let demo = Demo::start(&[]);
    let mut person = Person::at(&demo);
    let page = person.simulator.get("/").await.expect(200).page();
    holds(&page.text(), &["銀行からの報告", "移管", "解約", "死亡", "取引停止", "115-ordinary-1100026"]);
    assert!(!page.html().contains("1100042"), "there is nothing to report of a closed account");
    for (n, change) in ["transferred", "closed", "deceased", "stopped"].into_iter().enumerate() {
        person.link().await;
        let report = [("account", "115-ordinary-1100026"), ("type", change)];
        assert_eq!(person.simulator_form("/reports", &report).await.expect(303).location(), "/");
        let page = person.see_soon("口座の移管・解約等により連携が終了しました", n + 1).await;
        assert!(!page.contains("連携を解除"), "{change}: {page}");
    }
    // A link that only shares the account loses it.
    person.leave("/").await;
    person.bank.account("115-1100026").await;
    person.bank.customer(&Customer::taro()).await;
    person.prove().await;
    let mut form = person.bank.filled("allow", &[("agree", "yes")]);
    form.retain(|(name, _)| name != "account");
    for id in person.bank.page().html().split("name=\"account\" value=\"").skip(1) {
        form.push(("account".into(), id.split('"').next().unwrap().into()));
    }
    let url = person.bank.url.clone();
    let answer = person.bank.post(&url, &form).await;
    let back = person.bank.follow(&url, answer).await.url.clone();
    person.app.open(&back).await;
    holds(&person.app.page().text(), &["115-1100026", "115-2200011"]);
    let report = json!({"account": "115-savings-2200011", "type": "closed"}).to_string();
    person.simulator.send("POST", "/reports", RequestParts::default().json(report)).await.expect(202);
    let page = person.see_soon("連携の内容が変わりました", 1).await;
    assert!(page.contains("115-1100026") && !page.contains("115-2200011"), "{page}");

    let page = person.simulator.get("/").await.page().text();
    holds(&page, &["解約 115-savings-2200011受け付けられました", "移管 115-ordinary-1100026受け付けられました"]);
    for (account, change) in [("115-ordinary-1100026", "eaten"), ("115-ordinary-1100042", "closed")] {
        person.simulator_form("/reports", &[("account", account), ("type", change)]).await.expect(422);
    }
    let elsewhere = RequestParts::default().header("sec-fetch-site", "same-site");
    person.simulator.send("POST", "/reports", elsewhere.clone()).await.expect(403);
    person.simulator.send("POST", "/day", elsewhere).await.expect(403);
    assert!(demo.stop("-TERM").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_days_pass_by_thirty_presses() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("demo");
    let demo = Demo::start(&["--data", data.to_str().unwrap()]);
    let mut person = Person::at(&demo);
    holds(&person.link().await, &["115-1100026"]);
    let page = person.simulator.get("/").await.expect(200).page().text();
    holds(&page, &["デモの時計", "デモの外のクライアントとは時刻が合わなくなります"]);
    let begin = SystemClock.now().secs();
    let warned = |page: &str| page.matches("（通知）期限が近づいたことのお知らせ").count();
    for n in 1..=30 {
        let now = person.day().await;
        assert!((n * DAY..n * DAY + 3600).contains(&(now - begin)), "press {n}: {now}");
        // Not a minute more than a day, beside the time that really passes.
        let passed = SystemClock.now().secs() - begin;
        assert!((now - begin - n * DAY - passed).abs() <= 2, "press {n}: {now}");
        // It is warned of in a moment, once, and not before its day.
        let notices = match n {
            22 => 0,
            23 | 28 => 1,
            29 => 2,
            _ => continue,
        };
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let page = person.see_soon("（予定）連携の期間が終わります", 1).await;
            assert!(warned(&page) <= notices && page.contains("連携を解除"), "press {n}: {page}");
            if warned(&page) == notices {
                break;
            }
            assert!(Instant::now() < until, "press {n}: no notice came: {page}");
        }
    }
    let page = person.see_soon("（通知）連携の期間が終わりました", 1).await;
    assert_eq!(warned(&page), 2, "{page}");
    holds(&page, &["口座を連携する"]);
    assert!(!page.contains("終わります"), "what is over is not said to come: {page}");
    // The form of the page leads back to it, and a link can be made at the new time.
    assert_eq!(person.simulator_form("/day", &[]).await.expect(303).location(), "/");
    holds(&person.link().await, &["115-1100026", "連携を解除"]);
    // Nothing is lost by who presses as fast as the button answers: what was due is done before the answer.
    for _ in 1..=30 {
        person.day().await;
    }
    let page = person.see_soon("（通知）連携の期間が終わりました", 2).await;
    assert_eq!(warned(&page), 4, "{page}");
    person.link().await;
    assert!(demo.stop("-TERM").success());

    // Who comes again finds the clock where it was, and so does a command.
    let renkei = |args: &[&str]| json_of(&data, args);
    let list = renkei(&["grant", "list", "--account", "115-ordinary-1100026", "--reason", "the customer asks"]);
    let active = list.to_string().matches("\"state\":\"active\"").count();
    assert_eq!(active, 1, "{list}");
    let demo = Demo::start(&["--data", data.to_str().unwrap()]);
    let person = Person::at(&demo);
    assert!(person.day().await - begin >= 62 * DAY, "one day more than before");
    renkei(&["audit", "verify"]);
    assert!(demo.stop("-TERM").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn some_accounts_fail_on_purpose() {
    let demo = Demo::start(&[]);
    let mut person = Person::at(&demo);
    for (account, born, phone, said) in [
        ("115-1100042", ("1979", "6", "30"), "09011110042", "ご指定の口座は、本サービスではお取り扱いできません"),
        ("011-1111111", ("1968", "11", "3"), "09011111111", "ご指定の口座は、本サービスではお取り扱いできません"),
        ("115-1100068", ("1983", "5", "5"), "09011110068", "ただ今受付が混雑しております"),
        ("115-1100076", ("1977", "7", "7"), "09011110076", "調整のため連絡ができなくなりました"),
        ("115-1100084", ("1991", "9", "9"), "09011110084", "理由コードはB84です"),
    ] {
        person.leave("/").await;
        person.bank.account(account).await;
        person.bank.customer(&Customer::taro().born(born.0, born.1, born.2).with_phone(phone)).await;
        holds(&person.bank.page().text(), &[said]);
    }
    // The lock ends at midnight: within a day.
    person.day().await;
    person.leave("/").await;
    person.bank.account("115-1100084").await;
    person.bank.customer(&Customer::taro().born("1991", "9", "9").with_phone("09011110084")).await;
    assert_eq!(person.bank.screen(), "phone", "{}", person.bank.page().text());
    assert!(demo.stop("-TERM").success());
}

/// `serve` has none of it: neither on its public listener nor for staff.
#[test]
fn a_server_has_no_such_address() {
    let mut rows = Vec::new();
    let _ = actix_web::App::new().configure(|cfg| {
        rows = routes::public(cfg);
        rows.extend(routes::staff(cfg));
    });
    assert!(rows.len() > 20, "the table was not read");
    for row in rows {
        let words = ["day", "clock", "time", "reports", "calls", "mail"];
        assert!(!row.path.split('/').any(|part| words.contains(&part)), "{}", row.path);
    }
}
