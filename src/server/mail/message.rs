//! A letter as a message (RFC 5322): plain text in UTF-8, with headers against automatic replies.

use crate::clock::Clock;
use crate::lifecycle::{Mail, MailError};
use crate::secret::Hash;
use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The sender of all our mail.
#[derive(Clone)]
pub struct Sender {
    mailbox: Mailbox,
    clock: Arc<dyn Clock>,
}

/// The sender's address is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a mail address")]
pub struct BadSender(String);

impl Sender {
    /// `name` is the institution's: from the configuration, never from a customer or a client
    /// (requirements.md#notice-sender).
    ///
    /// # Errors
    /// [`BadSender`] if `address` is no mail address.
    pub fn new(name: &str, address: &str, clock: Arc<dyn Clock>) -> Result<Self, BadSender> {
        let parsed = address.parse().map_err(|_| BadSender(address.to_owned()))?;
        let name = name.chars().filter(|c| !c.is_control()).collect();
        Ok(Self { mailbox: Mailbox::new(Some(name), parsed), clock })
    }

    /// The message for a mail.
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

    /// Every attempt for one letter has the same id: if only the relay's answer was lost, the mailbox can recognise the
    /// second copy.
    fn id(&self, mail: &Mail) -> String {
        let from: &str = self.mailbox.email.as_ref();
        let parts = [from, &mail.to, &mail.letter.subject, &mail.letter.text];
        Hash::of(parts.join("\0")).base64url()
    }
}

/// RFC 3834 §5: prevents out-of-office replies.
fn automatic(message: MessageBuilder) -> MessageBuilder {
    let name = HeaderName::new_from_ascii_str("Auto-Submitted");
    message.raw_header(HeaderValue::new(name, "auto-generated".to_owned()))
}
