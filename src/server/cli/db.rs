//! `renkei db check|migrate|backup|restore`

use super::admin_client::once;
use super::block_on;
use super::out::{Failure, Out, cell, table};
use super::target::{Located, Target};
use crate::admin::{self, AdminCommand, uid_name};
use crate::clock::{Clock, SystemClock};
use crate::keys::ring;
use crate::store::{Options, Store};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Check, migrate, back up or restore the database.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Db {
    /// Show which schema files are applied, and whether the database is damaged.
    Check {
        /// Which server.
        #[command(flatten)]
        target: Target,
    },
    /// Apply the schema files that are pending. A server does the same when it starts.
    Migrate {
        /// Which server.
        #[command(flatten)]
        target: Target,
    },
    /// Copy a SQLite store into a new file. The server may be running.
    Backup {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// The new file; it must not exist yet.
        file: PathBuf,
    },
    /// Use a backup as the store, and revoke every token and code in it. Grants stay; apps must link again.
    Restore {
        /// Which server.
        #[command(flatten)]
        target: Target,
        /// The backup of a SQLite store.
        #[arg(required_unless_present = "in_place")]
        file: Option<PathBuf>,
        /// Only revoke the tokens and codes: the store was restored before, with PostgreSQL's own tools.
        #[arg(long, conflicts_with = "file")]
        in_place: bool,
    },
}

impl Db {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it failed, or that the schema or the file is invalid.
    pub(super) fn run(self, out: &Out) -> Result<(), Failure> {
        match self {
            Self::Check { target } => {
                let answer = block_on(once(&target, AdminCommand::Schema))?;
                out.say(&answer, || describe_files(&answer));
                let files = answer["files"].as_array().map(Vec::as_slice).unwrap_or_default();
                if !files.iter().all(|f| f["state"] == "applied" || f["state"] == "newer") {
                    return Err(Failure::Refused("the schema does not fit this program".into()));
                }
                if answer["damage"].as_array().is_some_and(|d| !d.is_empty()) {
                    return Err(Failure::Refused("the database is damaged".into()));
                }
                Ok(())
            }
            Self::Migrate { target } => block_on(migrate(out, &target)),
            Self::Backup { target, file } => {
                let file = std::path::absolute(file).map_err(Failure::refused)?;
                let answer = block_on(once(&target, AdminCommand::Backup { file }))?;
                out.say(&answer, || format!("{}: backup made", cell(&answer, "file")));
                Ok(())
            }
            Self::Restore { target, file, .. } => {
                let at = target.locate()?;
                let answer = block_on(restore(&at, file.as_deref()))?;
                out.say(&answer, || {
                    format!("restored; revoked {} tokens and {} codes", answer["tokens"], answer["codes"])
                });
                Ok(())
            }
        }
    }
}

async fn migrate(out: &Out, target: &Target) -> Result<(), Failure> {
    let at = target.locate()?;
    if at.sqlite_file()?.is_some() && at.served()?.is_some() {
        return Err(Failure::Refused("the server is running: it applied the schema files when it started".into()));
    }
    let sealer = at.sealer()?;
    let options = Options { connections: 1, time_limit: at.time_limit, ..Options::default() };
    // The key is looked at first: files that are applied cannot be taken back.
    if at.sqlite_file()?.is_none_or(|file| file.exists()) {
        at.open_sealed(&Options { migrate: false, ..options.clone() }, &sealer).await?.stop().await;
    }
    at.open_store(&options)?.stop().await;
    out.say(&json!({"migrated": true}), || "every schema file is applied".into());
    Ok(())
}

/// The copy gets the store's name only after everything in it is revoked, so an interruption leaves no store.
async fn restore(at: &Located, file: Option<&Path>) -> Result<Value, Failure> {
    if at.served()?.is_some() {
        return Err(Failure::Refused("the server is running: stop it first".into()));
    }
    let sealer = at.sealer()?;
    let Some(file) = file else {
        let options = Options { connections: 1, time_limit: at.time_limit, ..Options::default() };
        return revoke_all(at.open_sealed(&options, &sealer).await?).await;
    };
    let Some(place) = at.sqlite_file()? else {
        return Err(Failure::Refused(
            "restore PostgreSQL with its own tools, then run this command with --in-place".into(),
        ));
    };
    let named = |file: &Path, suffix: &str| PathBuf::from(format!("{}{suffix}", file.display()));
    // A killed server leaves its journal, which SQLite would apply to the copy.
    if let Some(there) = ["", "-wal", "-shm"].map(|s| named(&place, s)).iter().find(|file| file.exists()) {
        return Err(Failure::Refused(format!("{} exists: move it away first", there.display())));
    }
    let fresh = place.with_extension("restoring");
    let beside = |suffix: &str| named(&fresh, suffix);
    for leftover in ["", "-wal", "-shm"].map(beside) {
        let _ = fs::remove_file(leftover);
    }
    let said = |e: std::io::Error| Failure::Refused(format!("{}: {e}", file.display()));
    copy_for_us_alone(file, &fresh).map_err(said)?;
    let opened = Store::open_with(&format!("sqlite:{}", fresh.display()), &Options::default());
    let done = match opened {
        Ok(store) => match ring::fits(&store, &sealer).await {
            Ok(()) => revoke_all(store).await,
            Err(cause) => {
                store.stop().await;
                Err(Failure::refused(cause))
            }
        },
        Err(e) => Err(Failure::Refused(format!("{}: {e}", file.display()))),
    };
    let _ = fs::remove_file(beside(".lock"));
    if done.is_ok() {
        fs::rename(&fresh, &place).map_err(said)?;
    } else {
        let _ = fs::remove_file(&fresh);
    }
    done
}

/// Copies into a new file of mode 0600, which it has from its first byte.
fn copy_for_us_alone(from: &Path, to: &Path) -> std::io::Result<()> {
    let mut from = fs::File::open(from)?;
    let mut to = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    std::io::copy(&mut from, &mut to)?;
    to.sync_all()
}

async fn revoke_all(store: Store) -> Result<Value, Failure> {
    let user = uid_name::name(rustix::process::getuid().as_raw());
    let done = admin::restored(&store.ending(), &user, SystemClock.now()).await;
    store.stop().await;
    done.map_err(Failure::refused)
}

fn describe_files(answer: &Value) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for file in answer["files"].as_array().into_iter().flatten() {
        rows.push(vec![cell(file, "file"), cell(file, "state")]);
    }
    for damage in answer["damage"].as_array().into_iter().flatten() {
        rows.push(vec!["DAMAGED".into(), damage.as_str().unwrap_or_default().into()]);
    }
    table(&rows)
}
