//! Creates the mailer from `[mail]`.

use super::{Error, key};
use crate::admin::TestMailer;
use crate::clock::{Clock, SystemClock};
use crate::config::{self, Config, MailKind, MailTls};
use crate::lifecycle::Mailer;
use crate::mail::{BadRelay, Folder, Login, Relay, RelayTls, Sender, Smtp};
use std::sync::Arc;
use std::time::Duration;
use url::{Host, Url};

/// The time limit of one command to the relay; later the notice is tried again.
const TIMEOUT: Duration = Duration::from_secs(20);

fn make_mailer(config: &Config, clock: Arc<dyn Clock>) -> Result<Arc<dyn Mailer>, Error> {
    let mail = &config.mail;
    let sender = Sender::new(&config.institution.name, &mail.from, clock).map_err(key("mail.from"))?;
    if mail.kind == MailKind::File {
        let dir = config.server.data_dir.join("mail");
        return Ok(Arc::new(Folder::new(sender, &dir).map_err(|e| Error::Io(dir.display().to_string(), e))?));
    }
    let made = Smtp::new(sender, relay(config)?);
    Ok(Arc::new(made.map_err(|cause| match cause {
        BadRelay::NoCertificate | BadRelay::NoAuthorities(_) => key("mail.ca_file")(cause),
        BadRelay::Tls(_) => key("mail.host")(cause),
    })?))
}

/// The mailer for a test mail, with the relay to which it hands mail.
///
/// # Errors
/// As a start of the server.
pub fn test_mailer(config: &Config, clock: Arc<dyn Clock>) -> Result<TestMailer, Error> {
    let mail = &config.mail;
    let relay = match mail.kind {
        MailKind::Smtp => format!("{}:{}", mail.host, mail.port),
        MailKind::File => {
            format!("the folder {} (mail.kind = \"file\")", config.server.data_dir.join("mail").display())
        }
    };
    Ok(TestMailer { mailer: make_mailer(config, clock)?, relay })
}

pub(super) fn relay(config: &Config) -> Result<Relay, Error> {
    let mail = &config.mail;
    let tls = match mail.tls {
        MailTls::Implicit => RelayTls::Implicit,
        MailTls::Starttls => RelayTls::Starttls,
        MailTls::None => RelayTls::None,
    };
    let extra_ca = match &mail.ca_file {
        Some(file) => Some(std::fs::read(file).map_err(|e| Error::Io(file.display().to_string(), e))?),
        None => None,
    };
    let login = match (&mail.username, &mail.password_file) {
        (Some(user), Some(file)) => Some(Login { username: user.clone(), password: config::secret_file(file)? }),
        _ => None,
    };
    let (host, port, helo) = (mail.host.clone(), mail.port, helo(config)?);
    Ok(Relay { host, port, tls, extra_ca, helo, login, timeout: TIMEOUT })
}

/// Our name for EHLO. The machine's own name is often unknown elsewhere, and relays refuse such names.
fn helo(config: &Config) -> Result<Host, Error> {
    match &config.mail.helo {
        Some(name) => Host::parse(name).map_err(key("mail.helo")),
        None => {
            let issuer = Url::parse(&config.server.issuer).map_err(key("server.issuer"))?;
            let host = issuer.host().map(|host| host.to_owned());
            host.ok_or_else(|| key("server.issuer")("has no host"))
        }
    }
}

/// The errors that a start would find in `[mail]` and its files; nothing is created or sent.
pub(super) fn examine(config: &Config) -> Result<(), Error> {
    if config.mail.kind == MailKind::Smtp { make_mailer(config, Arc::new(SystemClock)).map(drop) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ehlo_says_the_issuers_host_unless_another_name_is_configured() {
        let mut config: Config = toml::from_str(include_str!("../../../config/default.toml")).unwrap();
        for (issuer, configured, want) in [
            ("https://link.example.jp", None, "link.example.jp"),
            ("https://link.example.jp:8443", None, "link.example.jp"),
            ("http://127.0.0.1:8080", None, "127.0.0.1"),
            ("http://[::1]:8080", None, "[::1]"),
            ("https://link.example.jp", Some("mail.example.jp"), "mail.example.jp"),
            ("https://link.example.jp", Some("192.0.2.1"), "192.0.2.1"),
        ] {
            config.server.issuer = issuer.into();
            config.mail.helo = configured.map(str::to_owned);
            assert_eq!(helo(&config).unwrap().to_string(), want, "{issuer} {configured:?}");
        }
    }
}
