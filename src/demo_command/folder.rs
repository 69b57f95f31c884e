//! The demo's data folder: a temporary one, or one that a demo made before.

use renkei_core::random::{self, Random};
use renkei_core::secret::base64url;
use renkei_server::process::DEMO_MARK;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A folder; a temporary one is removed when this value goes.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Folder {
    /// Opens `data`, or makes a temporary folder where there is none.
    ///
    /// # Errors
    /// `AlreadyExists` for a folder with something in it that no demo made; otherwise what the system says.
    pub(super) fn open(data: Option<&Path>, random: &dyn Random) -> io::Result<Self> {
        let Some(path) = data else {
            let name = format!("renkei-demo-{}", base64url(random::bytes::<9>(random)));
            let path = std::env::temp_dir().join(name);
            create(&path)?;
            return Ok(Self { path, temporary: true });
        };
        match std::fs::read_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => create(path)?,
            Err(error) => return Err(error),
            Ok(_) if path.join(DEMO_MARK).exists() => {}
            Ok(mut entries) => match entries.next() {
                None => std::fs::write(path.join(DEMO_MARK), MARK_TEXT)?,
                Some(_) => {
                    let why = "the folder holds something that no demo made";
                    return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
                }
            },
        }
        Ok(Self { path: path.to_owned(), temporary: false })
    }

    /// Where it is.
    #[must_use]
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            tracing::warn!(%error, folder = %self.path.display(), "the demo's folder could not be removed");
        }
    }
}

const MARK_TEXT: &str = "A demo of Renkei keeps its invented data here. It may be deleted.\n";

/// Nobody else may read it: keys and secrets lie in it.
fn create(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().mode(0o700).create(path)?;
    std::fs::write(path.join(DEMO_MARK), MARK_TEXT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use renkei_core::random::SystemRandom;

    #[test]
    fn a_folder_of_somebody_else_is_refused() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let at = |name: &str| dir.path().join(name);
        let open = |path: &Path| Folder::open(Some(path), &SystemRandom).map(|f| f.path().to_owned());
        assert!(open(&at("new")).is_ok() && open(&at("new")).is_ok(), "made, then opened again");
        std::fs::create_dir(at("empty"))?;
        assert!(open(&at("empty")).is_ok());
        std::fs::create_dir(at("foreign"))?;
        std::fs::write(at("foreign").join("renkei.db"), "")?;
        assert_eq!(open(&at("foreign")).map_err(|e| e.kind()), Err(io::ErrorKind::AlreadyExists));
        assert!(at("new").join(DEMO_MARK).exists(), "a kept folder stays");
        Ok(())
    }

    #[test]
    fn nobody_else_reads_a_folder_that_was_made() -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| Ok::<_, io::Error>(std::fs::metadata(path)?.permissions().mode() & 0o777);
        let dir = tempfile::tempdir()?;
        let (kept, temporary) = (dir.path().join("new"), Folder::open(None, &SystemRandom)?);
        let kept = Folder::open(Some(&kept), &SystemRandom)?;
        assert_eq!((mode(kept.path())?, mode(temporary.path())?), (0o700, 0o700));
        Ok(())
    }

    #[test]
    fn a_temporary_folder_goes_with_the_demo() -> io::Result<()> {
        let folder = Folder::open(None, &SystemRandom)?;
        let path = folder.path().to_owned();
        std::fs::write(path.join("x"), "y")?;
        drop(folder);
        assert!(!path.exists());
        Ok(())
    }
}
