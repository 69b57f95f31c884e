//! The institution as the pages name it, from the configuration.

use super::{Error, key};
use crate::config::Config;
use crate::pages::InstitutionProfile;
use crate::phone::Phone;

/// The institution's data for pages.
pub(super) fn profile(config: &Config) -> Result<InstitutionProfile, Error> {
    let i = &config.institution;
    let phone = Phone::parse(&i.phone).ok_or_else(|| key("institution.phone")("is not a telephone number"))?;
    let stop_contact = i
        .stop_contact
        .as_deref()
        .map(|number| Phone::parse(number).ok_or_else(|| key("institution.stop_contact")("is not a telephone number")));
    let host = config.server.issuer.split_once("://").map_or("", |(_, host)| host);
    Ok(InstitutionProfile {
        name: i.name.clone(),
        name_en: i.name_en.clone(),
        us: i.kind.ja().to_owned(),
        color: i.color.clone(),
        terms_url: i.terms_url.clone(),
        faq_url: i.faq_url.clone(),
        phone,
        department: i.department.clone(),
        contact_hours: i.contact_hours.clone(),
        stop_contact: stop_contact.transpose()?,
        copyright: i.copyright.clone(),
        mail_domain: config.mail.from.rsplit('@').next().unwrap_or_default().to_owned(),
        host: host.to_owned(),
        customer_screen_id: config.identity.customer_screen_id.clone(),
        closed: config.hours.windows().map_err(key("hours.closed"))?,
    })
}
