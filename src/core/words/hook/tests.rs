use super::{Delivery, Refused, SignedHook, Unsigned, sign};
use crate::clock::Instant;
use crate::network::Network;
use crate::secret::{Secret, base64url};

const NOW: i64 = 1_795_312_800;
const BODY: &[u8] = b"not even JSON";

#[test]
fn a_report_is_believed_by_secret_time_and_source() {
    let networks = vec![Network::parse("192.0.2.0/28").unwrap()];
    let hook = SignedHook::new(vec![Secret::new("old"), Secret::new(""), Secret::new("new")], networks, "a.key");
    let (here, there) = ("192.0.2.7", "192.0.2.16");
    for (secret, at, source, want, why) in [
        ("old", NOW, here, Ok(()), "the secret that is being replaced"),
        ("new", NOW - 60, here, Ok(()), "a minute ago"),
        ("new", NOW + 60, here, Ok(()), "a minute ahead"),
        ("new", NOW - 61, here, Err(Refused::Unsigned(Unsigned::Timestamp)), "too old"),
        ("new", NOW + 61, here, Err(Refused::Unsigned(Unsigned::Timestamp)), "from the future"),
        ("other", NOW, here, Err(Refused::Unsigned(Unsigned::Signature)), "another's secret"),
        ("", NOW, here, Err(Refused::Unsigned(Unsigned::Signature)), "an empty secret is none"),
        ("new", NOW, there, Err(Refused::Source("a.key")), "from elsewhere"),
        ("other", NOW, there, Err(Refused::Source("a.key")), "from elsewhere, whatever it is signed with"),
    ] {
        let timestamp = at.to_string();
        let signature = base64url(sign(&Secret::new(secret), &timestamp, BODY));
        let source = source.parse().ok();
        let delivery = Delivery { source, timestamp: Some(&timestamp), signature: Some(&signature), body: BODY };
        let at = Instant::from_secs(at);
        assert_eq!(hook.verify(&delivery, Instant::from_secs(NOW)), want.map(|()| at), "{why}");
        let nowhere = Delivery { source: None, ..delivery };
        assert!(hook.verify(&nowhere, at).is_err(), "a source nobody knows is in no network");
    }
}

#[test]
fn a_refusal_says_which_key_and_what_was_wanted() {
    assert_eq!(
        Refused::Source("bank.event_networks").to_string(),
        "the source address is not one of bank.event_networks"
    );
    assert_eq!(Refused::Body("a report of version 1").to_string(), "the body is not a report of version 1");
}
