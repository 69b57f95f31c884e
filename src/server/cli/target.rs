//! The server of a command: `--config FILE`, or `--data DIR` for a demo.

use super::out::Failure;
use crate::admin::TestMailer;
use crate::client::metadata::Rules;
use crate::clock::SystemClock;
use crate::config::{self, Config, OWN_SOCKET};
use crate::keys::master;
use crate::keys::ring::{self, RotationPolicy};
use crate::keys::seal::Sealer;
use crate::lifecycle::notice::{ERASE_AFTER, TRY_FOR};
use crate::process::{DEMO_CLOCK, demo_ahead, test_mailer};
use crate::store::{Options, Store, TIME_LIMIT};
use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The two ways to name a server.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Target {
    /// The configuration file of the server.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data folder of a demo.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Where the store of a server is. The file of a URL is a secret, and it is read only where no server runs.
#[derive(Debug, Clone)]
enum StoreLocation {
    Url(String),
    File(PathBuf),
}

/// The settings of a server that a command needs. None of them is secret.
#[derive(Debug, Clone)]
pub struct Located {
    /// The data folder.
    pub data_dir: PathBuf,
    /// Where the admin socket of a running server is: the first of these at which one listens.
    sockets: Vec<PathBuf>,
    store: StoreLocation,
    /// The issuer; `None` for a demo, whose port is given when it starts.
    pub issuer: Option<String>,
    /// The master key.
    pub master_key_file: PathBuf,
    /// The server's rules for client records.
    pub rules: Rules,
    /// The server's rotation times of keys.
    pub rotation: RotationPolicy,
    /// How long after the end of a link an address for its notices may be stored at most.
    pub keep_address: Duration,
    /// The time limit of the store.
    pub time_limit: Duration,
    /// By how much its clock is ahead of the machine's: only a demo's may be.
    pub ahead: Duration,
    /// The whole configuration; `None` for a demo.
    pub config: Option<Box<Config>>,
}
impl Located {
    /// The admin socket of the running server; `None` if none runs.
    ///
    /// # Errors
    /// A socket is there that this user must not use.
    pub fn served(&self) -> Result<Option<&PathBuf>, Failure> {
        for socket in &self.sockets {
            match UnixStream::connect(socket) {
                Ok(_) => return Ok(Some(socket)),
                Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {}
                Err(e) if e.kind() == ErrorKind::PermissionDenied => {
                    let who = "the service's user, root and the group admin.group use it";
                    return Err(Failure::Refused(format!("{}: {e}: {who}", socket.display())));
                }
                Err(e) => return Err(Failure::Refused(format!("{}: {e}", socket.display()))),
            }
        }
        Ok(None)
    }
    /// The places of the socket, for a message.
    #[must_use]
    pub fn sockets(&self) -> String {
        self.sockets.iter().map(|socket| socket.display().to_string()).collect::<Vec<_>>().join(" or ")
    }
    /// `sqlite:FILE` or `postgres://…`.
    ///
    /// # Errors
    /// Its file cannot be read.
    pub fn store_url(&self) -> Result<String, Failure> {
        match &self.store {
            StoreLocation::Url(url) => Ok(url.clone()),
            StoreLocation::File(file) => {
                config::secret_file(file).map(|url| url.reveal().to_owned()).map_err(Failure::refused)
            }
        }
    }
    /// The file of a SQLite store; a relative path is in the data folder.
    ///
    /// # Errors
    /// Those of [`Self::store_url`].
    pub fn sqlite_file(&self) -> Result<Option<PathBuf>, Failure> {
        Ok(self.store_url()?.strip_prefix("sqlite:").map(|file| self.data_dir.join(file)))
    }
    /// Opens the store of the server.
    ///
    /// # Errors
    /// Why it cannot be opened; also if there is no SQLite file, because a command does not create databases.
    pub fn open_store(&self, options: &Options) -> Result<Store, Failure> {
        let Some(file) = self.sqlite_file()? else {
            return Store::open_with(&self.store_url()?, options).map_err(Failure::refused);
        };
        if !options.migrate && !file.exists() {
            return Err(Failure::Refused(format!("{}: no server has run here", file.display())));
        }
        Store::open_with(&format!("sqlite:{}", file.display()), options).map_err(Failure::refused)
    }
    /// What sends a test mail where no server runs.
    ///
    /// # Errors
    /// The mail configuration is wrong.
    pub fn test_mailer(&self) -> Result<Option<TestMailer>, Failure> {
        let make = |config: &Config| test_mailer(config, Arc::new(SystemClock)).map_err(Failure::refused);
        self.config.as_deref().map(make).transpose()
    }
    /// What seals the store's personal fields and keys.
    ///
    /// # Errors
    /// The master key cannot be read.
    pub fn sealer(&self) -> Result<Arc<Sealer>, Failure> {
        let key = master::load(&self.master_key_file).map_err(Failure::refused)?;
        Ok(Arc::new(Sealer::new("master", &key).map_err(Failure::refused)?))
    }
    /// As [`Self::open_store`]; a store that was sealed with another master key is closed again.
    ///
    /// # Errors
    /// Why it cannot be opened.
    pub async fn open_sealed(&self, options: &Options, sealer: &Sealer) -> Result<Store, Failure> {
        let store = self.open_store(options)?;
        if let Err(cause) = ring::fits(&store, sealer).await {
            store.stop().await;
            return Err(Failure::refused(cause));
        }
        Ok(store)
    }
}

impl Target {
    /// Finds the settings of the server.
    ///
    /// # Errors
    /// The configuration is invalid.
    pub fn locate(&self) -> Result<Located, Failure> {
        if let Some(dir) = &self.data {
            let rules = config::client_rules(config::Mode::Demo, config::Tokens::default().grant_lifetime.get());
            let ahead =
                demo_ahead(dir).map_err(|e| Failure::Refused(format!("{}: {e}", dir.join(DEMO_CLOCK).display())))?;
            return Ok(Located {
                data_dir: dir.clone(),
                sockets: vec![dir.join(OWN_SOCKET)],
                store: StoreLocation::Url("sqlite:renkei.db".into()),
                issuer: None,
                master_key_file: dir.join("master.key"),
                rules,
                rotation: RotationPolicy::default(),
                keep_address: TRY_FOR + ERASE_AFTER,
                time_limit: TIME_LIMIT,
                ahead,
                config: None,
            });
        }
        let file = self.config.as_deref().ok_or_else(|| Failure::Usage("--config FILE or --data DIR".into()))?;
        let config = config::load(file, std::env::vars()).map_err(Failure::refused)?;
        Ok(Located {
            data_dir: config.server.data_dir.clone(),
            sockets: config.admin_sockets(),
            store: match &config.store.url_file {
                Some(file) => StoreLocation::File(file.clone()),
                None => StoreLocation::Url(config.store.url.clone()),
            },
            issuer: Some(config.server.issuer.clone()),
            master_key_file: config.server.master_key_file.clone(),
            rules: config.client_rules(),
            rotation: config.keys.policy(),
            keep_address: config.mail.address_retention(),
            time_limit: config.store.time_limit.get(),
            ahead: Duration::ZERO,
            config: Some(Box::new(config)),
        })
    }
}
