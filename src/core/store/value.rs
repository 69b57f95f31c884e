//! The four kinds of value of both engines: BIGINT, TEXT, BYTES, NULL. Times are epoch milliseconds.

use super::{Error, Result};
use crate::clock::Instant;
use crate::secret::Hash;

/// One value of a row or a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// NULL
    Null,
    /// BIGINT
    Int(i64),
    /// TEXT
    Text(String),
    /// BLOB or BYTEA
    Bytes(Vec<u8>),
}
impl Value {
    /// The type without the value.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Int(_) => "BIGINT",
            Self::Text(_) => "TEXT",
            Self::Bytes(_) => "BYTES",
        }
    }
}
impl From<i64> for Value {
    fn from(v: i64) -> Self {
        Self::Int(v)
    }
}
impl From<bool> for Value {
    fn from(v: bool) -> Self {
        Self::Int(i64::from(v))
    }
}
impl From<Instant> for Value {
    fn from(v: Instant) -> Self {
        Self::Int(v.millis())
    }
}
impl From<&str> for Value {
    fn from(v: &str) -> Self {
        Self::Text(v.to_owned())
    }
}
impl From<String> for Value {
    fn from(v: String) -> Self {
        Self::Text(v)
    }
}
impl From<&[u8]> for Value {
    fn from(v: &[u8]) -> Self {
        Self::Bytes(v.to_vec())
    }
}
impl From<Vec<u8>> for Value {
    fn from(v: Vec<u8>) -> Self {
        Self::Bytes(v)
    }
}
impl From<Hash> for Value {
    fn from(v: Hash) -> Self {
        Self::Bytes(v.as_bytes().to_vec())
    }
}
impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(v: Option<T>) -> Self {
        v.map_or(Self::Null, Into::into)
    }
}

/// One row, read by position.
#[derive(Debug, Clone)]
pub struct Row(pub(super) Vec<Value>);
impl Row {
    fn at(&self, i: usize) -> &Value {
        self.0.get(i).unwrap_or(&Value::Null)
    }
    fn wrong_type<T>(column: usize, expected: &'static str) -> Result<T> {
        Err(Error::Column { column, expected })
    }
    /// A number.
    ///
    /// # Errors
    /// If the column has another type; the same for every reader below.
    pub fn int(&self, i: usize) -> Result<i64> {
        self.opt_int(i)?.map_or_else(|| Self::wrong_type(i, "a number"), Ok)
    }
    /// A number or NULL.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn opt_int(&self, i: usize) -> Result<Option<i64>> {
        match self.at(i) {
            Value::Int(v) => Ok(Some(*v)),
            Value::Null => Ok(None),
            _ => Self::wrong_type(i, "a number"),
        }
    }
    /// A text.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn text(&self, i: usize) -> Result<&str> {
        self.opt_text(i)?.map_or_else(|| Self::wrong_type(i, "text"), Ok)
    }
    /// A text or NULL.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn opt_text(&self, i: usize) -> Result<Option<&str>> {
        match self.at(i) {
            Value::Text(v) => Ok(Some(v)),
            Value::Null => Ok(None),
            _ => Self::wrong_type(i, "text"),
        }
    }
    /// Bytes.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn bytes(&self, i: usize) -> Result<&[u8]> {
        self.opt_bytes(i)?.map_or_else(|| Self::wrong_type(i, "bytes"), Ok)
    }
    /// Bytes or NULL.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn opt_bytes(&self, i: usize) -> Result<Option<&[u8]>> {
        match self.at(i) {
            Value::Bytes(v) => Ok(Some(v)),
            Value::Null => Ok(None),
            _ => Self::wrong_type(i, "bytes"),
        }
    }
    /// A time.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn instant(&self, i: usize) -> Result<Instant> {
        self.int(i).map(Instant::from_millis)
    }
    /// A time or NULL.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn opt_instant(&self, i: usize) -> Result<Option<Instant>> {
        Ok(self.opt_int(i)?.map(Instant::from_millis))
    }
    /// A SHA-256 digest.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn hash(&self, i: usize) -> Result<Hash> {
        Hash::from_bytes(self.bytes(i)?).map_or_else(|| Self::wrong_type(i, "32 bytes"), Ok)
    }
    /// A boolean, stored as 1 or 0.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn flag(&self, i: usize) -> Result<bool> {
        match self.int(i)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Self::wrong_type(i, "0 or 1"),
        }
    }
}
