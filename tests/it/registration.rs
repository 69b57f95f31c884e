//! An app registers itself, waits for the institution, works, changes its record, ends itself (RFC 7591, RFC 7592).

use crate::support::app::{App, Credential, basic};
use crate::support::browser::Customer;
use crate::support::http::{Answer, RequestParts};
use crate::support::jws::Key;
use crate::support::profile::root;
use crate::support::town::{Town, on_both, on_both_with};
use renkei_core::audit::Actor;
use renkei_core::client::registration::sql as registration;
use renkei_core::id::{ClientId, EventId};
use renkei_core::store::Tx;
use renkei_server::config::{BankKind, Config, MailKind, MailTls, Mode, Span};
use serde_json::{Value, json};
use std::sync::OnceLock;
use std::time::Duration;

mod enabled {
    use super::*;
    on_both_with!(an_app_lives_its_life, super::open);
    on_both_with!(what_is_not_a_registration, super::open);
    on_both_with!(an_initial_token_is_what_it_was_made_for, super::open);
    on_both_with!(of_ten_at_once_one_registers, super::open);
    on_both_with!(a_secret_is_made_here_and_told_once, super::open);
    on_both_with!(a_secret_nobody_can_check_is_replaced_when_its_app_asks, super::open);
    on_both_with!(nobody_manages_another_app, super::open);
    on_both_with!(a_change_that_opens_something_waits, super::open);
    on_both_with!(a_record_that_changed_is_not_approved_unseen, super::open);
    on_both_with!(who_is_never_approved_is_dropped, super::open);
    on_both_with!(what_a_crash_left_is_ended_later, super::open);
    on_both_with!(a_software_statement_wins, super::trusting);
    on_both_with!(in_production_an_app_without_a_registered_provider_is_not_approved, super::production);
}
on_both!(without_the_key_there_is_nothing);

fn open(config: &mut Config) {
    config.registration.enabled = true;
    config.registration.pending_most = 3;
}
/// What production demands.
fn production(config: &mut Config) {
    open(config);
    config.server.mode = Mode::Production;
    config.admin.socket = Some(config.server.data_dir.join("admin.sock"));
    config.institution.terms_file = Some(root().join("config/demo/terms.txt"));
    (config.limits.by_network, config.telephony.rest) = (true, Span::secs(10));
    (config.mail.kind, config.mail.tls, config.mail.host) = (MailKind::Smtp, MailTls::None, "127.0.0.1".into());
    (config.bank.kind, config.bank.url) = (BankKind::Http, Some("https://127.0.0.1:9".into()));
}
fn trusting(config: &mut Config) {
    open(config);
    let file = config.server.master_key_file.with_file_name("directory.jwks.json");
    std::fs::write(&file, json!({"keys": [directory().jwk()]}).to_string()).unwrap();
    config.registration.software_statement_issuers = vec!["https://directory.example".into()];
    config.registration.software_statement_keys_file = Some(file);
}
fn directory() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(Key::generate)
}

/// An initial access token, as staff makes it.
async fn invited(town: &Town, more: &[&str]) -> String {
    let made = town.staff(&[&["--json", "client", "token", "new", "--label", "家計簿"], more].concat()).await.json();
    made["token"].as_str().unwrap().to_owned()
}
fn bearer(token: &str) -> RequestParts {
    RequestParts::default().header("authorization", format!("Bearer {token}"))
}
async fn register(town: &Town, token: &str, record: &Value) -> Answer {
    town.http.send("POST", "/oauth/register", bearer(token).json(record.to_string())).await
}
fn record(key: &Key) -> Value {
    let mut jwk = key.jwk();
    jwk["kid"] = json!("k1");
    json!({
        "client_name": "おこづかい帳", "redirect_uris": ["https://okozukai.example/cb"],
        "scope": "openid accounts transactions", "jwks": {"keys": [jwk]},
    })
}
/// A registered app as its owner holds it.
struct Owner {
    id: String,
    token: String,
    uri: String,
}
impl Owner {
    fn of(answer: &Answer) -> Self {
        let body = answer.json();
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        Self { id: text("client_id"), token: text("registration_access_token"), uri: text("registration_client_uri") }
    }
    async fn read(&self, town: &Town) -> Answer {
        town.http.send("GET", &self.uri, bearer(&self.token)).await
    }
    async fn put(&self, town: &Town, record: &Value) -> Answer {
        town.http.send("PUT", &self.uri, bearer(&self.token).json(record.to_string())).await
    }
    /// The record with the members RFC 7592 §2.2 wants and these changes.
    async fn change(&self, town: &Town, members: &[(&str, Value)]) -> Answer {
        let mut record = self.read(town).await.expect(200).json();
        for ours in ["registration_access_token", "registration_client_uri", "client_id_issued_at", "change_pending"] {
            record.as_object_mut().unwrap().remove(ours);
        }
        for (name, value) in members {
            record[*name] = value.clone();
        }
        self.put(town, &record).await
    }
    fn app(&self, town: &Town, key: &Key, redirect_uri: &str) -> App {
        let credential = Credential::Jwt(key.clone(), "k1".into());
        App::new(town.http.clone(), town.clock.clone(), &self.id, redirect_uri, credential).with_dpop(Key::generate())
    }
    async fn approve(&self, town: &Town) {
        assert_eq!(town.staff(&["--json", "client", "approve", &self.id]).await.json()["status"], "active");
    }
}

/// Whether the app may push a request.
async fn pushes(app: &App) -> u16 {
    let (_, fields) = app.request("accounts");
    let fields = fields.iter().filter(|(name, _)| *name != "client_id").map(|(a, b)| (*a, b.as_str()));
    app.post("/oauth/par", &fields.collect::<Vec<_>>(), false).await.status
}

async fn an_app_lives_its_life(town: &Town) {
    let metadata = town.http.get("/.well-known/openid-configuration").await.json();
    assert_eq!(metadata["registration_endpoint"], format!("{}/oauth/register", town.http.issuer));
    let key = Key::generate();
    let answer = register(town, &invited(town, &[]).await, &record(&key)).await.expect(201);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body = answer.json();
    for (name, want) in [
        ("client_id_issued_at", json!(town.now().secs())),
        ("status", json!("pending")),
        ("profile", json!("fapi2")),
        ("token_endpoint_auth_method", json!("private_key_jwt")),
        ("grant_types", json!(["authorization_code"])),
        ("response_types", json!(["code"])),
        ("client_name", json!("おこづかい帳")),
        ("jwks", record(&key)["jwks"].clone()),
    ] {
        assert_eq!(body[name], want, "{name}: RFC 7591 3.2.1");
    }
    assert_eq!(body.get("client_secret"), None, "it has a key");
    let owner = Owner::of(&answer);
    assert_eq!(owner.uri, format!("{}/oauth/register/{}", town.http.issuer, owner.id));

    // Waiting: it manages its record, and that is all.
    assert_eq!(owner.read(town).await.expect(200).json()["status"], "pending");
    let app = owner.app(town, &key, "https://okozukai.example/cb");
    assert_eq!(pushes(&app).await, 401);
    let page = town.browser().open(&app.ask_directly("accounts").url).await.page();
    assert!(page.id("oauth-error").is_some(), "no customer sees it: {}", page.text());
    town.staff(&["client", "suspend", &owner.id]).await.refused(1, "waits for approval");
    assert!(town.staff(&["client", "list"]).await.out.contains("pending"));

    owner.approve(town).await;
    let tokens = town.link(&app, &mut town.browser()).await;
    assert_eq!(town.accounts_api().introspect(&tokens.access_token).await["active"], true);

    // Gone: nothing is live any more, the grant has ended, and the token manages nothing.
    let gone = town.http.send("DELETE", &owner.uri, bearer(&owner.token)).await.expect(204);
    assert_eq!((gone.header("cache-control"), gone.body.as_str()), (Some("no-store"), ""));
    assert_eq!(town.accounts_api().introspect(&tokens.access_token).await, json!({"active": false}));
    assert_eq!(pushes(&app).await, 401);
    owner.read(town).await.expect(401);
    let grant = town.staff(&["--json", "grant", "show", &tokens.grant_id]).await.json();
    assert_eq!((&grant["state"], &grant["ended_by"]), (&json!("revoked"), &json!("client")));
    assert_eq!(town.staff(&["--json", "client", "show", &owner.id]).await.json()["status"], "ended");
    for order in ["resume", "suspend", "approve"] {
        town.staff(&["client", order, &owner.id]).await.refused(1, "is ended");
    }
    town.expect_events(&["client.registered", "client.approved", "grant.created", "client.ended", "grant.revoked"])
        .await;
    for secret in [&owner.token, &tokens.access_token] {
        assert!(!town.log().contains(secret.as_str()), "no token is in the log");
    }
}

async fn what_is_not_a_registration(town: &Town) {
    let key = Key::generate();
    let token = invited(town, &[]).await;
    // Who has no token gets no further, whatever is sent.
    let nobody = town.http.send("POST", "/oauth/register", RequestParts::default().json("{")).await.expect(401);
    assert_eq!(nobody.header("www-authenticate"), Some("Bearer"), "RFC 6750 3.1: no error where no token came");
    for wrong in ["Bearer x", "Bearer ", "Basic eDp5", &format!("Bearer {token}x"), &format!("DPoP {token}")] {
        let ask = RequestParts::default().header("authorization", wrong).json(record(&key).to_string());
        let refused = town.http.send("POST", "/oauth/register", ask).await.refused(401, "invalid_token");
        assert!(refused.header("www-authenticate").unwrap().starts_with("Bearer error=\"invalid_token\""), "{wrong}");
    }
    let twice = bearer(&token).header("authorization", format!("Bearer {token}")).json(record(&key).to_string());
    town.http.send("POST", "/oauth/register", twice).await.expect(401);
    let in_query = format!("/oauth/register?access_token={token}");
    town.http.send("POST", &in_query, RequestParts::default().json(record(&key).to_string())).await.expect(401);

    let with = |members: &[(&str, Value)]| {
        let mut record = record(&key);
        for (name, value) in members {
            record[*name] = value.clone();
        }
        record.to_string()
    };
    let deep = format!("{}1{}", "[".repeat(2000), "]".repeat(2000));
    let bad = "invalid_client_metadata";
    for (body, error) in [
        (String::new(), bad),
        ("{".into(), bad),
        ("[]".into(), bad),
        ("\"text\"".into(), bad),
        (deep.clone(), bad),
        (format!("{{\"client_name\": \"x\", \"x\": {deep}}}"), bad),
        (with(&[("x", json!([[[[[[[1]]]]]]]))]), bad),
        ("{\"client_name\": \"a\", \"client_name\": \"b\"}".into(), bad),
        (with(&[("x", json!("x".repeat(70_000)))]), bad),
        ("{}".into(), bad),
        (with(&[("client_name", json!(7))]), bad),
        (with(&[("client_name", json!("a\nb"))]), bad),
        (with(&[("redirect_uris", json!([]))]), "invalid_redirect_uri"),
        (with(&[("redirect_uris", json!("https://okozukai.example/cb"))]), "invalid_redirect_uri"),
        (with(&[("redirect_uris", json!(["http://okozukai.example/cb"]))]), "invalid_redirect_uri"),
        (with(&[("redirect_uris", json!(["https://okozukai.example/cb#f"]))]), "invalid_redirect_uri"),
        (with(&[("redirect_uris", json!(["https://*.example/cb"]))]), "invalid_redirect_uri"),
        (with(&[("redirect_uris", json!(["javascript:alert(1)"]))]), "invalid_redirect_uri"),
        (with(&[("scope", json!("openid admin"))]), bad),
        (with(&[("grant_types", json!(["password"]))]), bad),
        (with(&[("response_types", json!(["token"]))]), bad),
        (with(&[("token_endpoint_auth_method", json!("none"))]), bad),
        (with(&[("token_endpoint_auth_method", json!("client_secret_basic"))]), bad),
        (with(&[("jwks", Value::Null)]), bad),
        (with(&[("jwks_uri", json!("https://okozukai.example/jwks"))]), bad),
        (with(&[("logo_uri", json!("http://169.254.169.254/latest"))]), bad),
        (with(&[("userinfo_encrypted_response_alg", json!("RSA-OAEP"))]), bad),
        (with(&[("client_id", json!("creco"))]), bad),
        (with(&[("client_secret", json!("a secret of mine"))]), bad),
        (with(&[("status", json!("active"))]), bad),
        (with(&[("profile", json!("resource_server"))]), bad),
        (with(&[("provider", json!({"registration_number": "関東財務局長(電代)第1号"}))]), bad),
        (with(&[("software_statement", json!("e30.e30.x"))]), "invalid_software_statement"),
    ] {
        let shown = body.chars().rev().take(160).collect::<Vec<_>>().into_iter().rev().collect::<String>();
        let answer = town.http.send("POST", "/oauth/register", bearer(&token).json(body.clone())).await;
        assert_eq!(answer.status, 400, "{shown}: {}", answer.body);
        assert_eq!((answer.json()["error"].as_str(), answer.header("cache-control")), (Some(error), Some("no-store")));
        assert!(answer.json()["error_description"].as_str().unwrap().is_ascii(), "{shown}");
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
        let mut ask = bearer(&token);
        ask.body = Some((kind.into(), record(&key).to_string()));
        town.http.send("POST", "/oauth/register", ask).await.refused(400, bad);
    }
    for method in ["GET", "PUT", "DELETE"] {
        town.http.send(method, "/oauth/register", bearer(&token)).await.expect(405);
    }
    // None of this used the token up, and nothing was made.
    let listed = town.staff(&["--json", "client", "token", "list"]).await.json();
    assert_eq!(listed["tokens"][0]["uses_left"], 1);
    let told = town.staff(&["client", "token", "list"]).await.out;
    assert!(told.lines().any(|line| line.contains("usable  1  ")), "people are told how many are left: {told}");
    register(town, &token, &record(&key)).await.expect(201);
    assert_eq!(town.staff(&["--json", "client", "list"]).await.json()["clients"].as_array().unwrap().len(), 4);
}

async fn an_initial_token_is_what_it_was_made_for(town: &Town) {
    let key = Key::generate();
    let spent = invited(town, &[]).await;
    register(town, &spent, &record(&key)).await.expect(201);
    register(town, &spent, &record(&key)).await.refused(401, "invalid_token");

    let late = invited(town, &["--days", "1"]).await;
    town.clock.set(town.now() + Duration::from_secs(86_400));
    register(town, &late, &record(&key)).await.refused(401, "invalid_token");

    let ended = town.staff(&["--json", "client", "token", "new", "--label", "x", "--uses", "5"]).await.json();
    let id = ended["id"].as_str().unwrap();
    assert_eq!(town.staff(&["client", "token", "revoke", id]).await.status, 0);
    register(town, ended["token"].as_str().unwrap(), &record(&key)).await.refused(401, "invalid_token");
    town.staff(&["client", "token", "revoke", id]).await.refused(1, "is in use");

    // The profile it names, and no other.
    let oidc = invited(town, &["--profile", "oidc", "--uses", "2"]).await;
    let mut wish = record(&key);
    wish["profile"] = json!("fapi2");
    register(town, &oidc, &wish).await.refused(400, "invalid_client_metadata");
    wish["profile"] = Value::Null;
    assert_eq!(register(town, &oidc, &wish).await.expect(201).json()["profile"], "oidc");
    for args in [&["--profile", "resource_server"][..], &["--uses", "0"], &["--days", "9999"]] {
        let said = town.staff(&[&["client", "token", "new", "--label", "x"], args].concat()).await;
        assert_eq!(said.status, 1, "{args:?}: {said:?}");
    }
    // As many as may wait are waiting (three): the next one comes another day, and its token stays good.
    register(town, &oidc, &wish).await.expect(201);
    let early = invited(town, &[]).await;
    let full = register(town, &early, &record(&key)).await.refused(503, "temporarily_unavailable");
    assert!(full.header("retry-after").is_some());
    // Only hashes are kept, and every token made or ended stands in the record.
    let audit = town.staff(&["audit", "export"]).await.out;
    for secret in [&spent, &late, &oidc, &early] {
        assert!(!audit.contains(secret.as_str()) && !town.log().contains(secret.as_str()));
    }
    for action in ["initial_token.made", "initial_token.revoked", "client.registered"] {
        assert!(audit.contains(action), "{action}");
    }
}

async fn of_ten_at_once_one_registers(town: &Town) {
    let token = invited(town, &[]).await;
    let record = record(&Key::generate());
    let tries = (0..10).map(|_| register(town, &token, &record));
    let answers = futures_util::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|a| a.status == 201).count(), 1);
    for late in answers.into_iter().filter(|a| a.status != 201) {
        late.refused(401, "invalid_token");
    }
    assert_eq!(town.staff(&["--json", "client", "list"]).await.json()["clients"].as_array().unwrap().len(), 4);
}

async fn a_secret_is_made_here_and_told_once(town: &Town) {
    let token = invited(town, &["--profile", "oidc"]).await;
    let wish = json!({"client_name": "おこづかい帳", "redirect_uris": ["https://okozukai.example/cb"]});
    let answer = register(town, &token, &wish).await.expect(201);
    let (body, owner) = (answer.json(), Owner::of(&answer));
    assert_eq!(
        (body["token_endpoint_auth_method"].as_str(), &body["client_secret_expires_at"]),
        (Some("client_secret_basic"), &json!(0))
    );
    let secret = body["client_secret"].as_str().unwrap().to_owned();
    assert_eq!(secret.len(), 43, "256 bits");
    assert_eq!(owner.read(town).await.expect(200).json().get("client_secret"), None, "only its hash is kept");
    owner.approve(town).await;
    let credential = Credential::Secret(secret.clone());
    let app = App::new(town.http.clone(), town.clock.clone(), &owner.id, "https://okozukai.example/cb", credential);
    assert_eq!(app.introspect("x").await, json!({"active": false}), "it authenticates");

    // RFC 7592 2.2: the client cannot choose a secret, and says who it is.
    for members in
        [("client_secret", json!("a secret of mine")), ("client_id", json!("kakeibo")), ("client_id", Value::Null)]
    {
        owner.change(town, &[members]).await.refused(400, "invalid_client_metadata");
    }
    let answer = owner.change(town, &[("client_secret", json!(secret)), ("contacts", json!(["a@b.example"]))]).await;
    assert_eq!(answer.expect(200).json()["contacts"], json!(["a@b.example"]));
    assert_eq!(app.introspect("x").await, json!({"active": false}), "the secret stays");

    // Away from the secret: only once it is approved.
    let key = Key::generate();
    let away = [("token_endpoint_auth_method", json!("private_key_jwt")), ("jwks", record(&key)["jwks"].clone())];
    assert!(owner.change(town, &away).await.expect(200).json()["change_pending"].is_object());
    assert_eq!(app.introspect("x").await, json!({"active": false}));
    owner.approve(town).await;
    let ask = RequestParts::default()
        .header("authorization", basic(&owner.id, &secret))
        .form(&[("token".into(), "x".into())]);
    town.http.send("POST", "/oauth/introspect", ask).await.refused(401, "invalid_client");
    // And back: a new secret is told to the one who asks, and opens nothing before that is approved.
    let back = [("token_endpoint_auth_method", json!("client_secret_basic")), ("jwks", Value::Null)];
    let answer = owner.change(town, &back).await.expect(200).json();
    let new = answer["client_secret"].as_str().unwrap();
    assert_ne!(new, secret);
    let try_new = async || {
        let ask = RequestParts::default()
            .header("authorization", basic(&owner.id, new))
            .form(&[("token".into(), "x".into())]);
        town.http.send("POST", "/oauth/introspect", ask).await.status
    };
    assert_eq!(try_new().await, 401);
    owner.approve(town).await;
    assert_eq!(try_new().await, 200);
}

/// A node of an earlier release may have kept it as argon2id since this one started: the app is out until it sends its
/// record again.
async fn a_secret_nobody_can_check_is_replaced_when_its_app_asks(town: &Town) {
    let token = invited(town, &["--profile", "oidc"]).await;
    let wish = json!({"client_name": "おこづかい帳", "redirect_uris": ["https://okozukai.example/cb"]});
    let answer = register(town, &token, &wish).await.expect(201);
    let (old, owner) = (answer.json()["client_secret"].as_str().unwrap().to_owned(), Owner::of(&answer));
    owner.approve(town).await;
    let ask = async |secret: &str| {
        let ask = RequestParts::default().header("authorization", basic(&owner.id, secret));
        town.http.send("POST", "/oauth/introspect", ask.form(&[("token".into(), "x".into())])).await
    };
    ask(&old).await.expect(200);
    let id = owner.id.clone();
    let kept = move |tx: &mut Tx<'_, '_>| {
        tx.execute(
            "update clients set version = version + 1, secret_kind = 'argon2id', secret = '$argon2id$' where id = ?1",
            &[id.as_str().into()],
        )
    };
    town.world().store.write(kept).await.unwrap();
    ask(&old).await.refused(401, "invalid_client");
    let told = owner.change(town, &[]).await.expect(200).json();
    let new = told["client_secret"].as_str().unwrap();
    ask(new).await.expect(200);
    let again = owner.change(town, &[("client_secret", json!(new))]).await.expect(200).json();
    assert_eq!(again.get("client_secret"), None, "it stays");
    ask(new).await.expect(200);
}

async fn nobody_manages_another_app(town: &Town) {
    let key = Key::generate();
    let token = invited(town, &["--uses", "2"]).await;
    let one = Owner::of(&register(town, &token, &record(&key)).await.expect(201));
    let two = Owner::of(&register(town, &token, &record(&key)).await.expect(201));
    let mut seen = Vec::new();
    for uri in [&two.uri, "/oauth/register/creco", "/oauth/register/nobody", "/oauth/register/%E3%81%82"] {
        for (method, body) in [("GET", None), ("PUT", Some("{")), ("PUT", Some("{}")), ("DELETE", None)] {
            let ask = bearer(&one.token);
            let ask = if let Some(body) = body { ask.json(body) } else { ask };
            let answer = town.http.send(method, uri, ask).await.refused(401, "invalid_token");
            seen.push((answer.body.clone(), answer.header("www-authenticate").map(str::to_owned)));
        }
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "a wrong token and an unknown client are one answer: {seen:?}");
    let bare = town.http.send("GET", &one.uri, RequestParts::default()).await.expect(401);
    assert_eq!(bare.header("www-authenticate"), Some("Bearer"));
    // Neither the initial token nor one of the other kinds manages anything.
    town.http.send("GET", &one.uri, bearer(&token)).await.expect(401);
    assert_eq!((one.read(town).await.status, two.read(town).await.status), (200, 200));

    // Staff gives out another token, also for an app that was imported; the old one ends.
    let new = town.staff(&["--json", "client", "registration-token", &one.id]).await.json();
    one.read(town).await.expect(401);
    let one = Owner { token: new["registration_access_token"].as_str().unwrap().to_owned(), ..one };
    one.read(town).await.expect(200);
    let creco = town.staff(&["--json", "client", "registration-token", "creco"]).await.json();
    let ask = bearer(creco["registration_access_token"].as_str().unwrap());
    assert_eq!(town.http.send("GET", "/oauth/register/creco", ask).await.expect(200).json()["client_id"], "creco");

    // What nobody approved leaves nothing when it goes, and while suspended nothing changes.
    town.http.send("DELETE", &one.uri, bearer(&one.token)).await.expect(204);
    town.staff(&["client", "show", &one.id]).await.refused(1, "there is no client");
    two.approve(town).await;
    town.staff(&["client", "suspend", &two.id]).await;
    assert_eq!(two.read(town).await.expect(200).json()["status"], "suspended");
    two.change(town, &[("contacts", json!(["x"]))]).await.refused(403, "access_denied");
}

async fn a_change_that_opens_something_waits(town: &Town) {
    let key = Key::generate();
    let owner = Owner::of(&register(town, &invited(town, &[]).await, &record(&key)).await.expect(201));
    // While it waits itself, every change is in force at once: nobody has looked at it yet.
    let second = json!(["https://okozukai.example/cb", "https://okozukai.example/2"]);
    let body = owner.change(town, &[("redirect_uris", second)]).await.expect(200).json();
    assert_eq!((&body["status"], &body["redirect_uris"][1]), (&json!("pending"), &json!("https://okozukai.example/2")));
    owner.approve(town).await;
    let (first, third) = ("https://okozukai.example/cb", "https://okozukai.example/3");
    let old = owner.app(town, &key, first);
    let tokens = town.link(&old, &mut town.browser()).await;

    // Omitted members fall back to their defaults (RFC 7592 2.2); harmless ones count at once.
    let body =
        owner.change(town, &[("redirect_uris", json!([first])), ("contacts", json!(["a"]))]).await.expect(200).json();
    assert_eq!((&body["redirect_uris"], body.get("change_pending")), (&json!([first]), None));
    assert_eq!(body["registration_access_token"], owner.token, "a lost answer must not cost the registration");
    assert_eq!(pushes(&owner.app(town, &key, "https://okozukai.example/2")).await, 400, "gone at once");

    // Another address waits; the approved record stays in force and the customers' links live on.
    let body = owner.change(town, &[("redirect_uris", json!([third]))]).await.expect(200).json();
    assert_eq!((&body["redirect_uris"], &body["status"]), (&json!([first]), &json!("active")));
    assert_eq!(body["change_pending"]["redirect_uris"], json!([third]));
    let new = owner.app(town, &key, third);
    assert_eq!((pushes(&old).await, pushes(&new).await), (201, 400));
    assert_eq!(town.accounts_api().introspect(&tokens.access_token).await["active"], true);
    assert!(town.staff(&["client", "list"]).await.out.contains("change awaiting approval"));
    // Who asks for what is in force takes the wish back.
    assert_eq!(owner.change(town, &[]).await.expect(200).json().get("change_pending"), None);
    town.staff(&["client", "approve", &owner.id]).await.refused(1, "active already");

    // Declined: forgotten. Approved: in force.
    let wish = [("redirect_uris", json!([third])), ("client_name", json!("みなと信用組合"))];
    owner.change(town, &wish).await.expect(200);
    assert_eq!(town.staff(&["--json", "client", "decline", &owner.id]).await.json()["declined"], true);
    assert_eq!(owner.read(town).await.json().get("change_pending"), None);
    owner.change(town, &wish[..1]).await.expect(200);
    let approved = town.staff(&["--json", "client", "approve", &owner.id]).await.json();
    assert_eq!(approved["client"]["redirect_uris"], json!([third]), "what was approved is told");
    assert_eq!((pushes(&old).await, pushes(&new).await), (400, 201));
    assert_eq!(town.accounts_api().introspect(&tokens.access_token).await["active"], true, "links live on");
    let audit = town.staff(&["audit", "export"]).await.out;
    for action in ["client.change_proposed", "client.change_declined", "client.changed", "client.approved"] {
        assert!(audit.contains(action), "{action}");
    }
}

/// An app may not write the number under which its provider is registered, so the institution completes the record first.
async fn in_production_an_app_without_a_registered_provider_is_not_approved(town: &Town) {
    let key = Key::generate();
    let answer = register(town, &invited(town, &[]).await, &record(&key)).await.expect(201);
    let owner = Owner::of(&answer);
    let refused = async |missing: &[&str]| {
        let said = town.staff(&["client", "approve", &owner.id]).await;
        assert_eq!(said.status, 1, "{said:?}");
        for member in ["provider.name", "provider.registration_number"] {
            assert_eq!(said.err.contains(&format!("{member}: is missing")), missing.contains(&member), "{said:?}");
        }
        assert!(said.err.contains("renkei client import --replace"), "{said:?}");
    };
    refused(&["provider.name", "provider.registration_number"]).await;
    owner.change(town, &[("provider", json!({"name": "株式会社おこづかい"}))]).await.expect(200);
    refused(&["provider.registration_number"]).await;
    let status = async || town.staff(&["--json", "client", "show", &owner.id]).await.json()["status"].clone();
    assert_eq!(status().await, "pending");
    let app = owner.app(town, &key, "https://okozukai.example/cb");
    assert_eq!(pushes(&app).await, 401);

    let mut complete = record(&key);
    let provider = json!({"name": "株式会社おこづかい", "registration_number": "関東財務局長(電代)第2号"});
    complete.as_object_mut().unwrap().extend([
        ("client_id".to_owned(), json!(owner.id)),
        ("profile".to_owned(), json!("fapi2")),
        ("provider".to_owned(), provider),
    ]);
    let file = town.data_dir().join("record.json");
    std::fs::write(&file, complete.to_string()).unwrap();
    let imported = town.staff(&["client", "import", "--replace", file.to_str().unwrap()]).await;
    assert_eq!(imported.status, 0, "{imported:?}");
    assert_eq!(status().await, "pending", "an import approves nothing");
    owner.approve(town).await;
    assert_eq!(pushes(&app).await, 201);
    // A change waits, and takes the name away.
    let changed = owner.change(town, &[("provider", json!({}))]).await.expect(200).json();
    assert_eq!(changed["change_pending"]["provider"]["name"], json!(null), "{changed}");
    refused(&["provider.name"]).await;
    assert_eq!(pushes(&app).await, 201, "the approved record stays in force");
}

async fn a_record_that_changed_is_not_approved_unseen(town: &Town) {
    let key = Key::generate();
    let owner = Owner::of(&register(town, &invited(town, &[]).await, &record(&key)).await.expect(201));
    let seen = town.staff(&["--json", "client", "show", &owner.id]).await.json()["version"].to_string();
    owner.change(town, &[("redirect_uris", json!(["https://evil.example/cb"]))]).await.expect(200);
    let nobody = ["client", "approve", "nobody", "--version", &seen];
    town.staff(&nobody).await.refused(1, "there is no client nobody");
    let version = ["client", "approve", &owner.id, "--version", &seen];
    town.staff(&version).await.refused(1, "look at it again");
    assert_eq!(owner.read(town).await.json()["status"], "pending");
    let seen = town.staff(&["--json", "client", "show", &owner.id]).await.json()["version"].to_string();
    assert_eq!(town.staff(&["client", "approve", &owner.id, "--version", &seen]).await.status, 0);
    // The same for a change of an approved record.
    owner.change(town, &[("client_name", json!("b"))]).await.expect(200);
    let seen = town.staff(&["--json", "client", "show", &owner.id]).await.json()["version"].to_string();
    owner.change(town, &[("client_name", json!("c"))]).await.expect(200);
    town.staff(&["client", "approve", &owner.id, "--version", &seen]).await.refused(1, "look at it again");
}

/// The links of an app that ended end in batches; whoever fell over in between leaves nothing alive.
async fn what_a_crash_left_is_ended_later(town: &Town) {
    let key = Key::generate();
    let owner = Owner::of(&register(town, &invited(town, &[]).await, &record(&key)).await.expect(201));
    owner.approve(town).await;
    let app = owner.app(town, &key, "https://okozukai.example/cb");
    let taro = town.link(&app, &mut town.browser()).await;
    let pending = app.push("accounts").await;
    let mut browser = town.browser();
    browser.open(&pending.url).await.walk_to_consent(town, "005-0000123", &Customer::hanako(), "9182").await;
    let brought = browser.allow().await;
    let hanako = app.exchange(&pending, &brought).await;
    let kept = town.link(&town.creco(), &mut town.browser()).await;
    let (id, now) = (ClientId::parse(&owner.id).unwrap(), town.now());
    let event = EventId::parse("ended").unwrap();
    let ending = move |tx: &mut Tx<'_, '_>| registration::end(tx, &id, &Actor::Client(id.clone()), &event, now);
    town.world().write(ending).await;
    for tokens in [&taro, &hanako] {
        assert_eq!(town.accounts_api().introspect(&tokens.access_token).await, json!({"active": false}), "at once");
    }
    let unlink = async || town.world().write(move |tx| renkei_core::lifecycle::client::unlink(tx, now, 1)).await;
    let (first, second, third) = (unlink().await, unlink().await, unlink().await);
    // The server's own sweeper may have been quicker; nobody ends a link twice, and none is left.
    assert!(first >= second && second >= third && third == 0, "{first} {second} {third}");
    for tokens in [&taro, &hanako] {
        let grant = town.staff(&["--json", "grant", "show", &tokens.grant_id]).await.json();
        assert_eq!((&grant["state"], &grant["ended_by"]), (&json!("revoked"), &json!("client")));
    }
    assert_eq!(town.accounts_api().introspect(&kept.access_token).await["active"], true, "another app's link lives");
}

async fn who_is_never_approved_is_dropped(town: &Town) {
    let key = Key::generate();
    let token = invited(town, &["--uses", "2"]).await;
    let waits = Owner::of(&register(town, &token, &record(&key)).await.expect(201));
    let works = Owner::of(&register(town, &token, &record(&key)).await.expect(201));
    works.approve(town).await;
    let tidy = async |days: u64| {
        let (now, before) = (town.now(), town.now() - Duration::from_secs(days * 86_400));
        town.world().write(move |tx| registration::prune(tx, before, 500, now)).await
    };
    assert_eq!(tidy(30).await, 0);
    town.clock.set(town.now() + Duration::from_secs(30 * 86_400 + 1));
    assert_eq!(tidy(30).await, 1);
    assert_eq!((waits.read(town).await.status, works.read(town).await.status), (401, 200));
    town.staff(&["client", "show", &waits.id]).await.refused(1, "there is no client");
    town.expect_events(&["client.ended"]).await;
}

async fn a_software_statement_wins(town: &Town) {
    let (key, token) = (Key::generate(), invited(town, &["--uses", "2"]).await);
    let claims = json!({
        "iss": "https://directory.example", "iat": town.now().secs(), "client_name": "名簿の名前",
        "redirect_uris": ["https://okozukai.example/directory"], "software_id": "okozukai-1",
    });
    let statement = directory().sign(json!({"typ": "JWT"}), &claims);
    let mut wish = record(&key);
    wish["software_statement"] = json!(statement);
    let answer = register(town, &token, &wish).await.expect(201);
    let body = answer.json();
    assert_eq!(
        (&body["client_name"], &body["software_id"]),
        (&json!("名簿の名前"), &json!("okozukai-1")),
        "RFC 7591 3.1.1"
    );
    assert_eq!(body["redirect_uris"], json!(["https://okozukai.example/directory"]));
    assert_eq!(body["software_statement"], json!(statement), "RFC 7591 3.2.1: unmodified");
    assert_eq!(Owner::of(&answer).read(town).await.expect(200).json()["software_statement"], json!(statement));

    // What the app wants under another statement waits with it, and comes into force with it.
    let owner = Owner::of(&answer);
    owner.approve(town).await;
    let mut renamed = claims.clone();
    renamed["client_name"] = json!("新しい名前");
    let next = json!(directory().sign(json!({}), &renamed));
    let body = owner.change(town, &[("software_statement", next.clone())]).await.expect(200).json();
    assert_eq!((&body["software_statement"], &body["client_name"]), (&json!(statement), &json!("名簿の名前")));
    assert_eq!(body["change_pending"]["client_name"], "新しい名前");
    owner.approve(town).await;
    let body = owner.read(town).await.expect(200).json();
    assert_eq!((&body["software_statement"], &body["client_name"]), (&next, &json!("新しい名前")));

    let mut stranger = claims.clone();
    stranger["iss"] = json!("https://stranger.example");
    wish["software_statement"] = json!(directory().sign(json!({}), &stranger));
    register(town, &token, &wish).await.refused(400, "unapproved_software_statement");
    wish["software_statement"] = json!(key.sign(json!({}), &claims));
    register(town, &token, &wish).await.refused(400, "invalid_software_statement");
}

async fn without_the_key_there_is_nothing(town: &Town) {
    let metadata = town.http.get("/.well-known/openid-configuration").await.json();
    assert_eq!(metadata.get("registration_endpoint"), None);
    let token = invited(town, &[]).await;
    register(town, &token, &record(&Key::generate())).await.expect(404);
    let new = town.staff(&["--json", "client", "registration-token", "creco"]).await.json();
    let ask = bearer(new["registration_access_token"].as_str().unwrap());
    town.http.send("GET", "/oauth/register/creco", ask).await.expect(401);
}
