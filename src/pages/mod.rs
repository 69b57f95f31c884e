//! Pages and mails: one typed context each, rendered with tera.
