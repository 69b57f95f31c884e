//! HTTP as the actors speak it: no redirect is followed by itself, every answer is kept whole.

use super::html::Page;
use reqwest::Method;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

/// A way to one server: it listens on a free port while its name is the issuer's.
#[derive(Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
    base: String,
    /// The issuer, which is also the origin of every page.
    pub issuer: String,
    /// Every refusal that came, for [`Http::refusals`].
    refusals: Arc<Mutex<Vec<RefusalAnswer>>>,
}

/// A refusal as its caller reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefusalAnswer {
    /// `X-Request-Id`.
    pub id: Option<String>,
    /// The error code; `-` where there is only a status.
    pub code: String,
    /// The method and the path of the request.
    pub request: String,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: String,
}

/// What is sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestParts {
    pub headers: Vec<(String, String)>,
    pub body: Option<(String, String)>,
}
impl RequestParts {
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
    pub(crate) fn form(mut self, fields: &[(String, String)]) -> Self {
        self.body = Some(("application/x-www-form-urlencoded".into(), encode(fields)));
        self
    }
    pub(crate) fn json(mut self, body: impl Into<String>) -> Self {
        self.body = Some(("application/json".into(), body.into()));
        self
    }
}

impl Http {
    pub(crate) fn new(address: SocketAddr, issuer: &str) -> Self {
        // It speaks plain http: to read the machine's authorities takes longer than a request.
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        let client = client.tls_certs_only([]).build().unwrap();
        Self { client, base: format!("http://{address}"), issuer: issuer.to_owned(), refusals: Arc::default() }
    }
    /// The same from another address of this machine's.
    pub(crate) fn from_address(server: SocketAddr, issuer: &str, own: &str) -> Self {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        let client = client.local_address(Some(own.parse().unwrap())).build().unwrap();
        Self { client, base: format!("http://{server}"), issuer: issuer.to_owned(), refusals: Arc::default() }
    }
    /// The same over TLS, to a server that this certificate vouches for; `identity`, a certificate with its key, is shown
    /// where the server asks (all PEM).
    pub(crate) fn over_tls(port: u16, issuer: &str, ca: &str, identity: Option<&str>) -> Self {
        let ca = reqwest::Certificate::from_pem(ca.as_bytes()).unwrap();
        let mut client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .http1_only()
            .tls_certs_only([ca]);
        if let Some(pem) = identity {
            client = client.identity(reqwest::Identity::from_pem(pem.as_bytes()).unwrap());
        }
        let base = format!("https://localhost:{port}");
        Self { client: client.build().unwrap(), base, issuer: issuer.to_owned(), refusals: Arc::default() }
    }
    /// The part of an absolute address after our issuer; a relative one as it is.
    pub(crate) fn ours<'a>(&self, url: &'a str) -> Option<&'a str> {
        match url.strip_prefix(self.issuer.as_str()) {
            Some(rest) if rest.starts_with('/') => Some(rest),
            _ if url.starts_with('/') && !url.starts_with("//") => Some(url),
            _ => None,
        }
    }
    pub(crate) async fn send(&self, method: &str, url: &str, ask: RequestParts) -> Answer {
        self.asked(method, url, ask).await.unwrap()
    }
    /// The answer, if one came.
    pub(crate) async fn try_send(&self, method: &str, url: &str, ask: RequestParts) -> Option<Answer> {
        self.asked(method, url, ask).await.ok()
    }
    async fn asked(&self, method: &str, url: &str, ask: RequestParts) -> reqwest::Result<Answer> {
        let path = self.ours(url).unwrap_or_else(|| panic!("{url} is not the server's"));
        let host = self.issuer.split("://").nth(1).unwrap();
        let mut request = self
            .client
            .request(Method::from_bytes(method.as_bytes()).unwrap(), format!("{}{path}", self.base))
            .header("host", host);
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        if let Some((kind, body)) = ask.body {
            request = request.header("content-type", kind).body(body);
        }
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let answer = Answer { status, headers, body: answer.text().await? };
        if let Some(code) = answer.refusal(path) {
            let id = answer.header("x-request-id").map(str::to_owned);
            let path = path.split('?').next().unwrap_or_default();
            self.refusals.lock().unwrap().push(RefusalAnswer { id, code, request: format!("{method} {path}") });
        }
        Ok(answer)
    }
    /// The refusals that came to this caller and its clones.
    pub(crate) fn refusals(&self) -> Vec<RefusalAnswer> {
        self.refusals.lock().unwrap().clone()
    }
    pub(crate) async fn get(&self, url: &str) -> Answer {
        self.send("GET", url, RequestParts::default()).await
    }
}

impl Answer {
    /// The error code, if the answer to a request for `path` is a refusal: the server knows better than the caller, and
    /// nothing of the server has failed.
    fn refusal(&self, path: &str) -> Option<String> {
        let ours = |code: &str| matches!(code, "server_error" | "temporarily_unavailable") && self.status != 429;
        let json = serde_json::from_str::<Value>(&self.body).ok().filter(|_| self.status >= 400);
        let code = match json.as_ref().and_then(|body| body["error"].as_str()) {
            Some(code) => code.to_owned(),
            None if self.status == 400 && self.body.contains("id=\"oauth-error\"") => "page".to_owned(),
            None if self.status == 303 && path.starts_with("/oauth/authorize") => {
                let query = self.header("location")?.split_once(['?', '#'])?.1;
                url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "error")?.1.into_owned()
            }
            None if matches!(self.status, 401 | 415 | 421) => "-".to_owned(),
            None => return None,
        };
        (!ours(&code)).then_some(code)
    }
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|v| v.to_str().unwrap())
    }
    pub(crate) fn location(&self) -> &str {
        self.header("location").unwrap_or_else(|| panic!("no redirect but {}: {}", self.status, self.body))
    }
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON ({}): {}", self.status, self.body))
    }
    pub(crate) fn page(&self) -> Page {
        Page::new(self.body.clone())
    }
    /// The answer, if its status is this one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        let said = if self.body.starts_with('{') { self.body.clone() } else { self.page().text() };
        assert_eq!(self.status, status, "{said}");
        self
    }
    /// An OAuth error answer: its status and its `error`.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, error: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.json()["error"], error, "{}", answer.body);
        answer
    }
}

/// `application/x-www-form-urlencoded`.
pub(crate) fn encode<A: AsRef<str>, B: AsRef<str>>(fields: &[(A, B)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// The parameters of a query (or of the whole address).
pub(crate) fn query(url: &str) -> BTreeMap<String, String> {
    let text = url.split_once('?').map_or("", |(_, q)| q.split('#').next().unwrap());
    let mut found = BTreeMap::new();
    for (k, v) in url::form_urlencoded::parse(text.as_bytes()) {
        assert!(found.insert(k.clone().into_owned(), v.into_owned()).is_none(), "{k} stands twice in {url}");
    }
    found
}
