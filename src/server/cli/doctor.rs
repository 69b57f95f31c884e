//! `renkei doctor`: what is not well with a server, in plain sentences, and what to do. It asks the running server by its
//! admin socket, so it works without `admin.listen`.

use super::admin_client::readiness;
use super::block_on;
use super::out::{Failure, Out};
use super::target::Target;
use crate::web::components::{Component, Condition};
use serde_json::json;

/// Say what is not well with a server, and what to do.
#[derive(Debug, clap::Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    target: Target,
}

impl Doctor {
    /// Runs the command.
    ///
    /// # Errors
    /// Something is not well.
    pub(super) fn run(self, out: &Out) -> Result<(), Failure> {
        let located = self.target.locate()?;
        let Some(socket) = located.served()? else {
            let advice = "Start it, and read the last lines of its log if it does not stay.";
            let component = Component {
                name: "server".into(),
                status: Condition::Failed,
                reason: Some(format!("no server runs: nobody listens on {}", located.sockets())),
                advice: Some(advice.into()),
            };
            return say(out, &[component]);
        };
        let answer = block_on(readiness(socket))?;
        let components: Vec<Component> =
            serde_json::from_value(answer["components"].clone()).map_err(Failure::refused)?;
        say(out, &components)
    }
}

fn say(out: &Out, components: &[Component]) -> Result<(), Failure> {
    out.say(&json!({ "components": components }), || sentences(components));
    match components.iter().filter(|component| component.status != Condition::Ok).count() {
        0 => Ok(()),
        unwell => Err(Failure::Refused(format!("{unwell} of {} parts are not well", components.len()))),
    }
}

/// One paragraph for each part that is not well.
fn sentences(components: &[Component]) -> String {
    let unwell: Vec<String> = components
        .iter()
        .filter(|component| component.status != Condition::Ok)
        .map(|component| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let state = if component.status == Condition::Failed { "does not work" } else { "works, but not well" };
            format!("{} {state}: {}.\n  {}", component.name, text(&component.reason), text(&component.advice))
        })
        .collect();
    if unwell.is_empty() {
        let names: Vec<&str> = components.iter().map(|component| component.name.as_str()).collect();
        return format!("All is well: {}.", names.join(", "));
    }
    unwell.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_is_wrong_and_what_to_do() {
        let well = Component { name: "store".into(), status: Condition::Ok, reason: None, advice: None };
        let unwell = Component {
            name: "mail".into(),
            status: Condition::Degraded,
            reason: Some("2 notices to customers were given up".into()),
            advice: Some("Repair the relay.".into()),
        };
        assert_eq!(sentences(std::slice::from_ref(&well)), "All is well: store.");
        assert_eq!(
            sentences(&[well, unwell]),
            "mail works, but not well: 2 notices to customers were given up.\n  Repair the relay."
        );
    }
}
