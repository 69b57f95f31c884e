//! The demo as a whole: every part started in order, on ports of its own, and stopped together.

use super::clock::DemoClock;
use super::folder::Folder;
use super::locked;
use super::settings::{self, Addresses, BANK_SECRET, HOOK_SECRET};
use super::{clock as as_clock, moment, random as as_random, shared, start_bank};
use chrono::{DateTime, Utc};
use renkei_core::account::digits;
use renkei_core::audit::Actor;
use renkei_core::client;
use renkei_core::clock::{Clock, Instant};
use renkei_core::identity::service_hours::{Hours, NotAWindow, Service};
use renkei_core::keys::master;
use renkei_core::random::Random;
use renkei_core::refusal::Refusal;
use renkei_core::secret::{Secret, opaque};
use renkei_core::store;
use renkei_demo::crypto::Secret as SharedSecret;
use renkei_demo::listener::{Listener, Running};
use renkei_demo::pages::{self, Pages};
use renkei_demo::sim::Simulator;
use renkei_demo::{api, app, bank, sim, wire};
use renkei_server::bank::HttpBank;
use renkei_server::outbound::{self, Outbound};
use renkei_server::process::{self, Parts};
use renkei_server::web::App;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long a simulated call rings before the gateway reports it.
const RING: Duration = Duration::from_millis(700);
/// How long the parts may take to answer for the first time.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// The sample customer's number.
const CUSTOMER: &str = "09012343333";

/// What the command line says.
#[derive(Debug, Clone)]
pub(super) struct Options {
    /// The authorization server's port; the other three follow it.
    pub port: u16,
    /// A folder to keep the data in.
    pub data: Option<PathBuf>,
    /// Whether service hours are ignored.
    pub always_open: bool,
}

/// Why a demo did not start; the text is for whoever started it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
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
    Server(#[from] process::Error),
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
    /// The client by which the server asks the sample bank.
    #[error(transparent)]
    Outbound(#[from] outbound::Error),
    /// The client by which the parts ask each other.
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    /// Pages of the sample app and the simulator.
    #[error(transparent)]
    Pages(#[from] pages::Error),
    /// The sample app, the account API, the bank or the simulator.
    #[error("{0}")]
    Actor(#[from] io::Error),
    /// A part that does not answer.
    #[error("{0} does not answer")]
    NoAnswer(String),
}

/// A demo that answers.
pub(super) struct RunningDemo {
    server: process::Running,
    app: Running,
    api: Running,
    bank: Running,
    simulator: Simulator,
    operator: String,
    folder: Folder,
}

/// Starts everything; returns when all four addresses answer.
///
/// # Errors
/// The first thing that kept it from starting.
pub(super) async fn start(
    options: &Options,
    machine: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<RunningDemo, Error> {
    let listener = |offset: u16| {
        let port = options.port.saturating_add(offset);
        Listener::bind(port).map_err(|e| Error::Port(port, e))
    };
    let (app_listener, api_listener, sim_listener) = (listener(1)?, listener(2)?, listener(3)?);
    let named = |path: &Path| path.display().to_string();
    let folder = Folder::open(options.data.as_deref(), random.as_ref())
        .map_err(|e| Error::Folder(named(&options.data.clone().unwrap_or_else(std::env::temp_dir)), e))?;
    let inside = |e| Error::Folder(named(folder.path()), e);
    master::read_or_create(&folder.path().join("master.key"), random.as_ref())?;
    let demo_clock = Arc::new(DemoClock::open(machine, folder.path()).map_err(inside)?);
    let clock: Arc<dyn Clock> = demo_clock.clone();
    let (hook_secret, bank_secret) = (opaque(random.as_ref()), opaque(random.as_ref()));
    for (file, secret) in [(HOOK_SECRET, &hook_secret), (BANK_SECRET, &bank_secret)] {
        write_secret(&folder.path().join(file), secret).map_err(inside)?;
    }

    let http = wire::loopback()?;
    let (shown_clock, shown_random) = (as_clock(&clock), as_random(&random));
    let mail = sim::MailServer::open(shown_clock.clone()).await?;
    let places = Addresses {
        port: options.port,
        app: app_listener.url(),
        api: api_listener.url(),
        simulator: sim_listener.url(),
        smtp: mail.address(),
    };
    let config = settings::config(&places, folder.path(), options.always_open)?;
    let numbers = config.telephony.called_numbers.iter().filter_map(|n| digits(n)).collect();
    let hours = config.hours.in_force()?;
    let institution = [config.institution.name.clone(), config.institution.name_en.clone()];
    let (bank, bank_token) = start_bank(folder.path(), &clock, &*random).map_err(inside)?;
    let core = HttpBank::new(Outbound::loopback()?, bank.url(), Some(bank_token.clone()));
    let parts = Parts {
        clock: clock.clone(),
        random: random.clone(),
        bank: Some(Arc::new(core)),
        sample_bank: None,
        texts: None,
    };
    let server = process::start(config, parts).await?;
    let (pages, now) = (Pages::new()?, clock.now());
    let clients = settings::clients(&places, server.app.authenticator.secret_key(), random.as_ref(), now)?;
    server
        .app
        .store
        .write(move |tx| clients.iter().try_for_each(|c| client::sql::register(tx, c, &Actor::System, now)))
        .await?;
    locked::lock(&server.app, now).await?;

    let api = api::start(
        api_listener,
        api::ApiSettings {
            issuer: places.issuer(),
            client_id: "accounts-api".into(),
            client_secret: SharedSecret::new("accounts-api-secret"),
            audience: places.api.clone(),
            bank: bank.url().to_owned(),
            bank_token: shared(&bank_token),
            closed: Some(Arc::new(move |now| closed_until(&hours, now))),
            nonce_required: false,
            events: true,
        },
        api::ApiParts { clock: shown_clock.clone(), random: shown_random.clone(), http: http.clone() },
    )?;
    let app = app::start(
        app_listener,
        app::AppSettings {
            issuer: places.issuer(),
            api: places.api.clone(),
            simulator: sim_listener.url(),
            client_id: "creco".into(),
            kakeibo_id: "kakeibo".into(),
            kakeibo_secret: SharedSecret::new("kakeibo-secret"),
            institution,
        },
        app::AppParts {
            clock: shown_clock.clone(),
            random: shown_random.clone(),
            http: http.clone(),
            pages: pages.clone(),
        },
    )?;
    let reporter = bank::Reporter::new(
        bank::ReporterSettings { hook: format!("{}/hooks/bank/events", places.issuer()), secret: shared(&bank_secret) },
        shown_clock.clone(),
        shown_random.clone(),
        http.clone(),
    );
    let simulator = sim::start(
        sim_listener,
        mail,
        sim::SimSettings {
            hook: format!("{}/hooks/telephony/sip", places.issuer()),
            hook_secret: shared(&hook_secret),
            ring: RING,
            from: CUSTOMER.into(),
            numbers,
        },
        sim::SimParts {
            clock: shown_clock,
            random: shown_random,
            http: http.clone(),
            pages,
            reporter: Arc::new(reporter),
            next_day: next_day(demo_clock, server.app.clone().into_inner()),
        },
    )?;
    let operator = places.operator();
    let demo = RunningDemo { server, app, api, bank, simulator, operator, folder };
    for url in demo.addresses() {
        answers(&http, url).await?;
    }
    Ok(demo)
}

impl RunningDemo {
    /// The four addresses: authorization server, app, account API, simulator.
    #[must_use]
    pub(super) fn addresses(&self) -> [&str; 4] {
        [self.server.app.issuer(), self.app.url(), self.api.url(), self.simulator.url()]
    }
    /// Where `/metrics` and `/readyz` with components are.
    #[must_use]
    pub(super) fn operator(&self) -> &str {
        &self.operator
    }
    /// Where the data lies.
    #[must_use]
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }
    /// Stops everything, the server last but one; a temporary folder goes at the very end.
    pub(super) async fn stop(self) {
        tokio::join!(self.app.stop(), self.api.stop());
        // The server may still have a mail to deliver, and the bank to ask.
        self.server.stop().await;
        tokio::join!(self.bank.stop(), self.simulator.stop());
        drop(self.folder);
    }
}

/// The button that moves the clock: it answers when the server has done what was due.
fn next_day(clock: Arc<DemoClock>, server: Arc<App>) -> sim::NextDay {
    let one_at_a_time = Arc::new(tokio::sync::Mutex::new(()));
    Arc::new(move || {
        let (clock, server, one_at_a_time) = (clock.clone(), server.clone(), one_at_a_time.clone());
        Box::pin(async move {
            let _turn = one_at_a_time.lock().await;
            clock.next_day()?;
            process::catch_up(&server).await.map_err(io::Error::other)
        })
    })
}

/// When the account API opens again, if the institution is closed then.
fn closed_until(hours: &Hours, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match hours.open_at(Instant::from_millis(now.timestamp_millis())) {
        Service::Open => None,
        Service::Closed { until } => Some(moment(until)),
    }
}

/// Waits until a part answers.
async fn answers(http: &reqwest::Client, url: &str) -> Result<(), Error> {
    let asking = async {
        while !http.get(format!("{url}/healthz")).send().await.is_ok_and(|answer| answer.status().is_success()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(START_TIMEOUT, asking).await.map_err(|_| Error::NoAnswer(url.to_owned()))
}

/// A file nobody else may read; a new start has a new secret.
fn write_secret(path: &Path, secret: &Secret) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(secret.reveal().as_bytes())
}
