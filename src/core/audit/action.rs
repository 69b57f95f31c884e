//! What a record says was done.

use crate::event::EventKind;

macro_rules! actions {
    ($($variant:ident => $name:literal,)*) => {
        /// What was done. Where an event tells of it, the record has the event's name (docs/events.md).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum AuditAction {
            /// What the event says.
            Event(EventKind),
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }
        impl AuditAction {
            /// The name in the record.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    Self::Event(kind) => kind.as_str(),
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}
actions! {
    InteractionAccountAccepted => "interaction.account.accepted",
    InteractionCustomerReturned => "interaction.customer.returned",
    InteractionCustomerRefused => "interaction.customer.refused",
    InteractionCustomerAccepted => "interaction.customer.accepted",
    InteractionPhoneReturned => "interaction.phone.returned",
    InteractionPhoneConfirmed => "interaction.phone.confirmed",
    InteractionCallConfirmed => "interaction.call.confirmed",
    InteractionPinRefused => "interaction.pin.refused",
    InteractionPinAccepted => "interaction.pin.accepted",
    InteractionProofingRemembered => "interaction.proofing.remembered",
    InteractionConsentAllowed => "interaction.consent.allowed",
    InteractionLinkStopped => "interaction.link.stopped",
    InteractionRestarted => "interaction.restarted",
    InteractionEnded => "interaction.ended",
    AccountGuessUnanswered => "account.guess.unanswered",
    AccountGuessAnswered => "account.guess.answered",
    AccountGuessesCleared => "account.guesses.cleared",
    AccountChanged => "account.changed",
    CallSeen => "call.seen",
    CallNotCounted => "call.not_counted",
    AlarmRaised => "alarm.raised",
    GrantActivated => "grant.activated",
    GrantAccountShared => "grant.account_shared",
    GrantChanged => "grant.changed",
    GrantCodeFurther => "grant.code.further",
    GrantCodeUndone => "grant.code.undone",
    GrantAddressTakenBack => "grant.address.taken_back",
    NoticeSent => "notice.sent",
    NoticeFailed => "notice.failed",
    NoticeRetried => "notice.retried",
    ClientChangeProposed => "client.change_proposed",
    ClientChangeDeclined => "client.change_declined",
    ClientRegistrationTokenMade => "client.registration_token_made",
    ClientSecretRotated => "client.secret_rotated",
    ClientFormerSecretEnded => "client.former_secret_ended",
    InitialTokenMade => "initial_token.made",
    InitialTokenRevoked => "initial_token.revoked",
    KeyMade => "key.made",
    KeyScheduled => "key.scheduled",
    KeyActivated => "key.activated",
    KeyRetired => "key.retired",
    KeyWithdrawn => "key.withdrawn",
    KeyDropped => "key.dropped",
    StreamCreated => "stream.created",
    StreamChanged => "stream.changed",
    StreamDeleted => "stream.deleted",
    StreamEnabled => "stream.enabled",
    StreamPaused => "stream.paused",
    StreamDisabled => "stream.disabled",
    StreamReplayed => "stream.replayed",
    StreamTested => "stream.tested",
    StreamEventRefused => "stream.event_refused",
    ServerStarted => "server.started",
    ServerReloaded => "server.reloaded",
    StaffGrantsListed => "staff.grants.listed",
    StaffGrantShown => "staff.grant.shown",
    StaffConsentShown => "staff.consent.shown",
    StaffLocksListed => "staff.locks.listed",
    StaffLockShown => "staff.lock.shown",
    StaffServiceOff => "staff.service.off",
    StaffServiceOn => "staff.service.on",
    StaffNoticesListed => "staff.notices.listed",
    StaffNoticeShown => "staff.notice.shown",
    StaffLooksListed => "staff.looks.listed",
    StaffAuditVerified => "staff.audit.verified",
    StaffAuditExported => "staff.audit.exported",
    StaffMailTested => "staff.mail.tested",
    StaffBackupMade => "staff.backup.made",
    StaffBackupRestored => "staff.backup.restored",
}
