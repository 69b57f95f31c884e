//! `renkei client` and `renkei key` as an operator uses them: the same whether the server runs or not.

use crate::serve::{RENKEI, ServeFolder, terminate, text};
use crate::support::app::basic;
use crate::support::pg;
use renkei_core::store::{Options, Store};
use serde_json::{Value, json};
use std::process::{Command, Output};

struct Operator<'p>(&'p ServeFolder);

impl Operator<'_> {
    fn run(&self, command: &[&str]) -> Output {
        let env = self.0.env.iter().map(|(key, value)| (key, value));
        Command::new(RENKEI).args(command).arg("--config").arg(self.0.config()).envs(env).output().unwrap()
    }
    /// Runs a command that succeeds; what it says to machines.
    fn json(&self, command: &[&str]) -> Value {
        let out = self.run(&[&["--json"], command].concat());
        assert_eq!(out.status.code(), Some(0), "{command:?}: {}", text(&out.stderr));
        serde_json::from_slice(&out.stdout).unwrap()
    }
    /// Runs a command that is refused; why.
    fn refused(&self, command: &[&str]) -> String {
        let out = self.run(command);
        assert_eq!(out.status.code(), Some(1), "{command:?}: {}", text(&out.stdout));
        text(&out.stderr)
    }
    /// A store of this release, without a server.
    fn make_store(&self) {
        std::fs::create_dir(self.0.dir.path().join("data")).unwrap();
        self.json(&["db", "migrate"]);
    }
    fn record(&self, record: &Value) -> String {
        let file = self.0.dir.path().join("record.json");
        std::fs::write(&file, record.to_string()).unwrap();
        file.display().to_string()
    }
}

/// Every command once, with what it must say.
fn walk(operator: &Operator<'_>, id: &str) {
    let mut record = json!({"client_id": id, "client_name": "家計簿", "profile": "oidc", "redirect_uri": "a typing error",
        "redirect_uris": ["https://app.example/cb"]});
    let made = operator.json(&["client", "import", &operator.record(&record)]);
    assert_eq!((&made["replaced"], &made["ignored"]), (&json!(false), &json!(["redirect_uri"])));
    let secret = made["client_secret"].as_str().unwrap();
    assert_eq!(secret.len(), 43);
    // The very same once more changes nothing.
    let same = operator.json(&["client", "import", &operator.record(&record)]);
    assert_eq!((&same["replaced"], &same["unchanged"], &same["changes"]), (&json!(false), &json!(true), &json!([])));
    record["client_name"] = "かけいぼ".into();
    record["redirect_uris"] = json!(["https://app.example/callback"]);
    // A record in force is replaced only by somebody who has seen what changes.
    let why = operator.refused(&["client", "import", &operator.record(&record)]);
    for line in [
        "registered already, and nothing was changed. With --replace",
        "client_name: 家計簿 -> かけいぼ",
        "redirect_uris: - https://app.example/cb",
        "redirect_uris: + https://app.example/callback",
    ] {
        assert!(why.contains(line), "{line}: {why}");
    }
    assert_eq!(operator.json(&["client", "show", id])["client_name"], "家計簿");
    let again = operator.json(&["client", "import", "--replace", &operator.record(&record)]);
    assert_eq!((&again["replaced"], &again["client_secret"]), (&json!(true), &Value::Null), "the secret stays");
    assert_eq!(again["changes"].as_array().map(Vec::len), Some(3), "{again}");

    let shown = operator.json(&["client", "show", id]);
    assert_eq!((&shown["client_name"], &shown["status"]), (&json!("かけいぼ"), &json!("active")));
    assert!(!shown.to_string().contains("secret\":"), "no secret is shown");
    let listed = operator.json(&["client", "list"]);
    assert!(listed["clients"].as_array().unwrap().iter().any(|c| c["client_id"] == id));
    assert!(text(&operator.run(&["client", "list"]).stdout).contains("かけいぼ"));

    assert_eq!(operator.json(&["client", "suspend", id])["status"], "suspended");
    assert!(operator.refused(&["client", "suspend", id]).contains("suspended already"));
    assert_eq!(operator.json(&["client", "show", id])["status"], "suspended");
    assert_eq!(operator.json(&["client", "resume", id])["status"], "active");
    assert!(operator.refused(&["client", "approve", id]).contains("active already"));
    let new = format!("{id}-new");
    let mut waiting = record.clone();
    waiting["client_id"] = new.as_str().into();
    waiting["status"] = "pending".into();
    operator.json(&["client", "import", &operator.record(&waiting)]);
    for order in ["suspend", "resume"] {
        assert!(operator.refused(&["client", order, &new]).contains("waits for approval"), "{order}");
    }
    assert!(text(&operator.run(&["client", "list"]).stdout).contains("pending"));
    assert_eq!(operator.json(&["client", "approve", &new])["status"], "active");
    let rotated = operator.json(&["client", "rotate-secret", id]);
    assert_ne!(rotated["client_secret"], secret);

    for (command, why) in [
        (vec!["client", "show", "nobody"], "there is no client nobody"),
        (vec!["client", "suspend", "nobody"], "there is no client nobody"),
        (vec!["client", "rotate-secret", "nobody"], "there is no client nobody"),
        (vec!["client", "import", "/nowhere.json"], "/nowhere.json"),
    ] {
        assert!(operator.refused(&command).contains(why), "{command:?}");
    }
    several_mistakes(operator);
    record["redirect_uris"] = json!(["https://app.example/cb#f"]);
    let why = operator.refused(&["client", "import", &operator.record(&record)]);
    assert!(why.contains("invalid_redirect_uri: redirect_uris[0]: has a fragment"), "{why}");
    assert_eq!(operator.run(&["client", "show", "not an id"]).status.code(), Some(2));

    let keys = operator.json(&["key", "list"]);
    let algs: Vec<_> = keys["keys"].as_array().unwrap().iter().map(|k| k["alg"].as_str().unwrap()).collect();
    for alg in ["ES256", "PS256", "RS256"] {
        assert!(algs.contains(&alg), "{alg}");
    }
    assert!(keys["keys"].as_array().unwrap().iter().all(|k| k["state"] == "current"));
}

/// Everything that is wrong with a record is said at once, with the value and what is allowed.
fn several_mistakes(operator: &Operator<'_>) {
    let record = json!({"client_name": "家計簿", "redirect_uris": ["https://app.example/ok", "http://app.example/cb"],
        "token_endpoint_auth_method": "client_secret_jwt", "scope": "openid balance", "grant_types": ["password"],
        "jwks_uri": "https://app.example/jwks", "access_token_lifetime": "1s", "client_secret": "short"});
    let why = operator.refused(&["client", "import", &operator.record(&record)]);
    for line in [
        "6 mistakes:",
        "invalid_redirect_uri: redirect_uris[1]: is not https: 'http://app.example/cb'",
        "token_endpoint_auth_method: 'client_secret_jwt' is not a value this server knows; allowed are client_secret_basic",
        "scope: has 'balance', which this server does not know; known are accounts",
        "grant_types: has 'password'; allowed are authorization_code, refresh_token, client_credentials",
        "access_token_lifetime: is not between 60s and",
        "'1s'",
        "client_secret: is too short",
        "The record names no profile: it was read as fapi2.",
    ] {
        assert!(why.contains(line), "{line}: {why}");
    }
    assert!(!why.contains("short'"), "no secret is repeated: {why}");
    // offline_access and the refresh_token grant go together.
    for (scope, types, why) in [
        (
            "openid accounts offline_access",
            json!(["authorization_code"]),
            "scope: has offline_access, but grant_types has no",
        ),
        (
            "openid accounts",
            json!(["authorization_code", "refresh_token"]),
            "grant_types: has refresh_token, but scope has no",
        ),
    ] {
        let record = json!({"client_name": "家計簿", "profile": "oidc", "redirect_uris": ["https://app.example/cb"],
            "scope": scope, "grant_types": types});
        let said = operator.refused(&["client", "import", &operator.record(&record)]);
        assert!(said.contains(why), "{said}");
        assert!(!said.contains("names no profile"), "{said}");
    }
}

#[test]
fn the_registry_is_kept_with_a_server_and_without() {
    let test_store = ServeFolder::new();
    let operator = Operator(&test_store);
    assert!(operator.refused(&["client", "list"]).contains("no server has run here"));
    let mut child = test_store.start();
    walk(&operator, "running");
    terminate(&child);
    assert!(child.wait().unwrap().success());
    walk(&operator, "stopped");
    // No server runs: the keys rotate in the store, and the next start finds them so.
    assert_eq!(operator.json(&["key", "rotate", "--alg", "ES256"])["made"], 1);
    assert_eq!(operator.json(&["key", "rotate", "--alg", "PS256", "--now"])["withdrawn"], 1);
    let keys = operator.json(&["key", "list"]);
    let count = |state: &str| keys["keys"].as_array().unwrap().iter().filter(|k| k["state"] == state).count();
    assert_eq!((count("current"), count("next"), count("withdrawn")), (3, 1, 1));
    let told = operator.json(&["client", "list"]);
    let ids: Vec<_> = told["clients"].as_array().unwrap().iter().map(|c| c["client_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["running", "running-new", "stopped", "stopped-new"]);
    // Both ways left the same traces.
    let records = text(&operator.run(&["audit", "export", "--reason", "a test asks"]).stdout);
    for (action, times) in [
        ("client.registered", 4),
        ("client.changed", 2),
        ("client.suspended", 2),
        ("client.resumed", 2),
        ("client.approved", 2),
        ("client.secret_rotated", 2),
    ] {
        assert_eq!(records.matches(action).count(), times, "{action}");
    }
    // What a change changed, by name and value.
    let changed = records.lines().find(|line| line.contains("\"client.changed\"")).unwrap();
    let detail = &serde_json::from_str::<Value>(changed).unwrap()["detail"];
    assert_eq!(detail["members"], json!(["client_name", "redirect_uris"]));
    let uris = json!({"added": ["https://app.example/callback"], "removed": ["https://app.example/cb"]});
    assert_eq!(detail["redirect_uris"], uris);
    assert!(detail["digest"].is_string() && detail["digest_before"].is_string(), "{detail}");
    assert_ne!(detail["digest"], detail["digest_before"]);
}

/// Decision 7: in production a secret that somebody brings along is one that nobody guesses. No server runs here, so
/// the
/// command decides.
#[test]
fn production_takes_no_weak_secret() {
    let mut test_store = ServeFolder::new();
    let production = [
        ("RENKEI__SERVER__MODE", "production"),
        ("RENKEI__MAIL__KIND", "smtp"),
        ("RENKEI__MAIL__HOST", "smtp.minato.example"),
        ("RENKEI__BANK__KIND", "http"),
        ("RENKEI__BANK__URL", "https://core.minato.example/link/v1"),
        ("RENKEI__INSTITUTION__TERMS_FILE", concat!(env!("CARGO_MANIFEST_DIR"), "/config/demo/terms.txt")),
    ];
    test_store.env = production.map(|(key, value)| (key, value.to_owned())).to_vec();
    let operator = Operator(&test_store);
    operator.make_store();
    let record = |secret: &str| {
        json!({"client_id": "kakeibo", "client_name": "家計簿", "profile": "oidc", "client_secret": secret,
            "redirect_uris": ["https://app.example/cb"],
            "provider": {"name": "株式会社かけいぼ", "registration_number": "関東財務局長(電代)第1号"}})
    };
    // An app there is one of a registered provider; what is not an app has none.
    let mut nameless = record("0123456789abcdefghijkl");
    nameless["provider"] = Value::Null;
    let said = operator.refused(&["client", "import", &operator.record(&nameless)]);
    for member in ["2 mistakes:", "provider.name: is missing", "provider.registration_number: is missing"] {
        assert!(said.contains(member), "{said}");
    }
    for (secret, why) in [
        ("kakeibo-secret", "client_secret: is a secret of the demo"),
        ("accounts-api-secret", "client_secret: is a secret of the demo"),
        ("twenty-one-characters", "client_secret: is too short; wanted are at least 22 characters"),
        ("abababababababababababab", "client_secret: repeats too few characters; wanted are at least 10 different"),
    ] {
        let said = operator.refused(&["client", "import", &operator.record(&record(secret))]);
        assert!(said.contains(&format!("invalid_client_metadata: {why}")), "{said}");
        assert!(!said.contains(secret), "{said}");
    }
    assert_eq!(operator.json(&["client", "list"])["clients"], json!([]), "none of them is registered");
    let strong = record("0123456789abcdefghijkl");
    assert_eq!(operator.json(&["client", "import", &operator.record(&strong)])["client"]["client_id"], "kakeibo");
    // Where all is invented, any will do.
    test_store.env.clear();
    let operator = Operator(&test_store);
    let why = operator.refused(&["client", "import", &operator.record(&record("kakeibo-secret"))]);
    assert!(why.contains("client_secret: the one of the record takes the place of the old one"), "{why}");
    operator.json(&["client", "import", "--replace", &operator.record(&record("kakeibo-secret"))]);
    nameless["client_id"] = "nameless".into();
    operator.json(&["client", "import", &operator.record(&nameless)]);
}

/// An upgrade from a release that kept some secrets as SHA-256 and others as argon2id.
async fn secrets_of_an_earlier_release(test_store: ServeFolder, url: String) {
    let operator = Operator(&test_store);
    let jwks = json!({"keys": [crate::support::jws::Key::generate().jwk()]});
    let record = |id: &str, secret: Option<&str>| {
        let mut record = json!({"client_id": id, "client_name": id, "profile": "oidc", "client_secret": secret,
            "redirect_uris": ["https://app.example/cb"]});
        if id == "signs" {
            (record["token_endpoint_auth_method"], record["jwks"]) = (json!("private_key_jwt"), jwks.clone());
        }
        record
    };
    let import =
        |id: &str, secret| operator.json(&["client", "import", "--replace", &operator.record(&record(id, secret))]);
    operator.make_store();
    for id in ["kept", "rotated", "made", "brought", "signs"] {
        import(id, (id != "signs").then_some("will be replaced"));
    }
    let store = async |sql: &'static str| {
        let store = Store::open_with(&url, &Options { connections: 1, ..Options::default() }).unwrap();
        let digest = renkei_core::secret::Hash::of("the secret that was kept").base64url();
        let rows = store.write(move |tx| tx.rows(sql, &[digest.as_str().into()])).await.unwrap();
        store.stop().await;
        rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect::<Vec<_>>()
    };
    store(
        "update clients set secret_kind = case when id = 'kept' then 'sha256' else 'argon2id' end,
         secret = case when id = 'kept' then ?1 else '$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA' end returning id",
    )
    .await;

    let refused = |names: &str| {
        let (status, said) = match test_store.try_start() {
            Err(refused) => refused,
            Ok(mut child) => {
                child.kill().unwrap();
                panic!("it started");
            }
        };
        assert_eq!(status, Some(1), "{said}");
        for words in [&format!("the secret of {names} as argon2id"), "client rotate-secret ID", "client import FILE"] {
            assert!(said.contains(words), "{said}");
        }
    };
    refused("brought, made, rotated, signs");
    assert_eq!(operator.json(&["client", "list"])["clients"].as_array().unwrap().len(), 5, "all are still there");
    let rotated = operator.json(&["client", "rotate-secret", "rotated"])["client_secret"].clone();
    refused("brought, made, signs");
    let made = import("made", None)["client_secret"].clone();
    assert_eq!(import("brought", Some("brought along"))["client_secret"], Value::Null);
    refused("signs");
    let why = operator.refused(&["client", "rotate-secret", "signs"]);
    assert!(why.contains("with its own key: its former secret is deleted when its record is imported again"), "{why}");
    import("signs", None);

    let mut child = test_store.start();
    let ask = async |id: &str, secret: &str| {
        let ask =
            test_store.client().post(test_store.url("/oauth/introspect")).header("authorization", basic(id, secret));
        let ask = ask.header("content-type", "application/x-www-form-urlencoded").body("token=x");
        ask.send().await.unwrap().status().as_u16()
    };
    for (id, secret) in [
        ("kept", "the secret that was kept"),
        ("rotated", rotated.as_str().unwrap()),
        ("made", made.as_str().unwrap()),
        ("brought", "brought along"),
    ] {
        assert_eq!(ask(id, secret).await, 200, "{id}");
        assert_eq!(ask(id, "will be replaced").await, 401, "{id}");
    }
    assert_eq!(ask("signs", "will be replaced").await, 401);
    terminate(&child);
    assert!(child.wait().unwrap().success());
    let kinds = store("select secret_kind from clients where secret_kind is not null and secret <> ?1 limit 9").await;
    assert_eq!(kinds, ["hmac"; 4]);
}

mod an_upgrade {
    use super::{ServeFolder, pg, secrets_of_an_earlier_release};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sqlite() {
        let test_store = ServeFolder::new();
        let url = format!("sqlite:{}", test_store.dir.path().join("data/renkei.db").display());
        secrets_of_an_earlier_release(test_store, url).await;
    }
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn postgres() {
        let (mut test_store, database) = (ServeFolder::new(), pg::database());
        test_store.env.push(("RENKEI__STORE__URL", database.url()));
        secrets_of_an_earlier_release(test_store, database.url()).await;
    }
}
