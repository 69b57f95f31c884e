//! What the service manager is told (systemd's `Type=notify`, `sd_notify(3)`). Without one, nobody is told.

use sd_notify::NotifyState;

/// What happens to the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceState {
    /// It serves.
    Ready,
    /// It reads its files again; [`ServiceState::Ready`] follows.
    Reloading,
    /// It has begun to stop.
    Stopping,
}

/// Tells the service manager. If it cannot be told, the log says so: systemd would wait for it and end the service.
pub fn say(state: ServiceState) {
    let told = match state {
        ServiceState::Ready => sd_notify::notify(&[NotifyState::Ready]),
        ServiceState::Reloading => {
            NotifyState::monotonic_usec_now().and_then(|now| sd_notify::notify(&[NotifyState::Reloading, now]))
        }
        ServiceState::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
    };
    if let Err(cause) = told {
        tracing::warn!(%cause, ?state, "the service manager cannot be told");
    }
}
