//! The master key of all sealed fields: 32 bytes in a file that nobody else may read ([`guarded`]), in base64url (43 characters, which we write)
//! or hexadecimal (64).

use super::guarded;
use crate::random::{self, Random};
use crate::secret::{base64url, from_base64url};
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use zeroize::Zeroizing;

/// Why the master key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read or created.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Other users may read the file.
    #[error(transparent)]
    Open(#[from] guarded::Error),
    /// The file does not contain 32 bytes.
    #[error("{0}: wanted 32 bytes in base64url (43 characters) or hexadecimal (64), and nothing else")]
    Content(String),
}

/// Reads the master key.
///
/// # Errors
/// [`Error`]; a key that other users may read is refused, because it is not secret.
pub fn load(path: &Path) -> Result<Zeroizing<[u8; 32]>, Error> {
    let name = || path.display().to_string();
    let io = |source| Error::Io { path: name(), source };
    guarded::check(path)?;
    let text = Zeroizing::new(fs::read_to_string(path).map_err(io)?);
    let bytes = match text.trim_end().trim_end_matches('=') {
        hex if hex.len() == 64 => from_hex(hex),
        text => from_base64url(text),
    };
    let bytes = Zeroizing::new(bytes.filter(|b| b.len() == 32).ok_or_else(|| Error::Content(name()))?);
    let mut key = Zeroizing::new([0; 32]);
    key.copy_from_slice(&bytes);
    Ok(key)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let digits = Zeroizing::new(digits?);
    digits.chunks(2).map(|pair| u8::try_from(pair.iter().fold(0, |n, d| n << 4 | d)).ok()).collect()
}

/// Reads the master key, or creates one if there is no file (mode 0600, never overwritten).
pub fn read_or_create(path: &Path, random: &dyn Random) -> Result<Zeroizing<[u8; 32]>, Error> {
    let io = |source| Error::Io { path: path.display().to_string(), source };
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            let key = Zeroizing::new(random::bytes::<32>(random));
            let text = Zeroizing::new(format!("{}\n", base64url(key.as_ref())));
            file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
            Ok(key)
        }
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => load(path),
        Err(e) => Err(io(e)),
    }
}
