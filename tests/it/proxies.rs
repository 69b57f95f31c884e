//! `server.trusted_proxies`: whose word about a caller counts. Everybody here stands on this machine, each at a loopback
//! address of its own; the proxies are those of two networks, one of them written as IPv4 within IPv6.

use crate::support::http::{Answer, Http, RequestParts};
use crate::support::town::{BANK_SECRET, Engine, Town, run};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use renkei_core::secret::{base64url, hmac_sha256};
use renkei_server::config::Config;
use serde_json::json;
use std::time::Duration;

fn behind_a_balancer(config: &mut Config) {
    config.server.trusted_proxies = vec!["127.0.9.0/28".into(), "::ffff:127.0.10.0/124".into()];
    config.server.client_cert_header = true;
    config.bank.event_networks = vec!["203.0.113.0/24".into(), "2001:db8:7::/48".into()];
}
fn from(w: &Town, own: &str) -> Http {
    Http::from_address(w.address(), &w.http.issuer, own)
}

/// A report of the bank, signed; its source is all that can be wrong.
async fn report(w: &Town, own: &str, forwarded: &[&str]) -> Answer {
    let timestamp = w.now().secs().to_string();
    let body = json!({
        "v": 1, "event_id": format!("{own}{forwarded:?}"), "type": "closed", "account": "115-ordinary-1100042",
        "at": w.now().rfc3339(),
    });
    let body = body.to_string();
    let tag = hmac_sha256(BANK_SECRET.as_bytes(), format!("{timestamp}.{body}").as_bytes());
    let ask = RequestParts::default()
        .header("x-hook-timestamp", timestamp)
        .header("x-hook-signature", base64url(tag))
        .json(body);
    let ask = forwarded.iter().fold(ask, |ask, line| ask.header("x-forwarded-for", *line));
    from(w, own).send("POST", "/hooks/bank/events", ask).await
}

#[test]
fn the_callers_address_is_what_a_trusted_proxy_says_last() {
    run(Engine::Sqlite, behind_a_balancer, async |w: &Town| {
        for (own, forwarded, status, why) in [
            ("127.0.9.1", &["203.0.113.7"][..], 204, "from a network of proxies"),
            ("127.0.9.15", &["203.0.113.7"], 204, "its last address"),
            ("127.0.9.16", &["203.0.113.7"], 401, "one beyond it"),
            ("127.0.10.3", &["203.0.113.7"], 204, "a network written as IPv4 in IPv6"),
            ("127.0.10.16", &["203.0.113.7"], 401, "one beyond it"),
            ("127.0.9.1", &["203.0.113.7:4711"], 204, "with a port"),
            ("127.0.9.1", &["[2001:db8:7::1]:4711"], 204, "IPv6 with a port"),
            ("127.0.9.1", &["203.0.113.7, 127.0.10.2:80, 127.0.9.9"], 204, "through three proxies"),
            ("127.0.9.1", &["203.0.113.7, 198.51.100.1"], 401, "what stands left of the caller, it wrote itself"),
            ("127.0.9.1", &["203.0.113.7", "198.51.100.1:4711"], 401, "the same in two lines"),
            ("127.0.9.1", &["203.0.113.7, who knows"], 401, "what stands left of no address, too"),
            ("127.0.9.1", &[], 401, "a proxy that does not say"),
            ("127.0.0.1", &["203.0.113.7"], 401, "no proxy"),
        ] {
            let answer = report(w, own, forwarded).await;
            assert_eq!(answer.status, status, "{own} {forwarded:?}: {why}");
        }
    });
}

/// The proxy's mistake would otherwise look like that of every app behind it.
#[test]
fn a_certificate_header_that_cannot_be_read_is_a_line_in_the_log() {
    run(Engine::Sqlite, behind_a_balancer, async |w: &Town| {
        let bytes = |content: &[u8]| format!(":{}:", STANDARD.encode(content));
        let made = rcgen::generate_simple_self_signed(vec!["corp.example".to_owned()]).unwrap();
        let good = bytes(made.cert.der());
        let lines = |own: &str| {
            let log = w.log();
            let own = format!("proxy={own} ");
            log.lines().filter(|l| l.contains(" WARN ") && l.contains(&own)).map(str::to_owned).collect::<Vec<_>>()
        };
        let ask = async |own: &str, headers: &[(&str, &str)]| {
            let form = [("token".to_owned(), "x".to_owned()), ("client_id".to_owned(), "corp".to_owned())];
            let ask = headers.iter().fold(RequestParts::default(), |ask, (name, value)| ask.header(name, *value));
            from(w, own).send("POST", "/oauth/revoke", ask.form(&form)).await.refused(401, "invalid_client");
        };
        let (cert, chain) = ("client-cert", "client-cert-chain");
        let (none, list) = (bytes(&[0; 64]), format!("{good}, {good}"));
        for (n, (headers, why)) in [
            (vec![(cert, "-----BEGIN CERTIFICATE-----")], "Client-Cert is no byte sequence"),
            (vec![(cert, &good[1..])], "Client-Cert is no byte sequence"),
            (vec![(cert, "\u{e9}")], "Client-Cert is no byte sequence"),
            (vec![(cert, "")], "Client-Cert is no byte sequence"),
            (vec![(cert, &none)], "Client-Cert holds no X.509 certificate"),
            (vec![(cert, "::")], "Client-Cert holds no X.509 certificate"),
            (vec![(cert, &list)], "Client-Cert is a list"),
            (vec![(cert, &good), (cert, &good)], "Client-Cert stands twice"),
            (vec![(cert, &good), (chain, "junk")], "Client-Cert-Chain is no list of byte sequences"),
            (vec![(chain, &good)], "Client-Cert-Chain stands without Client-Cert"),
        ]
        .into_iter()
        .enumerate()
        {
            w.clock.advance(Duration::from_secs(1));
            let own = format!("127.0.9.{n}");
            // Many at once are one line.
            for _ in 0..5 {
                ask(&own, &headers).await;
            }
            let said = lines(&own);
            assert_eq!(said.len(), 1, "{headers:?}: {said:#?}");
            assert!(said[0].contains(why), "{why}: {}", said[0]);
            assert!(
                !said[0].contains("BEGIN") && !said[0].contains(&good[1..20]),
                "nothing of it is shown: {}",
                said[0]
            );
        }
        // Good ones, none at all, and whatever a stranger sends, are no line.
        for (own, headers) in [
            ("127.0.9.10", vec![]),
            ("127.0.9.11", vec![(cert, good.as_str())]),
            ("127.0.9.12", vec![(cert, good.as_str()), (chain, good.as_str())]),
            ("127.0.9.16", vec![(cert, "junk")]),
            ("127.0.8.1", vec![(cert, "junk")]),
        ] {
            w.clock.advance(Duration::from_secs(1));
            ask(own, &headers).await;
            assert_eq!(lines(own), Vec::<String>::new(), "{own}");
        }
    });
}
