//! The institution's data for pages, from the configuration and the file with its mark.

use super::{Error, key};
use crate::config::Config;
use crate::pages::{Asset, InstitutionProfile, LARGEST_LOGO, logo as read_logo};
use crate::phone::Phone;
use std::fs::File;
use std::io::Read as _;

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
        logo: logo(config)?,
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

/// The institution's mark, if the configuration names one.
///
/// # Errors
/// The file cannot be read, or is nothing that may be shown; with the line where there is one.
pub(super) fn logo(config: &Config) -> Result<Option<Asset>, Error> {
    let Some(path) = &config.institution.logo_file else { return Ok(None) };
    let refused = |why: String| key("institution.logo_file")(format!("{}{why}", path.display()));
    let mut bytes = Vec::new();
    // One byte more than is allowed, so that a larger file is known as one.
    let read = File::open(path).and_then(|file| file.take(LARGEST_LOGO + 1).read_to_end(&mut bytes));
    read.map_err(|cause| refused(format!(": {cause}")))?;
    match read_logo(bytes) {
        Ok(logo) => Ok(Some(logo)),
        Err(why) => Err(refused(why.line.map_or_else(String::new, |line| format!(":{line}")) + ": " + &why.why)),
    }
}
