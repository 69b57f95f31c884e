//! How two records of a client differ: for the audit record, and for staff who are about to replace one.

use super::metadata::document;
use super::{Client, ClientKeys};
use crate::secret::Hash;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Members of the document that are not of the record itself: the status has commands of its own, the time is ours.
const NOT_OF_THE_RECORD: [&str; 2] = ["status", "client_id_issued_at"];

/// One member that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberChange {
    /// Its name.
    pub name: String,
    /// Its value before.
    pub old: Option<Value>,
    /// Its value now.
    pub new: Option<Value>,
}

impl MemberChange {
    /// What a list has lost and got; `None` if the member is no list of texts.
    #[must_use]
    pub fn listed(&self) -> Option<(Vec<&str>, Vec<&str>)> {
        fn texts(value: Option<&Value>) -> Option<Vec<&str>> {
            value.map_or(Some(Vec::new()), |value| value.as_array()?.iter().map(Value::as_str).collect())
        }
        fn without<'v>(list: &[&'v str], other: &[&str]) -> Vec<&'v str> {
            list.iter().copied().filter(|text| !other.contains(text)).collect()
        }
        let (old, new) = (texts(self.old.as_ref())?, texts(self.new.as_ref())?);
        Some((without(&old, &new), without(&new, &old)))
    }
}

/// SHA-256 of a record without its status, base64url: two equal ones are the same record.
#[must_use]
pub fn digest(client: &Client) -> String {
    Hash::of(own_members(client).to_string()).base64url()
}

fn own_members(client: &Client) -> Value {
    let mut record = document(client);
    if let Some(map) = record.as_object_mut() {
        map.retain(|name, _| !NOT_OF_THE_RECORD.contains(&name.as_str()));
    }
    record
}

/// The members in which two records differ, by name. Keys are compared, and shown, as thumbprints.
#[must_use]
pub fn between(old: &Client, new: &Client) -> Vec<MemberChange> {
    let shown = |client: &Client| {
        let mut record = own_members(client);
        if matches!(client.keys, ClientKeys::Inline(_)) {
            record["jwks"] = json!(keys(client));
        }
        // A list, so that each scope that came or went is named.
        record["scope"] = json!(scopes(client));
        record
    };
    let (old, new) = (shown(old), shown(new));
    let names = [&old, &new].into_iter().filter_map(Value::as_object).flatten().map(|(name, _)| name);
    let names: BTreeSet<&String> = names.collect();
    let change = |name: &String| {
        let change = MemberChange { name: name.clone(), old: old.get(name).cloned(), new: new.get(name).cloned() };
        (change.old != change.new).then_some(change)
    };
    names.into_iter().filter_map(change).collect()
}

/// What the audit record says of a new or changed record: the digests, the redirect URIs, keys and scopes that came or went,
/// and the names of all members that differ. Other values may be personal.
#[must_use]
pub fn detail(old: Option<&Client>, new: &Client) -> Value {
    let of = |list: fn(&Client) -> BTreeSet<String>| {
        let (before, now) = (old.map(list).unwrap_or_default(), list(new));
        let (added, removed): (Vec<_>, Vec<_>) = (now.difference(&before).collect(), before.difference(&now).collect());
        (!added.is_empty() || !removed.is_empty()).then(|| json!({"added": added, "removed": removed}))
    };
    let mut detail = json!({
        "profile": new.profile.as_str(),
        "auth_method": new.auth_method.as_str(),
        "digest": digest(new),
    });
    if let Some(old) = old {
        detail["digest_before"] = digest(old).into();
        detail["members"] = between(old, new).into_iter().map(|change| change.name).collect();
    }
    let lists: [(&str, fn(&Client) -> BTreeSet<String>); 3] =
        [("redirect_uris", |c| c.redirect_uris.iter().cloned().collect()), ("keys", keys), ("scope", scopes)];
    for (name, list) in lists {
        if let Some(change) = of(list) {
            detail[name] = change;
        }
    }
    detail
}

/// The thumbprints of a client's keys, or the address that has them.
fn keys(client: &Client) -> BTreeSet<String> {
    match &client.keys {
        ClientKeys::None => BTreeSet::new(),
        ClientKeys::Inline(keys) => keys.iter().map(|key| key.thumbprint().base64url()).collect(),
        ClientKeys::Remote(uri) => BTreeSet::from([uri.clone()]),
    }
}

fn scopes(client: &Client) -> BTreeSet<String> {
    client.scope.iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::metadata::{Rules, parse};
    use crate::clock::Instant;
    use crate::id::ClientId;
    use crate::keys::SigningKey;
    use crate::keys::jose::Alg;

    fn client(changes: &[(&str, Value)]) -> Client {
        let mut record = json!({"client_name": "家計簿", "profile": "oidc", "scope": "openid accounts",
            "redirect_uris": ["https://app.example/one", "https://app.example/two"], "contacts": ["tanaka@app.example"]});
        for (name, value) in changes {
            record[*name] = value.clone();
        }
        parse(&record, ClientId::parse("app").unwrap(), &Rules::STORED, Instant::from_secs(1)).unwrap()
    }

    #[test]
    fn a_change_says_what_came_and_what_went() {
        let key = SigningKey::generate(Alg::Es256).unwrap();
        let jwk = key.public().to_json();
        let old = client(&[]);
        let new = client(&[
            ("redirect_uris", json!(["https://app.example/two", "https://app.example/three"])),
            ("scope", json!("openid transactions")),
            ("jwks", json!({"keys": [jwk]})),
            ("contacts", json!(["suzuki@app.example"])),
            ("status", json!("suspended")),
        ]);
        let said = detail(Some(&old), &new);
        assert_eq!(said["members"], json!(["contacts", "jwks", "redirect_uris", "scope"]), "not the status");
        let uris = json!({"added": ["https://app.example/three"], "removed": ["https://app.example/one"]});
        assert_eq!(said["redirect_uris"], uris);
        assert_eq!(said["scope"], json!({"added": ["transactions"], "removed": ["accounts"]}));
        let ClientKeys::Inline(keys) = &new.keys else { panic!("no keys") };
        assert_eq!(said["keys"], json!({"added": [keys[0].thumbprint().base64url()], "removed": []}));
        assert_eq!((&said["digest_before"], &said["digest"]), (&json!(digest(&old)), &json!(digest(&new))));
        assert_ne!(digest(&old), digest(&new));
        assert!(!said.to_string().contains("suzuki"), "nothing personal: {said}");
        let lists = between(&old, &new).iter().filter(|change| change.listed().is_some()).count();
        assert_eq!(lists, 4);

        let first = detail(None, &old);
        assert_eq!((first.get("members"), first.get("digest_before"), first.get("keys")), (None, None, None));
        assert_eq!(first["scope"], json!({"added": ["accounts", "openid"], "removed": []}));
        assert_eq!(between(&old, &client(&[("status", json!("suspended"))])), []);
        assert_eq!(digest(&old), digest(&client(&[("status", json!("suspended"))])));
    }
}
