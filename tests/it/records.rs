//! The records a dispute needs, read with the command line alone: whose call it was, who looked and why, which grants shared an
//! account, and a whole story from one 受付番号 (docs/operations.md#dispute).

use crate::grant_management::{asked, client, linked, redeemed, refresh};
use crate::rar::{allow, detail, pushed};
use crate::support::app::App;
use crate::support::browser::Customer;
use crate::support::phone::Call;
use crate::support::town::{Engine, Said, Town, on_both, said};
use renkei_core::clock::Clock;
use renkei_core::secret::Hash;
use serde_json::{Value, json};
use std::time::Duration;

on_both!(
    who_looked_is_known_with_the_reason,
    nobody_looks_without_a_reason,
    every_grant_that_shares_or_shared_an_account_is_found,
    a_code_and_a_refresh_are_told_apart,
    a_start_says_which_program_served_with_which_terms_and_configuration,
    a_dispute_is_replayed_with_the_command_line_alone,
);

const TARO: &str = "115-ordinary-1100026";
const SAVINGS: &str = "115-savings-2200011";
const TAROS_PHONE: &str = "09012343333";

fn me() -> String {
    renkei_core::admin::uid_name::name(rustix::process::getuid().as_raw())
}
fn records(said: Said) -> Vec<Value> {
    assert_eq!(said.status, 0, "{said:?}");
    said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
async fn export(w: &Town, args: &[&str]) -> Vec<Value> {
    records(w.staff(&[&["audit", "export"], args].concat()).await)
}
/// Staff, action and reason of each look at an account, the newest first.
async fn looks(w: &Town, account: &str) -> Vec<[String; 3]> {
    let answer =
        w.staff(&["--json", "audit", "looks", "--account", account, "--reason", "お客さまのお尋ね"]).await.json();
    assert_eq!((&answer["account"], &answer["more"]), (&json!(account), &json!(false)));
    let text = |look: &Value, name: &str| look[name].as_str().unwrap_or_else(|| panic!("no {name}: {look}")).to_owned();
    let looks = answer["looks"].as_array().unwrap();
    looks.iter().map(|look| ["staff", "action", "reason"].map(|name| text(look, name))).collect()
}

async fn who_looked_is_known_with_the_reason(w: &Town) {
    let (app, own) = (client(w, "budget").await, w.bank.ids(TARO).await);
    let tokens = linked(w, &app, "accounts", &[&own[0], &own[1]], &[]).await;
    let id = tokens["grant_id"].as_str().unwrap();
    // Another customer's account is locked, and a mail of this one waits for a redemption.
    w.guess_wrong("115-ordinary-1100034").await;
    w.guess_wrong("115-ordinary-1100034").await;
    w.guess_wrong("115-ordinary-1100034").await;
    let (_, mut browser) = asked(w, &w.kakeibo(), "accounts", &[]).await;
    allow(&mut browser, &[&own[0]]).await;

    w.until_mail_is_settled().await;
    assert_eq!(looks(w, TARO).await, [] as [[String; 3]; 0]);
    let mut want = vec![["staff.looks.listed".to_owned(), "お客さまのお尋ね".to_owned()]];
    for (args, action, reason) in [
        (vec!["grant", "list", "--account", TARO], "staff.grants.listed", "first"),
        (vec!["grant", "show", id], "staff.grant.shown", "second"),
        (vec!["notice", "list"], "staff.notice.shown", "third"),
        (vec!["audit", "export", "--account", TARO], "staff.audit.exported", "fourth"),
        (vec!["audit", "export", "--grant", id], "staff.audit.exported", "fifth"),
        (vec!["audit", "export"], "staff.audit.exported", "the sixth, of everything"),
        (vec!["lock", "list"], "staff.lock.shown", "this shows another account"),
        (vec!["grant", "revoke", id], "grant.revoked", "the customer asked"),
    ] {
        w.clock.advance(Duration::from_secs(1));
        let said = w.staff(&[args.as_slice(), &["--reason", reason]].concat()).await;
        assert_eq!(said.status, 0, "{args:?}: {said:?}");
        if args[0] != "lock" {
            want.push([action.to_owned(), reason.to_owned()]);
        }
    }
    want.reverse();
    let seen = looks(w, TARO).await;
    assert!(seen.iter().all(|[staff, ..]| *staff == me()), "{seen:?}");
    let seen: Vec<[String; 2]> = seen.into_iter().map(|[_, action, reason]| [action, reason]).collect();
    assert_eq!(seen, want);
    // Whoever looked at the link looked at each account it shares.
    let shared: Vec<String> = looks(w, SAVINGS).await.into_iter().map(|[_, _, reason]| reason).collect();
    assert_eq!(shared, ["the customer asked", "the sixth, of everything", "fifth", "second"]);
    let other: Vec<String> = looks(w, "115-ordinary-1100034").await.into_iter().map(|[_, action, _]| action).collect();
    assert_eq!(other, ["staff.lock.shown", "staff.audit.exported"]);
    // For people: a table.
    let text = w.staff(&["audit", "looks", "--account", TARO]).await.out;
    assert!(text.lines().any(|line| line.contains("staff.grant.shown") && line.ends_with("second")), "{text}");
    assert!(!format!("{:?}", export(w, &[]).await).contains("1100026"), "no account number in the record");
}

async fn nobody_looks_without_a_reason(w: &Town) {
    let tokens = w.link(&w.kakeibo(), &mut w.browser()).await;
    let id = tokens.grant_id.as_str();
    let by_staff = async || export(w, &[]).await.iter().filter(|r| r["actor"] == format!("staff:{}", me())).count();
    let before = by_staff().await;
    let config = w.data_dir().parent().unwrap().join("renkei.toml");
    let run = async |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_renkei"));
        command.args(args).arg("--config").arg(&config);
        said(command).await
    };
    for args in [
        vec!["grant", "list", "--account", TARO],
        vec!["grant", "show", id],
        vec!["lock", "list"],
        vec!["notice", "list"],
        vec!["audit", "export"],
        vec!["audit", "export", "--account", TARO],
        vec!["audit", "export", "--grant", id],
        vec!["audit", "looks", "--account", TARO],
    ] {
        run(&args).await.refused(2, "--reason");
        for nothing in ["", "ab", "...", "two\nlines"] {
            run(&[args.as_slice(), &["--reason", nothing]].concat()).await.refused(2, "3 to 200 characters");
        }
    }
    assert_eq!(by_staff().await, before + 1, "nothing was shown, so nothing is recorded but this export");
}

async fn every_grant_that_shares_or_shared_an_account_is_found(w: &Town) {
    let (app, own) = (client(w, "budget").await, w.bank.ids(TARO).await);
    let stopped = linked(w, &app, "accounts", &[&own[0], &own[1]], &[]).await;
    let further = [("grant_management_action", "create")];
    let alone = linked(w, &app, "accounts", &[&own[0]], &further).await;
    let dropped = linked(w, &app, "accounts", &[&own[0], &own[1]], &further).await;
    let added = linked(w, &app, "accounts", &[&own[0]], &further).await;
    let id = |tokens: &Value| tokens["grant_id"].as_str().unwrap().to_owned();
    let out = ["grant", "revoke", &id(&stopped), "--account", SAVINGS, "--reason", "by telephone"];
    assert_eq!(w.staff(&out).await.status, 0);
    for (grant, action, accounts) in [(&dropped, "replace", vec![&own[0]]), (&added, "merge", vec![&own[1]])] {
        let grant_id = id(grant);
        let change = [("grant_management_action", action), ("grant_id", grant_id.as_str())];
        let (pending, mut browser) = asked(w, &app, "accounts", &change).await;
        allow(&mut browser, &accounts.iter().map(|a| a.as_str()).collect::<Vec<_>>()).await;
        redeemed(&app, &pending, &browser).await.expect(200);
    }
    let listed = w.staff(&["--json", "grant", "list", "--account", SAVINGS]).await.json().to_string();
    assert!(listed.contains(&id(&added)) && !listed.contains(&id(&stopped)) && !listed.contains(&id(&dropped)));

    let exported = export(w, &["--account", SAVINGS]).await;
    let grants_with = |action: &str| -> Vec<&str> {
        let of = exported.iter().filter(|r| r["action"] == action);
        of.filter_map(|r| r["grant_id"].as_str()).collect()
    };
    let mut found = grants_with("grant.created");
    found.sort_unstable();
    let mut want = [id(&stopped), id(&dropped), id(&added)];
    want.sort_unstable();
    assert_eq!(found, want);
    assert!(!exported.iter().any(|r| r["grant_id"] == id(&alone).as_str()), "this one never shared it");
    assert!(grants_with("token.issued").len() >= 3, "the whole story of each");
    // Each record once, in order of time; and page by page the same.
    let mut keys: Vec<_> = exported.iter().map(|r| (r["chain"].to_string(), r["n"].as_i64())).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), exported.len());
    assert!(exported.windows(2).all(|p| p[0]["at"].as_str() <= p[1]["at"].as_str()));
}

async fn a_code_and_a_refresh_are_told_apart(w: &Town) {
    let (app, own) = (client(w, "budget").await, w.bank.ids(TARO).await);
    let tokens = linked(w, &app, "accounts offline_access", &[&own[0]], &[]).await;
    refresh(&app, &tokens).await.expect(200);
    let id = tokens["grant_id"].as_str().unwrap();
    let issued: Vec<Value> = export(w, &["--grant", id])
        .await
        .into_iter()
        .filter(|r| r["action"] == "token.issued")
        .map(|r| r["detail"]["grant_type"].clone())
        .collect();
    assert_eq!(issued, ["authorization_code", "refresh_token"]);
}

async fn a_start_says_which_program_served_with_which_terms_and_configuration(w: &Town) {
    let started = export(w, &[]).await.into_iter().find(|r| r["action"] == "server.started").unwrap();
    let shown = w.staff(&["--json", "config", "show"]).await;
    let digest: String = Hash::of(shown.out.trim_end()).as_bytes().iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(
        started["detail"],
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "terms_version": shown.json()["institution"]["terms_version"],
            "config_sha256": digest,
        })
    );
    if w.engine == Engine::Sqlite {
        return; // Another process has another store.
    }
    let _other = w.second_node_with(|config| config.institution.terms_version = "2027-04-01".into()).await;
    let terms: Vec<Value> = export(w, &[])
        .await
        .into_iter()
        .filter(|r| r["action"] == "server.started")
        .map(|r| r["detail"]["terms_version"].clone())
        .collect();
    assert_eq!(terms.len(), 2);
    assert_eq!(terms[1], "2027-04-01");
}

/// What the actors did, as they noted it themselves.
struct Noted {
    steps: [String; 5],
    called: String,
    redeemed: String,
    used: String,
    narrowed: String,
    ended: String,
}

async fn a_story(w: &Town, app: &App) -> (String, Noted) {
    let own = w.bank.ids(TARO).await;
    let tick = |seconds: u64| {
        w.clock.advance(Duration::from_secs(seconds));
        w.clock.now().rfc3339()
    };
    let (mut pending, answer) = pushed(app, "accounts offline_access", &detail(json!({})), &[]).await;
    pending.url = app.authorize_url(answer.expect(201).json()["request_uri"].as_str().unwrap());
    let mut browser = w.browser();
    browser.open(&pending.url).await;
    browser.account("115-1100026").await;
    tick(5);
    browser.customer(&Customer::taro().born("1985", "4", "13")).await;
    let two = tick(7);
    browser.customer(&Customer::taro()).await;
    let three = tick(11);
    let called = browser.settle_phone().await;
    for (from, withheld) in [("09011112222", false), (TAROS_PHONE, true), (TAROS_PHONE, false)] {
        tick(3);
        w.phone.report(&Call { withheld, ..Call::new(from, &called) }).await.expect(204);
    }
    let four = tick(2);
    browser.confirm_call().await;
    tick(4);
    browser.pin("0001").await;
    let five = tick(6);
    browser.pin("4071").await;
    let six = tick(20);
    allow(&mut browser, &[&own[0], &own[1]]).await;
    let redeemed = tick(1);
    let tokens = app.exchange(&pending, &browser.handed_to_app()).await;
    let used = tick(3_600);
    assert_eq!(w.accounts_api().introspect(&tokens.access_token).await["active"], true);
    w.write_uses().await;
    let narrowed = tick(86_400);
    let out = ["grant", "revoke", &tokens.grant_id, "--account", SAVINGS, "--reason", "普通預金だけに、とのご希望"];
    assert_eq!(w.staff(&out).await.status, 0);
    let ended = tick(86_400);
    let said = w.staff(&["grant", "revoke", &tokens.grant_id, "--reason", "お電話による解除"]).await;
    assert_eq!(said.status, 0, "{said:?}");
    // An hour later the interaction itself is gone, and after a day everything that is kept for a day.
    tick(3 * 86_400);
    w.tidy().await;
    let shown = w.staff(&["--json", "grant", "show", &tokens.grant_id]).await.json();
    let reference = shown["reference"].as_str().unwrap().to_owned();
    (reference, Noted { steps: [two, three, four, five, six], called, redeemed, used, narrowed, ended })
}

async fn a_dispute_is_replayed_with_the_command_line_alone(w: &Town) {
    let app = client(w, "budget").await;
    // Another link of the same customer, before and beside it: its records must not be taken for those of this one.
    w.link(&w.creco(), &mut w.browser()).await;
    let (reference, noted) = a_story(w, &app).await;

    // The customer names the account and 受付番号; docs/operations.md says how to go on.
    let listed = w.staff(&["--json", "grant", "list", "--account", TARO]).await.json();
    let grants = listed["grants"].as_array().unwrap();
    let id = grants.iter().find(|g| g["reference"] == reference.as_str()).unwrap()["grant_id"].as_str().unwrap();
    let of_grant = export(w, &["--grant", id]).await;
    let one = |records: &[Value], action: &str| -> Value {
        let mut found = records.iter().filter(|r| r["action"] == action);
        let first = found.next().unwrap_or_else(|| panic!("no {action} in {records:#?}")).clone();
        assert!(found.next().is_none(), "{action} twice");
        first
    };
    let interaction = one(&of_grant, "grant.created")["interaction"].clone();
    let of_account = export(w, &["--account", TARO]).await;
    let steps: Vec<Value> = of_account.iter().filter(|r| r["interaction"] == interaction).cloned().collect();

    // 1 to 3: the times of ② to ⑥, the called number, the result of each call.
    let times = [
        "interaction.customer.accepted",
        "interaction.phone.confirmed",
        "interaction.call.confirmed",
        "interaction.pin.accepted",
        "consent.granted",
    ];
    assert_eq!(times.map(|action| one(&steps, action)["at"].as_str().unwrap().to_owned()), noted.steps);
    assert_eq!(one(&steps, "interaction.phone.confirmed")["detail"]["called"], noted.called.as_str());
    assert_eq!(one(&steps, "call.seen")["detail"]["result"], "counted");
    assert_eq!(one(&steps, "call.seen")["client_id"], "budget");
    let all = export(w, &["--from", &noted.steps[1], "--to", &noted.steps[2]]).await;
    let others: Vec<&Value> = all.iter().filter(|r| r["action"] == "call.not_counted").collect();
    let results: Vec<&Value> = others.iter().map(|r| &r["detail"]["result"]).collect();
    assert_eq!(results, ["another_number", "withheld"]);
    assert!(others.iter().all(|r| r["detail"]["called"] == noted.called.as_str() && r["interaction"].is_null()));
    // 4: the failures before.
    let failures =
        |action: &str| steps.iter().filter(|r| r["action"] == action && r["detail"]["result"] == "wrong").count();
    assert_eq!((failures("interaction.customer.refused"), failures("interaction.pin.refused")), (1, 1));
    // 5 and 6: the words by their digest, and the accounts.
    assert!(one(&steps, "consent.granted")["detail"]["shown"].is_string());
    let of_savings = export(w, &["--account", SAVINGS]).await;
    let index = of_savings.iter().rfind(|r| r["action"] == "staff.audit.exported" && r["grant_id"].is_null()).unwrap()
        ["account"]
        .clone();
    assert_eq!(one(&of_grant, "grant.account_shared")["account"], index);
    assert_eq!(one(&of_grant, "grant.created")["account"], steps[0]["account"]);
    // 7 to 9: the redemption, the narrowing, the last use.
    assert_eq!(one(&of_grant, "grant.activated")["at"], noted.redeemed.as_str());
    let narrowed = one(&of_grant, "grant.updated");
    assert_eq!((&narrowed["at"], &narrowed["account"]), (&json!(noted.narrowed), &index));
    assert_eq!(narrowed["actor"], format!("staff:{}", me()));
    let token = one(&of_grant, "token.issued");
    assert_eq!(token["detail"]["grant_type"], "authorization_code");
    let shown = w.staff(&["--json", "grant", "show", id]).await.json();
    assert_eq!(shown["last_used_at"].as_str().unwrap()[..16], noted.used[..16], "to the minute");
    // 10 to 12: the end, by whom, and why.
    let ended = one(&of_grant, "grant.revoked");
    assert_eq!((&ended["at"], &ended["actor"]), (&json!(noted.ended), &json!(format!("staff:{}", me()))));
    assert_eq!(ended["detail"]["note"], "お電話による解除");
}
