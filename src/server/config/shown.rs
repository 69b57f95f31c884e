//! The configuration as it may be shown: what `renkei config show` prints, and its digest in the record of a start.

use super::Config;
use crate::secret::Hash;
use std::fmt::Write;

impl Config {
    /// The configuration without its secrets. Secrets stand in files of their own; only `store.url` may have a password.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn shown(&self) -> Result<serde_json::Value, serde_json::Error> {
        serde_json::to_value(self.masked())
    }
    /// The same as a configuration.
    #[must_use]
    pub fn masked(&self) -> Self {
        let mut config = self.clone();
        config.store.url = masked(&self.store.url);
        config
    }
    /// SHA-256, in hexadecimal digits, of the line that `renkei --json config show` prints.
    ///
    /// # Errors
    /// As for [`Config::shown`].
    pub fn digest(&self) -> Result<String, serde_json::Error> {
        let digest = Hash::of(self.shown()?.to_string());
        Ok(digest.as_bytes().iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }
}

/// A URL without its password.
fn masked(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(mut parsed) if parsed.password().is_some() => {
            let _ = parsed.set_password(Some("***"));
            parsed.to_string()
        }
        _ => url.to_owned(),
    }
}
