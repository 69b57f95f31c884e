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

/// A URL without its password. Read as text: a URL with several hosts and ports is none for a parser, and it must not be printed
/// for that.
fn masked(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
    let place = match place.rsplit_once('@') {
        Some((user, hosts)) => match user.split_once(':') {
            Some((user, _)) => format!("{user}:***@{hosts}"),
            None => place.to_owned(),
        },
        None => place.to_owned(),
    };
    let hidden = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if name.eq_ignore_ascii_case("password") => format!("{name}=***"),
        _ => pair.to_owned(),
    };
    let query = query.map(|query| query.split('&').map(hidden).collect::<Vec<_>>().join("&"));
    format!("{scheme}://{place}{}", query.map_or_else(String::new, |query| format!("?{query}")))
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn no_url_shows_its_password() {
        for (url, shown) in [
            ("sqlite:renkei.db", "sqlite:renkei.db"),
            ("postgres://renkei@db/renkei", "postgres://renkei@db/renkei"),
            ("postgres://renkei:pass@db/renkei", "postgres://renkei:***@db/renkei"),
            ("Postgres://renkei:p@ss:w@db1:5432,db2:5432/r?a=b", "Postgres://renkei:***@db1:5432,db2:5432/r?a=b"),
            ("postgres://db/renkei?user=renkei&password=pass", "postgres://db/renkei?user=renkei&password=***"),
        ] {
            assert_eq!(masked(url), shown);
        }
    }
}
