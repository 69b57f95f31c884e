//! The demo's other actors: sample app, sample account API, phone and mailbox simulator.
