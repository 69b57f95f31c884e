//! The telephone company's side: signed reports of incoming calls (docs/telephony.md).

use super::http::{Answer, Http, RequestParts};
use super::jws::b64;
use renkei_core::clock::{Clock, ManualClock};
use std::sync::Arc;

/// One gateway that reports calls.
#[derive(Clone)]
pub(crate) struct Phone {
    http: Http,
    clock: Arc<ManualClock>,
    secret: String,
}

/// One call as the gateway saw it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub id: String,
    pub from: String,
    pub to: String,
    pub withheld: bool,
    pub id_source: &'static str,
}
impl Call {
    pub(crate) fn new(from: &str, to: &str) -> Self {
        let id =
            format!("call-{}-{}", renkei_core::random::below(&renkei_core::random::SystemRandom, u32::MAX), from.len());
        Self { id, from: from.into(), to: to.into(), withheld: false, id_source: "pai" }
    }
    fn body(&self) -> String {
        serde_json::json!({
            "v": 1, "call_id": self.id, "from": self.from, "to": self.to,
            "anonymous": i32::from(self.withheld), "id_source": self.id_source,
        })
        .to_string()
    }
}

impl Phone {
    pub(crate) fn new(http: Http, clock: Arc<ManualClock>, secret: &str) -> Self {
        Self { http, clock, secret: secret.into() }
    }
    /// A call whose number the network vouches for.
    pub(crate) async fn call(&self, from: &str, to: &str) -> Answer {
        self.report(&Call::new(from, to)).await
    }
    /// A call with the number withheld.
    pub(crate) async fn call_withheld(&self, from: &str, to: &str) -> Answer {
        self.report(&Call { withheld: true, ..Call::new(from, to) }).await
    }
    /// Reports a call now, signed.
    pub(crate) async fn report(&self, call: &Call) -> Answer {
        self.report_at(call, self.clock.now().secs()).await
    }
    /// Reports with another timestamp.
    pub(crate) async fn report_at(&self, call: &Call, timestamp: i64) -> Answer {
        let body = call.body();
        let tag = renkei_core::secret::hmac_sha256(self.secret.as_bytes(), format!("{timestamp}.{body}").as_bytes());
        self.send(&body, &[("X-Hook-Timestamp", &timestamp.to_string()), ("X-Hook-Signature", &b64(tag))]).await
    }
    /// Sends a body with these headers and nothing else.
    pub(crate) async fn send(&self, body: &str, headers: &[(&str, &str)]) -> Answer {
        let mut ask = RequestParts::default().json(body);
        for (name, value) in headers {
            ask = ask.header(name, *value);
        }
        self.http.send("POST", "/hooks/telephony/sip", ask).await
    }
    /// The body of a call, for those who sign it wrongly.
    pub(crate) fn body(call: &Call) -> String {
        call.body()
    }
}
