//! 拒否する (R73): the refusal is recorded, and the interaction ends.

use super::offer::{AtConsent, Offered, PageFailed, SubmittedPage};
use super::{Linking, Result};
use crate::clock::Instant;
use crate::consent::{self, ConsentRecord, ConsentWords, Customer};
use crate::identity::{IdentityService, Interaction, ViewResult, Visitor, proofing_session, sql};
use crate::secret::Secret;
use crate::store::Tx;

/// The submitted form of 拒否する.
pub struct Denial<'a> {
    /// The browser that submits it.
    pub visitor: &'a Visitor,
    /// Its single-use step token.
    pub step: &'a str,
    /// The page with the form, if it names one.
    pub page: Option<&'a SubmittedPage>,
    /// Network address and user agent in one line.
    pub remote: Secret,
}

impl Linking {
    /// 拒否する, for a customer at ⑥. Returns the next screen. The proofing session of this browser and app is deleted.
    ///
    /// # Errors
    /// [`super::Error`]; then nothing is recorded.
    pub async fn deny(
        &self,
        at: AtConsent<'_>,
        form: Denial<'_>,
        words: impl Fn(&Offered) -> std::result::Result<ConsentWords, PageFailed>,
        now: Instant,
    ) -> Result<ViewResult> {
        // A refusal counts whatever has changed since the page was shown.
        let (mut offered, same) = self.offer_submitted(at, form.page, &words, now).await?;
        if !same {
            (offered, _) = self.offer_submitted(at, None, &words, now).await?;
        }
        let customer = Customer::of(at.proofed, at.interaction.id.clone(), form.remote);
        let denied = ConsentRecord::denied(&offered.offer, customer, now, &self.sealer, &*self.random)?;
        let remembered = form.visitor.proofing_cookie;
        let work = move |identity: &IdentityService, tx: &mut Tx<'_, '_>, i: Interaction| {
            consent::deny(tx, &denied)?;
            if let (Some(remembered), Some((link, _))) = (&remembered, i.at_consent()) {
                proofing_session::forget(tx, remembered, &link.client)?;
            }
            let ending = i.cancelled();
            sql::end(tx, identity.crypto(), i, ending, now).map(drop)
        };
        self.at_consent(form.visitor, form.step, now, work).await?;
        Ok(self.identity.look(form.visitor, None, now).await?)
    }
}
