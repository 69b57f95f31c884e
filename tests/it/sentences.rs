//! States × sentences: every sentence of `templates/locales/ja.ftl` that states a fact is shown exactly where it is so.
//!
//! Customers walk through the screens of a link and of 連携サービスの確認・停止, with no link, an open, a narrowed and ended ones,
//! while the service is open, closed, and their account is locked. On each page each row of `table.rs` is compared with what is so:
//! `scene.rs` reads it from the store, the hours and what the actors did. A key without a row fails; `table.rs` says how to add one.

mod scene;
mod table;

use crate::grant_management::{client, redeemed, text};
use crate::rar::{allow, detail, pushed};
use crate::support::app::{App, Pending};
use crate::support::browser::{Browser, Customer};
use crate::support::phone::Call;
use crate::support::town::{Engine, Town};
use renkei_core::grant::{self, Reason};
use renkei_core::id::GrantId;
use scene::{Actor, AppRequest, Scene};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;
use table::{FACTS, Fact, NO_FACT, When};

const TARO: &str = "115-ordinary-1100026";
const LINK: [&str; 6] = ["account", "customer", "phone", "call", "pin", "consent"];
const MY: [&str; 6] = ["account", "customer", "phone", "call", "pin", "links"];
/// The service is closed for twenty minutes, so that a walk can begin before.
const CLOSED: &str = "daily 11:00-11:20";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sentence_is_shown_exactly_where_it_is_so() {
    let all = tokio::join!(
        walks(Links::None, None),
        walks(Links::Open, None),
        walks(Links::Narrowed, None),
        walks(Links::Ended, None),
    );
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for walked in [all.0, all.1, all.2, all.3] {
        seen.extend(walked.so);
        findings.extend(walked.findings.into_values());
    }
    assert!(findings.is_empty(), "{} sentences are wrong:\n{}", findings.len(), findings.join("\n"));
    let never = FACTS.iter().filter(|f| matches!(f.so, When::Holds(_)) && !seen.contains(f.key));
    let never: Vec<&str> = never.map(|f| f.key).collect();
    assert!(never.is_empty(), "no walk comes to where these are so; let one, or name them `elsewhere`: {never:?}");
}

/// Somebody writes a sentence that is not so: about hours, about a link, about an end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_lies_are_found() {
    let mut texts = japanese();
    for (key, lie) in [
        ("closed-from", "closed-from = { $time }以降も、引き続きご利用いただけます。"),
        ("my-none", "my-none = お客様の口座の情報を提供しているサービスは<b>1件</b>です。"),
        ("my-expired-time", "my-expired-time = お手続きを中止しました。連携の停止は行われていません。"),
    ] {
        let line = texts.lines().find(|line| line.starts_with(&format!("{key} ="))).unwrap().to_owned();
        texts = texts.replace(&line, lie);
    }
    let walked = walks(Links::None, Some(texts)).await;
    let found: Vec<&str> = walked.findings.keys().copied().collect();
    // Each is missed where it should stand, and what it says instead is found where it is not so.
    assert_eq!(found, ["closed-from", "my-cancelled", "my-cancelled-text", "my-count", "my-expired-time", "my-none"]);
}

/// The list is whole, and says what the file says.
#[test]
fn every_sentence_has_a_row() {
    let sentences = sentences(&japanese());
    let label = |key: &str| {
        let named = |name: &str| name.strip_suffix('*').map_or(name == key, |begin| key.starts_with(begin));
        NO_FACT.split_whitespace().any(named)
    };
    let mut rows = BTreeMap::new();
    for fact in FACTS {
        assert!(rows.insert(fact.key, fact.words).is_none(), "two rows for {}", fact.key);
    }
    for (key, sentence) in &sentences {
        match rows.remove(key.as_str()) {
            None => assert!(
                label(key),
                "{key} is new in templates/locales/ja.ftl and has no row: tests/it/sentences/table.rs says how to add one"
            ),
            Some(words) => {
                assert!(!label(key), "{key} has a row and is named in NO_FACT");
                let pieces = pieces_of(words, &BTreeMap::new());
                assert!(
                    pieces.iter().all(|piece| sentence.contains(piece.as_str())),
                    "{key} no longer says 「{words}」 but 「{sentence}」. If that is so, its row in tests/it/sentences/table.rs \
                     must say the same"
                );
            }
        }
    }
    assert!(rows.is_empty(), "rows of sentences that are gone: {rows:?}");
    for name in NO_FACT.split_whitespace().filter(|name| !name.ends_with('*')) {
        assert!(sentences.contains_key(name), "{name} in NO_FACT is gone");
    }
}

fn japanese() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/locales/ja.ftl")).unwrap()
}
/// Key and sentence, without markup and white space.
fn sentences(file: &str) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    let mut last = String::new();
    for line in file.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let said = match line.split_once(" =") {
            Some((key, said)) if !line.starts_with(' ') => {
                last = key.to_owned();
                said
            }
            _ => line,
        };
        all.entry(last.clone()).or_default().push_str(&plain(said));
    }
    all
}
/// Without markup, hidden elements and white space.
fn plain(html: &str) -> String {
    let (mut out, mut rest) = (String::new(), html);
    while let Some((before, tag)) = rest.split_once('<') {
        out.push_str(before);
        let (tag, after) = tag.split_once('>').unwrap_or((tag, ""));
        let name = tag.split(' ').next().unwrap_or_default();
        let unseen = name == "script" || name == "style" || tag.ends_with(" hidden");
        let close = format!("</{name}>");
        rest = if unseen { after.split_once(&close).map_or("", |(_, after)| after) } else { after };
    }
    out.push_str(rest);
    let out = out.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">");
    out.chars().filter(|c| !c.is_whitespace()).collect()
}

/// The words with the values that are known; what is not known splits them.
fn pieces_of(words: &str, values: &BTreeMap<&'static str, String>) -> Vec<String> {
    let (mut pieces, mut rest) = (vec![String::new()], words);
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap();
        pieces.last_mut().unwrap().push_str(before);
        match values.get(name) {
            Some(value) => pieces.last_mut().unwrap().push_str(value),
            None => pieces.push(String::new()),
        }
        rest = after;
    }
    pieces.last_mut().unwrap().push_str(rest);
    pieces.iter().map(|piece| plain(piece)).collect()
}
/// Whether the pieces stand in the text, one soon after the other.
fn says(text: &str, pieces: &[String]) -> bool {
    let Some((first, others)) = pieces.split_first() else { return false };
    text.match_indices(first.as_str()).any(|(at, found)| {
        let mut rest = &text[at + found.len()..];
        others.iter().all(|piece| match rest.find(piece.as_str()).filter(|gap| *gap <= 120) {
            Some(gap) => {
                rest = &rest[gap + piece.len()..];
                true
            }
            None => false,
        })
    })
}

/// Which links the customer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Links {
    None,
    Open,
    Narrowed,
    Ended,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    Open,
    Closed,
    Locked,
}

/// What the walks found: for each key the first page where it is wrong; and which sentences were so at all.
#[derive(Default)]
struct Walked {
    findings: BTreeMap<&'static str, String>,
    so: BTreeSet<&'static str>,
}

/// One customer who walks.
struct Walker<'a> {
    w: &'a Town,
    links: Links,
    app: App,
    actor: Actor,
    /// When the own page was last opened.
    visited: Option<renkei_core::clock::Instant>,
    day: u32,
    walked: Walked,
}

async fn walks(links: Links, texts: Option<String>) -> Walked {
    let lies = texts.is_some();
    let change = |config: &mut renkei_server::config::Config| config.hours.closed = vec![CLOSED.to_owned()];
    let town = Town::start_saying(texts, Engine::Sqlite, change).await;
    let app = client(&town, "budget").await;
    let walked = {
        let mut walker =
            Walker { w: &town, links, app, actor: Actor::default(), visited: None, day: 0, walked: Walked::default() };
        walker.begin().await;
        for service in [Service::Open, Service::Closed, Service::Locked] {
            for my in [false, true] {
                walker.each_stage(my, service).await;
            }
        }
        if links == Links::None {
            walker.ends().await;
        }
        if !lies {
            walker.own_pages().await;
            walker.changes().await;
        }
        walker.walked
    };
    town.verify().await;
    town.stop().await;
    walked
}

impl Walker<'_> {
    /// The links, an hour before everything else.
    async fn begin(&mut self) {
        self.set("09:00:00");
        let own = self.w.bank.ids(TARO).await;
        match self.links {
            Links::None => {}
            Links::Open => {
                let tokens = self.linked(&[&own[0], &own[1]], true).await;
                self.w.link(&self.w.kakeibo(), &mut self.w.browser()).await;
                assert_eq!(self.w.accounts_api().introspect(text(&tokens, "access_token")).await["active"], true);
                self.w.write_uses().await;
            }
            Links::Narrowed => {
                let tokens = self.linked(&[&own[0], &own[1]], false).await;
                let id = GrantId::parse(text(&tokens, "grant_id")).unwrap();
                let (savings, now) = (self.w.world().index("115-savings-2200011"), self.w.now());
                let by = Reason::Institution { note: "by telephone".into() };
                let staff = renkei_core::audit::Actor::Staff("tanaka".into());
                self.w.write(move |tx| grant::narrow(tx, &id, &savings, (&by, staff.clone()), now)).await;
            }
            Links::Ended => {
                // The second takes the place of the first.
                for reason in [
                    None,
                    Some(Reason::Client),
                    Some(Reason::Customer),
                    Some(Reason::Institution { note: "by telephone".into() }),
                    Some(Reason::Account),
                    Some(Reason::Replay),
                ] {
                    let tokens = self.linked(&[&own[0]], false).await;
                    if let Some(reason) = reason {
                        self.w.world().end(&GrantId::parse(text(&tokens, "grant_id")).unwrap(), reason).await;
                    }
                }
                self.linked(&[&own[0]], false).await;
                self.day = 31;
            }
        }
    }
    /// An app that asks with details is allowed these accounts; with the box for notices or without.
    async fn linked(&mut self, accounts: &[&str], notices: bool) -> serde_json::Value {
        let (pending, mut browser) = self.link(AppRequest { choose: true, ..AppRequest::default() }, None).await;
        browser.walk_to(self.w, "consent").await;
        let mut fields = browser.filled("allow", &[("agree", "yes")]);
        fields.retain(|(name, _)| name != "account");
        fields.extend(accounts.iter().map(|id| ("account".to_owned(), (*id).to_owned())));
        fields.extend(notices.then(|| ("notices".to_owned(), "yes".to_owned())));
        let url = browser.url.clone();
        let answer = browser.post(&url, &fields).await;
        browser.follow(&url, answer).await;
        redeemed(&self.app, &pending, &browser).await.expect(200).json()
    }
    /// A browser at ① of a request.
    async fn link(&mut self, asked: AppRequest, grant: Option<&str>) -> (Pending, Browser) {
        self.actor = Actor { asked, ..Actor::default() };
        let mut browser = self.w.browser();
        if !asked.choose {
            let pending = self.app.push("openid accounts transactions").await;
            browser.open(&pending.url).await;
            return (pending, browser);
        }
        let mut more: Vec<(&'static str, &str)> = asked.confirm.then_some(("max_age", "600")).into_iter().collect();
        more.extend(asked.action.map(|action| ("grant_management_action", action)));
        more.extend(grant.map(|id| ("grant_id", id)));
        let scope = "openid accounts transactions offline_access";
        let (mut pending, answer) = pushed(&self.app, scope, &detail(json!({})), &more).await;
        pending.url = self.app.authorize_url(answer.expect(201).json()["request_uri"].as_str().unwrap());
        browser.open(&pending.url).await;
        (pending, browser)
    }
    /// The own page, newly opened.
    async fn at_my(&mut self) -> Browser {
        self.actor = Actor { visit: self.visited, ..Actor::default() };
        let mut browser = self.w.browser();
        browser.open("/my").await;
        browser
    }
    /// The time of day, on the day of this walk.
    fn set(&self, time: &str) {
        let day = chrono::NaiveDate::from_ymd_opt(2026, 11, 25).unwrap() + chrono::Days::new(self.day.into());
        self.w.set_clock(&format!("{day}T{time}+09:00"));
    }

    /// Compares the page that a browser shows with what is so.
    async fn look(&mut self, browser: &Browser) {
        if browser.has_left() {
            return;
        }
        let scene = Scene::read(self.w, browser, &self.actor).await;
        // What the customer read when they agreed was so then.
        let body = browser.answer.body.as_str();
        let (before, agreed) = body.split_once("<div class=\"agreed\"").unwrap_or((body, ""));
        let page = [plain(before), plain(agreed.split_once("</div>").map_or("", |(_, after)| after))].concat();
        let values = scene.values();
        for Fact { key, words, so } in FACTS {
            let holds = match so {
                When::Holds(so) => so(&scene),
                When::Elsewhere => false,
            };
            let mut pieces = pieces_of(words, &values);
            if !holds {
                // Not with any other value either, unless the words say nothing without it.
                let any = pieces_of(words, &BTreeMap::new());
                if any.iter().any(|piece| piece.chars().count() >= 6) {
                    pieces = any;
                }
            }
            if holds {
                assert_eq!(words.split('{').count(), words.split('}').count(), "{key}: {words}");
                self.walked.so.insert(key);
            } else if pieces.iter().all(|piece| piece.chars().count() < 6) {
                continue; // So short, it may be part of another sentence.
            }
            if says(&page, &pieces) != holds {
                let shown = if holds { "is not shown" } else { "is shown" };
                let told = || {
                    format!(
                        "{key}: 「{}」 {shown} on {} with {:?} links: {scene:?}\n    {page}",
                        pieces.join("…"),
                        browser.url,
                        self.links
                    )
                };
                self.walked.findings.entry(key).or_insert_with(told);
            }
        }
    }

    /// Stands on each stage of a way while something happens, loads the page again, goes on, and leaves.
    async fn each_stage(&mut self, my: bool, service: Service) {
        for stage in if my { MY } else { LINK } {
            self.day += u32::from(service == Service::Closed);
            self.set(if service == Service::Closed { "10:59:30" } else { "10:15:00" });
            let mut browser = if my { self.at_my().await } else { self.link(AppRequest::default(), None).await.1 };
            while browser.screen() != stage {
                self.go_on(&mut browser).await;
            }
            self.look(&browser).await;
            match service {
                Service::Open => {}
                Service::Closed => self.set("11:00:05"),
                Service::Locked => {
                    for _ in 0..3 {
                        self.w.guess_wrong(TARO).await;
                    }
                }
            }
            browser.reload().await;
            self.look(&browser).await;
            if service == Service::Open {
                self.leave(&mut browser, &["cancel", "finish", "deny"]).await;
            } else {
                self.go_on(&mut browser).await;
                self.look(&browser).await;
            }
            if service == Service::Locked {
                self.leave(&mut browser, &["finish"]).await;
            }
            if service == Service::Closed {
                // Who comes now.
                let late = if my { self.at_my().await } else { self.link(AppRequest::default(), None).await.1 };
                self.look(&late).await;
                // The service is open again: within the time of the interaction, and after it.
                for time in ["11:20:05", "11:31:05"] {
                    self.set(time);
                    browser.reload().await;
                    self.look(&browser).await;
                }
                self.leave(&mut browser, &["finish"]).await;
            }
            if service == Service::Locked {
                self.w.release_lock(TARO).await;
            }
        }
    }
    /// The next screen, as the sample customer goes on.
    async fn go_on(&mut self, browser: &mut Browser) {
        let my = browser.url.contains("/my");
        match browser.screen().to_owned().as_str() {
            "account" => drop(browser.account("115-1100026").await),
            "customer" => {
                let typed = Browser::typed_on(&browser.page(), &Customer::taro());
                let typed: Vec<(&str, &str)> = typed.iter().map(|(n, v)| (*n, v.as_str())).collect();
                browser.press("next", &typed).await;
            }
            "phone" => drop(browser.press("next", &[]).await),
            "call" => {
                let to = browser.called_number();
                let _ = self.w.phone.call("09012343333", &to).await;
                browser.confirm_call().await;
            }
            "pin" => {
                browser.pin("4071").await;
                if my && browser.screen() == "links" {
                    self.visited = Some(self.w.now());
                }
            }
            "consent" => drop(browser.press("allow", &[("agree", "yes")]).await),
            // Where no link is left there is nothing to go on with.
            "links" if browser.page().form_with("extend").is_none() => drop(browser.reload().await),
            "links" => drop(browser.press("extend", &[]).await),
            other => panic!("no way on from {other}: {}", browser.page().text()),
        }
    }
    async fn leave(&mut self, browser: &mut Browser, buttons: &[&'static str]) {
        if browser.has_left() {
            return;
        }
        if let Some(button) = buttons.iter().find(|button| browser.page().form_with(button).is_some()) {
            browser.press(button, &[]).await;
            self.actor.deed = Some(button);
            self.look(browser).await;
        }
    }

    /// Ways that end otherwise: too late, elsewhere, with wrong answers; calls that do not count; an end that is done.
    async fn ends(&mut self) {
        for my in [false, true] {
            self.day += 1;
            // A pause of a quarter of an hour; half an hour without one.
            self.set("10:05:00");
            let mut browser = if my { self.at_my().await } else { self.link(AppRequest::default(), None).await.1 };
            self.set("10:21:00");
            browser.reload().await;
            self.look(&browser).await;
            let mut browser = if my { self.at_my().await } else { self.link(AppRequest::default(), None).await.1 };
            for time in ["10:35:00", "10:49:00", "10:51:05"] {
                self.set(time);
                browser.reload().await;
                self.look(&browser).await;
            }

            self.set("10:52:00");
            let mut browser = if my { self.at_my().await } else { self.link(AppRequest::default(), None).await.1 };
            self.look(&browser).await;
            self.set("11:31:00");
            browser.reload().await;
            self.look(&browser).await;

            let mut browser = if my { self.at_my().await } else { self.link(AppRequest::default(), None).await.1 };
            self.go_on(&mut browser).await;
            let wrong = Customer::taro().born("1985", "4", "13");
            let typed = Browser::typed_on(&browser.page(), &wrong);
            let typed: Vec<(&str, &str)> = typed.iter().map(|(n, v)| (*n, v.as_str())).collect();
            browser.press("next", &typed).await;
            self.look(&browser).await;
            while browser.screen() != "call" {
                self.go_on(&mut browser).await;
            }
            let to = browser.called_number();
            self.w.phone.report(&Call { withheld: true, ..Call::new("09012343333", &to) }).await.expect(204);
            browser.reload().await;
            self.look(&browser).await;
            self.w.phone.call("09012343333", &to).await.expect(204);
            browser.reload().await;
            self.look(&browser).await;
            browser.confirm_call().await;
            browser.pin("0001").await;
            self.look(&browser).await;

            let mut late = if my { self.at_my().await } else { self.link(AppRequest::default(), None).await.1 };
            while late.screen() != "call" {
                self.go_on(&mut late).await;
            }
            // Two more numbers follow, and each is announced.
            for seconds in [31, 169] {
                self.w.clock.advance(Duration::from_secs(seconds));
                late.reload().await;
                self.look(&late).await;
            }
            while late.screen() == "call" {
                late.press("next", &[]).await;
                self.look(&late).await;
                self.w.clock.advance(Duration::from_secs(200));
                late.reload().await;
                self.look(&late).await;
            }
        }
        // The third wrong answer of a day locks.
        let mut browser = self.link(AppRequest::default(), None).await.1;
        self.go_on(&mut browser).await;
        while browser.screen() == "customer" {
            browser.customer(&Customer::taro().born("1985", "4", "13")).await;
            self.look(&browser).await;
        }
        self.w.release_lock(TARO).await;
        let mut first = self.at_my().await;
        while first.screen() != "phone" {
            self.go_on(&mut first).await;
        }
        let mut second = first.clone();
        second.open("/my").await;
        self.look(&second).await;
        first.reload().await;
        self.look(&first).await;
        let (pending, mut browser) = self.link(AppRequest::default(), None).await;
        let mut at_consent = String::new();
        while !browser.has_left() {
            at_consent.clone_from(&browser.url);
            self.go_on(&mut browser).await;
        }
        redeemed(&self.app, &pending, &browser).await.expect(200);
        browser.open(&at_consent).await;
        self.look(&browser).await;
    }

    /// The links, the ended ones and receipts; then everything is stopped, one after the other.
    async fn own_pages(&mut self) {
        self.day += 1;
        self.set("10:15:00");
        let mut browser = self.at_my().await;
        while browser.screen() != "links" {
            self.go_on(&mut browser).await;
        }
        let (at, links) = (browser.interaction(), browser.url.clone());
        let world = self.w.world();
        let ids = world
            .write(|tx| {
                let rows =
                    tx.rows("select id from grants where state <> 'pending' order by created_at, id limit 50", &[])?;
                rows.iter().map(|row| row.text(0).map(str::to_owned)).collect::<renkei_core::store::Result<Vec<_>>>()
            })
            .await;
        for path in std::iter::once("ended".to_owned()).chain(ids.iter().map(|id| format!("receipt/{id}"))) {
            browser.open(&format!("{at}/{path}")).await;
            self.look(&browser).await;
        }
        browser.open(&links).await;
        for (button, deed) in [("no_mail", "notices"), ("narrow", "account"), ("stop", "one"), ("stop_all", "all")] {
            if button == "stop_all" && self.links == Links::Open {
                self.two_more(&mut browser).await;
            }
            if browser.page().form_with(button).is_none() {
                continue;
            }
            let before = browser.page().form_with("stop").unwrap();
            browser.press(button, &[]).await;
            self.actor.deed = Some(deed);
            self.look(&browser).await;
            if button == "stop" {
                // The same once more.
                let step = browser
                    .page()
                    .forms()
                    .into_iter()
                    .find_map(|form| form.fields.into_iter().find(|(n, _)| n == "step"));
                let mut fields: Vec<_> = before.fields.into_iter().filter(|(n, _)| n != "step").collect();
                fields.extend([step.unwrap(), ("action".to_owned(), "stop".to_owned())]);
                let answer = browser.post(&links, &fields).await;
                browser.follow(&links, answer).await;
                self.actor.deed = Some("before");
                self.look(&browser).await;
            }
        }
        browser.open(&format!("{at}/ended")).await;
        self.look(&browser).await;
        self.leave(&mut browser, &["finish"]).await;
    }
    /// Two links once more, while the own page is open.
    async fn two_more(&mut self, browser: &mut Browser) {
        let (actor, own) = (self.actor, self.w.bank.ids(TARO).await);
        self.linked(&[&own[0]], false).await;
        self.w.link(&self.w.kakeibo(), &mut self.w.browser()).await;
        self.actor = actor;
        browser.reload().await;
    }

    /// An app that asks to change a link, and to confirm the identity.
    async fn changes(&mut self) {
        if self.links != Links::Open {
            return;
        }
        self.day += 1;
        self.set("10:15:00");
        let own = self.w.bank.ids(TARO).await;
        let tokens = self.linked(&[&own[0]], false).await;
        let id = text(&tokens, "grant_id").to_owned();
        self.set("10:20:00");
        let merge = Some("merge");
        for (action, confirm, more) in [
            (Some("replace"), false, None),
            (None, true, None),
            (Some("replace"), true, None),
            (merge, true, Some(vec![own[1].as_str()])),
            (merge, false, Some(vec![])),
        ] {
            let grant = action.map(|_| id.as_str());
            let (pending, mut browser) = self.link(AppRequest { action, confirm, choose: true }, grant).await;
            self.look(&browser).await;
            while browser.screen() != "consent" {
                self.go_on(&mut browser).await;
            }
            self.look(&browser).await;
            if let Some(more) = more {
                allow(&mut browser, &more).await;
                redeemed(&self.app, &pending, &browser).await.expect(200);
            }
        }
        let mut browser = self.at_my().await;
        while browser.screen() != "links" {
            self.go_on(&mut browser).await;
        }
        self.look(&browser).await;
    }
}
