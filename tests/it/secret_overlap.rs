//! `renkei client rotate-secret --keep`: an app changes over to its new secret without a gap. Both secrets count until a moment, on every
//! node; then the old one counts no more (requirements.md#client-secrets).

use crate::support::app::{App, Credential};
use crate::support::town::{Engine, Town, on_both};
use serde_json::{Value, json};
use std::time::Duration;

on_both!(two_secrets_count_until_the_old_one_ends, a_further_rotation_leaves_at_most_two, an_overlap_has_bounds,);

/// The app `kakeibo` with this secret, and the resource server with that one.
fn app(w: &Town, secret: &str) -> App {
    let secret = Credential::Secret(secret.into());
    App::new(w.http.clone(), w.clock.clone(), "kakeibo", "https://kakeibo.example/callback", secret)
}
fn api(w: &Town, secret: &str) -> App {
    App::new(w.http.clone(), w.clock.clone(), "accounts-api", "", Credential::Secret(secret.into()))
}
/// The status of an introspection with this secret, at a node.
async fn introspection(caller: &App) -> u16 {
    caller.post("/oauth/introspect", &[("token", "rk_at_unknown")], false).await.status
}
/// The status of a token request with this secret: 400 for a code that is none, 401 for a secret that counts no more.
async fn token(caller: &App) -> u16 {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", "rk_ac_unknown"),
        ("redirect_uri", "https://kakeibo.example/callback"),
    ];
    caller.post("/oauth/token", &fields, false).await.status
}
async fn rotated(w: &Town, id: &str, keep: &[&str]) -> Value {
    w.staff(&[&["--json", "client", "rotate-secret", id], keep].concat()).await.json()
}
fn new_secret(answer: &Value) -> String {
    answer["client_secret"].as_str().unwrap().to_owned()
}

async fn two_secrets_count_until_the_old_one_ends(w: &Town) {
    let second = match w.engine {
        Engine::Postgres => Some(w.second_node().await),
        Engine::Sqlite => None,
    };
    let (old_app, old_api) = (app(w, "kakeibo-secret"), api(w, "accounts-api-secret"));
    let answer = rotated(w, "kakeibo", &["--keep", "24h"]).await;
    assert_eq!(answer["former_until"], "2026-11-26T01:15:00.000Z");
    let new_app = app(w, &new_secret(&answer));
    let new_api = api(w, &new_secret(&rotated(w, "accounts-api", &["--keep", "24h"]).await));
    let on_second = second.as_ref().map(|node| {
        let secret = Credential::Secret("kakeibo-secret".into());
        App::new(node.http.clone(), w.clock.clone(), "kakeibo", "https://kakeibo.example/callback", secret)
    });
    let shown = w.staff(&["--json", "client", "show", "kakeibo"]).await.json();
    assert_eq!(shown["former_secret_until"], "2026-11-26T01:15:00.000Z");
    for (seconds, old) in [(0, true), (86_400 - 1, true), (1, false), (1, false)] {
        w.clock.advance(Duration::from_secs(seconds));
        let (of_old, of_token) = if old { (200, 400) } else { (401, 401) };
        assert_eq!((introspection(&old_api).await, token(&old_app).await), (of_old, of_token), "{seconds}");
        assert_eq!((introspection(&new_api).await, token(&new_app).await), (200, 400), "{seconds}");
        if let Some(node) = &on_second {
            assert_eq!(token(node).await, of_token, "{seconds}: on the other node");
        }
    }
    // A whole link with the new one.
    w.link(&new_app, &mut w.browser()).await;
    // The record says until when, and that it is over; nothing of it is left.
    w.tidy().await;
    let record = w.staff(&["audit", "export"]).await.out;
    let of = |action: &str| -> Vec<Value> {
        let lines = record.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["action"] == action && line["client_id"] == "kakeibo").collect()
    };
    let (made, ended) = (of("client.secret_rotated"), of("client.former_secret_ended"));
    assert_eq!(made[0]["detail"], json!({"former_until": "2026-11-26T01:15:00.000Z"}));
    assert!(made[0]["actor"].as_str().unwrap().starts_with("staff:"), "{made:?}");
    assert_eq!((ended.len(), ended[0]["actor"].as_str()), (1, Some("system")), "{ended:?}");
    assert_eq!(w.count("select count(*) from clients where former_secret is not null").await, 0);
    if let Some(second) = second {
        second.stop().await;
    }
}

async fn a_further_rotation_leaves_at_most_two(w: &Town) {
    let first = app(w, "kakeibo-secret");
    let second = app(w, &new_secret(&rotated(w, "kakeibo", &["--keep", "7d"]).await));
    let third = app(w, &new_secret(&rotated(w, "kakeibo", &["--keep", "7d"]).await));
    assert_eq!([token(&first).await, token(&second).await, token(&third).await], [401, 400, 400]);
    // Without --keep every earlier one ends at once: for a secret that got out.
    let said = w.staff(&["client", "rotate-secret", "kakeibo"]).await;
    assert!(said.out.contains("The old one counts no more."), "{said:?}");
    assert_eq!([token(&second).await, token(&third).await], [401, 401]);
    let said = w.staff(&["client", "rotate-secret", "kakeibo", "--keep", "90m"]).await;
    assert!(said.out.contains("The old one counts until 2026-11-25 11:45:00 JST."), "{said:?}");

    // A record that is imported without a secret keeps both; one with another secret, or without the use of any, keeps none.
    let (dir, kept) =
        (tempfile::tempdir().unwrap(), app(w, &new_secret(&rotated(w, "kakeibo", &["--keep", "1d"]).await)));
    let last = app(w, &new_secret(&rotated(w, "kakeibo", &["--keep", "1d"]).await));
    let shown = w.staff(&["--json", "client", "show", "kakeibo"]).await.json();
    let import = async |change: &dyn Fn(&mut Value)| {
        let mut record = shown.clone();
        for name in ["updated_at", "version", "former_secret_until"] {
            record.as_object_mut().unwrap().remove(name);
        }
        change(&mut record);
        let file = dir.path().join("record.json");
        std::fs::write(&file, record.to_string()).unwrap();
        w.staff(&["--json", "client", "import", "--replace", file.to_str().unwrap()]).await.json();
    };
    import(&|record| record["client_name"] = "かけいぼ".into()).await;
    assert_eq!([token(&kept).await, token(&last).await], [400, 400]);
    import(&|record| record["client_secret"] = "brought along by hand".into()).await;
    assert_eq!([token(&kept).await, token(&last).await], [401, 401]);
    assert_eq!(token(&app(w, "brought along by hand")).await, 400);
}

async fn an_overlap_has_bounds(w: &Town) {
    for keep in ["59s", "8d", "0s", "1500ms", "tomorrow", ""] {
        w.staff(&["client", "rotate-secret", "kakeibo", "--keep", keep]).await.refused(2, "1m to 7d");
    }
    assert_eq!(token(&app(w, "kakeibo-secret")).await, 400, "nothing was done");
    w.staff(&["client", "rotate-secret", "creco", "--keep", "24h"]).await.refused(1, "with its own key");
}
