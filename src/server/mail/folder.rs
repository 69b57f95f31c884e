//! Files instead of a relay, for tests: one `.eml` for each message, readable by its owner only.

use super::message::Sender;
use crate::lifecycle::{Mail, MailError, Mailer};
use futures_util::future::BoxFuture;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Writes messages into a folder.
pub struct Folder {
    sender: Sender,
    folder: PathBuf,
}

impl Folder {
    /// A mailer into `folder`, which is created if it is missing.
    ///
    /// # Errors
    /// The folder cannot be created.
    pub fn new(sender: Sender, folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        Ok(Self { sender, folder: folder.to_owned() })
    }
}

impl Mailer for Folder {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<(), MailError>> {
        Box::pin(async move {
            let message = self.sender.message(mail)?;
            let id = message.headers().get_raw("Message-ID").unwrap_or("message");
            let name: String = id.chars().skip(1).take_while(|c| *c != '@').collect();
            let (folder, bytes) = (self.folder.clone(), message.formatted());
            let written = tokio::task::spawn_blocking(move || write(&folder, &name, &bytes)).await;
            match written {
                Ok(Ok(())) => Ok(()),
                Ok(Err(cause)) => Err(MailError::Later(format!("the file cannot be written: {}", cause.kind()))),
                Err(_) => Err(MailError::Later("writing was broken off".to_owned())),
            }
        })
    }
}

/// Writes the file under another name and renames it, so that nobody reads an incomplete message.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let half = folder.join(format!(".{name}.part"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&half)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&half, folder.join(format!("{name}.eml")))
}
