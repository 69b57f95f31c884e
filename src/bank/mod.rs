//! The core bank: connectors behind the port identity declares.
