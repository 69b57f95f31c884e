//! What the answer of a relay means for a notice. It depends on the command and on the enhanced status (RFC 3463, RFC
//! 2034): many relays refuse *us* only after RCPT TO, Postfix by default.

use crate::lifecycle::MailError;
use lettre::transport::smtp::Error;
use std::error::Error as _;

/// What the relay answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SmtpCommand {
    /// The connection (with TLS if it is implicit), the greeting, and EHLO.
    Ehlo,
    StartTls,
    Auth,
    MailFrom,
    RcptTo,
    Data,
    /// The end of the message.
    Message,
}
impl SmtpCommand {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ehlo => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::MailFrom => "MAIL FROM",
            Self::RcptTo => "RCPT TO",
            Self::Data => "DATA",
            Self::Message => "the message",
        }
    }
}

/// An enhanced status: class, subject, detail (RFC 3463 §2).
type EnhancedStatus = [u16; 3];

/// The mailbox does not exist and never will (requirements.md#notices): unknown (5.1.1), no such domain (5.1.2), not an
/// address (5.1.3), moved (5.1.6), a domain without mail (5.1.10, RFC 7505 §4.1), disabled (5.2.1).
const NO_SUCH_MAILBOX: [EnhancedStatus; 6] = [[5, 1, 1], [5, 1, 2], [5, 1, 3], [5, 1, 6], [5, 1, 10], [5, 2, 1]];

/// Only a refused recipient ends a notice. All other causes can be repaired by an operator (our EHLO name, our address,
/// our login, a wrong relay, a full disk, a filter), and must not lose the customer's mail.
fn ends(command: SmtpCommand, code: u16, status: Option<EnhancedStatus>) -> bool {
    command == SmtpCommand::RcptTo && (500..600).contains(&code) && status.is_some_and(|s| NO_SUCH_MAILBOX.contains(&s))
}

/// The error for a failed `command`.
pub(super) fn classify(command: SmtpCommand, error: &Error) -> MailError {
    let name = command.name();
    let Some(code) = error.status() else {
        return MailError::Later(match fault(error) {
            Some(why) => format!("{name}: {why}"),
            None => format!("{name}: no answer that can be read"),
        });
    };
    let code = u16::from(code);
    let status = error.source().and_then(|words| enhanced(code, &words.to_string()));
    // Without the relay's text, which often repeats the address.
    let why = match status {
        Some([class, subject, detail]) => format!("{name} was answered {code} {class}.{subject}.{detail}"),
        None => format!("{name} was answered {code}"),
    };
    if ends(command, code, status) { MailError::Recipient(why) } else { MailError::Later(why) }
}

/// The enhanced status at the start of an answer; `None` if it contradicts the code (RFC 2034 §4).
fn enhanced(code: u16, text: &str) -> Option<EnhancedStatus> {
    let word = text.split_whitespace().next()?;
    let number = |part: &str| {
        let fits = (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| part.parse::<u16>().ok()).flatten()
    };
    let parts: Option<Vec<u16>> = word.split('.').map(number).collect();
    let status: EnhancedStatus = parts?.try_into().ok()?;
    (status[0] == code / 100).then_some(status)
}

/// Why there is no answer: TLS, the connection, or another protocol. These texts come from this machine, not from the
/// relay.
fn fault(error: &Error) -> Option<String> {
    let mut cause = error.source();
    while let Some(this) = cause {
        if let Some(io) = this.downcast_ref::<std::io::Error>() {
            let tls = io.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            return Some(tls.map_or_else(|| io.kind().to_string(), |tls| format!("TLS failed: {tls}")));
        }
        cause = this.source();
    }
    error.is_client().then(|| "the relay does not offer it".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_mailbox_that_does_not_exist_ends_a_notice() {
        use SmtpCommand::{Auth, Data, Ehlo, MailFrom, Message, RcptTo};
        for (command, code, text, want) in [
            (RcptTo, 550, "5.1.1 <t@x.example>: Recipient address rejected: User unknown", true),
            (RcptTo, 550, "5.1.2 <t@x.example>: Recipient address rejected: Domain not found", true),
            (RcptTo, 553, "5.1.3 bad destination mailbox address syntax", true),
            (RcptTo, 551, "5.1.6 moved", true),
            (RcptTo, 556, "5.1.10 nullMX", true),
            (RcptTo, 550, "5.2.1 mailbox disabled", true),
            (RcptTo, 550, "5.1.1", true),
            // About us, although the answer is to RCPT.
            (RcptTo, 504, "5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname", false),
            (RcptTo, 554, "5.7.1 <t@x.example>: Relay access denied", false),
            (RcptTo, 550, "5.7.1 <n@y.example>: Sender address rejected: Access denied", false),
            (RcptTo, 550, "5.1.0 <n@y.example>: Sender address rejected: User unknown", false),
            (RcptTo, 550, "5.1.7 bad sender's mailbox address syntax", false),
            (RcptTo, 550, "5.1.8 <n@y.example>: Sender address rejected: Domain not found", false),
            (RcptTo, 552, "5.2.2 mailbox full", false),
            (RcptTo, 550, "5.1.11 something new", false),
            // Temporary.
            (RcptTo, 450, "4.1.1 unverified", false),
            (RcptTo, 451, "4.7.1 greylisted", false),
            (RcptTo, 450, "5.1.1 the code says for now", false),
            (RcptTo, 550, "4.1.1 the status says for now", false),
            // Without a status the cause is unknown.
            (RcptTo, 550, "no such user", false),
            (RcptTo, 550, "", false),
            (RcptTo, 550, "5.1 unknown", false),
            (RcptTo, 550, "5.1.1.1 unknown", false),
            (RcptTo, 550, "5.1.0001 unknown", false),
            (RcptTo, 550, "5.+1.1 unknown", false),
            // The same status for another command.
            (Ehlo, 550, "5.1.1 who are you", false),
            (Auth, 535, "5.1.1 unknown", false),
            (MailFrom, 550, "5.1.1 <n@y.example>: unknown", false),
            (Data, 554, "5.1.1 no valid recipients", false),
            (Message, 550, "5.1.1 unknown", false),
        ] {
            assert_eq!(ends(command, code, enhanced(code, text)), want, "{} {code} {text}", command.name());
        }
    }
}
