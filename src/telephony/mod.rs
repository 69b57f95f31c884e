//! Telephony: how a call that arrived is reported to us.
