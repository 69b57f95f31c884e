//! The server of a command: `--config FILE`, or `--data DIR` for a demo.

use super::out::Failure;
use crate::client::metadata::Rules;
use crate::config;
use crate::keys::master;
use crate::keys::ring::{self, RotationPolicy};
use crate::keys::seal::Sealer;
use crate::lifecycle::notice::{ERASE_AFTER, TRY_FOR};
use crate::process::{DEMO_CLOCK, demo_ahead};
use crate::store::{Options, Store, TIME_LIMIT};
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

/// The settings of a server that a command needs.
#[derive(Debug, Clone)]
pub struct Located {
    /// The data folder, with the admin socket `admin.sock`.
    pub data_dir: PathBuf,
    /// `sqlite:FILE` or `postgres://…`.
    pub store_url: String,
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
}
impl Located {
    /// The admin socket of a running server.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.data_dir.join(crate::process::SOCKET)
    }
    /// The file of a SQLite store; a relative path is in the data folder.
    #[must_use]
    pub fn sqlite_file(&self) -> Option<PathBuf> {
        self.store_url.strip_prefix("sqlite:").map(|file| self.data_dir.join(file))
    }
    /// Whether a server listens on the admin socket.
    #[must_use]
    pub fn is_served(&self) -> bool {
        UnixStream::connect(self.socket()).is_ok()
    }
    /// Opens the store of the server.
    ///
    /// # Errors
    /// Why it cannot be opened; also if there is no SQLite file, because a command does not create databases.
    pub fn open_store(&self, options: &Options) -> Result<Store, Failure> {
        let Some(file) = self.sqlite_file() else {
            return Store::open_with(&self.store_url, options).map_err(Failure::refused);
        };
        if !options.migrate && !file.exists() {
            return Err(Failure::Refused(format!("{}: no server has run here", file.display())));
        }
        Store::open_with(&format!("sqlite:{}", file.display()), options).map_err(Failure::refused)
    }
}

impl Located {
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
            let master_key_file = dir.join("master.key");
            let (data_dir, store_url) = (dir.clone(), "sqlite:renkei.db".into());
            let rules = config::client_rules(config::Mode::Demo, config::Tokens::default().grant_lifetime.get());
            let rotation = RotationPolicy::default();
            let keep_address = TRY_FOR + ERASE_AFTER;
            let time_limit = TIME_LIMIT;
            let issuer = None;
            let ahead =
                demo_ahead(dir).map_err(|e| Failure::Refused(format!("{}: {e}", dir.join(DEMO_CLOCK).display())))?;
            return Ok(Located {
                data_dir,
                store_url,
                issuer,
                master_key_file,
                rules,
                rotation,
                keep_address,
                time_limit,
                ahead,
            });
        }
        let file = self.config.as_deref().ok_or_else(|| Failure::Usage("--config FILE or --data DIR".into()))?;
        let config = config::load(file, std::env::vars()).map_err(Failure::refused)?;
        let store_url = match &config.store.url_file {
            Some(file) => config::secret_file(file).map_err(Failure::refused)?.reveal().to_owned(),
            None => config.store.url.clone(),
        };
        let (rules, rotation) = (config.client_rules(), config.keys.policy());
        let keep_address = config.mail.address_retention();
        let time_limit = config.store.time_limit.get();
        let (data_dir, master_key_file) = (config.server.data_dir, config.server.master_key_file);
        let issuer = Some(config.server.issuer);
        let ahead = Duration::ZERO;
        Ok(Located { data_dir, store_url, issuer, master_key_file, rules, rotation, keep_address, time_limit, ahead })
    }
}
