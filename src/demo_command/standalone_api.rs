//! The sample account API beside a server in test mode: the protected resource that conformance tests ask for.
//!
//! It stands under the server's own certificate, asks callers for theirs (RFC 8705 §3), and reaches the server over the
//! wire like any resource server. Refused outside test mode: what it tells is invented.

use super::{clock as as_clock, random as as_random, shared, start_bank};
use renkei_core::clock::Clock;
use renkei_core::random::Random;
use renkei_demo::api;
use renkei_demo::crypto::Secret;
use renkei_demo::listener::{Listener, Running};
use renkei_demo::wire;
use renkei_server::config::{BankKind, Config, Mode};
use renkei_server::process;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// Who the API is at the server: `config/demo/accounts-api.json`, whose secret everybody knows.
const CLIENT: (&str, &str) = ("accounts-api", "accounts-api-secret");

/// Why it did not start; the text is for the operator.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// A real institution has accounts of its own.
    #[error("the sample account API needs server.mode test and bank.kind sample")]
    NotATest,
    /// TLS.
    #[error(transparent)]
    Server(#[from] process::Error),
    /// The client that asks the server.
    #[error("outbound: {0}")]
    Client(#[from] reqwest::Error),
    /// An address or a file.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// An API that answers.
pub(super) struct StandaloneApi {
    api: Running,
    bank: Running,
}

/// Starts the API on `listen`, for the server of this configuration.
///
/// # Errors
/// The first thing that kept it from starting.
pub(super) fn start(
    config: &Config,
    listen: SocketAddr,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<StandaloneApi, Error> {
    if config.server.mode != Mode::Test || config.bank.kind != BankKind::Sample {
        return Err(Error::NotATest);
    }
    let issuer = &config.server.issuer;
    let host = url::Url::parse(issuer).ok().and_then(|u| u.host_str().map(str::to_owned)).unwrap_or_default();
    let listener = Listener::secure(listen, &host, process::mutual_tls(config)?)?;
    let (bank, bank_token) = start_bank(&config.server.data_dir, &clock, &*random)?;
    let settings = api::ApiSettings {
        issuer: issuer.clone(),
        client_id: CLIENT.0.into(),
        client_secret: Secret::new(CLIENT.1),
        audience: config.tokens.default_audience.clone(),
        bank: bank.url().to_owned(),
        bank_token: shared(&bank_token),
        closed: None,
        nonce_required: false,
        events: false,
    };
    let authorities = match &config.outbound.ca_file {
        Some(file) => reqwest::Certificate::from_pem_bundle(&std::fs::read(file)?)?,
        None => Vec::new(),
    };
    let timeout = config.outbound.timeout.get();
    let http = wire::client(|builder| builder.timeout(timeout).tls_certs_merge(authorities))?;
    let parts = api::ApiParts { clock: as_clock(&clock), random: as_random(&random), http };
    let api = api::start(listener, settings, parts)?;
    Ok(StandaloneApi { api, bank })
}

impl StandaloneApi {
    /// Its address.
    #[must_use]
    pub(super) fn url(&self) -> &str {
        self.api.url()
    }
    /// Lets requests under way finish, then stops.
    pub(super) async fn stop(self) {
        tokio::join!(self.api.stop(), self.bank.stop());
    }
}
