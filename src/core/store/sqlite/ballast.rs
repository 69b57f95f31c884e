//! Reserved disk space: a file of fixed size beside the database. When the disk is full it is deleted, and its space is
//! used for writes that must not fail, such as a revocation.

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// With less free space than this, an I/O error means a full disk.
const NOTHING: u64 = 1024 * 1024;
/// The size of one write if the space cannot be allocated.
const BLOCK: usize = 64 * 1024;

/// The reserve file of one database.
pub(super) struct Ballast {
    file: PathBuf,
    size: u64,
}

impl Ballast {
    /// The file beside the database: `renkei.ballast` for `renkei.db`. With size 0 there is none, and none is missing.
    pub(super) fn for_database(database: &Path, size: u64) -> Self {
        Self { file: database.with_extension("ballast"), size }
    }
    /// Whether the file exists with its full size.
    pub(super) fn is_there(&self) -> bool {
        self.size == 0 || fs::metadata(&self.file).is_ok_and(|file| file.len() == self.size)
    }
    /// Deletes the file.
    pub(super) fn give_away(&self) {
        if let Err(cause) = fs::remove_file(&self.file)
            && cause.kind() != io::ErrorKind::NotFound
        {
            tracing::error!(%cause, file = %self.file.display(), "the ballast cannot be deleted");
        }
    }
    /// Whether an I/O error of the database means a full disk.
    pub(super) fn nothing_is_free(&self) -> bool {
        nothing_is_free(&self.file)
    }
    /// Makes the file if it is missing and twice its size is free. Returns whether it exists afterwards.
    pub(super) fn make(&self) -> bool {
        if self.is_there() {
            return true;
        }
        if free(&self.file).is_none_or(|free| free < 2 * self.size) {
            return false;
        }
        let half = self.file.with_extension("ballast.part");
        let _ = fs::remove_file(&half);
        let made = self.fill(&half).and_then(|()| fs::rename(&half, &self.file));
        if let Err(cause) = made {
            tracing::warn!(%cause, file = %self.file.display(), "the ballast cannot be made");
            let _ = fs::remove_file(&half);
            return false;
        }
        true
    }
    /// Allocates the space. If the file system cannot allocate, writes bytes that it cannot compress.
    fn fill(&self, path: &Path) -> io::Result<()> {
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        if fallocate(&file, FallocateFlags::empty(), 0, self.size).is_err() {
            let (mut word, mut left) = (0x9e37_79b9_7f4a_7c15_u64, self.size);
            let mut block = Vec::with_capacity(BLOCK);
            while left > 0 {
                block.clear();
                while block.len() < BLOCK {
                    // xorshift: incompressible bytes.
                    word ^= word << 13;
                    word ^= word >> 7;
                    word ^= word << 17;
                    block.extend_from_slice(&word.to_ne_bytes());
                }
                block.truncate(usize::try_from(left).unwrap_or(BLOCK).min(BLOCK));
                file.write_all(&block)?;
                left -= block.len() as u64;
            }
        }
        file.sync_all()
    }
}

/// Whether an I/O error on this file means a full disk.
pub(super) fn nothing_is_free(beside: &Path) -> bool {
    free(beside).is_some_and(|free| free < NOTHING)
}
/// The bytes that our user may still write in the folder of this file.
fn free(beside: &Path) -> Option<u64> {
    let folder = beside.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    statvfs(folder).ok().map(|fs| fs.f_bavail.saturating_mul(fs.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_its_room_and_gives_it_back() {
        let dir = tempfile::tempdir().unwrap();
        let ballast = Ballast::for_database(&dir.path().join("renkei.db"), 1 << 20);
        assert!(!ballast.is_there());
        assert!(ballast.make() && ballast.is_there());
        let file = fs::metadata(dir.path().join("renkei.ballast")).unwrap();
        use std::os::unix::fs::MetadataExt;
        assert!(file.blocks() * 512 >= 1 << 20, "the blocks are taken, not only the size said");
        assert_eq!(file.mode() & 0o777, 0o600);
        ballast.give_away();
        ballast.give_away();
        assert!(!ballast.is_there());
    }

    #[test]
    fn of_nothing_there_is_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let none = Ballast { file: dir.path().join("y.ballast"), size: 0 };
        assert!(none.is_there() && none.make());
        assert!(!dir.path().join("y.ballast").exists());
    }

    #[test]
    fn it_is_not_made_of_the_last_room() {
        let dir = tempfile::tempdir().unwrap();
        let ballast = Ballast { file: dir.path().join("x.ballast"), size: u64::MAX / 4 };
        assert!(!ballast.make());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
