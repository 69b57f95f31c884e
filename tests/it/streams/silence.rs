//! No receiver hears who a customer is: a whole story, and all that leaves the server is searched for each account, telephone
//! number, name, birth date and mail address in each of their spellings: events, grant queries, receipts, mails, the pages of `/my`
//! before ⑤, the log. The search itself is searched with.

use super::{Endpoint, Receiver, VERIFICATION, app, institution, kind, record, resource_server, token, until};
use crate::support::app::App;
use crate::support::browser::Customer;
use crate::support::http::{RequestParts, encode};
use crate::support::jws::b64;
use crate::support::town::{BANK_SECRET, Town, on_both_with};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::time::Duration;

on_both_with!(no_receiver_hears_who_a_customer_is, |config| {
    // Longer than a link lives: nobody polls meanwhile.
    config.events = serde_json::from_value(serde_json::json!({"hold": "90d"})).unwrap();
});

/// What a customer is known by.
struct Person {
    branch: &'static str,
    number: &'static str,
    phone: &'static str,
    names: &'static [&'static str],
    birth: (&'static str, &'static str, &'static str),
    /// The year of the era.
    era: &'static str,
    email: &'static str,
}
const PEOPLE: [Person; 2] = [
    Person {
        branch: "115",
        number: "1100026",
        phone: "09012343333",
        names: &["データ", "ﾃﾞｰﾀ", "でーた", "デ－タ", "タロウ", "ﾀﾛｳ", "たろう"],
        birth: ("1985", "04", "12"),
        era: "昭和60年",
        email: "taro@example.jp",
    },
    Person {
        branch: "005",
        number: "0000123",
        phone: "0438201122",
        names: &["やまだ", "ヤマダ", "ﾔﾏﾀﾞ", "はなこ", "ハナコ", "ﾊﾅｺ"],
        birth: ("1990", "12", "01"),
        era: "平成2年",
        email: "hanako@example.jp",
    },
];
impl Person {
    fn spellings(&self) -> Vec<String> {
        let (y, m, d) = self.birth;
        let bare = |n: &str| n.trim_start_matches('0').to_owned();
        let mut all = vec![
            format!("{}-{}", self.branch, self.number),
            format!("{}-ordinary-{}", self.branch, self.number),
            format!("{}{}", self.branch, self.number),
            self.phone.to_owned(),
            format!("+81{}", &self.phone[1..]),
            format!("81{}", &self.phone[1..]),
            format!("{y}-{m}-{d}"),
            format!("{y}{m}{d}"),
            format!("{y}/{m}/{d}"),
            format!("{y}/{}/{}", bare(m), bare(d)),
            format!("{y}年{}月{}日", bare(m), bare(d)),
            format!("{}{}月{}日", self.era, bare(m), bare(d)),
            self.email.to_owned(),
        ];
        // Only one of the two numbers is long enough to be nobody else's.
        if !self.number.starts_with("0000") {
            all.push(self.number.to_owned());
        }
        let parts = match self.phone.len() {
            11 => [&self.phone[..3], &self.phone[3..7], &self.phone[7..]],
            _ => [&self.phone[..4], &self.phone[4..6], &self.phone[6..]],
        };
        all.push(parts.join("-"));
        all.push(parts.join(" "));
        all.extend(self.names.iter().map(|name| (*name).to_owned()));
        let wide: Vec<String> = all.iter().filter(|text| text.is_ascii()).map(|text| full_width(text)).collect();
        all.extend(wide);
        all
    }
}
/// The same in full-width characters.
fn full_width(text: &str) -> String {
    let wide = |c: char| if c.is_ascii_graphic() { char::from_u32(c as u32 + 0xFEE0).unwrap() } else { c };
    text.chars().map(wide).collect()
}
fn spellings() -> Vec<String> {
    PEOPLE.iter().flat_map(Person::spellings).collect()
}

/// A text and what is in it in another form: parts in base64url (the claims of a token), `\u` of JSON, `%` of a form.
fn readable(text: &str) -> String {
    let mut all = text.to_owned();
    for part in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').filter(|part| part.len() > 7) {
        if let Ok(bytes) = URL_SAFE_NO_PAD.decode(part)
            && let Ok(inside) = String::from_utf8(bytes)
        {
            all.push('\n');
            all.push_str(&inside);
        }
    }
    if all.contains("\\u") {
        let unescaped: Vec<String> = all
            .split('"')
            .filter(|part| part.contains("\\u"))
            .filter_map(|part| serde_json::from_str::<String>(&format!("\"{part}\"")).ok())
            .collect();
        all.push_str(&unescaped.join("\n"));
    }
    let decoded = percent_decoded(&all);
    all.push_str(&decoded);
    all
}
fn percent_decoded(text: &str) -> String {
    let (bytes, mut out) = (text.as_bytes(), Vec::new());
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let (byte, length) = match (bytes[at], hex) {
            (b'%', Some(byte)) => (byte, 3),
            (b'+', _) => (b' ', 1),
            (byte, _) => (byte, 1),
        };
        out.push(byte);
        at += length;
    }
    String::from_utf8_lossy(&out).into_owned()
}
/// The spellings that stand in a text.
fn found(text: &str, spellings: &[String]) -> Vec<String> {
    let all = readable(text);
    spellings.iter().filter(|spelling| all.contains(spelling.as_str())).cloned().collect()
}

/// One place that was searched, and what stands there.
struct Searched {
    name: &'static str,
    text: String,
}

async fn no_receiver_hears_who_a_customer_is(w: &Town) {
    let endpoint = Endpoint::start().await;
    let bank = institution(w).await;
    let more = json!({"profile": "institution", "redirect_uris": null, "grant_types": ["client_credentials"],
        "scope": "ssf.read ssf.manage", "events": {"endpoints": [endpoint.url]}});
    record(w, "institution", more).await;
    bank.push_stream(&endpoint.url, "Bearer hush").await;
    until("it is verified", async || endpoint.sets().iter().any(|set| kind(set) == VERIFICATION)).await;
    let (mut own, mut api) = (app(w, "a", &[]).await, resource_server(w, "accounts-api").await);
    let streams = [own.poll_stream().await, api.poll_stream().await];

    story(w, &own.app).await;
    for receiver in [&mut own, &mut api] {
        receiver.token = token(&receiver.app, "ssf.read ssf.manage").await;
    }
    let mut searched = Vec::new();
    for (receiver, stream) in [(&own, &streams[0]), (&api, &streams[1])] {
        let receiver: &Receiver<'_> = receiver;
        let ask = json!({"returnImmediately": true});
        let answer = receiver.send("POST", &format!("/ssf/poll/{stream}"), Some(ask)).await.expect(200);
        searched.push(Searched { name: "the answer of a poll", text: answer.body });
        let all: Vec<Value> = receiver.drain(stream).await;
        assert!(all.len() > 3, "{all:?}");
        searched.push(Searched { name: "the tokens of a poll stream", text: json!(all).to_string() });
        for path in [format!("/ssf/streams?stream_id={stream}"), format!("/ssf/status?stream_id={stream}")] {
            let shown = receiver.send("GET", &path, None).await.expect(200).body;
            searched.push(Searched { name: "what a stream's endpoints answer", text: shown });
        }
    }
    for wanted in [
        "consent.granted",
        "consent.denied",
        "grant.replaced",
        "grant.revoked",
        "grant.expiring",
        "grant.expired",
        "account.locked",
        "account.unlocked",
        "client.suspended",
    ] {
        until(wanted, async || endpoint.sets().iter().any(|set| kind(set) == wanted)).await;
    }
    let bodies: Vec<String> = endpoint.came().into_iter().map(|came| came.set).collect();
    searched.push(Searched { name: "the bodies that were pushed", text: bodies.join("\n") });
    searched.push(Searched { name: "the outbox", text: table(w, "events").await });
    searched.push(Searched { name: "the streams", text: table(w, "streams").await });
    searched.push(Searched { name: "the tokens of streams", text: table(w, "stream_tokens").await });
    searched.push(Searched { name: "what staff is shown", text: w.staff(&["stream", "list", "--json"]).await.out });
    grants(w, &own.app, &mut searched).await;
    let mails: Vec<String> =
        w.mail().await.into_iter().map(|mail| format!("{}\n{}", mail.subject, mail.text)).collect();
    assert!(mails.len() > 3, "{mails:?}");
    searched.push(Searched { name: "the mails", text: mails.join("\n") });
    searched.push(Searched { name: "the pages of /my before ⑤", text: a_strangers_pages(w).await });
    searched.push(Searched { name: "the log", text: w.log() });

    let spellings = spellings();
    for Searched { name, text } in &searched {
        assert!(text.len() > 20, "{name} was read");
        assert_eq!(found(text, &spellings), Vec::<String>::new(), "{name}");
    }
    // The same search finds each of them, planted alone in each form, and all of them planted in a copy of each text.
    let mut planted: Vec<String> = Vec::new();
    for spelling in &spellings {
        for form in forms(spelling) {
            assert!(found(&format!("before\n{form}\nafter"), &spellings).contains(spelling), "{spelling}: {form}");
            planted.push(form);
        }
    }
    for Searched { name, text } in searched.iter().filter(|searched| searched.name != "the log") {
        let copy = format!("{text}\n{}\n", planted.join("\n"));
        assert_eq!(found(&copy, &spellings), spellings, "{name}");
    }
}
/// A spelling as it is, in the claims of a token, escaped in JSON, and encoded in a form.
fn forms(spelling: &str) -> [String; 4] {
    let claims = json!({"iss": "x", "events": {"type": {"note": format!("for {spelling}.")}}});
    let token = format!("{}.{}.{}", b64(r#"{"alg":"RS256"}"#), b64(claims.to_string()), b64([7; 64]));
    let escaped: String = spelling.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    [spelling.to_owned(), token, format!(r#"{{"a": "{escaped}"}}"#), encode(&[("a", spelling)])]
}

/// Links, a refusal, wrong answers, a lock, and every way in which a link ends.
async fn story(w: &Town, own: &App) {
    // Two links of the same customer: the second replaces the first.
    let mut browser = w.browser();
    browser.open(&own.ask_directly("accounts").url).await;
    browser.account("115-1100026").await;
    browser.customer(&Customer::taro().born("1985", "4", "13")).await;
    browser.customer(&Customer::taro()).await;
    browser.walk_to(w, "consent").await;
    browser.press("deny", &[]).await;
    w.link(own, &mut w.browser()).await;
    let second = w.link(own, &mut w.browser()).await;
    own.revoke(&second.access_token).await.expect(200);
    // Another customer, whom the core bank reports.
    let hanako = async || {
        let (pending, mut browser) = (own.ask_directly("accounts"), w.browser());
        browser.open(&pending.url).await;
        browser.walk_to_consent(w, "005-0000123", &Customer::hanako(), "9182").await;
        let brought = browser.allow().await;
        own.exchange(&pending, &brought).await
    };
    hanako().await;
    let report = json!({"v": 1, "event_id": "closed-1", "type": "closed", "account": "005-ordinary-0000123", "at": w.now().secs()});
    w.bank_reports(&report, BANK_SECRET).await.expect(204);
    let third = hanako().await;
    w.revoke_by_staff(&third.grant_id).await;
    w.suspend_by_staff("a").await;
    w.resume_by_staff("a").await;
    // The right customer after too many wrong answers.
    for _ in 0..20 {
        if !w.locks().await.is_empty() {
            break;
        }
        w.guess_wrong("115-ordinary-1100026").await;
    }
    assert!(!w.locks().await.is_empty());
    w.release_lock("115-ordinary-1100026").await;
    // One that runs out.
    w.link(own, &mut w.browser()).await;
    for days in [24, 5, 2] {
        w.clock.advance(Duration::from_hours(24 * days));
        w.sweep().await;
    }
}

/// What the app is told of its grants: each of them, and the receipts.
async fn grants(w: &Town, app: &App, searched: &mut Vec<Searched>) {
    let token = token(app, "grant_management_query").await;
    let get = async |path: String| {
        w.http.send("GET", &path, RequestParts::default().header("authorization", format!("Bearer {token}"))).await
    };
    let ids = w.world().store.read(|tx| tx.rows("select id from grants where client_id = 'a'", &[])).await.unwrap();
    assert!(ids.len() > 3, "{}", ids.len());
    let (mut shown, mut receipts) = (String::new(), String::new());
    for row in &ids {
        let id = row.text(0).unwrap();
        let answer = get(format!("/oauth/grants/{id}")).await;
        assert!([200, 404].contains(&answer.status), "{}", answer.body);
        shown.push_str(&answer.body);
        receipts.push_str(&get(format!("/oauth/grants/{id}/receipt")).await.expect(200).body);
        receipts.push('\n');
    }
    searched.push(Searched { name: "the answers to grant queries", text: shown });
    searched.push(Searched { name: "the receipts", text: receipts });
}
/// A stranger typed the account of somebody else and guessed at ②: what the pages show beyond what was typed.
async fn a_strangers_pages(w: &Town) -> String {
    let mut browser = w.browser();
    browser.open("/my").await;
    let mut pages = browser.answer.body.clone();
    assert!(!pages.contains("1100026"), "nothing was typed yet");
    browser.account("115-1100026").await;
    pages.push_str(&browser.answer.body.replace("1100026", "(typed)"));
    let guessed = [("birth_year", "1971"), ("birth_month", "2"), ("birth_day", "3"), ("phone", "09099998888")];
    browser.press("next", &guessed).await;
    assert_eq!(browser.screen(), "customer", "{}", browser.page().text());
    pages.push_str(&browser.answer.body.replace("1100026", "(typed)"));
    pages
}

/// Every value of a table, as text.
async fn table(w: &Town, name: &str) -> String {
    let sql: &'static str = Box::leak(format!("select * from {name}").into_boxed_str());
    let rows = w.world().store.read(move |tx| tx.rows(sql, &[])).await.unwrap();
    let mut all = format!("the table {name}, {} rows\n", rows.len());
    for row in &rows {
        for column in 0..30 {
            let text = row.text(column).map(str::to_owned);
            let bytes = || row.bytes(column).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            all.push_str(&text.or_else(|_| bytes()).unwrap_or_default());
            all.push('\n');
        }
    }
    all
}
