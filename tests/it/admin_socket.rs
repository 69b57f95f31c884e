//! Who may use the admin socket (requirements.md#addresses): root and the service's user everything, the group `admin.group` what the
//! branch does, those of `admin.records_group` the records too. The kernel says who asks, and so does the record. The command line
//! reads no secret. These tests run as root, as the rest does, and become other users of the machine.

use crate::support::town::{Said, Town, on_both_with, reason_for, said};
use renkei_core::admin::uid_name;
use renkei_server::config::Config;
use serde_json::Value;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

on_both_with!(a_group_does_what_the_branch_does, super::with_groups);
on_both_with!(no_secret_is_read_to_reach_a_server, super::with_groups);

/// Users of Debian's base system, each alone in its group.
const BRANCH: &str = "mail";
const RECORDS: &str = "news";
const STRANGER: &str = "games";
const TARO: &str = "115-ordinary-1100026";

fn with_groups(config: &mut Config) {
    let folder = config.server.data_dir.parent().unwrap();
    // Others find the socket and the configuration in it, and read nothing else.
    fs::set_permissions(folder, Permissions::from_mode(0o711)).unwrap();
    config.admin.socket = Some(folder.join("run/admin.sock"));
    config.admin.group = Some(BRANCH.into());
    config.admin.records_group = Some(RECORDS.into());
}

fn ids(user: &str) -> (u32, u32) {
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let line = passwd.lines().find(|line| line.starts_with(&format!("{user}:"))).unwrap();
    let fields: Vec<&str> = line.split(':').collect();
    (fields[2].parse().unwrap(), fields[3].parse().unwrap())
}

/// The program as this user runs it, with the groups that `getent` would give it.
async fn as_user(w: &Town, (uid, gid): (u32, u32), args: &[&str]) -> Said {
    w.staff(&["service", "show"]).await; // writes the configuration file
    let config = w.data_dir().parent().unwrap().join("renkei.toml");
    fs::set_permissions(&config, Permissions::from_mode(0o644)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_renkei"));
    command.args(args).arg("--config").arg(&config).args(reason_for(args)).uid(uid).gid(gid);
    said(command).await
}

async fn a_group_does_what_the_branch_does(w: &Town) {
    let socket = w.config().admin.socket.clone().unwrap();
    let (branch, group) = (ids(BRANCH), uid_name::group_id(BRANCH).unwrap());
    // The group of the records is a second one of somebody who is in the first: here by the user's own group.
    let (records, stranger) = ((ids(BRANCH).0, ids(RECORDS).1), ids(STRANGER));
    let at = fs::metadata(&socket).unwrap();
    assert_eq!((at.permissions().mode() & 0o777, at.gid()), (0o660, group));
    let folder = fs::metadata(socket.parent().unwrap()).unwrap();
    assert_eq!((folder.permissions().mode() & 0o777, folder.gid()), (0o750, group));

    let tokens = w.link(&w.kakeibo(), &mut w.browser()).await;
    let id = tokens.grant_id.as_str();
    for account in ["115-1100026", "115-ordinary-1100034"] {
        for _ in 0..3 {
            w.guess_wrong(&account.replace("115-1100026", "115-savings-2200011")).await;
        }
    }
    // A stranger does not even get in.
    as_user(w, stranger, &["lock", "list"]).await.refused(1, "the group admin.group use it");

    let listed = as_user(w, branch, &["--json", "grant", "list", "--account", TARO]).await;
    assert_eq!(listed.status, 0, "{listed:?}");
    assert_eq!(listed.json()["grants"][0]["account"], "***-ordinary-****026");
    for args in [
        vec!["grant", "show", id],
        vec!["lock", "list"],
        vec!["notice", "list"],
        vec!["service", "show"],
        vec!["service", "off", "--reason", "a test"],
        vec!["service", "on", "--reason", "a test"],
        vec!["lock", "release", "115-savings-2200011", "--reason", "a test"],
        vec!["grant", "revoke", id, "--reason", "a test"],
        vec!["doctor"],
    ] {
        let said = as_user(w, branch, &args).await;
        assert_eq!(said.status, 0, "{args:?}: {said:?}");
        assert!(!said.out.contains("1100026") && !said.out.contains("1100034"), "three digits: {said:?}");
    }
    assert!(as_user(w, branch, &["lock", "list"]).await.out.contains("***-ordinary-****034"));
    let record = dir_with_record(w);
    for (args, whose) in [
        (vec!["consent", "show", "ABCD-1234", "--reason", "a test"], "admin.records_group"),
        (vec!["audit", "export"], "admin.records_group"),
        (vec!["audit", "looks", "--account", TARO], "admin.records_group"),
        (vec!["audit", "verify"], "admin.records_group"),
        (vec!["client", "list"], "root and the service's user alone"),
        (vec!["client", "import", record.as_str()], "root and the service's user alone"),
        (vec!["client", "suspend", "kakeibo"], "root and the service's user alone"),
        (vec!["key", "list"], "root and the service's user alone"),
        (vec!["key", "rotate"], "root and the service's user alone"),
        (vec!["stream", "list"], "root and the service's user alone"),
        (vec!["mail", "test", "tanaka@minato.example"], "root and the service's user alone"),
        (vec!["db", "backup", "/tmp/renkei-backup-of-a-test.db"], "root and the service's user alone"),
        (vec!["notice", "retry", "n"], "root and the service's user alone"),
    ] {
        as_user(w, branch, &args).await.refused(1, whose);
    }
    // Records and full numbers for the second group; still no client and no key.
    let reads = async |args: &[&str]| {
        let said = in_both_groups(w, records, args).await;
        assert_eq!(said.status, 0, "{args:?}: {said:?}");
        said.out
    };
    assert!(reads(&["grant", "list", "--account", TARO]).await.contains(TARO));
    assert!(reads(&["audit", "export"]).await.contains("grant.created"));
    in_both_groups(w, records, &["client", "list"]).await.refused(1, "root and the service's user alone");

    // The record has the name of the user, not of the server's.
    let exported = w.staff(&["audit", "export"]).await.out;
    let by = |action: &str| {
        let lines = exported.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["action"] == action).map(|line| line["actor"].as_str().unwrap().to_owned()).next_back()
    };
    for action in ["staff.grant.shown", "grant.revoked", "account.unlocked", "staff.service.off"] {
        assert_eq!(by(action).as_deref(), Some("staff:mail"), "{action}");
    }
}

fn dir_with_record(w: &Town) -> String {
    let file = w.data_dir().parent().unwrap().join("record.json");
    fs::write(&file, "{}").unwrap();
    file.display().to_string()
}

/// As a user of the group, with the group of the records as its own: the way `newgrp` gives it.
async fn in_both_groups(w: &Town, (uid, gid): (u32, u32), args: &[&str]) -> Said {
    let config = w.data_dir().parent().unwrap().join("renkei.toml");
    let mut command = Command::new("setpriv");
    let branch = ids(BRANCH).1;
    command.args(["--reuid", &uid.to_string(), "--regid", &gid.to_string(), "--groups", &branch.to_string()]);
    command.arg(env!("CARGO_BIN_EXE_renkei")).args(args).arg("--config").arg(config).args(reason_for(args));
    said(command).await
}

async fn no_secret_is_read_to_reach_a_server(w: &Town) {
    let mut config = w.config().clone();
    let nowhere = || w.data_dir().parent().unwrap().join("nobody-reads-this");
    config.server.master_key_file = nowhere();
    config.store.url_file = Some(nowhere());
    config.mail.password_file = Some(nowhere());
    config.mail.username = Some("renkei".into());
    config.telephony.hook_secret_files = vec![nowhere()];
    let file = w.data_dir().parent().unwrap().join("without-secrets.toml");
    fs::write(&file, toml::to_string(&config).unwrap()).unwrap();
    for args in [vec!["lock", "list"], vec!["client", "list"], vec!["audit", "verify"], vec!["doctor"]] {
        let said = crate::support::town::renkei_at(&file, &args).await;
        assert_eq!(said.status, 0, "{args:?}: {said:?}");
    }
    // A command that means another server is told so, even where it finds this one's socket.
    config.server.issuer = "https://another.renkei.test".into();
    fs::write(&file, toml::to_string(&config).unwrap()).unwrap();
    let said = crate::support::town::renkei_at(&file, &["lock", "list"]).await;
    said.refused(1, "this is the socket of https://link.renkei.test");
}
