//! The start of an interaction: the redirect to its first screen, or why there is none.

use crate::clock::Instant;
use crate::identity::StartResult;
use crate::pages::{Chrome, Closed, Language};
use crate::web::{App, cookie, page, paths};
use actix_web::HttpResponse;

/// 303 to the screen of a new interaction, with its cookie; or an error page.
pub fn begun(app: &App, language: Language, result: StartResult, now: Instant) -> HttpResponse {
    answer(app, &page::frame(app, language), result, now)
}

/// The same with a frame for the error page.
pub(super) fn answer(app: &App, frame: &Chrome, result: StartResult, now: Instant) -> HttpResponse {
    match result {
        StartResult::Begun { interaction, cookie: value, forget } => {
            let mut answer = page::see_other(&paths::screen(&interaction));
            cookie::forget(&mut answer, app, &forget);
            cookie::bind(&mut answer, app, &interaction, &value, now);
            answer
        }
        StartResult::TooManyOfNetwork { until } => {
            page::too_many(app, frame, Closed::TooOften { until: until.whole_minute() }, until, now)
        }
        StartResult::TooMany { until } => {
            page::too_many(app, frame, Closed::TooMany { until: until.whole_minute() }, until, now)
        }
    }
}
