//! What was agreed can be shown again: the words of ⑥ to staff, and a signed receipt to the app (requirements.md#consent-record).

use crate::grant_management::{client, grant, linked, redeemed, text};
use crate::rar::{allow, asked_with, detail};
use crate::support::app::App;
use crate::support::town::{Town, on_both};
use renkei_core::keys::Jwk;
use renkei_core::keys::jose::{self, Alg};
use serde_json::{Value, json};
use std::time::Duration;

on_both!(
    staff_read_the_words_that_the_customer_read,
    one_minute_stands_everywhere,
    a_number_that_two_records_have_opens_none,
    a_look_leaves_a_record,
    a_receipt_tells_what_was_agreed_and_what_became_of_it,
    a_receipt_is_its_clients_alone,
    a_receipt_names_who_gets_the_data_next,
    a_receipt_is_verified_after_two_rotations,
);

/// The sentences of a page's main part, read without what the server reads them with: a tag of another element than `a`, `b` and
/// `span` ends one.
fn sentences(html: &str) -> Vec<String> {
    let main = html.split("<main id=\"main\">").nth(1).unwrap().split("</main>").next().unwrap();
    let mut plain = String::new();
    for (n, part) in main.split('<').enumerate() {
        if n == 0 {
            plain.push_str(&part.replace('\n', " "));
            continue;
        }
        let (tag, after) = part.split_once('>').unwrap();
        let name = tag.trim_start_matches('/').split(' ').next().unwrap();
        if !["a", "b", "span"].contains(&name) {
            plain.push('\n');
        }
        plain.push_str(&after.replace('\n', " "));
    }
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&#39;", "'"), ("&amp;", "&")];
    let plain = entities.iter().fold(plain, |text, (from, to)| text.replace(from, to));
    let lines =
        plain.lines().map(|line| line.split([' ', '\t']).filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect()
}
fn reference(html: &str, language: &str) -> String {
    let before = if language == "ja" { "受付番号 " } else { "Reference number " };
    sentences(html).last().unwrap().split(before).nth(1).unwrap().chars().take(9).collect()
}
async fn show(w: &Town, of: &str) -> Value {
    w.staff(&["--json", "consent", "show", of, "--reason", "dispute, by telephone"]).await.json()
}

async fn staff_read_the_words_that_the_customer_read(w: &Town) {
    let (app, own) = (client(w, "budget").await, w.bank.ids("115-ordinary-1100026").await);
    let days = detail(json!({"from": "2026-09-01", "to": "2026-10-31"}));
    let mut hashes = std::collections::BTreeSet::new();
    for language in ["ja", "en"] {
        let locale = ("ui_locales", language);
        // By scope alone, then for an account of the customer's choice, with an error on the way.
        let (pending, mut browser) = asked_with(w, &app, "openid accounts transactions", &days, &[locale]).await;
        let read = sentences(&browser.answer.body);
        let (fields, url) = (browser.filled("allow", &[]), browser.url.clone());
        let answer = browser.post(&url, &fields).await;
        browser.follow(&url, answer).await;
        assert!(browser.page().id("error-summary").is_some(), "without the tick");
        allow(&mut browser, &[&own[0]]).await;
        let plain = redeemed(&app, &pending, &browser).await.expect(200).json();
        let shown = w.staff(&["grant", "show", text(&plain, "grant_id"), "--json"]).await.json();
        let shown = show(w, text(&shown, "consent_id")).await;
        assert_eq!(shown["words"], json!(read), "{language}");
        assert_eq!(shown["language"], language);
        let boxes = shown["boxes"].as_array().unwrap();
        let beside = |own: &Value| read[usize::try_from(own["sentence"].as_u64().unwrap()).unwrap()].as_str();
        let ticked = |said: &str| boxes.iter().find(|own| beside(own).contains(said)).map(|own| own["ticked"] == true);
        let agree =
            if language == "ja" { "API利用規定を確認し、同意します。" } else { "agree to them." };
        for (said, was) in [("1100026", true), ("2200011", false), (agree, true)] {
            assert_eq!(ticked(said), Some(was), "{said}, {language}: {boxes:?}");
        }
        assert_eq!(boxes.len(), 4, "two accounts, the agreement, the notices: {boxes:?}");
        assert!(read.iter().any(|line| line.contains("1100026")), "the account was shown: {read:?}");
        hashes.insert(text(&shown, "words_hash").to_owned());
        for (name, value) in [("account", "115-ordinary-1100026"), ("name", "ﾃﾞｰﾀ ﾀﾛｳ"), ("decision", "granted")]
        {
            assert_eq!(shown[name], value, "{shown}");
        }
        assert_eq!(shown["checks"]["amr"], json!(["kba", "tel", "pin"]), "{shown}");
        assert_eq!(shown["grants"], json!([plain["grant_id"]]));
        assert!(shown["address"].as_str().is_some_and(|a| !a.is_empty()), "{shown}");

        let merge = [("grant_management_action", "merge"), ("grant_id", text(&plain, "grant_id")), locale];
        let (pending, mut browser) =
            asked_with(w, &app, "openid accounts transactions", &detail(json!({})), &merge).await;
        let (read, number) = (sentences(&browser.answer.body), reference(&browser.answer.body, language));
        allow(&mut browser, &[&own[1]]).await;
        redeemed(&app, &pending, &browser).await.expect(200);
        let shown = show(w, &number.to_lowercase()).await;
        assert_eq!(shown["words"], json!(read), "{language}, merge");
        assert!(read.iter().any(|line| line.contains("2200011")), "{read:?}");
        assert_eq!(shown["reference"], number);
        hashes.insert(text(&shown, "words_hash").to_owned());
        let said = w.staff(&["consent", "show", &number, "--reason", "dispute"]).await;
        assert!(read.iter().all(|line| said.out.contains(line)), "for people: {}", said.out);
        assert!(said.out.contains("  [x] ") && said.out.contains("  [ ] "), "for people: {}", said.out);

        // Who refuses leaves the words too.
        let (_, mut browser) = asked_with(w, &app, "openid accounts", &detail(json!({})), &[locale]).await;
        let (read, number) = (sentences(&browser.answer.body), reference(&browser.answer.body, language));
        browser.submit("deny", &[]).await;
        let shown = show(w, &number).await;
        assert_eq!((&shown["words"], &shown["decision"]), (&json!(read), &json!("denied")), "{shown}");
    }
    assert_eq!(hashes.len(), 4);
    // Another customer who reads the same adds no sentences.
    let count = async || w.world().count("select count(*) from consent_words", vec![]).await;
    let before = count().await;
    linked(w, &app, "openid accounts transactions", &[&own[0]], &[("ui_locales", "ja")]).await;
    linked(w, &app, "openid accounts transactions", &[&own[1]], &[("ui_locales", "ja")]).await;
    assert_eq!(count().await, before + 1, "once for both");
    let bytes = w.store_bytes().await;
    let holds = |needle: &str| bytes.windows(needle.len()).any(|w| w == needle.as_bytes());
    assert!(holds("口座番号") || holds("アプリ提供事業者"), "the sentences were read");
    for number in ["1100026", "2200011"] {
        assert!(!holds(number), "the store holds {number} in the clear");
    }
}

async fn one_minute_stands_everywhere(w: &Town) {
    let (app, own) = (client(w, "budget").await, w.bank.ids("115-ordinary-1100026").await);
    w.clock.advance(Duration::from_millis(37_123));
    let (pending, mut browser) = asked_with(w, &app, "openid accounts", &detail(json!({})), &[]).await;
    let form = browser.page().form_with("allow").unwrap();
    let field = |name: &str| form.fields.iter().find(|(n, _)| n == name).unwrap().1.clone();
    let until: i64 = field("until").parse().unwrap();
    assert_eq!(until % 60_000, 0);
    assert!(until <= w.now().millis() + 30 * 86_400_000);
    let jst = renkei_core::clock::Instant::from_millis(until).jst().format("%H時%M分").to_string();
    let jst = jst.trim_start_matches('0').to_owned();
    assert!(browser.page().text().contains(&format!("{jst}まで")), "{jst}: {}", browser.page().text());
    w.clock.advance(Duration::from_secs(185));
    // A browser that asks for more is shown the page again.
    let mut fields = browser.filled("allow", &[("agree", "yes")]);
    for (name, value) in &mut fields {
        if name == "until" {
            *value = (until + 60_000).to_string();
        }
    }
    let url = browser.url.clone();
    let answer = browser.post(&url, &fields).await;
    browser.follow(&url, answer).await;
    assert_eq!(browser.screen(), "consent");
    let field = |name: &str| {
        browser.page().form_with("allow").unwrap().fields.iter().find(|(n, _)| n == name).unwrap().1.clone()
    };
    let until: i64 = field("until").parse().unwrap();
    w.clock.advance(Duration::from_secs(130));
    allow(&mut browser, &[&own[0]]).await;
    let tokens = redeemed(&app, &pending, &browser).await.expect(200).json();
    assert_eq!(tokens["grant_expires_at"], until / 1000, "not counted from the press");
    let seen = w.accounts_api().introspect(text(&tokens, "access_token")).await;
    assert_eq!(seen["grant_expires_at"], until / 1000);
    let jst = renkei_core::clock::Instant::from_millis(until).jst().format("%H時%M分まで").to_string();
    let mail = w.mail().await;
    assert!(
        mail[0].text.contains("：30日（") && mail[0].text.contains(jst.trim_start_matches('0')),
        "{}",
        mail[0].text
    );
}

async fn a_number_that_two_records_have_opens_none(w: &Town) {
    let (app, own) = (client(w, "budget").await, w.bank.ids("115-ordinary-1100026").await);
    linked(w, &app, "openid accounts", &[&own[0]], &[]).await;
    w.clock.advance(Duration::from_secs(86_400));
    linked(w, &app, "openid accounts", &[&own[0]], &[]).await;
    let world = w.world();
    world.write(|tx| tx.execute("update consents set reference = 'ABCD-1234'", &[])).await;
    let said = w.staff(&["--json", "consent", "show", "ABCD-1234", "--reason", "dispute"]).await;
    said.refused(1, "several records");
    let listed: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(listed["opened"], false);
    let days: Vec<&str> = listed["records"].as_array().unwrap().iter().map(|r| text(r, "day")).collect();
    assert_eq!(days, ["2026-11-26", "2026-11-25"]);
    for record in listed["records"].as_array().unwrap() {
        assert_eq!((&record["client_id"], &record["app"]), (&json!("budget"), &json!("家計")));
    }
    assert!(!said.out.contains("1100026") && !said.out.contains("words"), "{}", said.out);
    let audit = w.staff(&["audit", "export"]).await.out;
    let look = audit.lines().find(|line| line.contains("staff.consent.shown")).unwrap();
    assert!(look.contains("ABCD-1234") && look.contains("\"opened\":false"), "{look}");
    let one = text(&listed["records"][1], "consent_id");
    assert_eq!(show(w, one).await["consent_id"], one, "by its id");
}

async fn a_look_leaves_a_record(w: &Town) {
    let (app, own) = (client(w, "budget").await, w.bank.ids("115-ordinary-1100026").await);
    let tokens = linked(w, &app, "openid accounts", &[&own[0]], &[]).await;
    let shown = w.staff(&["--json", "grant", "show", text(&tokens, "grant_id")]).await.json();
    let id = text(&shown, "consent_id");
    let looks = async || {
        let audit = w.staff(&["audit", "export", "--account", "115-ordinary-1100026"]).await.out;
        audit.lines().filter(|l| l.contains("staff.consent.shown")).map(str::to_owned).collect::<Vec<_>>()
    };
    for reason in ["", "ab", "  ab ", "a\nbc", &"x".repeat(201)] {
        let said = w.staff(&["consent", "show", id, "--reason", reason]).await;
        said.refused(2, "3 to 200 characters");
    }
    assert_eq!(w.staff(&["consent", "show", id]).await.status, 2, "a reason is needed");
    w.staff(&["consent", "show", "no-such-record", "--reason", "dispute"]).await.refused(1, "no consent record");
    assert!(looks().await.is_empty(), "nothing was opened");
    show(w, id).await;
    let looks = looks().await;
    assert_eq!(looks.len(), 1, "under the account's index: {looks:?}");
    let look: Value = serde_json::from_str(&looks[0]).unwrap();
    assert!(text(&look, "actor").starts_with("staff:"), "{look}");
    assert_eq!(look["detail"]["reason"], "dispute, by telephone");
    assert_eq!(look["detail"]["consent"], id);
    assert!(!looks[0].contains("1100026"));
}

async fn own_token(app: &App) -> String {
    let form = [("grant_type", "client_credentials"), ("scope", "grant_management_query")];
    text(&app.post("/oauth/token", &form, true).await.expect(200).json(), "access_token").to_owned()
}
async fn keys(w: &Town, path: &str) -> Vec<Jwk> {
    let set = w.http.get(path).await.expect(200).json();
    set["keys"].as_array().unwrap().iter().map(|key| Jwk::parse(key).unwrap()).collect()
}

async fn a_receipt_tells_what_was_agreed_and_what_became_of_it(w: &Town) {
    let (app, own) = (client(w, "budget").await, w.bank.ids("115-ordinary-1100026").await);
    let tokens = linked(w, &app, "openid accounts", &[&own[0]], &[]).await;
    let id = text(&tokens, "grant_id");
    let path = format!("{id}/receipt");
    assert!(keys(w, "/oauth/receipt-keys").await.is_empty(), "no receipt was signed yet");
    let token = own_token(&app).await;
    let answer = grant(w, &app, "GET", &path, &token).await.expect(200);
    assert_eq!(answer.header("content-type"), Some("application/consent-receipt+jwt"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let verified = jose::verify(&answer.body, &keys(w, "/oauth/receipt-keys").await, &[Alg::Rs256]).unwrap();
    assert_eq!(verified.header.typ.as_deref(), Some("consent-receipt+jwt"));
    let receipt = crate::support::jws::claims(&answer.body);
    let mut members: Vec<&str> = receipt.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(
        members,
        [
            "aud",
            "collection_method",
            "events",
            "grant_id",
            "iat",
            "iss",
            "jurisdiction",
            "language",
            "lawful_basis",
            "party_identification",
            "pii_information",
            "pii_principal_id",
            "privacy_notice",
            "purposes",
            "recipient_third_parties",
            "record_id",
            "retention_period",
            "schema_version",
            "withdrawal_method",
        ],
        "no sub and no exp"
    );
    let seen = w.accounts_api().introspect(text(&tokens, "access_token")).await;
    assert_eq!((&receipt["aud"], &receipt["pii_principal_id"]), (&json!("budget"), &seen["sub"]));
    assert_eq!(receipt["pii_information"], seen["authorization_details"]);
    let shown = w.staff(&["--json", "grant", "show", id]).await.json();
    assert_eq!(receipt["record_id"], shown["consent_id"]);
    let consent = show(w, text(&shown, "consent_id")).await;
    assert_eq!(receipt["privacy_notice"]["sha256"], consent["terms_hash"]);
    let given = receipt["events"][0].clone();
    assert_eq!((&given["event_type"], &given["event_state"]), (&json!("grant.created"), &json!("customer")));
    let end = given["event_time"].as_i64().unwrap()
        + text(&given, "validity_duration")[2..].trim_end_matches('S').parse::<i64>().unwrap();
    assert_eq!(tokens["grant_expires_at"], end, "the same minute as everywhere");
    let issuer = text(&receipt, "iss");
    assert_eq!(receipt["withdrawal_method"]["customer_page"], format!("{issuer}/my"));
    assert_eq!(
        receipt["recipient_third_parties"].as_array().map(Vec::len),
        Some(1),
        "this provider names nobody further"
    );
    for secret in ["1100026", "ﾃﾞｰﾀ", "09012343333", "taro@example.jp"] {
        assert!(!receipt.to_string().contains(secret), "{secret} in {receipt}");
    }
    w.revoke_by_staff(id).await;
    grant(w, &app, "GET", id, &token).await.expect(404);
    let after = crate::support::jws::claims(&grant(w, &app, "GET", &path, &token).await.expect(200).body);
    let last = after["events"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["event_type"], &last["event_state"]), (&json!("grant.revoked"), &json!("institution")));
    assert_eq!(last["entity_id"], receipt["iss"]);
    assert!(!after.to_string().contains("note"), "the words of by, and no more");
}

/// Who gets the data next stands in the receipt of the app, and on that of the customer.
async fn a_receipt_names_who_gets_the_data_next(w: &Town) {
    w.register(json!({
        "client_id": "chained", "profile": "oidc", "client_name": "連鎖", "client_secret": "chained-secret",
        "redirect_uris": ["https://chained.example/cb"], "token_endpoint_auth_method": "client_secret_basic",
        "scope": "openid accounts grant_management_query", "grant_types": ["authorization_code", "client_credentials"],
        "provider": {
            "name": "連鎖株式会社", "downstream": [{"name": "分析株式会社", "purpose": "家計の分析"}],
        },
    }))
    .await;
    let secret = crate::support::app::Credential::Secret("chained-secret".into());
    let app = App::new(w.http.clone(), w.clock.clone(), "chained", "https://chained.example/cb", secret);
    let app = app.with_dpop(crate::support::jws::Key::generate());
    let own = w.bank.ids("115-ordinary-1100026").await;
    let tokens = linked(w, &app, "openid accounts", &[&own[0]], &[]).await;
    let path = format!("{}/receipt", text(&tokens, "grant_id"));
    let answer = grant(w, &app, "GET", &path, &own_token(&app).await).await.expect(200);
    let receipt = crate::support::jws::claims(&answer.body);
    let next = json!({"name": "分析株式会社", "purpose": "家計の分析", "from": "chained"});
    assert_eq!(receipt["recipient_third_parties"][1], next, "{receipt}");
    assert_eq!(receipt["recipient_third_parties"].as_array().map(Vec::len), Some(2));
}

async fn a_receipt_is_its_clients_alone(w: &Town) {
    let (app, other) = (client(w, "budget").await, client(w, "other").await);
    let own = w.bank.ids("115-ordinary-1100026").await;
    let tokens = linked(w, &app, "openid accounts", &[&own[0]], &[]).await;
    let path = format!("{}/receipt", text(&tokens, "grant_id"));
    grant(w, &other, "GET", &path, &own_token(&other).await).await.expect(404);
    grant(w, &app, "GET", &path, text(&tokens, "access_token")).await.refused(403, "insufficient_scope");
    w.http.get(&format!("/oauth/grants/{path}")).await.expect(401);
    // A link whose code nobody redeemed is none.
    let (_, mut browser) = asked_with(w, &other, "openid accounts", &detail(json!({})), &[]).await;
    allow(&mut browser, &[&own[0]]).await;
    let listed = w.staff(&["--json", "grant", "list", "--account", "115-ordinary-1100026"]).await.json();
    let pending = listed["grants"].as_array().unwrap().iter().find(|g| g["client_id"] == "other").unwrap();
    grant(w, &other, "GET", &format!("{}/receipt", text(pending, "grant_id")), &own_token(&other).await)
        .await
        .expect(404);
}

async fn a_receipt_is_verified_after_two_rotations(w: &Town) {
    let (app, own) = (client(w, "budget").await, w.bank.ids("115-ordinary-1100026").await);
    let tokens = linked(w, &app, "openid accounts", &[&own[0]], &[]).await;
    let path = format!("{}/receipt", text(&tokens, "grant_id"));
    let first = grant(w, &app, "GET", &path, &own_token(&app).await).await.expect(200).body;
    let day = Duration::from_secs(86_400);
    for _ in 0..2 {
        assert_eq!(w.staff(&["--json", "key", "rotate", "--alg", "RS256"]).await.json()["made"], 1);
        w.clock.advance(day);
        w.tend_keys().await;
        w.clock.advance(day * 40);
        w.tend_keys().await;
        w.sweep().await;
        w.tidy().await;
    }
    assert!(jose::verify(&first, &keys(w, "/oauth/jwks").await, &[Alg::Rs256]).is_err(), "its key has left the set");
    jose::verify(&first, &keys(w, "/oauth/receipt-keys").await, &[Alg::Rs256]).unwrap();
    let second = grant(w, &app, "GET", &path, &own_token(&app).await).await.expect(200).body;
    let known = keys(w, "/oauth/receipt-keys").await;
    assert_eq!(known.len(), 2, "the key between signed none");
    jose::verify(&second, &known, &[Alg::Rs256]).unwrap();
    let last = crate::support::jws::claims(&second)["events"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["event_type"], &last["event_state"]), (&json!("grant.expired"), &json!("expired")));
    // A key that may be in wrong hands proves nothing, in a receipt either.
    w.staff(&["key", "rotate", "--alg", "RS256", "--now"]).await;
    let known = keys(w, "/oauth/receipt-keys").await;
    assert!(jose::verify(&second, &known, &[Alg::Rs256]).is_err());
    jose::verify(&first, &known, &[Alg::Rs256]).unwrap();
    // The keys are forgotten with the last record.
    w.clock.advance(day * 366 * 8);
    w.tidy().await;
    assert!(keys(w, "/oauth/receipt-keys").await.is_empty());
}
