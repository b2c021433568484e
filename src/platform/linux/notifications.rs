//! Notifications by D-Bus: the Desktop Notifications Specification 1.2.

use crate::platform::Notification;
use futures_util::StreamExt;
use std::collections::HashMap;
use std::future::pending;
use std::thread;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use zbus::zvariant::Value;
use zbus::{Connection, MatchRule, Message, MessageStream};

const SERVICE: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// What a click on the notification itself invokes.
const CLICK: &str = "default";

/// A desktop that does not answer must not keep what is to be told next.
const PATIENCE: Duration = Duration::from_secs(5);

/// The notification in the corner of the screen: a new one takes the place of the last.
#[derive(Default)]
pub struct Notifications(Option<mpsc::UnboundedSender<Notification>>);

impl Notifications {
    /// Shows it.
    pub fn show(&mut self, notification: Notification) {
        let queue = self.0.get_or_insert_with(|| {
            let (queue, asked) = mpsc::unbounded_channel();
            let started = thread::Builder::new()
                .name("notifications".to_owned())
                .spawn(move || run(asked));
            if let Err(error) = started {
                tracing::warn!(%error, "no notifications");
            }
            queue
        });
        if let Err(unsent) = queue.send(notification) {
            (unsent.0.refused)();
        }
    }
}

fn run(asked: mpsc::UnboundedReceiver<Notification>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(serve(asked)),
        Err(error) => tracing::warn!(%error, "no notifications"),
    }
}

async fn serve(mut asked: mpsc::UnboundedReceiver<Notification>) {
    let mut desktop: Option<Desktop> = None;
    let mut shown: Option<Notification> = None;
    loop {
        tokio::select! {
            notification = asked.recv() => {
                let Some(notification) = notification else { return };
                match show(&mut desktop, &notification).await {
                    Ok(()) => shown = Some(notification),
                    Err(error) => {
                        tracing::warn!(%error, "a notification is not shown");
                        (notification.refused)();
                        desktop = None;
                    }
                }
            }
            message = next(&mut desktop) => match (message, &desktop) {
                (Some(message), Some(desktop)) => {
                    if desktop.is_click(&message)
                        && let Some(shown) = &shown
                    {
                        (shown.clicked)();
                    }
                }
                // The bus is gone.
                _ => desktop = None,
            },
        }
    }
}

async fn show(desktop: &mut Option<Desktop>, notification: &Notification) -> zbus::Result<()> {
    let shown = async {
        let desktop = match desktop {
            Some(desktop) => desktop,
            None => desktop.insert(Desktop::connect().await?),
        };
        desktop.show(notification).await
    };
    timeout(PATIENCE, shown)
        .await
        .unwrap_or_else(|_| Err(zbus::Error::Failure("no answer".to_owned())))
}

async fn next(desktop: &mut Option<Desktop>) -> Option<Message> {
    match desktop {
        Some(desktop) => desktop.signals.next().await?.ok(),
        None => pending().await,
    }
}

/// The desktop's side.
struct Desktop {
    bus: Connection,
    signals: MessageStream,
    /// The one to replace; 0: none.
    last: u32,
}

impl Desktop {
    async fn connect() -> zbus::Result<Self> {
        let bus = Connection::session().await?;
        let clicks = MatchRule::builder()
            .msg_type(zbus::message::Type::Signal)
            .interface(SERVICE)?
            .member("ActionInvoked")?
            .path(PATH)?
            .build();
        Ok(Self {
            signals: MessageStream::for_match_rule(clicks, &bus, None).await?,
            bus,
            last: 0,
        })
    }

    async fn show(&mut self, notification: &Notification) -> zbus::Result<()> {
        let hints = HashMap::from([("desktop-entry", Value::from("passerelle"))]);
        // The desktop's own time to show it.
        let timeout = -1_i32;
        let arguments = (
            "Passerelle",
            self.last,
            "passerelle",
            &notification.title,
            &marked_up(&notification.text),
            [CLICK, ""].as_slice(),
            hints,
            timeout,
        );
        let interface = Some(SERVICE);
        let reply = self
            .bus
            .call_method(Some(SERVICE), PATH, interface, "Notify", &arguments)
            .await?;
        self.last = reply.body().deserialize()?;
        Ok(())
    }

    fn is_click(&self, message: &Message) -> bool {
        let invoked = message.body().deserialize::<(u32, String)>();
        invoked.is_ok_and(|(id, action)| id == self.last && action == CLICK)
    }
}

/// The text as a notification takes it: a small part of HTML.
fn marked_up(text: &str) -> String {
    let text = text.replace('&', "&amp;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}
