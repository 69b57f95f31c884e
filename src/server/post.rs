//! From `[mail]` to a mailer.

use super::{Error, key};
use crate::clock::Clock;
use crate::config::{self, Config, MailKind, MailTls};
use crate::lifecycle::Mailer;
use crate::mail::{Folder, Login, Relay, RelayTls, Sender, Smtp};
use std::sync::Arc;
use std::time::Duration;

/// A notice is tried again; a relay that hangs helps nobody.
const TIMEOUT: Duration = Duration::from_secs(20);

pub(super) fn mailer(config: &Config, clock: Arc<dyn Clock>) -> Result<Arc<dyn Mailer>, Error> {
    let mail = &config.mail;
    let sender = Sender::new(&config.institution.name, &mail.from, clock).map_err(key("mail.from"))?;
    if mail.kind == MailKind::File {
        let dir = config.server.data_dir.join("mail");
        return Ok(Arc::new(Folder::new(sender, &dir).map_err(|e| Error::Io(dir.display().to_string(), e))?));
    }
    let tls = match mail.tls {
        MailTls::Implicit => RelayTls::Implicit,
        MailTls::Starttls => RelayTls::Starttls,
        MailTls::None => RelayTls::None,
    };
    let login = match (&mail.username, &mail.password_file) {
        (Some(user), Some(file)) => Some(Login { username: user.clone(), password: config::secret_file(file)? }),
        _ => None,
    };
    let relay = Relay { host: mail.host.clone(), port: mail.port, tls, login, timeout: TIMEOUT };
    Ok(Arc::new(Smtp::new(sender, relay).map_err(key("mail.host"))?))
}
