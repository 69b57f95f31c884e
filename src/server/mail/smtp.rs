//! The relay: SMTP with STARTTLS, with TLS from the first byte, or without TLS on loopback. One connection for each
//! mail, command by command, because the meaning of an answer depends on its command.

use super::message::Sender;
use super::verdict::{SmtpCommand, classify};
use crate::lifecycle::{Mail, MailError, Mailer};
use crate::outbound::NO_AUTHORITIES;
use crate::secret::Secret;
use futures_util::future::BoxFuture;
use lettre::Message;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use std::time::Duration;
use tokio::time::timeout;
use url::Host;

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayTls {
    /// TLS from the first byte (RFC 8314 §3.3).
    Implicit,
    /// STARTTLS, required: nothing is sent to a relay that does not offer it (RFC 3207).
    Starttls,
    /// No TLS: for a relay on the same machine.
    None,
}

/// Our login at the relay.
#[derive(Debug, Clone)]
pub struct Login {
    /// User name.
    pub username: String,
    /// Password.
    pub password: Secret,
}

/// The relay and how to use it.
#[derive(Debug, Clone)]
pub struct Relay {
    /// The host, also the name on its certificate.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The TLS mode.
    pub tls: RelayTls,
    /// Certificates to trust in addition to the system's, PEM.
    pub extra_ca: Option<Vec<u8>>,
    /// Our name in EHLO: the full host name, or an address.
    pub helo: Host,
    /// User name and password, if the relay requires them.
    pub login: Option<Login>,
    /// The time limit of one command.
    pub timeout: Duration,
}

/// A relay checks a message before it accepts it. If we stop waiting too early, the mail is sent twice. So the end of
/// the message gets the time of this many commands (RFC 5321 §4.5.3.2.6), all together less than a notice's lease.
const DATA_TIMEOUT_FACTOR: u32 = 6;

/// How long we wait for the answer to QUIT.
const PARTING: Duration = Duration::from_secs(2);

/// Why a mailer cannot be created.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRelay {
    /// The file of additional certificates is invalid.
    #[error("holds no certificate")]
    NoCertificate,
    /// The system's certificates or the additional ones cannot be used.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// Neither the machine nor the configuration has certificates of authorities.
    #[error("{NO_AUTHORITIES} ({0})")]
    NoAuthorities(String),
}

/// Sends through a relay.
pub struct Smtp {
    sender: Sender,
    host: String,
    port: u16,
    protection: Protection,
    helo: ClientId,
    login: Option<Credentials>,
    timeout: Duration,
}
enum Protection {
    Implicit(TlsParameters),
    Starttls(TlsParameters),
    None,
}

impl Smtp {
    /// A mailer for `relay`. It connects only when there is mail to send.
    ///
    /// # Errors
    /// [`BadRelay`].
    pub fn new(sender: Sender, relay: Relay) -> Result<Self, BadRelay> {
        let protection = match relay.tls {
            RelayTls::Implicit => Protection::Implicit(parameters(&relay)?),
            RelayTls::Starttls => Protection::Starttls(parameters(&relay)?),
            RelayTls::None => Protection::None,
        };
        // An address is written in brackets (RFC 5321 §4.1.3).
        let helo = match relay.helo {
            Host::Domain(name) => ClientId::Domain(name),
            Host::Ipv4(address) => ClientId::Ipv4(address),
            Host::Ipv6(address) => ClientId::Ipv6(address),
        };
        let login = relay.login.map(|l| Credentials::new(l.username, l.password.reveal().to_owned()));
        Ok(Self { sender, host: relay.host, port: relay.port, protection, helo, login, timeout: relay.timeout })
    }

    /// Sends one mail: from the connection to the relay's last answer.
    async fn carry(&self, message: &Message) -> Result<(), MailError> {
        let mut relay = self.connect().await?;
        let taken = self.hand_over(&mut relay, message).await;
        // The result of QUIT does not matter: the relay has accepted or refused the mail.
        let _ = timeout(PARTING, relay.abort()).await;
        taken
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, MailError> {
        let tls = match &self.protection {
            Protection::Implicit(tls) => Some(tls.clone()),
            Protection::Starttls(_) | Protection::None => None,
        };
        let (place, limit) = ((self.host.as_str(), self.port), Some(self.timeout));
        let dialled = AsyncSmtpConnection::connect_tokio1(place, limit, &self.helo, tls, None);
        let mut relay = self.within(SmtpCommand::Ehlo, 1, dialled).await?;
        if let Protection::Starttls(tls) = &self.protection {
            // Nothing is sent to a relay that does not offer STARTTLS.
            self.within(SmtpCommand::StartTls, 1, relay.starttls(tls.clone(), &self.helo)).await?;
        }
        if let Some(login) = &self.login {
            self.within(SmtpCommand::Auth, 1, relay.auth(&[Mechanism::Plain, Mechanism::Login], login)).await?;
        }
        Ok(relay)
    }

    async fn hand_over(&self, relay: &mut AsyncSmtpConnection, message: &Message) -> Result<(), MailError> {
        let (envelope, bytes) = (message.envelope(), message.formatted());
        let mut options = Vec::new();
        if !bytes.is_ascii() {
            if !relay.server_info().supports_feature(Extension::EightBitMime) {
                return Err(MailError::Later("the relay does not take eight bits (8BITMIME)".to_owned()));
            }
            options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        self.within(SmtpCommand::MailFrom, 1, relay.command(MailFrom::new(envelope.from().cloned(), options))).await?;
        for to in envelope.to() {
            self.within(SmtpCommand::RcptTo, 1, relay.command(Rcpt::new(to.clone(), Vec::new()))).await?;
        }
        self.within(SmtpCommand::Data, 1, relay.command(Data)).await?;
        self.within(SmtpCommand::Message, DATA_TIMEOUT_FACTOR, relay.message(&bytes)).await?;
        Ok(())
    }

    /// Waits for the answer to one command, with a time limit; the library only limits the connection.
    async fn within<T>(
        &self,
        command: SmtpCommand,
        patience: u32,
        answer: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
    ) -> Result<T, MailError> {
        match timeout(self.timeout * patience, answer).await {
            Ok(answer) => answer.map_err(|error| classify(command, &error)),
            Err(_) => Err(MailError::Later(format!("{} was not answered in time", command.name()))),
        }
    }
}

impl Mailer for Smtp {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<(), MailError>> {
        Box::pin(async move { self.carry(&self.sender.message(mail)?).await })
    }
}

fn parameters(relay: &Relay) -> Result<TlsParameters, BadRelay> {
    let tls = |e: lettre::transport::smtp::Error| BadRelay::Tls(e.to_string());
    let mut builder = TlsParameters::builder(relay.host.clone());
    if let Some(pem) = &relay.extra_ca {
        if !pem.windows(BEGIN.len()).any(|w| w == BEGIN) {
            return Err(BadRelay::NoCertificate);
        }
        builder = builder.add_root_certificate(Certificate::from_pem(pem).map_err(tls)?);
    }
    builder.build().map_err(|e| match relay.extra_ca {
        Some(_) => tls(e),
        None => BadRelay::NoAuthorities(e.to_string()),
    })
}

/// The begin line of a certificate in PEM (RFC 7468 §5.1). For the library, a file without it is an empty list.
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
