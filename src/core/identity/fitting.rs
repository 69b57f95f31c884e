//! The errors of a form that was sent, on a page whose fields have changed since: the language link takes along what was typed
//! after the error (requirements.md#typed).

use super::message::{Field, Message, Problem};

/// The stored errors as they are of what stands in the fields now. `now` is what is wrong with that. A field that was in order
/// when the form was sent gets no error before the form is sent again; the errors of the whole page stay.
#[must_use]
pub fn fitting(stored: Vec<Problem>, now: &[Problem]) -> Vec<Problem> {
    let named: Vec<Field> = stored.iter().filter_map(|p| p.field).map(together).collect();
    if named.is_empty() {
        return stored;
    }
    let fields = now.iter().filter(|p| p.field.is_some_and(|field| named.contains(&together(field))));
    let fields: Vec<Problem> = fields.copied().collect();
    let empty = fields.iter().any(|p| p.message.says_empty());
    let page = stored.into_iter().filter(|p| p.field.is_none() && (empty || p.message != Message::Missing));
    page.chain(fields).collect()
}

/// The fields that are judged together: the parts of a date, and an address with its repetition.
const fn together(field: Field) -> Field {
    match field {
        Field::BirthMonth | Field::BirthDay => Field::BirthYear,
        Field::EmailConfirm => Field::Email,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_that_of_what_stands_in_the_field() {
        let at = Problem::at;
        let (page, missing) = (Problem::page(Message::R31), Problem::page(Message::Missing));
        let kana = at(Field::NameKana, Message::Kana);
        let phone = at(Field::Phone, Message::Phone);
        let (no_phone, no_day) = (at(Field::Phone, Message::Required), at(Field::BirthDay, Message::BirthDay));
        let date = at(Field::BirthYear, Message::BirthDate);
        let (email, differs) = (at(Field::Email, Message::Email), at(Field::EmailConfirm, Message::EmailMismatch));
        for (why, stored, now, want) in [
            ("nothing changed", vec![kana, phone], vec![kana, phone], vec![kana, phone]),
            ("one was corrected", vec![kana, phone], vec![phone], vec![phone]),
            ("all were", vec![missing, no_phone], vec![], vec![]),
            ("it is no longer empty, but wrong", vec![missing, no_phone], vec![phone], vec![phone]),
            ("another is still empty", vec![missing, no_phone, no_day], vec![missing, no_day], vec![missing, no_day]),
            ("a date is one", vec![missing, no_day], vec![date], vec![date]),
            ("an address and its repetition too", vec![email], vec![differs], vec![differs]),
            ("what was in order gets none yet", vec![kana], vec![missing, kana, no_phone], vec![kana]),
            ("what the core bank said stays", vec![page], vec![kana], vec![page]),
        ] {
            assert_eq!(fitting(stored, &now), want, "{why}");
        }
    }
}
