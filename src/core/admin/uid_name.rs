//! Who a user of this machine is: the name that stands in the audit record.

/// The name of a user by number, from `/etc/passwd`; users of a directory service the file does not know are `uid-N`.
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
