//! The app over the wire, beside a server that can lie: what it sends, and what it refuses to believe.

mod polled;

use super::*;
use crate::crypto::tests::seeded;
use crate::crypto::{base64url, sha256};
use crate::jose::{self, FAPI};
use crate::time::tests::ManualClock;
use crate::wire::{Answer, loopback, params, send, with_query};
use actix_web::web::{Bytes, Data, get, post};
use actix_web::{HttpRequest, HttpResponse};
use jsonwebtoken::decode_header;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::error::Error;
use std::sync::{Mutex, PoisonError};
use url::Url;

type Tested = Result<(), Box<dyn Error>>;

const START: i64 = 1_795_300_000;
/// The nonce the server asks for.
const NONCE: &str = "the-nonce";

/// The server: honest unless told otherwise.
struct Server {
    origin: Mutex<String>,
    key: SigningKey,
    clock: Arc<ManualClock>,
    http: reqwest::Client,
    /// The parameters last pushed.
    pushed: Mutex<HashMap<String, String>>,
    /// Changes the token answer and the id_token's claims.
    lie: Mutex<fn(&mut Value, &mut Value)>,
    /// What the account API answers with.
    api: Mutex<u16>,
    revoked: Mutex<Option<String>>,
}

fn held<T: Clone>(slot: &Mutex<T>) -> T {
    slot.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
fn put<T>(slot: &Mutex<T>, value: T) {
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = value;
}
fn refuse(error: &str) -> HttpResponse {
    HttpResponse::BadRequest().json(json!({"error": error}))
}

impl Server {
    /// A form from the app: its assertion and proof checked as FAPI 2.0 asks. Where `nonce` says so, the proof must have
    /// one of ours in it (RFC 9449 §8).
    async fn form(
        &self,
        request: &HttpRequest,
        body: &Bytes,
        nonce: bool,
    ) -> Result<HashMap<String, String>, HttpResponse> {
        let form = params(std::str::from_utf8(body).map_err(|_| refuse("invalid_request"))?);
        let back = held(&self.pushed).get("app").cloned().unwrap_or_default();
        let set = send(self.http.get(format!("{back}/jwks"))).await.map_err(|_| refuse("no jwks"))?;
        let keys = jose::keys(&set.json().map_err(|_| refuse("jwks"))?);
        let assertion = form.get("client_assertion").map_or("", String::as_str);
        let claims = jose::verify_with_set(assertion, &keys, &FAPI).map_err(|_| refuse("invalid_client"))?;
        let own = held(&self.origin);
        let text = |name| jose::text(&claims, name).unwrap_or_default().to_owned();
        if (text("iss"), text("sub"), text("aud")) != ("creco".into(), "creco".into(), own.clone()) {
            return Err(refuse("invalid_client"));
        }
        let proof = request.headers().get("DPoP").and_then(|v| v.to_str().ok()).ok_or_else(|| refuse("no proof"))?;
        let jwk = decode_header(proof).ok().and_then(|header| header.jwk).ok_or_else(|| refuse("no jwk"))?;
        let proved = jose::verify(proof, &jwk, &FAPI).map_err(|_| refuse("invalid_dpop_proof"))?;
        let text = |name| jose::text(&proved, name).unwrap_or_default();
        let for_this = text("htm") == "POST" && text("htu") == format!("{own}{}", request.path());
        let fresh = proved.get("iat").and_then(Value::as_i64) == Some(self.clock.now().timestamp());
        if !for_this || !fresh || text("jti").is_empty() {
            return Err(refuse("invalid_dpop_proof"));
        }
        if nonce && text("nonce") != NONCE {
            let mut asked = HttpResponse::BadRequest();
            return Err(asked.insert_header(("DPoP-Nonce", NONCE)).json(json!({"error": "use_dpop_nonce"})));
        }
        Ok(form)
    }
}

async fn metadata(s: Data<Server>) -> HttpResponse {
    let own = held(&s.origin);
    HttpResponse::Ok().json(json!({
        "issuer": own, "authorization_endpoint": format!("{own}/authorize"), "token_endpoint": format!("{own}/token"),
        "pushed_authorization_request_endpoint": format!("{own}/par"), "jwks_uri": format!("{own}/jwks"),
        "revocation_endpoint": format!("{own}/revoke"),
    }))
}
async fn jwks(s: Data<Server>) -> HttpResponse {
    HttpResponse::Ok().json(jose::set(s.key.public()))
}
async fn par(s: Data<Server>, request: HttpRequest, body: Bytes) -> HttpResponse {
    match s.form(&request, &body, true).await {
        Ok(form) => {
            let app = held(&s.pushed).get("app").cloned().unwrap_or_default();
            let mut pushed = form;
            pushed.insert("app".into(), app);
            put(&s.pushed, pushed);
            HttpResponse::Created().json(json!({"request_uri": "urn:x:1", "expires_in": 300}))
        }
        Err(refusal) => refusal,
    }
}
async fn token(s: Data<Server>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let form = match s.form(&request, &body, true).await {
        Ok(form) => form,
        Err(refusal) => return refusal,
    };
    if form.get("grant_type").is_some_and(|kind| kind == "client_credentials") {
        return HttpResponse::Ok().json(json!({"access_token": "own-token", "token_type": "DPoP"}));
    }
    let pushed = held(&s.pushed);
    let challenge = form.get("code_verifier").map(|v| base64url(sha256(v)));
    if challenge != pushed.get("code_challenge").cloned() || form.get("code").is_none_or(|code| code != "the-code") {
        return refuse("invalid_grant");
    }
    let now = s.clock.now().timestamp();
    let mut claims = json!({
        "iss": held(&s.origin), "aud": "creco", "sub": "s", "iat": now, "exp": now + 300, "nonce": pushed.get("nonce"),
    });
    let mut answer = json!({
        "access_token": "the-token", "token_type": "DPoP", "expires_in": 3600, "grant_id": "g1",
        "grant_expires_at": now + 30 * 86_400,
    });
    held(&s.lie)(&mut answer, &mut claims);
    answer["id_token"] = s.key.sign(&claims).unwrap_or_default().into();
    HttpResponse::Ok().json(answer)
}
async fn revoke(s: Data<Server>, request: HttpRequest, body: Bytes) -> HttpResponse {
    match s.form(&request, &body, false).await {
        Ok(form) => {
            put(&s.revoked, form.get("token").cloned());
            HttpResponse::Ok().finish()
        }
        Err(refusal) => refusal,
    }
}
async fn api(s: Data<Server>, request: HttpRequest) -> HttpResponse {
    let answer = match held(&s.api) {
        401 => {
            return HttpResponse::Unauthorized()
                .insert_header(("WWW-Authenticate", "DPoP error=\"invalid_token\""))
                .finish();
        }
        503 => return HttpResponse::ServiceUnavailable().finish(),
        _ if request.path().ends_with("/balance") => json!({"balance": 1_284_530}),
        _ if request.path().ends_with("/transactions") => json!({"transactions": [
            {"date": "2026-11-01", "description": "older", "amount": -5},
            {"date": "2026-11-20", "description": "newer", "amount": 7},
        ]}),
        _ => json!({"accounts": [
            {"id": "a", "branch": "115", "account_type": "ordinary", "account_number": "1100026"},
        ]}),
    };
    HttpResponse::Ok().json(answer)
}

struct AppWorld {
    app: Running,
    other: Running,
    server: Data<Server>,
    polled: Data<polled::Polled>,
    cookie: String,
}

impl AppWorld {
    async fn start() -> Result<Self, Box<dyn Error>> {
        let (clock, http) = (Arc::new(ManualClock::at(START)), loopback()?);
        let server = Data::new(Server {
            origin: Mutex::default(),
            key: SigningKey::generate()?,
            clock: clock.clone(),
            http: http.clone(),
            pushed: Mutex::default(),
            lie: Mutex::new(|_, _| {}),
            api: Mutex::new(200),
            revoked: Mutex::default(),
        });
        let polled = Data::new(polled::Polled::new()?);
        let shared = (server.clone(), polled.clone());
        let other = Listener::bind(0)?.open(move |c| {
            c.app_data(shared.0.clone())
                .app_data(shared.1.clone())
                .configure(polled::routes)
                .route("/.well-known/openid-configuration", get().to(metadata))
                .route("/jwks", get().to(jwks))
                .route("/par", post().to(par))
                .route("/token", post().to(token))
                .route("/revoke", post().to(revoke))
                .route("/v1/{rest:.*}", get().to(api));
        })?;
        put(&server.origin, other.url().to_owned());
        let settings = AppSettings {
            issuer: other.url().to_owned(),
            api: other.url().to_owned(),
            simulator: "http://localhost:2".into(),
            client_id: "creco".into(),
            kakeibo_id: "kakeibo".into(),
            kakeibo_secret: Secret::new("kakeibo-secret"),
            institution: ["みなと信用組合".into(), "Minato Credit Union".into()],
        };
        let parts = AppParts { clock, random: Arc::new(seeded(8)), http, pages: Pages::new()? };
        let app = super::start(Listener::bind(0)?, settings, parts)?;
        put(&server.pushed, HashMap::from([("app".to_owned(), app.url().to_owned())]));
        Ok(Self { app, other, server, polled, cookie: String::new() })
    }

    async fn get(&self, path: &str) -> Result<Answer, Box<dyn Error>> {
        let request = self.server.http.get(format!("{}{path}", self.app.url()));
        Ok(send(request.header("cookie", self.cookie.clone())).await?)
    }
    async fn press(&mut self, action: &str) -> Result<Answer, Box<dyn Error>> {
        let request = self.server.http.post(self.app.url()).form(&[("action", action)]);
        let request = request.header("cookie", self.cookie.clone()).header("origin", self.app.url());
        let answer = send(request).await?;
        if let Some(set) = answer.header("set-cookie") {
            assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Path=/"), "{set}");
            self.cookie = set.split(';').next().unwrap_or_default().to_owned();
        }
        Ok(answer)
    }
    /// What the server brings the browser back with.
    fn back(&self, changes: &[(&str, &str)]) -> String {
        let (state, own) =
            (held(&self.server.pushed).get("state").cloned().unwrap_or_default(), held(&self.server.origin));
        let mut query = vec![("code", "the-code"), ("state", &state), ("iss", &own)];
        for (name, value) in changes {
            query.retain(|(n, _)| n != name);
            if !value.is_empty() {
                query.push((name, value));
            }
        }
        with_query("/callback", query)
    }
    async fn link(&mut self) -> Tested {
        assert_eq!(self.press("link").await?.status, 303);
        let back = self.get(&self.back(&[])).await?;
        assert_eq!((back.status, back.header("location")), (303, Some("/")));
        Ok(())
    }
    async fn stop(self) {
        self.app.stop().await;
        self.other.stop().await;
    }
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

#[actix_web::test]
async fn a_link_from_click_to_end() -> Tested {
    let mut w = AppWorld::start().await?;
    assert!(text(&w.get("/").await?).contains("口座を連携する"));
    let away = w.press("link").await?;
    let pushed = held(&w.server.pushed);
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "creco"),
        ("scope", "openid accounts transactions"),
        ("authorization_details", r#"[{"type":"account_information"}]"#),
        ("code_challenge_method", "S256"),
        ("redirect_uri", &format!("{}/callback", w.app.url())),
    ] {
        assert_eq!(pushed.get(name).map(String::as_str), Some(value), "{name}");
    }
    let to = Url::parse(away.header("location").unwrap_or_default())?;
    assert_eq!(
        to.query(),
        Some("client_id=creco&request_uri=urn%3Ax%3A1"),
        "only what FAPI 2.0 lets travel in the open"
    );
    assert_eq!(w.get(&w.back(&[])).await?.status, 303);
    let page = text(&w.get("/").await?);
    for part in ["1,284,530", "115-1100026", "連携を解除", "grant.created", "grant.expiring"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.find("newer") < page.find("older"), "the newest first");
    assert_eq!(w.get(&w.back(&[])).await?.status, 400, "the same answer again");
    assert_eq!(w.press("revoke").await?.status, 303);
    assert_eq!(held(&w.server.revoked).as_deref(), Some("the-token"));
    let page = text(&w.get("/").await?);
    assert!(page.contains("grant.revoked") && !page.contains("1,284,530") && !page.contains("grant.expiring"));
    w.stop().await;
    Ok(())
}

#[actix_web::test]
async fn an_answer_that_is_not_ours_is_not_taken() -> Tested {
    let mut w = AppWorld::start().await?;
    for (why, changes, status) in [
        ("another state", &[("state", "x")][..], 400),
        ("no state", &[("state", "")], 400),
        ("another server (RFC 9207)", &[("iss", "http://localhost:1")], 400),
        ("no iss", &[("iss", "")], 400),
        ("no code", &[("code", "")], 400),
        ("refused", &[("code", ""), ("error", "access_denied")], 200),
        ("a code that is not the server's", &[("code", "y")], 200),
    ] {
        assert_eq!(w.press("link").await?.status, 303);
        let shown = w.get(&w.back(changes)).await?;
        assert_eq!(shown.status, status, "{why}");
        let page = text(&shown);
        assert!(!page.contains("<form method=\"post\">"), "{why}: the next press would go to /callback");
        assert!(!text(&w.get("/").await?).contains("連携を解除"), "{why}");
    }
    let page = text(&w.get("/").await?);
    assert!(page.contains("口座の連携は行われませんでした"), "{page}");
    for code in ["access_denied", "consent.denied", "お客様が拒否しました", "app.not_linked"] {
        assert!(!page.contains(code), "{code}");
    }
    let mine = std::mem::replace(&mut w.cookie, "sample_app=somebody-else".into());
    assert_eq!(w.get(&w.back(&[])).await?.status, 400, "another browser");
    w.cookie = mine;
    w.stop().await;
    Ok(())
}

#[actix_web::test]
async fn a_server_that_lies_is_not_believed() -> Tested {
    type Lie = fn(&mut Value, &mut Value);
    let table: [(&str, Lie); 6] = [
        ("a bearer token", |answer, _| answer["token_type"] = json!("Bearer")),
        ("no end of the grant", |answer, _| answer["grant_expires_at"] = Value::Null),
        ("another audience", |_, claims| claims["aud"] = json!("kakeibo")),
        ("another issuer", |_, claims| claims["iss"] = json!("http://evil.example")),
        ("another nonce", |_, claims| claims["nonce"] = json!("x")),
        ("expired", |_, claims| claims["exp"] = json!(START - 60)),
    ];
    let mut w = AppWorld::start().await?;
    for (why, lie) in table {
        put(&w.server.lie, lie);
        w.press("link").await?;
        assert_eq!(w.get(&w.back(&[])).await?.status, 400, "{why}");
        assert!(!text(&w.get("/").await?).contains("連携を解除"), "{why}");
    }
    w.stop().await;
    Ok(())
}

#[actix_web::test]
async fn a_dead_token_ends_the_link_and_an_api_without_an_answer_does_not() -> Tested {
    let mut w = AppWorld::start().await?;
    w.link().await?;
    assert!(text(&w.get("/").await?).contains("1,284,530"));
    put(&w.server.api, 503);
    assert!(text(&w.get("/").await?).contains("1,284,530"), "what was last known stays");
    put(&w.server.api, 401);
    let page = text(&w.get("/").await?);
    assert!(page.contains("grant.revoked") && !page.contains("連携を解除"));
    put(&w.server.api, 200);
    w.link().await?;
    w.server.clock.advance(31 * 86_400);
    put(&w.server.api, 401);
    assert!(text(&w.get("/").await?).contains("grant.expired"), "its day had come");
    w.stop().await;
    Ok(())
}

#[actix_web::test]
async fn a_language_once_chosen_stays() -> Tested {
    let mut w = AppWorld::start().await?;
    assert!(text(&w.get("/").await?).contains("<html lang=\"ja\">"));
    let chosen = w.get("/?ui_locales=en").await?;
    assert!(text(&chosen).contains("<html lang=\"en\">") && text(&chosen).contains("Minato Credit Union"));
    w.cookie = chosen.header("set-cookie").and_then(|c| c.split(';').next()).unwrap_or_default().to_owned();
    assert!(text(&w.get("/kakeibo").await?).contains("<html lang=\"en\">"));
    w.press("link").await?;
    assert_eq!(
        held(&w.server.pushed).get("ui_locales").map(String::as_str),
        Some("en"),
        "the institution's pages follow"
    );
    w.stop().await;
    Ok(())
}

#[actix_web::test]
async fn forms_of_other_pages_do_nothing() -> Tested {
    let mut w = AppWorld::start().await?;
    w.link().await?;
    for (header, value) in [("origin", "http://localhost:9"), ("sec-fetch-site", "same-site"), ("origin", "null")] {
        let request = w.server.http.post(w.app.url()).form(&[("action", "revoke")]);
        let request = request.header("cookie", w.cookie.clone()).header(header, value);
        assert_eq!(send(request).await?.status, 403, "{header}: {value}");
    }
    assert_eq!(held(&w.server.revoked), None);
    w.stop().await;
    Ok(())
}
