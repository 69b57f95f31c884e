//! How personal words travel inside a sealed row, and nowhere else: they have no general serde form on purpose.

use serde::{Deserialize, Deserializer, Serializer, de::Error};

macro_rules! words {
    ($module:ident, $type:ty, $write:expr, $read:expr, $what:literal) => {
        pub(super) mod $module {
            use super::{Deserialize, Deserializer, Error, Serializer};

            pub(in crate::identity) fn serialize<S: Serializer>(value: &$type, s: S) -> Result<S::Ok, S::Error> {
                let write: fn(&$type) -> String = $write;
                s.serialize_str(&write(value))
            }
            pub(in crate::identity) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<$type, D::Error> {
                let read: fn(&str) -> Option<$type> = $read;
                read(&String::deserialize(d)?).ok_or_else(|| D::Error::custom(concat!("not ", $what)))
            }
        }
    };
}
words!(phone, crate::phone::Phone, |p| p.as_str().to_owned(), crate::phone::Phone::parse, "a telephone number");
words!(kana, crate::kana::Kana, |k| k.as_str().to_owned(), |t| crate::kana::Kana::parse(t).ok(), "a name in kana");
words!(
    hash,
    crate::secret::Hash,
    crate::secret::Hash::base64url,
    |t| crate::secret::from_base64url(t).and_then(|b| crate::secret::Hash::from_bytes(&b)),
    "a digest"
);
