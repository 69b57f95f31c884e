//! The sample account API beside a server in test mode: the protected resource that conformance tests ask for.
//!
//! It stands under the server's own certificate, asks callers for theirs (RFC 8705 §3), and reaches the server over the
//! wire like any resource server. Refused outside test mode: what it tells is invented.

use super::door::{Door, Running};
use super::{api, bank};
use crate::bank::SampleBank;
use crate::clock::Clock;
use crate::config::{BankKind, Config, Mode};
use crate::identity::service_hours::Hours;
use crate::outbound::Outbound;
use crate::process;
use crate::random::Random;
use crate::secret::Secret;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// Who the API is at the server: `config/demo/accounts-api.json`, whose secret everybody knows.
const CLIENT: (&str, &str) = ("accounts-api", "accounts-api-secret");

/// Why it did not start; the text is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A real institution has accounts of its own.
    #[error("the sample account API wants server.mode test and bank.kind sample")]
    NotATest,
    /// TLS, or the way to the server.
    #[error(transparent)]
    Server(#[from] process::Error),
    /// An address or a file.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// An API that answers.
pub struct Beside {
    api: Running,
    bank: Running,
}

/// Starts the API on `listen`, for the server of this configuration.
///
/// # Errors
/// The first thing that kept it from starting.
pub async fn start(
    config: &Config,
    listen: SocketAddr,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<Beside, Error> {
    if config.server.mode != Mode::Test || config.bank.kind != BankKind::Sample {
        return Err(Error::NotATest);
    }
    let issuer = &config.server.issuer;
    let host = url::Url::parse(issuer).ok().and_then(|u| u.host_str().map(str::to_owned)).unwrap_or_default();
    let door = Door::secure(listen, &host, process::mutual_tls(config)?)?;
    let books = Arc::new(SampleBank::open(&config.server.data_dir, clock.now().jst_date())?);
    let bank = bank::start(Door::bind(0)?, books, clock.clone()).await?;
    let settings = api::Settings {
        issuer: issuer.clone(),
        client_id: CLIENT.0.into(),
        client_secret: Secret::new(CLIENT.1),
        audience: config.tokens.default_audience.clone(),
        bank: bank.url().to_owned(),
        hours: Hours::default(),
        nonce_required: false,
    };
    let wire: Outbound = process::inside(config)?;
    let api = api::start(door, settings, api::Parts { clock, random, wire }).await?;
    Ok(Beside { api, bank })
}

impl Beside {
    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        self.api.url()
    }
    /// Lets requests under way finish, then stops.
    pub async fn stop(self) {
        tokio::join!(self.api.stop(), self.bank.stop());
    }
}
