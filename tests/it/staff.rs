//! What the branch does when a customer telephones, with the program itself: over the admin socket of a running server,
//! and on the store where none runs.

use crate::grant_management::{client, linked};
use crate::streams;
use crate::support::browser::Customer;
use crate::support::town::{Engine, Said, Town, on_both, renkei_at};
use renkei_core::store::{Options, Store};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

on_both!(
    a_copy_is_made_and_put_back,
    a_customer_telephones_about_a_link,
    a_customer_telephones_with_a_receipt_number,
    a_customer_telephones_about_a_lock,
    each_list_has_japanese_times_for_people_and_rfc_3339_for_programs,
    many_locks_are_released_at_once,
    an_auditor_comes,
    the_socket_is_not_for_all
);

const TARO: &str = "115-ordinary-1100026";

fn me() -> String {
    format!("staff:{}", renkei_core::admin::uid_name::name(rustix::process::getuid().as_raw()))
}

async fn a_customer_telephones_about_a_link(w: &Town) {
    let (app, api) = (w.kakeibo(), w.accounts_api());
    assert_eq!(w.staff(&["grant", "list", "--account", TARO]).await.out, format!("{TARO}: no links\n"));
    let tokens = w.link(&app, &mut w.browser()).await;
    let id = tokens.grant_id.as_str();

    let listed = w.staff(&["--json", "grant", "list", "--account", TARO]).await.json();
    assert_eq!(listed["grants"].as_array().unwrap().len(), 1);
    let grant = &listed["grants"][0];
    for (name, want) in [("grant_id", id), ("client_id", "kakeibo"), ("state", "active"), ("account", TARO)] {
        assert_eq!(grant[name], want, "{grant}");
    }
    // For people: a table with the same facts.
    let text = w.staff(&["grant", "list", "--account", "115-ordinary-1100026"]).await;
    assert!(text.out.lines().nth(1).unwrap().starts_with(&format!("{id}  kakeibo")), "{text:?}");

    let shown = w.staff(&["--json", "grant", "show", id]).await.json();
    let story: Vec<&str> = shown["events"].as_array().unwrap().iter().map(|e| e["event"].as_str().unwrap()).collect();
    assert_eq!(story, ["consent.granted", "grant.created", "token.issued"]);
    assert!(w.staff(&["grant", "show", id]).await.out.contains("token.issued"));

    assert_eq!(api.introspect(&tokens.access_token).await["active"], true);
    w.staff(&["grant", "revoke", id]).await.refused(2, "--reason");
    w.staff(&["grant", "revoke", id, "--reason", " "]).await.refused(2, "reason");
    assert_eq!(api.introspect(&tokens.access_token).await["active"], true, "nothing was done");
    let said = w.staff(&["grant", "revoke", id, "--reason", "お客さまからの電話による解除"]).await;
    assert_eq!((said.status, said.out), (0, format!("{id} of kakeibo: revoked\n")));
    assert_eq!(api.introspect(&tokens.access_token).await, json!({"active": false}));
    w.expect_events(&["grant.revoked"]).await;

    w.staff(&["grant", "revoke", id, "--reason", "again"]).await.refused(1, "has ended already");
    w.staff(&["--json", "grant", "show", "nobody"]).await.refused(1, "{\"error\":\"there is no grant nobody\"}");
    w.staff(&["grant", "list", "--account", "115-loan-1"]).await.refused(2, "115-ordinary-1100026");
    let ended = w.staff(&["--json", "grant", "list", "--account", TARO]).await.json();
    assert_eq!(
        (&ended["grants"][0]["state"], &ended["grants"][0]["ended_by"]),
        (&json!("revoked"), &json!("institution"))
    );

    // Everything staff did stands in the record under their name, looking included.
    let record = export(w.staff(&["audit", "export", "--account", TARO]).await);
    let mine: Vec<_> = record.iter().filter(|r| r["actor"] == me()).map(|r| r["action"].as_str().unwrap()).collect();
    for action in ["staff.grants.listed", "staff.grant.shown", "grant.revoked"] {
        assert!(mine.contains(&action), "{action} is not in {mine:?}");
    }
    let revoked = record.iter().find(|r| r["action"] == "grant.revoked").unwrap();
    assert_eq!(revoked["detail"]["note"], "お客さまからの電話による解除");
    assert!(!format!("{record:?}").contains("1100026"), "no account number in the record");
}

/// 受付番号 is all that many customers have. A link keeps each number under which it was made or changed.
async fn a_customer_telephones_with_a_receipt_number(w: &Town) {
    let (app, own) = (client(w, "budget").await, w.bank.ids(TARO).await);
    let first = linked(w, &app, "accounts", &[&own[0]], &[]).await;
    let id = first["grant_id"].as_str().unwrap().to_owned();
    let number = async || {
        let shown = w.staff(&["--json", "grant", "show", &id]).await.json();
        shown["reference"].as_str().unwrap().to_owned()
    };
    let old = number().await;
    w.clock.advance(Duration::from_secs(60));
    let merge = [("grant_management_action", "merge"), ("grant_id", id.as_str())];
    linked(w, &app, "accounts", &[&own[1]], &merge).await;
    let new = number().await;
    assert_ne!(old, new);
    for receipt in [&old, &new, &new.to_lowercase()] {
        let listed = w.staff(&["--json", "grant", "list", "--receipt", receipt]).await.json();
        assert_eq!(listed["grants"].as_array().map(Vec::len), Some(1), "{receipt}: {listed}");
        assert_eq!(listed["grants"][0]["grant_id"], id.as_str(), "{receipt}");
        let shown = w.staff(&["--json", "grant", "show", receipt]).await.json();
        assert_eq!(shown["grant_id"], id.as_str(), "{receipt}");
    }
    // The number is not of one account, so the record names the account of each link that was shown.
    let looks = w.staff(&["--json", "audit", "looks", "--account", TARO, "--reason", "a test asks"]).await.json();
    let listed = |look: &&Value| look["action"] == "staff.grants.listed";
    assert_eq!(looks["looks"].as_array().unwrap().iter().filter(listed).count(), 3, "{looks}");
    assert_eq!(w.staff(&["grant", "list", "--receipt", "ZZZZ-0000"]).await.out, "ZZZZ-0000: no links\n");
    w.staff(&["grant", "show", "ZZZZ-0000"]).await.refused(1, "there is no link with 受付番号 ZZZZ-0000");
    w.staff(&["grant", "list", "--receipt", "1234"]).await.refused(2, "ABCD-1234");
    w.staff(&["grant", "list"]).await.refused(2, "--receipt");
    w.staff(&["grant", "list", "--receipt", &new, "--account", TARO]).await.refused(2, "cannot be used with");

    // For people: Japanese time, each account, who ended it and why.
    let text = w.staff(&["grant", "show", &new]).await.out;
    assert!(text.contains("2026-11-25 10:15:00 JST"), "{text}");
    let shares = |id: &str| text.lines().any(|line| line.starts_with("shares ") && line.ends_with(id));
    assert!(own[..2].iter().all(|id| shares(id)), "{text}");
    assert_eq!(w.staff(&["grant", "revoke", &id, "--reason", "お客さまからのお電話"]).await.status, 0);
    for args in [["grant", "list", "--receipt", old.as_str()], ["grant", "list", "--account", "115-savings-2200011"]] {
        let text = w.staff(&args).await.out;
        let line = text.lines().nth(1).unwrap_or_else(|| panic!("{args:?}: {text}"));
        for part in [&me(), "お客さまからのお電話", "2026-11-25 10:16:00 JST", "revoked", TARO] {
            assert!(line.contains(part), "{part}: {text}");
        }
    }
    let shown = w.staff(&["--json", "grant", "show", &id]).await.json();
    assert_eq!((&shown["ended_by_actor"], &shown["ended_why"]), (&json!(me()), &json!("お客さまからのお電話")));
    assert!(shown["ended_at"].as_str().unwrap().ends_with('Z'), "machines get RFC 3339: {shown}");
    let activated = "2026-11-25T01:15:00.000Z";
    assert_eq!(shown["activated_at"], activated, "also after the end");
    let listed = w.staff(&["--json", "grant", "list", "--account", TARO]).await.json();
    assert_eq!(listed["grants"][0]["activated_at"], activated);
}

/// One rule for everything that staff reads.
async fn each_list_has_japanese_times_for_people_and_rfc_3339_for_programs(w: &Town) {
    // A link, its notice that waits for its app, a lock, a stream, an initial token.
    let grant = w.link(&w.kakeibo(), &mut w.browser()).await.grant_id;
    let mut browser = w.browser();
    browser.open(&w.kakeibo().ask_directly("accounts").url).await;
    browser.walk_to(w, "consent").await;
    browser.allow().await;
    for _ in 0..3 {
        w.guess_wrong("005-ordinary-0000123").await;
    }
    let receiver = streams::app(w, "receiver", &[]).await;
    let stream = receiver.poll_stream().await;
    receiver.poll(&stream, &[]).await;
    let consent = w.staff(&["--json", "grant", "show", &grant]).await.json()["consent_id"].clone();
    let made = w.staff(&["client", "token", "new", "--label", "a test"]).await.out;
    assert!(made.contains("2026-12-02 10:15:00 JST"), "{made}");
    assert_eq!(w.staff(&["service", "off", "--reason", "a test"]).await.status, 0);
    for args in [
        &["grant", "list", "--account", TARO][..],
        &["grant", "show", &grant],
        &["lock", "list"],
        &["notice", "list"],
        &["service", "show"],
        &["key", "list"],
        &["client", "token", "list"],
        &["stream", "list"],
        &["stream", "show", &stream],
        &["consent", "show", consent.as_str().unwrap(), "--reason", "a test asks"],
        &["audit", "looks", "--account", TARO],
    ] {
        let people = w.staff(args).await.out;
        // A detail of an event is JSON within the text.
        let text = people.split('{').next().unwrap();
        assert!(text.contains(" JST") && !text.contains("000Z"), "{args:?}: {people}");
        let programs = w.staff(&[&["--json"], args].concat()).await.out;
        assert!(programs.contains("000Z") && !programs.contains("JST"), "{args:?}: {programs}");
    }
    assert_eq!(w.staff(&["service", "on", "--reason", "a test"]).await.status, 0);
}

async fn a_customer_telephones_about_a_lock(w: &Town) {
    assert_eq!(w.staff(&["lock", "list"]).await.out, "no account is locked\n");
    let app = w.creco();
    let pending = app.push("accounts").await;
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    browser.account("115-1100026").await;
    for _ in 0..3 {
        browser.customer(&Customer::taro().born("1985", "4", "13")).await;
    }
    assert_eq!(browser.screen(), "locked");
    let locks = w.staff(&["--json", "lock", "list"]).await.json();
    assert_eq!(locks["locks"][0]["account"], TARO);
    assert_eq!(locks["locks"][0]["until"], "2026-11-25T15:00:00.000Z", "midnight in Japan");
    assert!(w.staff(&["lock", "list"]).await.out.lines().nth(1).unwrap().starts_with(TARO));

    let said = w.staff(&["lock", "release", TARO, "--reason", "本人確認済み"]).await;
    assert_eq!((said.status, said.out), (0, format!("{TARO}: released\n")));
    w.staff(&["lock", "release", TARO, "--reason", "again"]).await.refused(1, "is not locked");
    w.expect_events(&["account.locked", "account.unlocked"]).await;
    w.link(&app, &mut w.browser()).await;
}

/// Somebody locked customers out, and the source is stopped.
async fn many_locks_are_released_at_once(w: &Town) {
    const SAVINGS: &str = "115-savings-2200011";
    const UNKNOWN: &str = "115-ordinary-7777777";
    let lock_both = async || {
        for account in ["115-1100026", SAVINGS] {
            let mut browser = w.browser();
            browser.open(&w.creco().push("accounts").await.url).await;
            browser.account(account).await;
            for _ in 0..3 {
                browser.customer(&Customer::taro().born("1985", "4", "13")).await;
            }
            assert_eq!(browser.screen(), "locked", "{account}");
        }
    };
    let none = async || w.staff(&["lock", "list"]).await.out == "no account is locked\n";
    let why = ["--reason", "the source is stopped"];
    let release = async |args: &[&str], input: &str| {
        w.staff_reading(&[&["lock", "release"], args, why.as_slice()].concat(), input).await
    };

    lock_both().await;
    // A word that is no account may belong to the reason: nothing is done.
    release(&[TARO, "stopped"], "").await.refused(2, "115-ordinary-1100026");
    release(&[], "").await.refused(2, "ACCOUNT");
    assert!(!none().await);
    // One that is not locked does not hold up those behind it.
    let said = release(&[TARO, UNKNOWN, SAVINGS], "").await;
    let lines = format!("{TARO}: released\n{UNKNOWN} is not locked\n{SAVINGS}: released\n");
    assert_eq!((said.status, said.out), (1, lines));
    assert_eq!(said.err, format!("renkei: {UNKNOWN} is not locked\n"));
    assert!(none().await);

    // As a list, for machines; with a line that is no account, an empty one, and one that stands there twice.
    lock_both().await;
    let list = format!("{TARO}\n\n115-loan-1\r\n  {SAVINGS}  \n{TARO}\n");
    let said = w.staff_reading(&[&["--json", "lock", "release", "-", UNKNOWN], why.as_slice()].concat(), &list).await;
    let told: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        told,
        [
            json!({"account": TARO, "released": true}),
            json!({"account": "115-loan-1", "released": false, "error": "115-loan-1 is not an account number"}),
            json!({"account": SAVINGS, "released": true}),
            json!({"account": UNKNOWN, "released": false, "error": format!("{UNKNOWN} is not locked")}),
        ]
    );
    assert_eq!((said.status, said.err), (1, "{\"error\":\"2 of 4 were not released\"}\n".to_owned()));
    assert!(none().await);

    lock_both().await;
    let said = release(&["-"], &format!("{SAVINGS}\n{TARO}")).await;
    assert_eq!((said.status, said.out), (0, format!("{SAVINGS}: released\n{TARO}: released\n")));
    release(&["-"], "\n").await.refused(2, "no account on standard input");
    let record = export(w.staff(&["audit", "export"]).await);
    let released = record.iter().filter(|r| r["action"] == "account.unlocked" && r["actor"] == me());
    let reasons: Vec<_> = released.map(|r| r["detail"]["reason"].clone()).collect();
    assert_eq!(reasons, vec![json!("the source is stopped"); 6], "each has its record");
}

async fn an_auditor_comes(w: &Town) {
    let tokens = w.link(&w.creco(), &mut w.browser()).await;
    let said = w.staff(&["audit", "verify"]).await;
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.out.starts_with("The audit record is whole, and the data agrees with it: "), "{said:?}");
    assert!(said.out.contains(" 1 grants and ") && said.out.lines().count() == 1, "one sentence: {said:?}");
    let report = w.staff(&["--json", "audit", "verify"]).await.json();
    assert_eq!((&report["whole"], &report["findings"]), (&json!(true), &json!([])));

    let all = export(w.staff(&["audit", "export"]).await);
    assert!(all.windows(2).all(|p| p[0]["at"].as_str() <= p[1]["at"].as_str()));
    let of_grant = export(w.staff(&["audit", "export", "--grant", &tokens.grant_id]).await);
    assert!(of_grant.iter().any(|r| r["action"] == "grant.created") && of_grant.len() < all.len());
    assert!(export(w.staff(&["audit", "export", "--to", "2026-11-25"]).await).is_empty());
    assert!(!export(w.staff(&["audit", "export", "--from", "2026-11-25"]).await).is_empty());
    w.staff(&["audit", "export", "--from", "yesterday"]).await.refused(2, "2026-11-23");

    let check = w.staff(&["--json", "db", "check"]).await.json();
    let files = check["files"].as_array().unwrap();
    assert!(files.len() >= 6 && files.iter().all(|f| f["state"] == "applied"), "{check}");
    let migrate = w.staff(&["db", "migrate"]).await;
    match w.engine {
        Engine::Sqlite => migrate.refused(1, "the server is running"),
        Engine::Postgres => assert_eq!(migrate.status, 0, "{migrate:?}"),
    }
}

async fn a_copy_is_made_and_put_back(w: &Town) {
    let tokens = w.link(&w.creco(), &mut w.browser()).await;
    // A code on its way to the app while the copy is made.
    let other = w.kakeibo();
    let mut browser = w.browser();
    browser.open(&other.ask_directly("accounts").url).await;
    browser.walk_to(w, "consent").await;
    browser.allow().await;
    let (dir, config) = lonely();
    let copy = dir.path().join("copy.db");
    let made = w.staff(&["db", "backup", copy.to_str().unwrap()]).await;
    if w.engine == Engine::Postgres {
        return made.refused(1, "its own means");
    }
    assert_eq!(made.status, 0, "{made:?}");
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    w.staff(&["db", "backup", copy.to_str().unwrap()]).await.refused(1, "exists already");
    w.staff(&["db", "restore", copy.to_str().unwrap()]).await.refused(1, "stop it first");
    assert_eq!(w.accounts_api().introspect(&tokens.access_token).await["active"], true, "the original lives on");

    let run = async |args: &[&str]| renkei_at(&config, args).await;
    run(&["db", "restore", "/nowhere/copy.db"]).await.refused(1, "/nowhere/copy.db");
    run(&["db", "restore"]).await.refused(2, "FILE");
    run(&["db", "restore", config.to_str().unwrap()]).await.refused(1, "renkei.toml: ");
    let journal = dir.path().join("data/renkei.db-wal");
    std::fs::write(&journal, "of a server that was killed").unwrap();
    run(&["db", "restore", copy.to_str().unwrap()]).await.refused(1, "renkei.db-wal exists");
    std::fs::remove_file(journal).unwrap();
    let restored = run(&["--json", "db", "restore", copy.to_str().unwrap()]).await.json();
    assert_eq!(restored, json!({"tokens": 1, "codes": 1}));
    run(&["db", "restore", copy.to_str().unwrap()]).await.refused(1, "move it away first");
    assert_eq!(run(&["audit", "verify"]).await.status, 0);
    let shown = run(&["--json", "grant", "show", &tokens.grant_id]).await.json();
    assert_eq!(shown["state"], "active", "grants stay");
    assert_eq!(shown["events"].as_array().unwrap().last().unwrap()["event"], "token.revoked");
    let again = run(&["--json", "db", "restore", "--in-place"]).await.json();
    assert_eq!(again, json!({"tokens": 0, "codes": 0}), "nothing was left alive");
    let names: Vec<_> = std::fs::read_dir(dir.path().join("data")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "the store, its lock and its ballast, nothing half made: {names:?}");
}

async fn the_socket_is_not_for_all(w: &Town) {
    let socket = w.data_dir().join("admin.sock");
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    // It speaks plain HTTP, so that an operator's own tools can use it.
    for (request, status) in [
        ("GET /admin/v1/locks?reason=a+test+asks", "200"),
        ("GET /admin/v1/locks", "400"),
        ("GET /admin/v1/nothing", "404"),
        ("GET /admin/v1/grants", "400"),
        ("GET /admin/v1/grants/nobody?reason=a+test+asks", "404"),
        ("GET /oauth/jwks", "404"),
    ] {
        let mut stream = tokio::net::UnixStream::connect(&socket).await.unwrap();
        let ask = format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(ask.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {answer}");
    }
    // And nothing of it is on the public listener.
    let answer = w.http.send("GET", "/admin/v1/locks", crate::support::http::RequestParts::default()).await;
    assert_eq!(answer.status, 404);
}

/// One JSON object a line.
fn export(said: Said) -> Vec<Value> {
    assert_eq!(said.status, 0, "{said:?}");
    said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A place where no server runs.
fn lonely() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("master.key");
    std::fs::write(&key, "07".repeat(32)).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(dir.path().join("hook.key"), "a secret of this test, long enough").unwrap();
    std::fs::set_permissions(dir.path().join("hook.key"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let file = dir.path().join("renkei.toml");
    let text = r#"
        [server]
        issuer = "http://localhost:8080"
        mode = "test"
        listen = ["127.0.0.1:0"]
        data_dir = "data"
        master_key_file = "master.key"
        [institution]
        name = "みなと信用組合"
        name_en = "Minato Credit Union"
        kind = "shinkumi"
        terms_url = "https://www.minato.example/terms"
        terms_version = "2026-04-01"
        faq_url = "https://www.minato.example/faq"
        phone = "0120-000-000"
        copyright = "Copyright © 2026 みなと信用組合 All Rights Reserved."
        [telephony]
        called_numbers = ["08001110001", "08001110002", "08001110003"]
        hook_secret_files = ["hook.key"]
        [mail]
        kind = "file"
        from = "notice@minato.example"
        [bank]
        kind = "sample"
    "#;
    std::fs::write(&file, text).unwrap();
    std::fs::create_dir(dir.path().join("data")).unwrap();
    (dir, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_a_command_opens_the_store_itself() {
    let (dir, file) = lonely();
    let run = async |args: &[&str]| renkei_at(&file, args).await;
    run(&["db", "check"]).await.refused(1, "no server has run here");
    run(&["lock", "list"]).await.refused(1, "no server has run here");
    assert!(!dir.path().join("data/renkei.db").exists(), "a look makes no database");
    assert_eq!(run(&["db", "migrate"]).await.status, 0);
    assert_eq!(run(&["db", "check"]).await.status, 0);
    assert_eq!(run(&["grant", "list", "--account", TARO]).await.out, format!("{TARO}: no links\n"));
    assert_eq!(run(&["audit", "verify"]).await.status, 0);
    let record = export(run(&["audit", "export"]).await);
    assert_eq!(record[0]["action"], "staff.grants.listed");
    assert_eq!(record[0]["actor"], me());

    // Somebody changes the record.
    let test_store = format!("sqlite:{}", dir.path().join("data/renkei.db").display());
    let store = Store::open(&test_store).unwrap();
    store.write(|tx| tx.execute("update audit set actor = 'system' where n = 1", &[])).await.unwrap();
    run(&["audit", "verify"]).await.refused(1, "in use");
    store.stop().await;
    let broken = run(&["audit", "verify"]).await;
    broken.refused(1, "errors in the audit record");
    assert!(broken.out.contains("BROKEN chain sqlite record 1: the record was changed"), "{broken:?}");

    // A schema of another release is not touched.
    let store = Store::open_with(&test_store, &Options { migrate: false, ..Options::default() }).unwrap();
    store
        .write(|tx| {
            tx.execute("insert into schema_files (name, sha256) values ('9999_later', ?1)", &[vec![0; 32].into()])
        })
        .await
        .unwrap();
    store.stop().await;
    run(&["lock", "list"]).await.refused(1, "9999_later");
    let check = run(&["db", "check"]).await;
    check.refused(1, "does not fit this program");
    let told = |line: &str| line.split_whitespace().eq(["9999_later", "unknown"]);
    assert!(check.out.lines().any(told), "{check:?}");
    run(&["db", "migrate"]).await.refused(1, "newer release");
}

/// A wrong master key stops every command that opens the store itself, also those that read nothing sealed.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_master_key_stops_every_command() {
    use renkei_core::clock::{Clock as _, SystemClock};
    use renkei_core::keys::{Ring, seal::Sealer};
    use std::os::unix::fs::PermissionsExt as _;

    let (dir, file) = lonely();
    let run = async |args: &[&str]| renkei_at(&file, args).await;
    assert_eq!(run(&["db", "migrate"]).await.status, 0);
    let store = Store::open(&format!("sqlite:{}", dir.path().join("data/renkei.db").display())).unwrap();
    let sealer = Sealer::new("master", &[7; 32]).unwrap();
    let algorithms = renkei_core::keys::jose::Alg::SIGNING;
    Ring::open(&store, &sealer, &renkei_core::random::SystemRandom, &algorithms, SystemClock.now()).await.unwrap();
    store.stop().await;
    let copy = dir.path().join("copy.db").display().to_string();
    assert_eq!(run(&["db", "backup", &copy]).await.status, 0);

    std::fs::write(dir.path().join("master.key"), "08".repeat(32)).unwrap();
    let wrong = "is this the master key the data was made with?";
    for args in [
        &["lock", "list"][..],
        &["grant", "list", "--account", TARO],
        &["audit", "verify"],
        &["client", "list"],
        &["key", "list"],
        &["db", "check"],
        &["db", "migrate"],
        &["db", "restore", "--in-place"],
    ] {
        run(args).await.refused(1, wrong);
    }
    let data = dir.path().join("data");
    for name in ["renkei.db", "renkei.db-wal", "renkei.db-shm"] {
        let _ = std::fs::remove_file(data.join(name));
    }
    run(&["db", "restore", &copy]).await.refused(1, wrong);
    assert!(!data.join("renkei.db").exists(), "a copy that nobody can open is not put in place");

    // With the right key it is, and nobody else may read it, whatever the mode of the copy is.
    std::fs::write(dir.path().join("master.key"), "07".repeat(32)).unwrap();
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(run(&["db", "restore", &copy]).await.status, 0);
    let mode = std::fs::metadata(data.join("renkei.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
