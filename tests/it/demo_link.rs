//! A link in the demo, over the wire and without script: app, screens, telephone, mail, account API, and the ways it
//! ends (requirements.md#demo).

use crate::support::browser::{Browser, Customer};
use crate::support::demo::{Demo, json_of};
use crate::support::http::{Answer, Http, RequestParts};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A person's browser: what a browser keeps apart by cookie stands apart here by place.
pub(crate) struct Person {
    pub app: Browser,
    pub bank: Browser,
    pub simulator: Http,
    home: String,
}

fn client_at(url: &str) -> Http {
    let port = url.rsplit(':').next().unwrap().parse::<u16>().unwrap();
    Http::new(([127, 0, 0, 1], port).into(), url)
}

impl Person {
    pub(crate) fn at(demo: &Demo) -> Self {
        let browser = |url: &str| Browser::new(client_at(url), "127.0.0.1");
        Self {
            app: browser(&demo.app()),
            bank: browser(&demo.issuer()),
            simulator: client_at(&demo.simulator()),
            home: demo.app(),
        }
    }
    /// Presses the app's button and goes where it leads.
    pub(crate) async fn leave(&mut self, page: &str) {
        let page = format!("{}{page}", self.home);
        self.app.open(&page).await;
        assert_eq!(self.app.status(), 200, "{}", self.app.page().text());
        self.app.press("link", &[]).await;
        let away = self.app.url.clone();
        self.bank.open(&away).await;
        assert_eq!(self.bank.screen(), "account", "{}", self.bank.page().text());
    }
    /// Walks through all six screens.
    async fn walk(&mut self) {
        self.bank.account("115-1100026").await;
        self.bank.customer(&Customer::taro()).await;
        self.prove().await;
        self.bank.allow().await;
    }
    /// ③ to ⑤, with a call from the simulator.
    pub(crate) async fn prove(&mut self) {
        let to = self.bank.settle_phone().await;
        let call = json!({"from": "09012343333", "to": to, "withheld": false}).to_string();
        self.simulator.send("POST", "/calls", RequestParts::default().json(call)).await.expect(202);
        self.bank.confirm_call().await;
        self.bank.pin("4071").await;
    }
    /// Comes back to the app with what the server gave along.
    async fn come_back(&mut self) -> String {
        let back = self.bank.url.clone();
        self.app.open(&back).await;
        self.app.page().text()
    }
    pub(crate) async fn see(&mut self) -> String {
        let url = format!("{}/", self.home);
        self.app.open(&url).await;
        self.app.page().text()
    }
    pub(crate) async fn link(&mut self) -> String {
        self.leave("/").await;
        self.walk().await;
        self.come_back().await
    }
}

pub(crate) fn holds(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "{part} is not on the page: {page}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_shows_the_account_and_ends_by_the_app() {
    let demo = Demo::start(&[]);
    let mut person = Person::at(&demo);
    let page = person.link().await;
    holds(&page, &["みなと信用組合", "普通預金", "115-1100026", "残高", "円", "入出金明細", "連携を解除"]);
    holds(
        &page,
        &[
            "お客様が許可しました",
            "連携が始まりました",
            "アクセストークンを受け取りました",
            "期限が近づいたことのお知らせ",
            "連携の期間が終わります",
        ],
    );
    assert!(!page.contains("grant.") && !page.contains("consent."), "people see sentences: {page}");
    let html = person.app.page().html().to_owned();
    let primary: Vec<&str> =
        html.split("primary\" name=\"action\" value=\"").skip(1).filter_map(|t| t.split('"').next()).collect();
    assert_eq!(primary, ["refresh"], "the accounts come first, another link second");
    assert!(!page.contains("2200011"), "the savings account was not ticked");
    println!("{} KiB resident after a link", demo.resident_kib());

    let mail = mail(&person.simulator).await;
    assert_eq!(mail["to"], "taro@example.jp");
    assert!(mail["subject"].as_str().unwrap().contains("完了のお知らせ"), "{mail}");
    holds(mail["text"].as_str().unwrap(), &["しんくみアプリwithCRECO", "026"]);
    assert!(!mail["text"].as_str().unwrap().contains("1100026"), "a mail never holds the whole number");

    person.app.press("refresh", &[]).await;
    holds(&person.app.page().text(), &["最新の情報に更新しました", "残高"]);
    person.app.press("revoke", &[]).await;
    let page = person.app.page().text();
    holds(&page, &["連携が解除されました", "口座を連携する"]);
    assert!(!page.contains("115-1100026") && !page.contains("円"), "nothing is shown of the account: {page}");
    assert!(demo.stop("-TERM").success());
}

/// No link of the demo's pages is dead: each leads to a page of the demo.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_link_of_the_demo_leads_somewhere() {
    let demo = Demo::start(&[]);
    let mut person = Person::at(&demo);
    person.leave("/").await;
    let mut links = person.bank.page().links();
    while person.bank.screen() != "consent" {
        match person.bank.screen() {
            "account" => drop(person.bank.account("115-1100026").await),
            "customer" => drop(person.bank.customer(&Customer::taro()).await),
            _ => person.prove().await,
        }
        links.extend(person.bank.page().links());
    }
    links.extend(person.simulator.get("/").await.expect(200).page().links());
    let http = reqwest::Client::new();
    links.retain(|link| link.starts_with("http"));
    links.sort();
    links.dedup();
    for document in ["/documents/api-terms", "/documents/faq", "/documents/terms", "/documents/disclosure"] {
        assert!(links.iter().any(|link| link.ends_with(document)), "{document}: {links:?}");
    }
    for link in links {
        assert!(link.starts_with("http://localhost:"), "{link}");
        for language in ["ja", "en"] {
            let answer = http.get(format!("{link}?ui_locales={language}")).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{link}");
            assert!(answer.text().await.unwrap().contains(&format!("<html lang=\"{language}\"")), "{link}");
        }
    }
    for (base, other) in [(demo.app(), "faq"), (demo.simulator(), "terms"), (demo.app(), "nothing")] {
        assert_eq!(http.get(format!("{base}/documents/{other}")).send().await.unwrap().status(), 404);
    }
    assert!(demo.stop("-TERM").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_link_replaces_the_old_and_the_branch_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("demo");
    let demo = Demo::start(&["--data", data.to_str().unwrap()]);
    let mut person = Person::at(&demo);
    person.link().await;
    let again = person.link().await;
    holds(&again, &["新しい許可に置き換わりました", "115-1100026"]);

    let renkei = |args: &[&str]| json_of(&data, args);
    let list = renkei(&["grant", "list", "--account", "115-ordinary-1100026", "--reason", "お客様のお電話"]);
    let grants = list.as_array().or_else(|| list["grants"].as_array()).unwrap_or_else(|| panic!("{list}"));
    let ids: Vec<&str> = grants
        .iter()
        .filter(|g| g["state"] == "active")
        .map(|g| g["grant_id"].as_str().or(g["id"].as_str()).unwrap_or_else(|| panic!("{g}")))
        .collect();
    assert_eq!((grants.len(), ids.len()), (2, 1), "one stands, one was replaced: {list}");
    renkei(&["grant", "revoke", ids[0], "--reason", "お客様のお電話"]);
    let page = person.see().await;
    holds(&page, &["連携", "口座との連携が終了しています"]);
    assert!(demo.stop("-TERM").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stops_is_told_so_by_the_app() {
    let demo = Demo::start(&[]);
    let mut person = Person::at(&demo);
    person.leave("/").await;
    person.bank.press("cancel", &[]).await;
    person.bank.press("return", &[]).await;
    let page = person.come_back().await;
    holds(&page, &["口座の連携は行われませんでした", "見本のお客様", "口座を連携する"]);
    for code in ["access_denied", "consent.denied", "お客様が拒否しました"] {
        assert!(!page.contains(code), "people see sentences, and what nobody knows is not said: {page}");
    }
    assert!(demo.stop("-TERM").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plain_client_shows_the_claims_it_verified() {
    let demo = Demo::start(&[]);
    let mut person = Person::at(&demo);
    person.leave("/kakeibo").await;
    person.walk().await;
    let page = person.come_back().await;
    holds(&page, &["連携できました", "iss", &demo.issuer(), "aud", "kakeibo", "sub", "nonce"]);
    assert!(demo.stop("-TERM").success());
}

/// The one mail, which comes a moment after the consent.
async fn mail(simulator: &Http) -> Value {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let answer: Answer = simulator.get("/mail").await.expect(200);
        if let [mail] = answer.json().as_array().unwrap().as_slice() {
            return mail.clone();
        }
        assert!(Instant::now() < until, "no mail came");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
