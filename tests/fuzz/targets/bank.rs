//! What gateways and the core bank report.

use crate::{NOW, parts};
use renkei_core::hook::{Delivery, Refused, SignedHook, sign};
use renkei_core::phone::Phone;
use renkei_core::secret::{Secret, base64url};
use renkei_server::bank::EventHook;
use renkei_server::telephony::sip_hook::SipHook;

/// A report: unsigned it is refused unread; signed it is read strictly.
pub fn hooks(data: &[u8]) {
    let secret = Secret::new("of the gateway");
    let signed = SignedHook::new(vec![secret.clone()], Vec::new(), "hook_networks");
    let (sip, bank) = (SipHook::new(signed.clone(), true), EventHook::new(signed));
    if let Some([timestamp, signature, body]) = parts::<3>(data) {
        let refused = sip.receive(
            &Delivery { source: None, timestamp: Some(timestamp), signature: Some(signature), body: body.as_bytes() },
            NOW,
        );
        assert!(matches!(refused, Err(Refused::Unsigned(_))), "nobody here can sign");
        assert!(
            bank.receive(
                &Delivery {
                    source: None,
                    timestamp: Some(timestamp),
                    signature: Some(signature),
                    body: body.as_bytes()
                },
                NOW
            )
            .is_err()
        );
    }
    let timestamp = NOW.secs().to_string();
    let signature = base64url(sign(&secret, &timestamp, data));
    match sip
        .receive(&Delivery { source: None, timestamp: Some(&timestamp), signature: Some(&signature), body: data }, NOW)
    {
        Ok(call) => {
            assert!((1..=256).contains(&call.call_id.len()) && call.at == NOW);
            assert!(call.called.as_ref().is_none_or(|to| Phone::parse(to.as_str()).is_some()));
        }
        Err(why) => assert!(matches!(why, Refused::Body(_)), "{why}"),
    }
    if let Ok(Some(report)) = bank
        .receive(&Delivery { source: None, timestamp: Some(&timestamp), signature: Some(&signature), body: data }, NOW)
    {
        assert!((1..=256).contains(&report.event_id.len()));
    }
}
