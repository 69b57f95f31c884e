//! The name of a user of this machine, for the audit record.

/// The name of a user id, from `/etc/passwd`; `uid-N` if the file does not have it, e.g. for a directory service.
#[must_use]
pub fn name(uid: u32) -> String {
    named(&std::fs::read_to_string("/etc/passwd").unwrap_or_default(), uid)
}

pub(super) fn named(passwd: &str, uid: u32) -> String {
    let line = |line: &str| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(uid) && !name.is_empty()).then(|| name.to_owned())
    };
    passwd.lines().find_map(line).unwrap_or_else(|| format!("uid-{uid}"))
}
