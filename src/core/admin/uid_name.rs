//! The name of a user of this machine, for the audit record, and its groups.

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

/// The id of a group, from `/etc/group`; `None` if the file does not have it.
#[must_use]
pub fn group_id(group: &str) -> Option<u32> {
    group_in(&std::fs::read_to_string("/etc/group").unwrap_or_default(), group).map(|(id, _)| id)
}

/// Whether a user is in a group: by the user's own group, or as one of the members that `/etc/group` names.
#[must_use]
pub fn is_member(group: &str, uid: u32, gid: u32) -> bool {
    let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
    member_in(&groups, group, &name(uid), gid)
}

fn group_in<'t>(groups: &'t str, group: &str) -> Option<(u32, &'t str)> {
    let line = |line: &'t str| {
        let mut fields = line.split(':');
        let (name, id, members) = (fields.next()?, fields.nth(1)?, fields.next().unwrap_or_default());
        (name == group && !name.is_empty()).then(|| id.parse().ok()).flatten().map(|id| (id, members))
    };
    groups.lines().find_map(line)
}

pub(super) fn member_in(groups: &str, group: &str, user: &str, gid: u32) -> bool {
    let named = |members: &str| !user.is_empty() && members.split(',').any(|member| member == user);
    group_in(groups, group).is_some_and(|(id, members)| id == gid || named(members))
}
