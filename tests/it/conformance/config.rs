//! What the suite is told about us (`config/conformance`), in the form in which it reads it.

use super::table::{PLANS, knows_module};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_else(|| panic!("no {path}"))
}

/// One command of the suite's browser: a verb, how an element is found, which, and what the verb needs.
fn is_command(command: &Value) -> bool {
    let Some(list) = command.as_array() else { return false };
    let word = |n: usize| list.get(n).and_then(Value::as_str);
    let found = |more: &[&str]| {
        word(1).is_some_and(|by| ["id", "name", "xpath", "css", "class"].contains(&by) || more.contains(&by))
    };
    match word(0) {
        Some("click") => found(&[]) && word(2).is_some() && (list.len() == 3 || word(3) == Some("optional")),
        Some("text") => found(&[]) && word(2).is_some() && word(3).is_some() && list.len() <= 5,
        Some("wait") => {
            let picture = ["update-image-placeholder", "update-image-placeholder-optional"];
            let ends = match list.len() {
                4 => true,
                5 => word(4).is_some(),
                6 => word(4).is_some() && word(5).is_some_and(|w| picture.contains(&w)),
                _ => false,
            };
            found(&["contains", "match"]) && word(2).is_some() && list[3].is_u64() && ends
        }
        _ => false,
    }
}
#[track_caller]
fn is_browser(browser: &Value, issuer: &str) {
    let mut ways = 0;
    for way in browser.as_array().expect("browser is a list") {
        assert!(text(way, "/match").starts_with(issuer), "the page it begins at");
        assert!(way.get("match-limit").is_none_or(Value::is_u64));
        for task in way["tasks"].as_array().expect("tasks") {
            let name = text(task, "/task");
            assert!(
                task.get("match").is_none_or(Value::is_string) && task.get("optional").is_none_or(Value::is_boolean)
            );
            let commands = task["commands"].as_array().unwrap_or_else(|| panic!("{name} does nothing"));
            for command in commands {
                assert!(is_command(command), "{name}: {command}");
            }
        }
        ways += 1;
    }
    assert!(ways > 0);
}
/// A receiver of events: one client, the transmitter, and for push an address that Renkei can send to.
#[track_caller]
fn is_receiver(name: &str, told: &Value, issuer: &str) {
    assert_eq!(text(told, "/client/scope"), "ssf.read ssf.manage", "{name}");
    assert_ne!(told["client"]["client_secret"].is_string(), told["client"]["jwks"].is_object(), "{name}");
    assert_eq!(text(told, "/ssf/transmitter/issuer"), issuer);
    let alias = text(told, "/alias");
    let base = told.pointer("/ssf/receiver/base_url_override").and_then(Value::as_str);
    assert_eq!(base.is_some(), name.ends_with("push"), "{name}");
    assert!(base.is_none_or(|at| at.starts_with("https://") && at.ends_with(&format!("/test/a/{alias}"))), "{name}");
}

#[test]
fn the_suite_is_told_what_it_reads() {
    let town = crate::clients::town();
    let folder = town.folder();
    let mut aliases = BTreeSet::new();
    for entry in fs::read_dir(folder.join("suite")).unwrap() {
        let path = entry.unwrap().path();
        let told: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(aliases.insert(text(&told, "/alias").to_owned()), "{name}: each plan has callbacks of its own");
        let discovery = text(&told, "/server/discoveryUrl");
        let issuer = discovery.strip_suffix("/.well-known/openid-configuration").expect("OpenID Connect Discovery 4");
        assert!(issuer.starts_with("https://"));
        is_browser(&told["browser"], issuer);
        for (module, change) in told["override"].as_object().unwrap() {
            assert!(knows_module(module), "{name}: {module} is no module of a plan");
            is_browser(&change["browser"], issuer);
            // A picture ends this module, also if the customer is still on the way.
            let pictures = change["browser"].to_string().matches("update-image-placeholder").count();
            assert!(!module.ends_with("prior-to-auth-completion-succeeds") || pictures == 1, "only of an error");
        }
        if name == "oidcc-config" {
            continue;
        }
        if name.starts_with("ssf") {
            is_receiver(name, &told, issuer);
            continue;
        }
        assert_ne!(text(&told, "/client/client_id"), text(&told, "/client2/client_id"));
        assert!(text(&told, "/resource/resourceUrl").starts_with("https://"), "{name}");
        for client in ["client", "client2"] {
            let _asked = text(&told[client], "/scope");
            if name.starts_with("oidcc") {
                let _known = text(&told[client], "/client_secret");
                continue;
            }
            let keys = told[client]["jwks"]["keys"].as_array().expect("FAPI clients have keys");
            assert_eq!(keys.len(), 1, "{name}: the suite takes one signing key");
            assert!(
                ["PS256", "ES256", "EdDSA"].contains(&text(&keys[0], "/alg")) && keys[0]["d"].is_string(),
                "{name}"
            );
            assert!(!text(&keys[0], "/kid").is_empty());
        }
        if name.starts_with("oidcc") {
            assert_ne!(text(&told, "/client_secret_post/client_id"), text(&told, "/client/client_id"));
        } else {
            let key = |client: &str| told[client]["jwks"]["keys"][0].clone();
            assert_ne!(key("client"), key("client2"), "{name}: one key for two clients");
        }
        for shown in ["mtls", "mtls2"].map(|n| &told[n]).into_iter().filter(|v| !v.is_null()) {
            assert!(text(shown, "/cert").starts_with("-----BEGIN CERTIFICATE-----"), "{name}");
            assert!(text(shown, "/key").starts_with("-----BEGIN PRIVATE KEY-----"), "{name}");
            assert_ne!(shown["ca"], shown["cert"], "{name}: who stands above a certificate is not itself");
        }
        assert_eq!(name.contains("mtls"), told["mtls"].is_object(), "{name}");
    }
    let plans = fs::read_to_string(folder.join("plans")).unwrap();
    for line in plans.lines() {
        let (plan, file) = line.split_once(' ').expect("a plan and its file");
        let (plan, _) = plan.split_once('[').unwrap_or((plan, ""));
        assert!(PLANS.contains(&plan), "{plan} is no plan");
        assert!(std::path::Path::new(file).is_file(), "{file}");
    }
    // Every way to be a client of the security profile, and each of signed requests and answers with either authentication.
    let said = |plan: &str, variants: &[String]| {
        let has = |line: &str| line.starts_with(plan) && variants.iter().all(|v| line.contains(&format!("[{v}]")));
        assert!(plans.lines().any(has), "no {plan} with {variants:?}");
    };
    for delivery in ["push", "poll"].map(|delivery| format!("ssf_delivery_mode={delivery}")) {
        said("openid-ssf-transmitter-test-plan", &[delivery.clone(), "ssf_profile=default".to_owned()]);
        said("openid-ssf-transmitter-caep-test-plan", &[delivery]);
    }
    for auth in ["private_key_jwt", "mtls"].map(|auth| format!("client_auth_type={auth}")) {
        for bound in ["dpop", "mtls"] {
            for openid in ["openid_connect", "plain_oauth"] {
                let variants =
                    [&auth, &format!("sender_constrain={bound}"), &format!("openid={openid}")].map(Clone::clone);
                said("fapi2-security-profile-final-test-plan", &variants);
            }
        }
        for answer in ["plain_response", "jarm"] {
            let signed = "fapi_request_method=signed_non_repudiation".to_owned();
            let variants = [auth.clone(), signed, format!("fapi_response_mode={answer}")];
            said("fapi2-message-signing-final-test-plan", &variants);
        }
    }
}
