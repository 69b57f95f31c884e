//! What two apps of one customer can find out by comparing what they were told, and that a request for `openid` alone is
//! about no account (decision 10).

use super::text;
use crate::support::app::{App, Credential, Tokens};
use crate::support::http::RequestParts;
use crate::support::jws::Key;
use crate::support::town::{Town, on_both};
use renkei_core::keys::jose;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

on_both!(two_apps_of_one_customer_share_only_what_the_table_says, openid_alone_is_about_no_account);

/// An app with refresh tokens, whose tokens are bound to a key of its own.
async fn app(w: &Town, id: &str) -> App {
    let (redirect, secret) = (format!("https://{id}.example/cb"), format!("{id}-secret"));
    w.register(json!({
        "client_id": id, "profile": "oidc", "client_name": id, "client_secret": secret, "redirect_uris": [redirect],
        "token_endpoint_auth_method": "client_secret_basic", "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid accounts transactions offline_access", "dpop_bound_access_tokens": true,
    }))
    .await;
    let app = App::new(w.http.clone(), w.clock.clone(), id, &redirect, Credential::Secret(secret));
    app.with_dpop(Key::generate())
}

/// The sample customer goes the whole way for `app`.
async fn linked(w: &Town, app: &App, scope: &str) -> Tokens {
    let (pending, mut browser) = (app.ask_directly(scope), w.browser());
    browser.open(&pending.url).await;
    browser.walk_to(w, "consent").await;
    let brought = browser.allow().await;
    app.exchange(&pending, &brought).await
}

async fn userinfo(w: &Town, app: &App, token: &str) -> Value {
    let proof = app.proof("GET", &format!("{}/oauth/userinfo", w.http.issuer), None, Some(token));
    let ask = RequestParts::default().header("authorization", format!("DPoP {token}")).header("dpop", proof);
    w.http.send("GET", "/oauth/userinfo", ask).await.expect(200).json()
}

/// Every value of an answer, by its member; the places of a list have no number.
fn flat(answer: &Value) -> BTreeMap<String, Vec<String>> {
    fn walk(name: &str, value: &Value, out: &mut BTreeMap<String, Vec<String>>) {
        match value {
            Value::Object(members) => members.iter().for_each(|(member, value)| {
                let dot = if name.is_empty() { "" } else { "." };
                walk(&format!("{name}{dot}{member}"), value, out);
            }),
            Value::Array(list) => list.iter().for_each(|value| walk(name, value, out)),
            one => out.entry(name.to_owned()).or_default().push(one.to_string()),
        }
    }
    let mut out = BTreeMap::new();
    walk("", answer, &mut out);
    out
}

/// All that an app is told of its customer, by the name of the answer.
async fn known_to_app(w: &Town, app: &App, tokens: &Tokens) -> BTreeMap<&'static str, Value> {
    let id_token = text(&tokens.body, "id_token");
    let parsed = jose::parse(id_token).unwrap();
    let head = id_token.split('.').next().and_then(renkei_core::secret::from_base64url).unwrap();
    let seen = app.introspect(&tokens.access_token).await;
    assert_eq!(w.accounts_api().introspect(&tokens.access_token).await, seen, "the resource server sees the same");
    BTreeMap::from([
        ("token answer", tokens.body.clone()),
        ("id_token, header", serde_json::from_slice(&head).unwrap()),
        ("id_token", Value::Object(parsed.unverified_claims().0.clone())),
        ("introspection", seen),
        ("introspection of the refresh token", app.introspect(text(&tokens.body, "refresh_token")).await),
        ("userinfo", userinfo(w, app, &tokens.access_token).await),
    ])
}

/// The rows of the table in docs/security.md: answer, member, and whether it is there without a permission.
fn table() -> BTreeSet<(String, String, bool)> {
    let text = std::fs::read_to_string(format!("{}/docs/security.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let section = text.split("\n## What two apps can compare\n").nth(1).expect("the section is there");
    let section = section.split("\n## ").next().unwrap();
    let mut rows = BTreeSet::new();
    for line in section.lines().filter(|l| l.starts_with('|')).skip(2) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [answer, members, when, why] = cells[..] else { panic!("{line}") };
        assert!(["always", "with a permission"].contains(&when) && !why.is_empty(), "{line}");
        for member in members.split('`').skip(1).step_by(2) {
            let new = rows.insert((answer.to_owned(), member.to_owned(), when == "always"));
            assert!(new, "{answer}: {member} stands twice");
        }
    }
    rows
}

async fn two_apps_of_one_customer_share_only_what_the_table_says(w: &Town) {
    let (first, second, table) = (app(w, "first").await, app(w, "second").await, table());
    for (permission, scope) in [(true, "openid accounts transactions offline_access"), (false, "openid offline_access")]
    {
        let one = linked(w, &first, scope).await;
        let one = known_to_app(w, &first, &one).await;
        // Two links are never of the same moment.
        w.clock.advance(Duration::from_millis(97_531));
        let other = linked(w, &second, scope).await;
        let other = known_to_app(w, &second, &other).await;
        let mut equal = BTreeSet::new();
        for (answer, known_to_app) in &one {
            let (one, other) = (flat(known_to_app), flat(&other[answer]));
            assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>(), "{answer}");
            for (member, values) in one {
                if other[&member].iter().any(|value| values.contains(value)) {
                    equal.insert(((*answer).to_owned(), member));
                }
            }
        }
        let listed = table.iter().filter(|(_, _, always)| *always || permission);
        let listed: BTreeSet<_> = listed.map(|(answer, member, _)| (answer.clone(), member.clone())).collect();
        let unlisted: Vec<_> = equal.difference(&listed).collect();
        let unfound: Vec<_> = listed.difference(&equal).collect();
        assert!(
            unlisted.is_empty(),
            "{scope}: equal for both apps, and docs/security.md does not say so: {unlisted:?}"
        );
        assert!(unfound.is_empty(), "{scope}: docs/security.md says they are equal, and they are not: {unfound:?}");
        // Nor is a value of one member the other app's value of another member.
        let all = |told: &BTreeMap<&str, Value>| -> BTreeSet<String> {
            let open = |answer: &str, member: &str| listed.contains(&(answer.to_owned(), member.to_owned()));
            let each = told.iter().flat_map(|(answer, told)| flat(told).into_iter().map(move |(m, v)| (*answer, m, v)));
            each.filter(|(answer, member, _)| !open(answer, member)).flat_map(|(_, _, values)| values).collect()
        };
        let across: Vec<String> = all(&one).intersection(&all(&other)).cloned().collect();
        assert!(across.is_empty(), "{scope}: {across:?}");
        w.clock.advance(Duration::from_secs(7));
    }
}

async fn openid_alone_is_about_no_account(w: &Town) {
    let (app, own) = (app(w, "first").await, w.bank.ids("115-ordinary-1100026").await);
    let silent = |answer: &Value, what: &str| {
        assert!(answer.get("authorization_details").is_none(), "{what}: {answer}");
        assert!(!own.iter().any(|id| answer.to_string().contains(id)), "{what}: {answer}");
    };
    let refresh = async |body: &Value, more: &[(&str, &str)]| {
        let form = [("grant_type", "refresh_token"), ("refresh_token", text(body, "refresh_token"))];
        app.post("/oauth/token", &[&form[..], more].concat(), true).await
    };
    let seen = async |body: &Value| {
        for caller in [&w.accounts_api(), &app] {
            silent(&caller.introspect(text(body, "access_token")).await, "introspection");
        }
    };

    // ⑥ and the mail name no account.
    let (pending, mut browser) = (app.ask_directly("openid offline_access"), w.browser());
    browser.open(&pending.url).await;
    browser.walk_to(w, "consent").await;
    let page = browser.page().text();
    assert!(page.contains("お客様の識別") && !page.contains("1100026") && !page.contains("連携する口座"), "{page}");
    let brought = browser.allow().await;
    let tokens = app.exchange(&pending, &brought).await;
    silent(&tokens.body, "token answer");
    seen(&tokens.body).await;
    silent(&app.introspect(text(&tokens.body, "refresh_token")).await, "introspection of the refresh token");
    let mail = w.mail().await;
    assert!(mail[0].text.contains("なし（口座の情報は連携されません）"), "{}", mail[0].text);
    assert!(!mail[0].text.contains("口座番号"), "{}", mail[0].text);
    let again = refresh(&tokens.body, &[]).await.expect(200).json();
    silent(&again, "refreshed");
    seen(&again).await;

    // Nor does what is kept of it.
    let kept = |tx: &mut renkei_core::store::Tx<'_, '_>| {
        let rows = tx.rows("select details from grants union all select details from consents limit 10", &[])?;
        rows.iter().map(|row| row.text(0).map(str::to_owned)).collect::<Result<Vec<_>, _>>()
    };
    for details in w.world().store.read(kept).await.unwrap() {
        assert!(!own.iter().any(|id| details.contains(id)), "{details}");
    }

    // A grant as earlier releases stored it: an account, and no permission to anything of it.
    let stored = json!({"type": "account_information", "accounts": [own[0]], "permissions": []}).to_string();
    let id = tokens.grant_id.clone();
    let change = move |tx: &mut renkei_core::store::Tx<'_, '_>| {
        tx.execute("update grants set details = ?2 where id = ?1", &[id.as_str().into(), stored.as_str().into()])
    };
    assert_eq!(w.world().store.write(change).await.unwrap(), 1);
    seen(&tokens.body).await;
    silent(&app.introspect(text(&tokens.body, "refresh_token")).await, "introspection of the old refresh token");
    let old = refresh(&tokens.body, &[]).await.expect(200).json();
    silent(&old, "refreshed from the old grant");
    seen(&old).await;
    let named = json!([{"type": "account_information", "accounts": [own[0]]}]).to_string();
    let named = refresh(&tokens.body, &[("authorization_details", &named)]).await;
    named.refused(400, "invalid_authorization_details");

    // Less than was granted, for one token: what is left is about no account either.
    w.clock.advance(Duration::from_secs(1));
    let full = linked(w, &app, "openid accounts transactions offline_access").await;
    assert_eq!(full.body["authorization_details"][0]["accounts"], json!([own[0]]));
    let less = refresh(&full.body, &[("scope", "openid")]).await.expect(200).json();
    silent(&less, "narrowed to openid");
    seen(&less).await;
    let whole = refresh(&full.body, &[]).await.expect(200).json();
    assert_eq!(whole["authorization_details"], full.body["authorization_details"], "less once is not less for ever");
    let beside = json!([{"type": "account_information", "accounts": [own[0]]}]).to_string();
    let beside = refresh(&full.body, &[("scope", "openid"), ("authorization_details", &beside)]).await;
    beside.refused(400, "invalid_authorization_details");
}
