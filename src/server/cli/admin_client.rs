//! How a command reaches its server: over the admin socket, or, if no server listens there, by opening the store itself
//! and running the command in this process.

use super::out::Failure;
use super::target::{Located, Target};
use crate::admin::{self, AdminCommand, AdminContext, StaffAccess, uid_name};
use crate::clock::{Clock, SystemClock};
use crate::config::Mode;
use crate::identity::FieldCrypto;
use crate::random::SystemRandom;
use crate::store::migrate::{self, MigrationState};
use crate::store::{Options, Store};
use crate::web::admin::MEANT;
use serde_json::Value;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// The longest response that is read, in bytes: more than any response has.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Where commands run.
pub(super) enum Office {
    /// In the running server, with its issuer.
    Server(std::path::PathBuf, Option<String>),
    /// In this process, because no server runs.
    Here(Box<AdminContext>, Box<Located>),
}

impl Office {
    /// Finds the server; opens the store if none runs.
    ///
    /// # Errors
    /// The socket or the store cannot be opened.
    pub(super) async fn find(target: &Target) -> Result<Self, Failure> {
        let at = target.locate()?;
        if let Some(socket) = at.served()? {
            return Ok(Self::Server(socket.clone(), at.issuer));
        }
        let options = Options { connections: 1, migrate: false, time_limit: at.time_limit, ..Options::default() };
        let sealer = at.sealer()?;
        let store = at.open_sealed(&options, &sealer).await?.ending();
        let seals = FieldCrypto { sealer, random: Arc::new(SystemRandom) };
        let context = AdminContext {
            store,
            issuer: at.issuer.clone(),
            crypto: seals,
            rules: at.rules.clone(),
            rotation: at.rotation.clone(),
            keep_address: at.keep_address,
            ring: None,
            // Whoever can read the store and the master key needs no leave of ours.
            access: StaffAccess::Full,
            in_production: at.config.as_ref().is_some_and(|config| config.server.mode == Mode::Production),
            mailer: None,
        };
        Ok(Self::Here(Box::new(context), Box::new(at)))
    }

    /// Runs one command.
    ///
    /// # Errors
    /// The error of the command.
    pub(super) async fn ask(&self, ask: AdminCommand) -> Result<Value, Failure> {
        match self {
            Self::Server(socket, issuer) => {
                let stream = UnixStream::connect(socket).await.map_err(Failure::refused)?;
                over(stream, issuer.as_deref(), &ask).await
            }
            Self::Here(service, at) => {
                if ask != AdminCommand::Schema {
                    fits(&service.store).await?;
                }
                let mut service = service.clone();
                if matches!(ask, AdminCommand::TestMail { .. }) {
                    // Only this command needs the relay and its password.
                    service.mailer = at.test_mailer()?;
                }
                let user = uid_name::name(rustix::process::getuid().as_raw());
                admin::answer(&service, ask, &user, SystemClock.now() + at.ahead).await.map_err(Failure::refused)
            }
        }
    }

    /// Closes the store, if it was opened.
    pub(super) async fn close(self) {
        if let Self::Here(service, _) = self {
            service.store.stop().await;
        }
    }
}

/// Runs one command and closes.
///
/// # Errors
/// See [`Office::find`] and [`Office::ask`].
pub(super) async fn once(target: &Target, ask: AdminCommand) -> Result<Value, Failure> {
    let office = Office::find(target).await?;
    let answer = office.ask(ask).await;
    office.close().await;
    answer
}

/// A command must not change the schema unasked, and must not use a schema it does not know.
async fn fits(store: &Store) -> Result<(), Failure> {
    let files = store.read(|tx| migrate::status(tx, migrate::FILES)).await.map_err(Failure::refused)?;
    match files.iter().find(|(_, state)| !matches!(state, MigrationState::Applied | MigrationState::Newer)) {
        None => Ok(()),
        Some((file, _)) => {
            Err(Failure::Refused(format!("the schema does not fit this program ({file}): run `renkei db check`")))
        }
    }
}

/// One HTTP/1.1 exchange over the socket (RFC 9112); the server closes the connection after its response.
async fn over(stream: UnixStream, issuer: Option<&str>, ask: &AdminCommand) -> Result<Value, Failure> {
    let (method, target, body) = ask.http();
    let body = body.map(|b| b.to_string()).unwrap_or_default();
    let (status, body) = exchange(stream, issuer, (method, &target), &body).await?;
    if status == 200 {
        return Ok(body);
    }
    Err(body["error"].as_str().map_or_else(unreadable, |why| Failure::Refused(why.to_owned())))
}

fn unreadable() -> Failure {
    Failure::Refused("the server's response cannot be read".into())
}

/// The state of each part of a running server: `GET /readyz`.
///
/// # Errors
/// No server listens on the socket, or its response cannot be read.
pub(super) async fn readiness(socket: &std::path::Path) -> Result<Value, Failure> {
    let stream =
        UnixStream::connect(socket).await.map_err(|e| Failure::Refused(format!("{}: {e}", socket.display())))?;
    Ok(exchange(stream, None, ("GET", "/readyz"), "").await?.1)
}

async fn exchange(
    mut stream: UnixStream,
    issuer: Option<&str>,
    (method, target): (&str, &str),
    body: &str,
) -> Result<(u16, Value), Failure> {
    let meant = issuer.map(|issuer| format!("{MEANT}: {issuer}\r\n")).unwrap_or_default();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\n{meant}Content-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.map_err(Failure::refused)?;
    stream.write_all(body.as_bytes()).await.map_err(Failure::refused)?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer).await.map_err(Failure::refused)?;
    parse_response(&answer).ok_or_else(unreadable)
}

fn parse_response(answer: &[u8]) -> Option<(u16, Value)> {
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let status: u16 = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some((status, serde_json::from_slice(&answer[end + 4..]).ok()?))
}
