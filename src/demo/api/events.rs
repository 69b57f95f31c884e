//! The API as a receiver of events: they are pushed to it (RFC 8935). It remembers which grants and tokens are over, and refuses
//! their tokens before it asks the server.

use super::{Api, ApiParts, ApiSettings};
use crate::crypto::{Secret, Sha256, random_text, same, sha256};
use crate::events::{
    Backoff, BadSet, CALL, Caller, Failure, PUSH, Recent, SCOPE, SecurityEvent, Transmitter, ensure, expect,
};
use crate::listener::Callers::Programs;
use crate::listener::serve;
use crate::time::rfc3339;
use crate::wire::{Answer, basic, send};
use actix_web::http::header;
use actix_web::web::{Bytes, Data, ServiceConfig, post};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The most grants and tokens that are remembered as over, and the most tokens whose grant is remembered.
const MOST: usize = 10_000;
/// The most events that the page shows.
const SHOWN: usize = 20;
/// How often the API looks whether its stream still exists and is enabled.
const CHECK: Duration = Duration::from_secs(60);

/// What the events said.
pub(super) struct ReceivedEvents {
    transmitter: Transmitter,
    /// What the server must send with each event: drawn at each start, known to nobody else.
    authorization: Secret,
    inner: Mutex<PushedEvents>,
}

struct PushedEvents {
    jtis: Recent<String>,
    /// Grants and tokens that are over, by their public names.
    over: Recent<String>,
    /// The grant and the public name of each token that was met.
    names: Recent<Sha256, [Option<String>; 2]>,
    last: VecDeque<(DateTime<Utc>, SecurityEvent)>,
}

impl ReceivedEvents {
    pub(super) fn new(settings: &ApiSettings, parts: &ApiParts) -> Self {
        Self {
            transmitter: Transmitter::new(&settings.issuer, &settings.client_id, &parts.http),
            authorization: Secret::new(format!("Bearer {}", random_text(parts.random.as_ref()).reveal())),
            inner: Mutex::new(PushedEvents {
                jtis: Recent::new(MOST),
                over: Recent::new(MOST),
                names: Recent::new(MOST),
                last: VecDeque::new(),
            }),
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut PushedEvents) -> T) -> T {
        work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether an event said that a token is over.
    pub(super) fn is_over(&self, token: &str) -> bool {
        self.with(|inner| inner.names.get(&sha256(token)).is_some_and(|names| inner.is_over(names)))
    }

    /// Remembers the names of a live token: its grant and its own. Whether an event said that it is over.
    pub(super) fn met(&self, token: &str, names: [Option<String>; 2]) -> bool {
        self.with(|inner| {
            let over = inner.is_over(&names);
            inner.names.insert(sha256(token), names);
            over
        })
    }

    /// Notes an event; a repetition changes nothing.
    fn note(&self, event: SecurityEvent, now: DateTime<Utc>) {
        self.with(|inner| {
            if !inner.jtis.insert(event.jti.clone(), ()) {
                return;
            }
            let token = event.token.as_ref().filter(|_| event.name == "token.revoked");
            let grant = event.grant.as_ref().filter(|_| event.ends_grant());
            for name in [token, grant].into_iter().flatten() {
                inner.over.insert(name.clone(), ());
            }
            if inner.last.len() == SHOWN {
                inner.last.pop_back();
            }
            inner.last.push_front((now, event));
        });
    }

    /// The last events, the newest first.
    pub(super) fn last(&self) -> Vec<Value> {
        let shown = |(received, event): &(DateTime<Utc>, SecurityEvent)| {
            json!({
                "event": event.name, "at": rfc3339(event.at), "received_at": rfc3339(*received), "grant_id": event.grant,
                "by": event.by,
            })
        };
        self.with(|inner| inner.last.iter().map(shown).collect())
    }
}

impl PushedEvents {
    fn is_over(&self, names: &[Option<String>; 2]) -> bool {
        names.iter().flatten().any(|name| self.over.get(name).is_some())
    }
}

pub(super) fn routes(config: &mut ServiceConfig) {
    serve(config, "/events", Programs, [post().to(receive)]);
}

/// One event (RFC 8935 §2). It is written down, here in memory, before the answer.
async fn receive(api: Data<Api>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let get = |name: header::HeaderName| request.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !same(get(header::AUTHORIZATION), api.events.authorization.reveal()) {
        return refused("authentication_failed", "the Authorization header is not that of this stream");
    }
    let content_type = get(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
    let token = std::str::from_utf8(&body).ok().filter(|_| content_type == "application/secevent+jwt");
    let Some(token) = token else { return refused("invalid_request", "the body is not application/secevent+jwt") };
    let now = api.parts.clock.now();
    match api.events.transmitter.believe(token, now).await {
        Ok(Ok(event)) => {
            api.events.note(event, now);
            HttpResponse::Accepted().finish()
        }
        Ok(Err(bad)) => {
            tracing::warn!(why = BadSet::description(bad), "account API: an event is not believed");
            refused(bad.code(), bad.description())
        }
        // Without keys nothing can be said of the event: it is to come again.
        Err(failure) => {
            tracing::error!(%failure, "account API: an event cannot be checked");
            HttpResponse::ServiceUnavailable().insert_header((header::RETRY_AFTER, "2")).finish()
        }
    }
}

/// RFC 8935 §2.4.
fn refused(err: &str, description: &str) -> HttpResponse {
    let mut answer = HttpResponse::BadRequest();
    answer.insert_header((header::CONTENT_LANGUAGE, "en"));
    answer.json(json!({"err": err, "description": description}))
}

/// The API with its token.
struct BearerCaller<'a> {
    http: &'a reqwest::Client,
    token: Secret,
}
impl Caller for BearerCaller<'_> {
    async fn call(&self, method: Method, url: &str, body: Option<&Value>, wait: Duration) -> Result<Answer, Failure> {
        let request = self.http.request(method, url).timeout(wait).bearer_auth(self.token.reveal());
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        Ok(send(request).await?)
    }
}

/// Has a stream, and looks now and then whether it still exists, for as long as the API runs.
pub(super) async fn run(api: Arc<Api>) {
    let (mut backoff, mut renew) = (Backoff::default(), true);
    loop {
        match stream(&api, renew).await {
            Ok(()) => {
                (backoff, renew) = (Backoff::default(), false);
                tokio::time::sleep(CHECK).await;
            }
            Err(failure) => backoff.wait("account API", &failure).await,
        }
    }
}

/// Has the one stream deliver here. `renew`: with this start's header.
async fn stream(api: &Api, renew: bool) -> Result<(), Failure> {
    let url = format!("{}/oauth/token", api.settings.issuer);
    let form = [("grant_type", "client_credentials"), ("scope", SCOPE)];
    let credentials = basic(&api.settings.client_id, &api.settings.client_secret);
    let request = api.parts.http.post(&url).form(&form).header("authorization", credentials).timeout(CALL);
    let tokens = expect(send(request).await?, "the token endpoint", &[200])?;
    let token = tokens["access_token"].as_str().ok_or(Failure::Broken("access_token"))?;
    let caller = BearerCaller { http: &api.parts.http, token: Secret::new(token) };
    let metadata = api.events.transmitter.metadata().await?;
    let delivery = json!({
        "method": PUSH, "endpoint_url": format!("{}/events", api.origin),
        "authorization_header": api.events.authorization.reveal(),
    });
    ensure(&caller, &metadata, &delivery, renew).await?;
    Ok(())
}
