//! What stands on the simulator's page.

use super::State;
use super::calls::Call;
use crate::bank::{AccountChange, linkable_accounts};
use crate::hook::Outcome;
use crate::pages::{Error, Language, PlacedCall, ReceivedMail, ShownReport, SimulatorPage};

/// The page; `refused` is a call that could not be placed, kept in the form.
pub(super) fn home(state: &State, language: Language, refused: Option<&Call>) -> Result<String, Error> {
    let placed = state.exchange.placed();
    let (from, to) = match (refused, placed.first()) {
        (Some(call), _) => (call.from.clone(), call.to.clone()),
        (None, last) => (state.settings.from.clone(), last.map_or_else(String::new, |call| call.to.clone())),
    };
    let calls = placed.into_iter().map(|call| PlacedCall {
        at: call.at,
        from: call.from,
        to: call.to,
        delivered: call.outcome == Outcome::Reported,
    });
    let mails = state.mailbox.all().into_iter().map(|mail| ReceivedMail {
        to: mail.to,
        from: mail.from,
        subject: mail.subject,
        at: mail.date,
        text: mail.text,
    });
    let reports = state.reporter.sent().into_iter().map(|report| ShownReport {
        at: report.at,
        change: report.change.as_str(),
        account: report.account,
        delivered: report.outcome == Outcome::Reported,
    });
    let page = SimulatorPage {
        from,
        to,
        numbers: state.settings.numbers.clone(),
        sample: state.settings.from.clone(),
        calls: calls.collect(),
        mails: mails.collect(),
        refused: refused.is_some(),
        accounts: linkable_accounts(),
        changes: AccountChange::ALL.iter().map(|change| change.as_str()).collect(),
        reports: reports.collect(),
        now: state.clock.now(),
    };
    state.pages.simulator(language, &page)
}
