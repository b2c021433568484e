//! The colours that the user wants: what the desktop's portal says.

use crate::platform::Appearance;
use std::time::Duration;
use zbus::zvariant::{OwnedValue, Value};

/// A desktop that does not answer must not hold up a dialog.
const PATIENCE: Duration = Duration::from_millis(300);

/// Light or dark, where the desktop has an opinion.
#[must_use]
pub fn appearance() -> Option<Appearance> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .ok()?;
    let asked = runtime.block_on(async { tokio::time::timeout(PATIENCE, ask()).await });
    of_scheme(asked.ok()?.ok()?)
}

/// `org.freedesktop.appearance color-scheme` of the XDG Desktop Portal.
async fn ask() -> zbus::Result<u32> {
    let bus = zbus::Connection::session().await?;
    let reply = bus
        .call_method(
            Some("org.freedesktop.portal.Desktop"),
            "/org/freedesktop/portal/desktop",
            Some("org.freedesktop.portal.Settings"),
            "Read",
            &("org.freedesktop.appearance", "color-scheme"),
        )
        .await?;
    let value: OwnedValue = reply.body().deserialize()?;
    let mut value = Value::from(value);
    // `Read` wraps its answer twice.
    while let Value::Value(inner) = value {
        value = *inner;
    }
    Ok(u32::try_from(value)?)
}

fn of_scheme(scheme: u32) -> Option<Appearance> {
    match scheme {
        1 => Some(Appearance::Dark),
        2 => Some(Appearance::Light),
        // 0 is "no preference".
        _ => None,
    }
}
