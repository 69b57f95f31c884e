//! `renkei mail test`: one real mail over the relay of the configuration, and what became of it.

use super::command::invalid;
use super::{AdminContext, AdminError};
use crate::audit::{self, Actor, AuditAction, Entry};
use crate::clock::Instant;
use crate::lifecycle::{Letter, Mail, MailError, Mailer};
use serde_json::{Value, json};
use std::sync::Arc;

/// What sends the test mail.
#[derive(Clone)]
pub struct TestMailer {
    /// The mailer of the notices.
    pub mailer: Arc<dyn Mailer>,
    /// Where it hands mail over, in words: the relay, or a folder.
    pub relay: String,
}

/// The address in the body of the command.
pub(super) fn address(body: &[u8]) -> Result<String, AdminError> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        to: String,
    }
    let body: Body = serde_json::from_slice(body).map_err(|_| invalid("the body {\"to\": …}"))?;
    let plain = body.to.len() <= 254 && !body.to.chars().any(|c| c.is_whitespace() || c.is_control());
    let whole = body.to.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
    if plain && whole { Ok(body.to) } else { Err(invalid("the mail address")) }
}

fn letter(now: Instant) -> Letter {
    let at = now.jst().format("%Y-%m-%d %H:%M");
    Letter {
        subject: "Renkei テストメール / test mail".to_owned(),
        text: format!(
            "このメールは、送信設定を確認するために担当者が送信したものです。お手続きは不要です。\n\n\
             A member of staff sent this mail to see whether mail goes out. There is nothing to do.\n\n{at} JST\n"
        ),
    }
}

/// Sends it and records that it was sent, without the address.
pub(super) async fn test(service: &AdminContext, to: String, actor: Actor, now: Instant) -> Result<Value, AdminError> {
    let none = || AdminError::NotNow("a demo sends mail only while it runs".into());
    let TestMailer { mailer, relay } = service.mailer.clone().ok_or_else(none)?;
    let sent = mailer.send(&Mail { to: to.clone(), letter: letter(now) }).await;
    let result = match &sent {
        Ok(()) => "sent".to_owned(),
        Err(why) => why.to_string(),
    };
    let entry = Entry { detail: json!({"result": result}), ..Entry::new(now, actor, AuditAction::StaffMailTested) };
    service.store.write(move |tx| audit::append(tx, &entry)).await?;
    match sent {
        Ok(()) => Ok(json!({"sent": true, "to": to, "relay": relay})),
        Err(MailError::Recipient(why)) => {
            Err(AdminError::NotNow(format!("{relay} works, but has no mailbox {to}: {why}")))
        }
        Err(MailError::Later(why)) => Err(AdminError::NotNow(format!(
            "the mail did not go out over {relay}: {why} (docs/operations.md, “Mail”, says what to look at)"
        ))),
    }
}
