use super::*;
use crate::account::Account;
use crate::audit::Cursor;
use crate::client::Status;
use crate::consent::ConsentKey;
use crate::id::{ClientId, GrantId, StreamId};
use crate::stream::manage::Replayed;

/// To HTTP and back, as the command line sends it and the socket parses it.
fn round_trip(ask: &AdminCommand) -> Result<AdminCommand, AdminError> {
    let (method, target, body) = ask.http();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let body = body.map(|b| b.to_string()).unwrap_or_default();
    AdminCommand::parse(method, path.strip_prefix(command::BASE).unwrap(), query, body.as_bytes())
}

fn client() -> ClientId {
    ClientId::parse("kakeibo").unwrap()
}
fn stream() -> StreamId {
    StreamId::parse("-s_1").unwrap()
}

#[test]
fn every_command_goes_through_http_and_back() {
    let account = Account::parse("115-ordinary-1100026").unwrap();
    let id = GrantId::parse("g-1_~.:x").unwrap();
    let why = StaffReason::parse("お客さまからの電話 #3 & \"引用\"").unwrap();
    let reason = why.clone();
    let event = crate::id::EventId::parse("-e_1").unwrap();
    for asked in [
        AdminCommand::Grants { of: GrantsOf::Account(account.clone()), why: why.clone() },
        AdminCommand::Grants { of: GrantsOf::Receipt("ABCD-1234".into()), why: why.clone() },
        AdminCommand::Grant { of: GrantKey::Id(id.clone()), why: why.clone() },
        AdminCommand::Grant { of: GrantKey::Receipt("ABCD-1234".into()), why: why.clone() },
        AdminCommand::TestMail { to: "tanaka@minato.example".into() },
        AdminCommand::RevokeGrant { id: id.clone(), account: None, why: why.clone() },
        AdminCommand::RevokeGrant { id: id.clone(), account: Some(account.clone()), why: why.clone() },
        AdminCommand::Consent(ConsentAsk { of: ConsentKey::parse("abcd-1234").unwrap(), why: why.clone() }),
        AdminCommand::Consent(ConsentAsk { of: ConsentKey::parse("-c_1").unwrap(), why: why.clone() }),
        AdminCommand::Locks { why: why.clone() },
        AdminCommand::ReleaseLock { account: account.clone(), why: why.clone() },
        AdminCommand::Service,
        AdminCommand::SwitchService { off: true, why: why.clone() },
        AdminCommand::SwitchService { off: false, why: why.clone() },
        AdminCommand::Notices { why: why.clone() },
        AdminCommand::Looks { account: account.clone(), why: why.clone() },
        AdminCommand::RetryNotice { id: crate::id::NoticeId::parse("-_n").unwrap() },
        AdminCommand::VerifyAudit,
        AdminCommand::ExportAudit {
            period: Period::default(),
            grant: None,
            account: None,
            after: None,
            why: why.clone(),
        },
        AdminCommand::ExportAudit {
            period: Period { from: Some(Instant::from_millis(1)), to: Some(Instant::from_millis(-2)) },
            grant: Some(id),
            account: Some(account),
            after: Cursor::parse("7.3.pg-1"),
            why,
        },
        AdminCommand::Client(ClientAsk::List),
        AdminCommand::Client(ClientAsk::Show { id: client() }),
        AdminCommand::Client(ClientAsk::Import {
            record: serde_json::json!({"client_name": "家計簿"}), replace: true
        }),
        AdminCommand::Client(ClientAsk::SetStatus { id: client(), status: Status::Suspended }),
        AdminCommand::Client(ClientAsk::SetStatus { id: client(), status: Status::Active }),
        AdminCommand::Client(ClientAsk::Approve { id: client(), version: None }),
        AdminCommand::Client(ClientAsk::Approve { id: client(), version: Some(1_795_000_000_000) }),
        AdminCommand::Client(ClientAsk::Decline { id: client() }),
        AdminCommand::Client(ClientAsk::Token { id: client() }),
        AdminCommand::Token(TokenAsk::List),
        AdminCommand::Token(TokenAsk::New(InitialTokenRequest {
            label: "家計簿".into(),
            uses: 2,
            days: 7,
            profile: Some("oidc".into()),
        })),
        AdminCommand::Token(TokenAsk::Revoke { id: crate::id::TokenId::parse("t-1").unwrap() }),
        AdminCommand::Client(ClientAsk::RotateSecret { id: client(), overlap: None }),
        AdminCommand::Client(ClientAsk::RotateSecret {
            id: client(),
            overlap: Some(std::time::Duration::from_secs(86_400)),
        }),
        AdminCommand::Stream(StreamAsk::List),
        AdminCommand::Stream(StreamAsk::Show { id: stream() }),
        AdminCommand::Stream(StreamAsk::Test { id: stream() }),
        AdminCommand::Stream(StreamAsk::Pause { id: stream(), why: reason }),
        AdminCommand::Stream(StreamAsk::Resume { id: stream() }),
        AdminCommand::Stream(StreamAsk::Replay { id: stream(), what: Replayed::Event(event) }),
        AdminCommand::Stream(StreamAsk::Replay { id: stream(), what: Replayed::Since(Instant::from_millis(-5)) }),
        AdminCommand::Keys,
        AdminCommand::RotateKeys(Rotation { alg: None, now: false }),
        AdminCommand::RotateKeys(Rotation { alg: Some(crate::keys::jose::Alg::EdDsa), now: true }),
        AdminCommand::Backup { file: "/var/backups/renkei 1.db".into() },
        AdminCommand::Schema,
    ] {
        assert_eq!(round_trip(&asked), Ok(asked));
    }
}

#[test]
fn what_is_not_asked_well_is_refused() {
    let parse = |method, path, query, body: &str| AdminCommand::parse(method, path, query, body.as_bytes());
    let unknown = [
        ("GET", "/"),
        ("GET", "/nothing"),
        ("POST", "/grants"),
        ("DELETE", "/grants/g"),
        ("GET", "/grants/g/revoke"),
        ("GET", "/clients/c/suspend"),
        ("POST", "/clients/c"),
        ("GET", "/streams/s/test"),
        ("POST", "/streams/s"),
        ("POST", "/streams/s/stop"),
    ];
    for (method, path) in unknown {
        assert!(matches!(parse(method, path, "", ""), Err(AdminError::Unknown(_))), "{method} {path}");
    }
    for (method, path, query, body) in [
        ("GET", "/grants", "", ""),
        ("GET", "/grants", "account=115-ordinary-1", ""),
        ("GET", "/grants", "account=115&reason=asked", ""),
        ("GET", "/grants", "account=115-ordinary-1&account=115-ordinary-2&reason=asked", ""),
        ("GET", "/grants", "account=115-ordinary-1&x=1&reason=asked", ""),
        ("GET", "/grants", "account=115-ordinary-1&receipt=ABCD-1234&reason=asked", ""),
        ("GET", "/grants", "receipt=ABCD1234&reason=asked", ""),
        ("POST", "/mail/test", "", "{}"),
        ("POST", "/mail/test", "", "{\"to\":\"nobody\"}"),
        ("POST", "/mail/test", "", "{\"to\":\"a b@minato.example\"}"),
        ("POST", "/clients/c/secret", "", "{\"overlap\":\"1d\"}"),
        ("POST", "/clients/c/secret", "", "{\"overlap\":59}"),
        ("POST", "/clients/c/secret", "", "{\"overlap\":604801}"),
        ("GET", "/grants/a b", "reason=asked", ""),
        ("GET", "/grants/g", "", ""),
        ("GET", "/locks", "", ""),
        ("GET", "/notices", "", ""),
        ("GET", "/audit", "", ""),
        ("GET", "/audit/looks", "account=115-ordinary-1", ""),
        ("GET", "/audit/looks", "reason=asked", ""),
        ("POST", "/grants/g/revoke", "", ""),
        ("POST", "/grants/g/revoke", "", "{}"),
        ("POST", "/grants/g/revoke", "", "{\"reason\":\"\"}"),
        ("POST", "/grants/g/revoke", "", "{\"reason\":\"two\\nlines\"}"),
        ("POST", "/grants/g/revoke", "", "{\"reason\":\"asked\",\"by\":\"me\"}"),
        ("POST", "/backup", "", "{\"file\":\"renkei.db\"}"),
        ("POST", "/locks/115-loan-1/release", "", "{\"reason\":\"asked\"}"),
        ("POST", "/notices/a b/retry", "", ""),
        ("GET", "/notices", "state=failed&reason=asked", ""),
        ("GET", "/audit", "from=yesterday&reason=asked", ""),
        ("GET", "/audit", "after=x&reason=asked", ""),
        ("POST", "/clients/c/approve", "", "{\"version\":\"1\"}"),
        ("POST", "/initial-tokens", "", "{\"label\":\"x\"}"),
        ("POST", "/initial-tokens/a b/revoke", "", ""),
        ("POST", "/keys/rotate", "", ""),
        ("POST", "/keys/rotate", "", "{\"alg\":\"HS256\",\"now\":false}"),
        ("GET", "/streams/a b", "", ""),
        ("GET", "/streams", "client=c", ""),
        ("POST", "/streams/s/pause", "", ""),
        ("POST", "/streams/s/replay", "", ""),
        ("POST", "/streams/s/replay", "", "{}"),
        ("POST", "/streams/s/replay", "", "{\"event\":\"a b\"}"),
        ("POST", "/streams/s/replay", "", "{\"event\":\"e\",\"since\":1}"),
        ("POST", "/streams/s/replay", "", "{\"since\":\"2026-11-25\"}"),
        ("POST", "/clients", "", "no record"),
        ("GET", "/clients/a b", "", ""),
        ("GET", "/clients", "after=x", ""),
    ] {
        assert!(
            matches!(parse(method, path, query, body), Err(AdminError::Invalid(_))),
            "{method} {path}?{query} {body}"
        );
    }
    for nothing in ["", "  ", "ab", " ab ", "...", "---", "123", "one\ntwo", "one\u{2028}two", &"あ".repeat(201)] {
        let query = format!("reason={}", url::form_urlencoded::byte_serialize(nothing.as_bytes()).collect::<String>());
        assert_eq!(StaffReason::parse(nothing), None, "{nothing:?}");
        assert!(
            matches!(AdminCommand::parse("GET", "/locks", &query, b""), Err(AdminError::Invalid(_))),
            "{nothing:?}"
        );
    }
    for reason in ["解約の", "#12 by telephone", &"あ".repeat(200)] {
        assert!(StaffReason::parse(reason).is_some(), "{reason}");
    }
}

#[test]
fn users_have_names() {
    let passwd = "root:x:0:0:root:/root:/bin/bash\nrenkei:x:998:997::/var/lib/renkei:/usr/sbin/nologin\nbad line\n::5:";
    for (uid, name) in [(0, "root"), (998, "renkei"), (1000, "uid-1000"), (5, "uid-5")] {
        assert_eq!(uid_name::named(passwd, uid), name);
    }
}

#[test]
fn a_user_is_in_a_group_by_name_or_by_its_own_group() {
    let groups = "root:x:0:\nbranch:x:200:sato,suzuki\nauditors:x:201:\nbad line\n::7:sato";
    for (group, user, gid, there) in [
        ("branch", "sato", 1000, true),
        ("branch", "suzuki", 1000, true),
        ("branch", "sat", 1000, false),
        ("branch", "tanaka", 200, true),
        ("auditors", "sato", 1000, false),
        ("auditors", "", 1000, false),
        ("nobody", "sato", 0, false),
        ("", "sato", 7, false),
    ] {
        assert_eq!(uid_name::member_in(groups, group, user, gid), there, "{group} {user} {gid}");
    }
}
