//! The texts of the pages: one Fluent file for each language, used strictly. A missing message, a missing argument or a
//! misused message is an error, so that a customer's screen never has a gap.

use crate::language::Language;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};

/// The texts of one language.
pub(super) struct Words {
    bundle: FluentBundle<FluentResource>,
}

/// What is wrong with a text.
#[derive(Debug, thiserror::Error)]
pub enum WordsError {
    /// The file cannot be read.
    #[error("the texts of {0} cannot be read: {1}")]
    File(&'static str, String),
    /// No such message.
    #[error("there is no text {0}")]
    Missing(String),
    /// The message lacks an argument, or refers to something that does not exist.
    #[error("the text {0} does not work: {1}")]
    Broken(String, String),
}

impl Words {
    /// Parses a language's file.
    pub(super) fn parse(language: Language, source: &str) -> Result<Self, WordsError> {
        let file = |why: String| WordsError::File(language.as_str(), why);
        let resource = FluentResource::try_new(source.to_owned()).map_err(|(_, e)| file(format!("{e:?}")))?;
        let id = language.as_str().parse().map_err(|e| file(format!("{e:?}")))?;
        let mut bundle = FluentBundle::new_concurrent(vec![id]);
        // Otherwise isolation marks (U+2068, U+2069) would be copied together with a number.
        bundle.set_use_isolating(false);
        bundle.add_resource(resource).map_err(|e| file(format!("{e:?}")))?;
        Ok(Self { bundle })
    }

    /// The text of a message.
    pub(super) fn text(&self, key: &str, args: &FluentArgs<'_>) -> Result<String, WordsError> {
        let missing = || WordsError::Missing(key.to_owned());
        let pattern = self.bundle.get_message(key).and_then(|m| m.value()).ok_or_else(missing)?;
        let mut errors = Vec::new();
        let text = self.bundle.format_pattern(pattern, Some(args), &mut errors).into_owned();
        if errors.is_empty() { Ok(text) } else { Err(WordsError::Broken(key.to_owned(), format!("{errors:?}"))) }
    }
}
