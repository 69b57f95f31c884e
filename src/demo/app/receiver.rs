//! The app as a receiver of events: it polls (RFC 8936), verifies each token, and notes what it says.

use super::App;
use super::oauth::Client;
use super::received::Received;
use super::timeline::What;
use crate::crypto::Secret;
use crate::events::{Backoff, Caller, Failure, POLL, SCOPE, Transmitter, ensure, expect};
use crate::pages::AppNotice;
use crate::wire::Answer;
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// How long a poll may take: the server answers within half a minute.
const POLLED: Duration = Duration::from_secs(45);

/// The receiver and what it has received.
pub(super) struct EventReceiver {
    transmitter: Transmitter,
    pub(super) received: Received,
}
impl EventReceiver {
    pub(super) fn new(issuer: &str, client_id: &str, http: &reqwest::Client) -> Self {
        Self { transmitter: Transmitter::new(issuer, client_id, http), received: Received::default() }
    }
}

/// The app with its token.
struct TokenCaller<'a> {
    oauth: &'a Client,
    token: Secret,
}
impl Caller for TokenCaller<'_> {
    async fn call(&self, method: Method, url: &str, body: Option<&Value>, wait: Duration) -> Result<Answer, Failure> {
        let answer = self.oauth.call(method, url, &self.token, body, wait).await;
        answer.map_err(|trouble| Failure::Endpoint(format!("{trouble:?}")))
    }
}

/// Receives events for as long as the app runs.
pub(super) async fn run(app: Arc<App>) {
    let mut backoff = Backoff::default();
    loop {
        let Err(failure) = receive(&app, &mut backoff).await;
        // The token is over, which is no failure. Each press of the day button ends it, and who presses fast must not make the app
        // wait longer and longer.
        if matches!(failure, Failure::Status(_, 401)) {
            backoff.reset();
        }
        backoff.wait("sample app", &failure).await;
    }
}

/// Gets a token and the stream, and polls until something fails: the token has expired, the stream is gone, nobody answers.
async fn receive(app: &App, backoff: &mut Backoff) -> Result<Infallible, Failure> {
    let token = app.oauth.client_token(SCOPE).await.map_err(|trouble| Failure::Endpoint(format!("{trouble:?}")))?;
    let caller = TokenCaller { oauth: &app.oauth, token };
    let metadata = app.events.transmitter.metadata().await?;
    let stream = ensure(&caller, &metadata, &json!({ "method": POLL }), false).await?;
    let mut ask = json!({});
    loop {
        let answer = caller.call(Method::POST, &stream.delivery.endpoint_url, Some(&ask), POLLED).await?;
        let answer = expect(answer, "the poll endpoint", &[200])?;
        backoff.reset();
        let sets = answer["sets"].as_object().ok_or(Failure::Broken("sets"))?;
        // What is neither acknowledged nor refused comes again (RFC 8936 §2.4).
        let (mut acknowledged, mut refused) = (Vec::new(), Map::new());
        for (jti, set) in sets {
            let now = app.parts.clock.now();
            match app.events.transmitter.believe(set.as_str().unwrap_or_default(), now).await? {
                Ok(event) if event.jti == *jti => {
                    acknowledged.push(jti.clone());
                    app.received(event);
                }
                Ok(_) => {
                    refused.insert(jti.clone(), json!({"err": "invalid_request", "description": "another jti"}));
                }
                Err(bad) => {
                    tracing::warn!(jti, why = bad.description(), "sample app: an event is not believed");
                    refused.insert(jti.clone(), json!({"err": bad.code(), "description": bad.description()}));
                }
            }
        }
        ask = json!({ "ack": acknowledged, "setErrs": refused });
    }
}

impl App {
    /// Notes an event. A link whose grant has ended is forgotten with its token: nobody needs to ask the account API.
    fn received(&self, event: crate::events::SecurityEvent) {
        let ended = event.grant.clone().filter(|_| event.ends_grant());
        let expired = event.name == What::GrantExpired.name();
        if !self.events.received.note(event, self.parts.clock.now()) {
            return;
        }
        let Some(grant) = ended else { return };
        self.sessions.each(|session| {
            if session.link.as_ref().is_some_and(|link| link.grant_id.as_ref() == Some(&grant)) {
                session.link = None;
                session.flash = Some(if expired { AppNotice::Expired } else { AppNotice::Ended });
            }
        });
    }
}
