//! What ② and ⑤ say when a form does not lead on: its format errors, or R31 with what to check and the warning of the
//! last try.

use super::counts::LastTry;
use super::guess::Guess;
use super::requests::{StepCheck, ViewResult, Visitor};
use super::service::IdentityService;
use super::{Interaction, Message, Problem, Stage, lockout};
use crate::clock::Instant;
use crate::store::{Result, Tx};

impl IdentityService {
    /// A form with format errors uses up its step token. The same stage is shown with the messages; nothing is counted.
    pub(super) async fn misread(
        &self,
        v: &Visitor,
        step: &str,
        screen: &'static str,
        problems: Vec<Problem>,
        now: Instant,
    ) -> Result<ViewResult> {
        let (service, v, step) = (self.clone(), v.clone(), step.to_owned());
        let work = move |tx: &mut Tx<'_, '_>| match service.take(tx, &v, &step, now)? {
            StepCheck::NotOwner => Ok(ViewResult::Foreign),
            StepCheck::Accepted(i) if i.stage.screen() == screen => service.stays_if_open(tx, i, problems.clone(), now),
            StepCheck::Stale(i) | StepCheck::Accepted(i) => service.view(tx, i, now),
        };
        self.store.write(work).await
    }
    /// ⑤: the warning, if a wrong PIN would lock the account. ② and ⑤ have one count, so it stands there before any is typed.
    pub(super) fn last_pin(&self, tx: &mut Tx<'_, '_>, i: &Interaction, now: Instant) -> Result<Option<Message>> {
        let Stage::Pin { matched, .. } = &i.stage else { return Ok(None) };
        let next = lockout::last_pin(tx, &self.crypto, &self.policy, &matched.account, now)?;
        Ok(next.map(LastTry::warning))
    }
}

/// R31, what to check, and the warning of the last try: each a line of its own. The warning of the day holds until
/// midnight.
pub(super) fn wrong_answer(guess: Guess, next: Option<LastTry>, now: Instant) -> Vec<Problem> {
    let check = match guess {
        Guess::Customer => Message::CheckCustomer,
        Guess::Pin => Message::CheckPin,
    };
    let last = next.map(|next| match next.warning() {
        Message::LastTryOfDay => Problem::until(Message::LastTryOfDay, now.next_jst_midnight()),
        lasting => Problem::page(lasting),
    });
    [Problem::page(Message::R31), Problem::page(check)].into_iter().chain(last).collect()
}
