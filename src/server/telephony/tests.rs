use super::sip_hook::SipHook;
use crate::clock::Instant;
use crate::hook::{Delivery, Refused, SignedHook, Unsigned, sign};
use crate::identity::Caller;
use crate::network::Network;
use crate::phone::Phone;
use crate::secret::{Secret, base64url};
use renkei_demo::sim::report;
use std::net::IpAddr;

const NOW: Instant = Instant::from_secs(1_795_312_800);
fn hook() -> SipHook {
    hook_of(&["old", "new"], &[], false)
}
fn hook_of(secrets: &[&str], networks: &[String], trust_from: bool) -> SipHook {
    let secrets = secrets.iter().map(|s| Secret::new(*s)).collect();
    SipHook::new(SignedHook::new(secrets, Network::list(networks).unwrap(), "telephony.hook_networks"), trust_from)
}
fn signed(secret: &str, at: i64, body: &str) -> (String, String) {
    let timestamp = at.to_string();
    let signature = base64url(sign(&Secret::new(secret), &timestamp, body.as_bytes()));
    (timestamp, signature)
}
fn body(from: &str, anonymous: u8, source: &str) -> String {
    format!(
        r#"{{"v":1,"call_id":"c1","from":"{from}","to":"+818001110001","anonymous":{anonymous},"id_source":"{source}"}}"#
    )
}

#[test]
fn only_what_is_signed_now_is_read() {
    let text = body("+819012343333", 0, "pai");
    let now = NOW.secs();
    for (secret, at, why) in [
        ("old", now, None),
        ("new", now, None),
        ("new", now - 60, None),
        ("new", now + 60, None),
        ("other", now, Some(Refused::Unsigned(Unsigned::Signature))),
        ("", now, Some(Refused::Unsigned(Unsigned::Signature))),
        ("new", now - 61, Some(Refused::Unsigned(Unsigned::Timestamp))),
        ("new", now + 61, Some(Refused::Unsigned(Unsigned::Timestamp))),
    ] {
        let (timestamp, signature) = signed(secret, at, &text);
        let got = hook().receive(
            &Delivery { source: None, timestamp: Some(&timestamp), signature: Some(&signature), body: text.as_bytes() },
            NOW,
        );
        assert_eq!(got.err(), why, "{secret} at {at}");
    }
    let (timestamp, signature) = signed("new", now, &text);
    let other = text.replace("3333", "3334");
    let read = |t: Option<&str>, s: Option<&str>, b: &str| {
        hook().receive(&Delivery { source: None, timestamp: t, signature: s, body: b.as_bytes() }, NOW).err()
    };
    assert_eq!(
        read(Some(&timestamp), Some(&signature), &other),
        Some(Refused::Unsigned(Unsigned::Signature)),
        "the body is signed"
    );
    assert_eq!(
        read(Some(&(now + 1).to_string()), Some(&signature), &text),
        Some(Refused::Unsigned(Unsigned::Signature)),
        "so is the time"
    );
    assert_eq!(read(None, Some(&signature), &text), Some(Refused::Unsigned(Unsigned::Timestamp)));
    assert_eq!(read(Some(&timestamp), None, &text), Some(Refused::Unsigned(Unsigned::Signature)));
    assert_eq!(read(Some(&timestamp), Some("///"), &text), Some(Refused::Unsigned(Unsigned::Signature)));
    assert_eq!(read(Some("-1"), Some(&signature), &text), Some(Refused::Unsigned(Unsigned::Timestamp)));
    for text in ["", "{}", "[]", &text.replace("\"v\":1", "\"v\":2"), &text.replace("\"c1\"", "\"\"")] {
        let (timestamp, signature) = signed("new", now, text);
        assert_eq!(
            read(Some(&timestamp), Some(&signature), text),
            Some(Refused::Body("a report of version 1")),
            "{text}"
        );
    }
}

#[test]
fn a_hook_without_a_secret_takes_nothing() {
    let hook = hook_of(&[""], &[], false);
    let text = body("+819012343333", 0, "pai");
    let (timestamp, signature) = signed("", NOW.secs(), &text);
    let got = hook.receive(
        &Delivery { source: None, timestamp: Some(&timestamp), signature: Some(&signature), body: text.as_bytes() },
        NOW,
    );
    assert_eq!(got, Err(Refused::Unsigned(Unsigned::Signature)));
}

/// With and without `telephony.trust_from`.
#[test]
fn who_called() {
    let known = || Caller::Known(Phone::parse("09012343333").unwrap());
    for (from, anonymous, source, trust_from, want) in [
        ("+819012343333", 0, "pai", false, known()),
        ("819012343333", 0, "vendor", false, known()),
        ("tel:+81-90-1234-3333", 0, "pai", false, known()),
        ("sip:+819012343333@carrier.example;user=phone", 0, "pai", false, known()),
        ("09012343333", 0, "pai", false, known()),
        ("09012343333", 0, "from", false, Caller::Withheld),
        ("09012343333", 0, "from", true, known()),
        ("09012343333", 0, "invalid", true, Caller::Withheld),
        ("09012343333", 1, "pai", true, Caller::Withheld),
        ("sip:anonymous@anonymous.invalid", 1, "pai", false, Caller::Withheld),
        ("+12025550100", 0, "pai", false, Caller::Other),
        ("Coin line/payphone", 0, "pai", false, Caller::Other),
    ] {
        let hook = hook_of(&["new"], &[], trust_from);
        let text = body(from, anonymous, source);
        let (timestamp, signature) = signed("new", NOW.secs(), &text);
        let call = hook
            .receive(
                &Delivery {
                    source: None,
                    timestamp: Some(&timestamp),
                    signature: Some(&signature),
                    body: text.as_bytes(),
                },
                NOW,
            )
            .unwrap();
        assert_eq!(call.caller, want, "{from} {anonymous} {source} {trust_from}");
        assert_eq!(call.called.as_ref().map(Phone::as_str), Some("08001110001"));
    }
}

#[test]
fn only_from_where_the_gateway_stands() {
    let networks = ["10.1.2.0/24", "192.0.2.7", "2001:db8::/32"].map(str::to_owned);
    let hook = hook_of(&["new"], &networks, false);
    let text = body("+819012343333", 0, "pai");
    let (timestamp, signature) = signed("new", NOW.secs(), &text);
    for (source, ok) in [
        ("10.1.2.255", true),
        ("10.1.3.0", false),
        ("::ffff:10.1.2.3", true),
        ("192.0.2.7", true),
        ("192.0.2.8", false),
        ("2001:db8:1::1", true),
        ("2001:db9::1", false),
    ] {
        let ip: IpAddr = source.parse().unwrap();
        let got = hook.receive(
            &Delivery {
                source: Some(ip),
                timestamp: Some(&timestamp),
                signature: Some(&signature),
                body: text.as_bytes(),
            },
            NOW,
        );
        assert_eq!(got.err(), (!ok).then_some(Refused::Source("telephony.hook_networks")), "{source}");
    }
    assert!(
        hook.receive(
            &Delivery { source: None, timestamp: Some(&timestamp), signature: Some(&signature), body: text.as_bytes() },
            NOW
        )
        .is_err()
    );
    for wrong in ["10.0.0.0/33", "gateway", ""] {
        assert!(Network::list(&[wrong.to_owned()]).is_err(), "{wrong}");
    }
}

#[test]
fn the_simulator_signs_as_a_gateway_does() {
    let (secret, at) = (renkei_demo::crypto::Secret::new("new"), renkei_demo::time::from_secs(NOW.secs()));
    let known = Caller::Known(Phone::parse("09012343333").unwrap());
    for (from, want) in [(Some("+819012343333"), known), (None, Caller::Withheld)] {
        let r = report("s-1", from, "+818001110001", &secret, at);
        let delivery = Delivery {
            source: None,
            timestamp: Some(&r.timestamp),
            signature: Some(&r.signature),
            body: r.body.as_bytes(),
        };
        let read = hook().receive(&delivery, NOW).unwrap();
        assert_eq!((read.caller, read.at), (want, NOW));
    }
}
