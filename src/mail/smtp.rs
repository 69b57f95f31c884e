//! The relay: SMTP with STARTTLS, TLS from the first byte, or none on loopback; a few connections kept open.

use super::message::Sender;
use crate::lifecycle::{Mail, MailError, Mailer};
use crate::secret::Secret;
use futures_util::future::BoxFuture;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::{Error, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use std::time::Duration;

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayTls {
    /// TLS from the first byte (RFC 8314 §3.3).
    Implicit,
    /// STARTTLS, required: a relay that does not offer it gets nothing (RFC 3207).
    Starttls,
    /// None: for a relay on the same machine.
    None,
}

/// Who we are to the relay.
#[derive(Debug, Clone)]
pub struct Login {
    /// User name.
    pub username: String,
    /// Password.
    pub password: Secret,
}

/// Where mail goes.
#[derive(Debug, Clone)]
pub struct Relay {
    /// The host, also the name on its certificate.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Protection.
    pub tls: RelayTls,
    /// User name and password, where the relay wants them.
    pub login: Option<Login>,
    /// How long one command may take.
    pub timeout: Duration,
}

/// Connections kept: notices are few, and go one after another.
const CONNECTIONS: u32 = 2;
const IDLE: Duration = Duration::from_secs(30);

/// Sends through a relay.
pub struct Smtp {
    sender: Sender,
    transport: AsyncSmtpTransport<Tokio1Executor>,
    timeout: Duration,
}

impl Smtp {
    /// A sender through `relay`. Connects only when there is something to send.
    ///
    /// # Errors
    /// The machine's certificates cannot be read.
    pub fn new(sender: Sender, relay: Relay) -> Result<Self, MailError> {
        let parameters = || {
            TlsParameters::new(relay.host.clone()).map_err(|e| MailError::Later(format!("TLS cannot be set up: {e}")))
        };
        let tls = match relay.tls {
            RelayTls::Implicit => Tls::Wrapper(parameters()?),
            RelayTls::Starttls => Tls::Required(parameters()?),
            RelayTls::None => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&relay.host)
            .port(relay.port)
            .tls(tls)
            .timeout(Some(relay.timeout))
            .pool_config(PoolConfig::new().max_size(CONNECTIONS).idle_timeout(IDLE));
        if let Some(login) = relay.login {
            builder = builder.credentials(Credentials::new(login.username, login.password.reveal().to_owned()));
        }
        Ok(Self { sender, transport: builder.build(), timeout: relay.timeout })
    }
}

impl Mailer for Smtp {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<(), MailError>> {
        Box::pin(async move {
            let message = self.sender.message(mail)?;
            // The library bounds each read; a relay that drips bytes is bounded by this.
            let whole = tokio::time::timeout(self.timeout * 4, self.transport.send(message)).await;
            match whole {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(said(&error)),
                Err(_) => Err(MailError::Later("the relay took too long".to_owned())),
            }
        })
    }
}

/// What an error means. The relay's words are left out: they often repeat the address.
fn said(error: &Error) -> MailError {
    let Some(code) = error.status() else {
        let why = if error.is_timeout() {
            "the relay took too long"
        } else if error.is_tls() {
            "TLS with the relay failed"
        } else {
            "the relay cannot be reached"
        };
        return MailError::Later(why.to_owned());
    };
    let text = format!("the relay answered {code}");
    // 530–538 speak of our own login (RFC 4954 §6): an operator mends it, the customer's mail must not be lost by it.
    let login = (530..=538).contains(&u16::from(code));
    if error.is_permanent() && !login { MailError::Never(text) } else { MailError::Later(text) }
}
