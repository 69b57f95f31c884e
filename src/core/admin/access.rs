//! Who may do what (requirements.md#commands). The kernel says who is at the other end of the admin socket, and its mode lets in
//! nobody but the service's user, root and the group `admin.group`.

use super::AdminCommand;
use crate::account::Account;
use serde_json::Value;

/// What somebody at the admin socket may do; each includes the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StaffAccess {
    /// The group `admin.group`: what the branch does when a customer telephones, with accounts by their last three digits.
    Branch,
    /// The group `admin.records_group` beside it: records and full account numbers.
    Records,
    /// The service's own user and root: everything.
    Full,
}
impl StaffAccess {
    /// An account as it may be shown.
    #[must_use]
    pub fn shown(self, account: &Account) -> Value {
        if self >= Self::Records {
            return account.to_string().into();
        }
        let text = account.to_string();
        let kind = text.split('-').nth(1).unwrap_or_default();
        format!("***-{kind}-****{}", account.number.last3()).into()
    }
    /// Who has it, for a refusal.
    #[must_use]
    pub const fn whose(self) -> &'static str {
        match self {
            Self::Branch => "the group admin.group",
            Self::Records => "root, the service's user and the group admin.records_group",
            Self::Full => "root and the service's user",
        }
    }
}

impl AdminCommand {
    /// What it needs.
    #[must_use]
    pub const fn needs(&self) -> StaffAccess {
        match self {
            Self::Grants { .. }
            | Self::Grant { .. }
            | Self::RevokeGrant { .. }
            | Self::Locks { .. }
            | Self::ReleaseLock { .. }
            | Self::Service
            | Self::SwitchService { .. }
            | Self::Notices { .. } => StaffAccess::Branch,
            Self::Consent(_) | Self::Looks { .. } | Self::VerifyAudit | Self::ExportAudit { .. } => {
                StaffAccess::Records
            }
            Self::RetryNotice { .. }
            | Self::Client(_)
            | Self::Token(_)
            | Self::Stream(_)
            | Self::Keys
            | Self::RotateKeys(_)
            | Self::Backup { .. }
            | Self::Schema
            | Self::TestMail { .. } => StaffAccess::Full,
        }
    }
}

/// The access of a user at the socket; `owner` is the user of the service.
#[must_use]
pub const fn of_peer(uid: u32, owner: u32, of_records_group: bool) -> StaffAccess {
    if uid == 0 || uid == owner {
        StaffAccess::Full
    } else if of_records_group {
        StaffAccess::Records
    } else {
        StaffAccess::Branch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_who_may_do_what() {
        for (uid, owner, records, want) in [
            (0, 998, false, StaffAccess::Full),
            (998, 998, false, StaffAccess::Full),
            (1000, 998, true, StaffAccess::Records),
            (1000, 998, false, StaffAccess::Branch),
        ] {
            assert_eq!(of_peer(uid, owner, records), want, "{uid}");
        }
    }

    #[test]
    fn the_branch_sees_three_digits() {
        let account = Account::parse("115-ordinary-1100026").unwrap();
        assert_eq!(StaffAccess::Branch.shown(&account), "***-ordinary-****026");
        for access in [StaffAccess::Records, StaffAccess::Full] {
            assert_eq!(access.shown(&account), "115-ordinary-1100026");
        }
    }
}
