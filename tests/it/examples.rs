//! `config/examples` as an operator uses them: nginx and HAProxy accept theirs without a warning and pass on a whole link, nobody passes
//! for somebody else through them, and Kubernetes would take the manifests.

use crate::mtls::{app, files, proxied, push, register_corp, self_signed, showing_at};
use crate::support::app::{App, Credential};
use crate::support::browser::Browser;
use crate::support::http::{Http, RequestParts};
use crate::support::profile::root;
use crate::support::proxy::{Kind, Proxy, check};
use crate::support::served::signed;
use crate::support::town::{BANK_SECRET, Engine, ISSUER, Town, run};
use futures_util::StreamExt as _;
use renkei_server::config::Config;
use serde_json::{Value, json};
use std::process::Command;

#[test]
fn nginx_and_haproxy_accept_their_examples() {
    for kind in [Kind::Nginx, Kind::Haproxy] {
        let done = check(kind);
        let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success(), "{kind:?}: {said}");
        assert!(!said.contains("[warn]") && !said.contains("[WARNING]"), "{kind:?}: {said}");
    }
}

#[test]
fn nginx_passes_a_link_on_and_nothing_forged() {
    run(Engine::Sqlite, behind, async |w: &Town| strangers_and_customers(w, Kind::Nginx).await);
}

#[test]
fn haproxy_passes_a_link_on_and_nothing_forged() {
    run(Engine::Sqlite, behind, async |w: &Town| strangers_and_customers(w, Kind::Haproxy).await);
}

fn behind(config: &mut Config) {
    proxied(config);
    config.server.mtls_base_url = Some("https://mtls.renkei.test".into());
    config.bank.event_networks = vec!["203.0.113.0/24".into()];
}

async fn strangers_and_customers(w: &Town, kind: Kind) {
    let proxy = Proxy::before_strangers(kind, w.address());
    let (port, vouching) = proxy.mtls();
    let public = Http::over_tls(proxy.address().port(), ISSUER, vouching, None);
    public.get("/.well-known/openid-configuration").await.expect(200);

    // A customer links, over TLS.
    let secret = Credential::Secret("kakeibo-secret".into());
    let own = w.kakeibo();
    let kakeibo = App::new(public.clone(), w.clock.clone(), "kakeibo", &own.redirect_uri, secret);
    w.link(&kakeibo, &mut Browser::new(public.clone(), "198.51.100.1")).await;

    // An app is who its certificate says, at the address for certificates alone.
    register_corp(w, json!({})).await;
    let (right, unknown) = (files().ca.issue("corp", "corp.example"), self_signed("corp.example"));
    let at = |shown| app(w, "corp", showing_at(port, vouching, shown));
    assert_eq!(push(&at(Some(&right))).await.status, 201, "of our authority, with the name");
    assert_eq!(push(&at(Some(&unknown))).await.status, 401, "nobody vouches for it");
    assert_eq!(push(&at(None)).await.status, 401, "no certificate");

    // What a caller writes itself is not what the proxy says.
    let forged =
        RequestParts::default().header("client-cert", right.header()).header("client-cert-chain", right.header());
    let (_, fields) = app(w, "corp", public.clone()).request("accounts");
    let fields: Vec<_> = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    for http in [&public, &showing_at(port, vouching, None)] {
        let ask = forged.clone().form(&fields);
        http.send("POST", "/oauth/par", ask).await.refused(401, "invalid_client");
    }
    let direct = RequestParts::default().header("client-cert", right.header()).form(&fields);
    assert_eq!(w.http.send("POST", "/oauth/par", direct).await.status, 201, "only the proxy keeps the header away");
    let report =
        json!({"v": 1, "event_id": "e1", "type": "closed", "account": "115-ordinary-1100042", "at": w.now().rfc3339()});
    let report = || signed(&report, BANK_SECRET, w.now()).header("x-forwarded-for", "203.0.113.7");
    assert_eq!(
        public.send("POST", "/hooks/bank/events", report()).await.status,
        401,
        "an address that the caller wrote"
    );
    assert_eq!(w.http.send("POST", "/hooks/bank/events", report()).await.status, 204, "the same from a proxy");

    // A flood from one address is stopped at the proxy.
    let flood = futures_util::stream::iter(0..600).map(|_| public.get("/healthz"));
    let answers: Vec<_> = flood.buffer_unordered(16).collect().await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert!(
        count(200) > 20 && count(429) > 20 && count(200) + count(429) == 600,
        "200: {}, 429: {}",
        count(200),
        count(429)
    );

    let log = proxy.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("/oauth/authorize")).collect();
    assert!(!lines.is_empty(), "{log}");
    assert!(lines.iter().all(|line| !line.contains('?')), "{lines:?}");
}

/// What docs/operations.md says of Renkei's side is a configuration.
#[test]
fn the_configuration_behind_a_proxy_is_one() {
    let page = std::fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let part = page.split("### Behind a proxy").nth(1).unwrap().split("```toml\n").nth(1).unwrap();
    let part: toml::Table = part.split("```").next().unwrap().parse().unwrap();
    let example = std::fs::read_to_string(root().join("config/production.example.toml")).unwrap();
    let mut whole: toml::Table = example.parse().unwrap();
    let server = whole["server"].as_table_mut().unwrap();
    server.retain(|key, _| !key.starts_with("tls_"));
    server.extend(part["server"].as_table().unwrap().clone());
    let config: Config = whole.try_into().unwrap();
    config.check().unwrap();
    assert!(config.server.client_cert_header);
}

/// Validates each manifest against the schemas of Kubernetes, and prints them all.
const VALIDATE: &str = "
import json, sys, yaml, kubernetes_validate
documents = list(yaml.safe_load_all(open(sys.argv[1])))
for document in documents:
    kubernetes_validate.validate(document, '1.31', strict=True)
print(json.dumps(documents))
";

#[test]
fn kubernetes_takes_the_manifests_and_renkei_their_configuration() {
    let python = root().join("tests/output/python/bin/python");
    assert!(python.exists(), "{} is missing: tests/run makes it", python.display());
    let file = root().join("config/examples/kubernetes.yaml");
    let read = |file: &std::path::Path| Command::new(&python).args(["-c", VALIDATE]).arg(file).output().unwrap();
    let done = read(&file);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let documents: Vec<Value> = serde_json::from_slice(&done.stdout).unwrap();
    let of =
        |kind: &str| documents.iter().find(|document| document["kind"] == kind).unwrap_or_else(|| panic!("{kind}"));
    for kind in ["Namespace", "Service", "PodDisruptionBudget", "NetworkPolicy"] {
        of(kind);
    }

    // A word that Kubernetes does not know is found, or the look before showed nothing.
    let wrong = tempfile::NamedTempFile::new().unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(wrong.path(), text.replace("readinessProbe:", "readynessProbe:")).unwrap();
    assert!(!read(wrong.path()).status.success());

    let config: Config = toml::from_str(of("ConfigMap")["data"]["renkei.toml"].as_str().unwrap()).unwrap();
    config.check().unwrap();
    let pod = &of("Deployment")["spec"]["template"]["spec"];
    let grace = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
    assert!(grace > (config.server.drain_for() + config.server.shutdown_grace.get()).as_secs());
    let (user, container) = (&pod["securityContext"], &pod["containers"][0]);
    let wanted = json!([true, 65532, 65532, true, false]);
    let own = &container["securityContext"];
    let is = json!([
        user["runAsNonRoot"],
        user["runAsUser"],
        user["fsGroup"],
        own["readOnlyRootFilesystem"],
        own["allowPrivilegeEscalation"],
    ]);
    assert_eq!(is, wanted);
    let image = std::fs::read_to_string(root().join("Dockerfile")).unwrap();
    assert!(image.contains("USER 65532:65532"), "the user of the image");
    // The C libraries are built there as here (docs/decisions/0033).
    let context = std::fs::read_to_string(root().join(".dockerignore")).unwrap();
    assert!(image.contains("COPY .cargo/config.toml ./.cargo/config.toml") && context.contains("!.cargo/config.toml"));
    for volume in pod["volumes"].as_array().unwrap().iter().filter(|volume| volume["secret"].is_object()) {
        assert_eq!(volume["secret"]["defaultMode"], 0o440, "{volume}");
    }
    assert_eq!(container["livenessProbe"]["httpGet"]["path"], "/healthz");
    assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/readyz");
    // Each file of the configuration stands in a volume that is mounted.
    let mounts: Vec<&str> =
        container["volumeMounts"].as_array().unwrap().iter().map(|m| m["mountPath"].as_str().unwrap()).collect();
    let named = toml::to_string(&config).unwrap();
    let paths = named.split('"').filter(|word| word.starts_with('/') && word.len() > 1);
    for path in paths {
        assert!(mounts.iter().any(|mount| path.starts_with(mount)), "{path} is in no volume: {mounts:?}");
    }
}
