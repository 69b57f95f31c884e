//! The master key every sealed field hangs on: 32 bytes in a file of mode 0600, as 64 hexadecimal characters.

use crate::random::{self, Random};
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use zeroize::Zeroizing;

/// Why the master key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read or made.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// Others may read the file.
    #[error("{0}: others may read it; set its mode to 0600")]
    Open(String),
    /// The file does not hold 64 hexadecimal characters.
    #[error("{0}: wanted 64 hexadecimal characters (32 bytes), and nothing else")]
    Content(String),
}

/// Reads the master key.
///
/// # Errors
/// [`Error`]; a key others may read is refused, for it is no secret.
pub fn read(path: &Path) -> Result<Zeroizing<[u8; 32]>, Error> {
    let name = || path.display().to_string();
    let io = |source| Error::Io { path: name(), source };
    if fs::metadata(path).map_err(io)?.permissions().mode() & 0o077 != 0 {
        return Err(Error::Open(name()));
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(io)?);
    let mut key = Zeroizing::new([0; 32]);
    let hex = text.trim_end();
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    if pairs.len() != 32 || !rest.is_empty() {
        return Err(Error::Content(name()));
    }
    for (byte, [high, low]) in key.iter_mut().zip(pairs) {
        match (digit(*high), digit(*low)) {
            (Some(h), Some(l)) => *byte = h << 4 | l,
            _ => return Err(Error::Content(name())),
        }
    }
    Ok(key)
}

/// Reads the master key, or makes one where there is no file yet (mode 0600, never overwritten).
///
/// # Errors
/// See [`read`].
pub fn read_or_create(path: &Path, random: &dyn Random) -> Result<Zeroizing<[u8; 32]>, Error> {
    let io = |source| Error::Io { path: path.display().to_string(), source };
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            let key = Zeroizing::new(random::bytes::<32>(random));
            let mut text = Zeroizing::new(String::with_capacity(65));
            for byte in key.iter() {
                for nibble in [byte >> 4, byte & 15] {
                    text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
                }
            }
            text.push('\n');
            file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
            Ok(key)
        }
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => read(path),
        Err(e) => Err(io(e)),
    }
}
