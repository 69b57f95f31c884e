//! A letter as a message (RFC 5322): plain text in UTF-8, and the headers that tell machines not to answer it.

use crate::clock::Clock;
use crate::lifecycle::{Mail, MailError};
use crate::secret::Hash;
use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Who all our mail is from.
#[derive(Clone)]
pub struct Sender {
    mailbox: Mailbox,
    clock: Arc<dyn Clock>,
}

/// The sender's address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a mail address")]
pub struct BadSender(String);

impl Sender {
    /// `name` is the institution's: from the configuration, never from a customer or a client
    /// (requirements.md#notice-sender).
    ///
    /// # Errors
    /// [`BadSender`] when `address` is none.
    pub fn new(name: &str, address: &str, clock: Arc<dyn Clock>) -> Result<Self, BadSender> {
        let parsed = address.parse().map_err(|_| BadSender(address.to_owned()))?;
        let name = name.chars().filter(|c| !c.is_control()).collect();
        Ok(Self { mailbox: Mailbox::new(Some(name), parsed), clock })
    }

    /// The message a mail becomes.
    pub(super) fn message(&self, mail: &Mail) -> Result<Message, MailError> {
        let later = |why: &str| MailError::Later(why.to_owned());
        let to = mail.to.parse().map_err(|_| later("the address cannot be read"))?;
        let now = self.clock.now();
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(now.secs()).unwrap_or(0));
        automatic(Message::builder())
            .from(self.mailbox.clone())
            .to(Mailbox::new(None, to))
            .date(date)
            .message_id(Some(format!("<{}@{}>", self.id(mail), self.mailbox.email.domain())))
            .subject(mail.letter.subject.clone())
            .header(ContentType::TEXT_PLAIN)
            .body(mail.letter.text.clone())
            .map_err(|_| later("the message cannot be built"))
    }

    /// The same for every attempt at one letter: a mailbox that already has it, because only the relay's answer was
    /// lost, can tell.
    fn id(&self, mail: &Mail) -> String {
        let from: &str = self.mailbox.email.as_ref();
        let parts = [from, &mail.to, &mail.letter.subject, &mail.letter.text];
        Hash::of(parts.join("\0")).base64url()
    }
}

/// RFC 3834 §5: no out-of-office reply, please.
fn automatic(message: MessageBuilder) -> MessageBuilder {
    let name = HeaderName::new_from_ascii_str("Auto-Submitted");
    message.raw_header(HeaderValue::new(name, "auto-generated".to_owned()))
}
