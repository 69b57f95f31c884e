//! Who may read a file with a secret. [`is_private`] is pure.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

/// tmpfs and ramfs, `statfs(2)`.
const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];

/// Why the file of a secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("{0}: {1}")]
    Io(String, io::Error),
    /// Other users may read it.
    #[error("{0}: others may read it; set its mode to 0600")]
    Open(String),
}

/// Whether a file with this mode is a secret of its readers. Nobody but its owner may read it. Root's files of a mounted secret
/// (Kubernetes, Swarm, a credential of systemd) are readable for the group or for all, because the program is not root: they are
/// never on a disk, and only root can put such a file there.
#[must_use]
pub fn is_private(mode: u32, owner_is_root: bool, in_memory: bool) -> bool {
    mode & 0o077 == 0 || (owner_is_root && in_memory && matches!(mode & 0o777, 0o640 | 0o440 | 0o444))
}

/// Refuses a file that others may read. Follows links: a mounted secret is one.
///
/// # Errors
/// [`Error`]
pub fn check(path: &Path) -> Result<(), Error> {
    let failed = |cause| Error::Io(path.display().to_string(), cause);
    let file = fs::metadata(path).map_err(failed)?;
    let mounted = || {
        let on = rustix::fs::statfs(path).ok().and_then(|on| u64::try_from(on.f_type).ok());
        on.is_some_and(|on| IN_MEMORY.contains(&on))
    };
    let mode = file.permissions().mode();
    if mode & 0o077 == 0 || is_private(mode, file.uid() == 0, mounted()) {
        Ok(())
    } else {
        Err(Error::Open(path.display().to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_its_owners_or_was_mounted_by_root() {
        for (mode, root, memory, want, why) in [
            (0o100_600, false, false, true, "ours"),
            (0o100_400, false, false, true, "ours, read only"),
            (0o100_640, false, false, false, "our group's"),
            (0o100_604, false, false, false, "everybody's"),
            (0o100_440, true, false, false, "root's, on a disk"),
            (0o100_640, false, true, false, "somebody else's, in memory"),
            (0o100_444, false, true, false, "somebody else's, in memory, for all"),
            (0o100_640, true, true, true, "Kubernetes with a group"),
            (0o100_440, true, true, true, "a credential of systemd"),
            (0o100_444, true, true, true, "Swarm"),
            (0o100_644, true, true, false, "Kubernetes by its default: root may write, all may read"),
            (0o100_660, true, true, false, "the group may write"),
        ] {
            assert_eq!(is_private(mode, root, memory), want, "{why}");
        }
    }
}
