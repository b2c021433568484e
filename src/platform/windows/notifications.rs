//! Toasts of the notification centre, under our own identity.

use super::registration::APP_ID;
use crate::platform::Notification;
use windows::Data::Xml::Dom::XmlDocument;
use windows::Foundation::TypedEventHandler;
use windows::UI::Notifications::{ToastNotification, ToastNotificationManager};
use windows::core::{HSTRING, IInspectable, Result, h};

/// The notification in the corner of the screen: a new one takes the place of the last.
#[derive(Default)]
pub struct Notifications {
    /// Kept for its handler of clicks.
    last: Option<ToastNotification>,
}

impl Notifications {
    /// Shows it.
    pub fn show(&mut self, notification: Notification) {
        let Notification {
            title,
            text,
            clicked,
            refused,
        } = notification;
        match toast(&title, &text, clicked) {
            Ok(toast) => self.last = Some(toast),
            Err(error) => {
                tracing::warn!(%error, "a notification is not shown");
                refused();
            }
        }
    }
}

fn toast(title: &str, text: &str, clicked: Box<dyn Fn() + Send>) -> Result<ToastNotification> {
    let document = XmlDocument::new()?;
    document.LoadXml(&HSTRING::from(template(title, text)))?;
    let toast = ToastNotification::CreateToastNotification(&document)?;
    // Of two with the same tag, the later one replaces the former.
    toast.SetTag(h!("passerelle"))?;
    let handler = TypedEventHandler::<ToastNotification, IInspectable>::new(move |_, _| {
        clicked();
        Ok(())
    });
    toast.Activated(&handler)?;
    let corner = ToastNotificationManager::CreateToastNotifierWithId(&HSTRING::from(APP_ID))?;
    corner.Show(&toast)?;
    Ok(toast)
}

fn template(title: &str, text: &str) -> String {
    let (title, text) = (escaped(title), escaped(text));
    format!(
        "<toast><visual><binding template=\"ToastGeneric\"><text>{title}</text><text>{text}</text>\
         </binding></visual></toast>"
    )
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}
