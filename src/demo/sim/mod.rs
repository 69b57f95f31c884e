//! The phone and mailbox simulator: what a customer's telephone and mail program are in production.
//!
//! It owns the calls placed and the mails received, in memory and bounded. It reaches the authorization server as the real
//! ones do: a call becomes the signed report of a SIP gateway (docs/telephony.md), a mail arrives by SMTP (RFC 5321).
//!
//! Its page has two things more that a developer needs: it has the sample bank report what became of an account, and moves
//! the clock that all parts of the demonstration share.

mod calls;
mod mailbox;
mod smtp;
mod view;
mod web;

pub use calls::report;
pub use mailbox::{Mail, Mailbox};

use crate::bank::Reporter;
use crate::crypto::{Random, Secret};
use crate::listener::{Listener, Running};
use crate::pages::Pages;
use crate::time::Clock;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// Where the simulator's calls go and what its page proposes.
#[derive(Debug, Clone)]
pub struct SimSettings {
    /// The hook: `{issuer}/hooks/telephony/sip`.
    pub hook: String,
    /// The secret shared with the authorization server.
    pub hook_secret: Secret,
    /// How long a call rings before the gateway reports it.
    pub ring: Duration,
    /// The caller the page proposes.
    pub from: String,
    /// The called numbers the page proposes.
    pub numbers: Vec<String>,
}

/// Moves the clock of the whole demonstration forward by a day, and returns when what was due has been done.
pub type NextDay = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = io::Result<()>> + Send>> + Send + Sync>;

/// What the simulator needs from outside.
#[derive(Clone)]
pub struct SimParts {
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// Call ids.
    pub random: Arc<dyn Random>,
    /// Calls the hook.
    pub http: reqwest::Client,
    /// The page.
    pub pages: Pages,
    /// The bank's reports.
    pub reporter: Arc<Reporter>,
    /// The clock's button.
    pub next_day: NextDay,
}

/// The mail side, open before the rest: a server has to be told where its mail goes.
pub struct MailServer {
    mailbox: Mailbox,
    sink: smtp::Sink,
}

impl MailServer {
    /// Takes mail on a free loopback port.
    ///
    /// # Errors
    /// When none can be opened.
    pub async fn open(clock: Arc<dyn Clock>) -> io::Result<Self> {
        let mailbox = Mailbox::default();
        let sink = smtp::Sink::start(mailbox.clone(), clock).await?;
        Ok(Self { mailbox, sink })
    }
    /// Where it takes mail.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.sink.address()
    }
}

/// A simulator that answers.
pub struct Simulator {
    web: Running,
    sink: smtp::Sink,
}

impl Simulator {
    /// Its page.
    #[must_use]
    pub fn url(&self) -> &str {
        self.web.url()
    }
    /// Stops both.
    pub async fn stop(self) {
        self.web.stop().await;
        self.sink.stop().await;
    }
}

/// What its addresses share.
struct State {
    exchange: calls::Exchange,
    mailbox: Mailbox,
    pages: Pages,
    settings: SimSettings,
    clock: Arc<dyn Clock>,
    reporter: Arc<Reporter>,
    next_day: NextDay,
    origin: String,
}

/// Starts the simulator, with the mails that `mail` takes.
///
/// # Errors
/// When the listener cannot be opened.
pub fn start(listener: Listener, mail: MailServer, settings: SimSettings, parts: SimParts) -> io::Result<Simulator> {
    let MailServer { mailbox, sink } = mail;
    let own = listener.url();
    let state = actix_web::web::Data::new(State {
        exchange: calls::Exchange::new(settings.clone(), &parts),
        mailbox,
        pages: parts.pages,
        settings,
        clock: parts.clock,
        reporter: parts.reporter,
        next_day: parts.next_day,
        origin: own,
    });
    let web = listener.open(move |c| {
        c.app_data(state.clone()).configure(web::routes);
    })?;
    Ok(Simulator { web, sink })
}
