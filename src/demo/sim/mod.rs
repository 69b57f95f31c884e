//! The phone and mailbox simulator: what a customer's telephone and mail program are in production.
//!
//! It owns the calls placed and the mails received, in memory and bounded. It reaches the authorization server only
//! the way the real ones do: a call becomes the signed hook of a SIP gateway (docs/telephony.md), a mail arrives by
//! SMTP
//! (RFC 5321).

mod calls;
mod mailbox;
mod smtp;
mod view;
mod web;

pub use mailbox::{Mail, Mailbox};

use crate::clock::Clock;
use crate::demo::door::{Door, Running};
use crate::outbound::Outbound;
use crate::pages::Pages;
use crate::random::Random;
use crate::secret::Secret;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Where the simulator's calls go and what its page proposes.
#[derive(Debug, Clone)]
pub struct Settings {
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

/// What the simulator needs from outside.
#[derive(Clone)]
pub struct Parts {
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// Call ids.
    pub random: Arc<dyn Random>,
    /// The way to the hook.
    pub wire: Outbound,
    /// The page.
    pub pages: Pages,
}

/// The mail side, open before the rest: a server has to be told where its mail goes.
pub struct Post {
    mailbox: Mailbox,
    sink: smtp::Sink,
}

impl Post {
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
    settings: Settings,
    own: String,
}

/// Starts the simulator behind `door`, with the mails that `post` takes.
///
/// # Errors
/// When the listener cannot be opened.
pub async fn start(door: Door, post: Post, settings: Settings, parts: Parts) -> io::Result<Simulator> {
    let Post { mailbox, sink } = post;
    let own = door.url();
    let state = actix_web::web::Data::new(State {
        exchange: calls::Exchange::new(settings.clone(), &parts),
        mailbox,
        pages: parts.pages,
        settings,
        own,
    });
    let web = door.open(move |c| {
        c.app_data(state.clone()).configure(|c| drop(web::routes(c)));
    })?;
    Ok(Simulator { web, sink })
}
