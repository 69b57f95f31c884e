//! The demo as a whole: every part started in order, on ports of its own, and stopped together.

use super::door::{Door, Running};
use super::folder::Folder;
use super::settings::{self, Places};
use super::sim::Simulator;
use super::{api, app, bank, sim};
use crate::account::digits;
use crate::audit::Actor;
use crate::bank::SampleBank;
use crate::client;
use crate::identity::service_hours::NotAWindow;
use crate::keys::master;
use crate::outbound::{Method, Outbound, Request};
use crate::refusal::Refusal;
use crate::secret::{Secret, opaque};
use crate::server::{self, Parts};
use crate::store;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long a simulated call rings before the gateway reports it.
const RING: Duration = Duration::from_millis(700);
/// How long the parts may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(10);
/// The sample customer's number.
const CUSTOMER: &str = "09012343333";

/// What the command line says.
#[derive(Debug, Clone)]
pub struct Options {
    /// The authorization server's port; the other three follow it.
    pub port: u16,
    /// A folder to keep the data in.
    pub data: Option<PathBuf>,
    /// Whether service hours are ignored.
    pub always_open: bool,
}

/// Why a demo did not start; the text is for whoever started it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A port that is taken.
    #[error("port {0}: {1}; another place is chosen with --port")]
    Port(u16, io::Error),
    /// The data folder, or a file in it.
    #[error("{0}: {1}")]
    Folder(String, io::Error),
    /// The master key.
    #[error(transparent)]
    Key(#[from] master::Error),
    /// The authorization server.
    #[error(transparent)]
    Server(#[from] server::Error),
    /// A record of a client.
    #[error("config/demo: {0}")]
    Client(#[from] Refusal),
    /// The configuration that comes with the program.
    #[error("config/demo/renkei.toml: {0}")]
    Config(#[from] toml::de::Error),
    /// Service hours.
    #[error("hours.closed: {0}")]
    Hours(#[from] NotAWindow),
    /// The store.
    #[error("store: {0}")]
    Store(#[from] store::Error),
    /// The actors' way to each other.
    #[error(transparent)]
    Outbound(#[from] crate::outbound::Error),
    /// An actor.
    #[error("{0}")]
    Actor(#[from] io::Error),
    /// A part that does not answer.
    #[error("{0} does not answer")]
    Silent(String),
}

/// A demo that answers.
pub struct Demo {
    server: server::Running,
    app: Running,
    api: Running,
    bank: Running,
    simulator: Simulator,
    folder: Folder,
}

/// Starts everything; returns when all four addresses answer.
///
/// # Errors
/// The first thing that kept it from starting.
pub async fn start(options: &Options, parts: Parts) -> Result<Demo, Error> {
    let (clock, random) = (parts.clock.clone(), parts.random.clone());
    let door = |offset: u16| {
        let port = options.port.saturating_add(offset);
        Door::bind(port).map_err(|e| Error::Port(port, e))
    };
    let (app_door, api_door, sim_door) = (door(1)?, door(2)?, door(3)?);
    let named = |path: &Path| path.display().to_string();
    let folder = Folder::open(options.data.as_deref(), random.as_ref())
        .map_err(|e| Error::Folder(named(&options.data.clone().unwrap_or_else(std::env::temp_dir)), e))?;
    let inside = |e| Error::Folder(named(folder.path()), e);
    master::read_or_create(&folder.path().join("master.key"), random.as_ref())?;
    let hook_secret = opaque(random.as_ref());
    write_secret(&folder.path().join("hook.secret"), &hook_secret).map_err(inside)?;

    let wire = Outbound::loopback()?;
    let mail = sim::Post::open(clock.clone()).await?;
    let places = Places { port: options.port, app: app_door.url(), api: api_door.url(), smtp: mail.address() };
    let config = settings::config(&places, folder.path(), options.always_open)?;
    let numbers = config.telephony.called_numbers.iter().filter_map(|n| digits(n)).collect();
    let hours = config.hours.in_force()?;
    let server = server::start(config, parts).await?;
    let pages = server.app.pages.clone();
    let now = clock.now();
    let clients = settings::clients(&places, server.app.authenticator.secret_key(), random.as_ref(), now)?;
    server
        .app
        .store
        .write(move |tx| clients.iter().try_for_each(|c| client::sql::register(tx, c, &Actor::System, now)))
        .await?;

    let books = Arc::new(SampleBank::open(folder.path(), now.jst_date()).map_err(inside)?);
    let bank = bank::start(Door::bind(0)?, books, clock.clone()).await?;
    let api = api::start(
        api_door,
        api::Settings {
            issuer: places.issuer(),
            client_id: "accounts-api".into(),
            client_secret: Secret::new("accounts-api-secret"),
            audience: places.api.clone(),
            bank: bank.url().to_owned(),
            hours,
            nonce_required: false,
        },
        api::Parts { clock: clock.clone(), random: random.clone(), wire: wire.clone() },
    )
    .await?;
    let app = app::start(
        app_door,
        app::Settings {
            issuer: places.issuer(),
            api: places.api.clone(),
            client_id: "creco".into(),
            kakeibo_id: "kakeibo".into(),
            kakeibo_secret: Secret::new("kakeibo-secret"),
        },
        app::Parts { clock: clock.clone(), random: random.clone(), wire: wire.clone(), pages: pages.clone() },
    )
    .await?;
    let simulator = sim::start(
        sim_door,
        mail,
        sim::Settings {
            hook: format!("{}/hooks/telephony/sip", places.issuer()),
            hook_secret,
            ring: RING,
            from: CUSTOMER.into(),
            numbers,
        },
        sim::Parts { clock, random, wire: wire.clone(), pages },
    )
    .await?;
    let demo = Demo { server, app, api, bank, simulator, folder };
    for url in demo.addresses() {
        answers(&wire, url).await?;
    }
    Ok(demo)
}

impl Demo {
    /// The four addresses: authorization server, app, account API, simulator.
    #[must_use]
    pub fn addresses(&self) -> [&str; 4] {
        [self.server.app.issuer(), self.app.url(), self.api.url(), self.simulator.url()]
    }
    /// Where the data lies.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
    /// Stops everything, the server last but one; a temporary folder goes at the very end.
    pub async fn stop(self) {
        tokio::join!(self.app.stop(), self.api.stop(), self.bank.stop());
        // The server may still have a mail to deliver.
        self.server.stop().await;
        self.simulator.stop().await;
        drop(self.folder);
    }
}

/// Waits until a part answers.
async fn answers(wire: &Outbound, url: &str) -> Result<(), Error> {
    let asking = async {
        while !wire
            .send(Request::new(Method::Get, format!("{url}/healthz")))
            .await
            .is_ok_and(|answer| answer.is_success())
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.map_err(|_| Error::Silent(url.to_owned()))
}

/// A file nobody else may read; a new start has a new secret.
fn write_secret(path: &Path, secret: &Secret) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(secret.reveal().as_bytes())
}
