//! Tells that addresses or routes changed (rtnetlink), or that the machine woke (logind).

#![expect(unsafe_code, reason = "a descriptor that tokio has no type for")]

use futures_util::StreamExt;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};
use std::io;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;

/// `RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE`, rtnetlink(7).
const ADDRESSES_AND_ROUTES: u32 = 0x10 | 0x40 | 0x100 | 0x400;

/// Notifies whenever an address or a route changes, or the machine wakes from sleep; what exactly is
/// for the listener to find out. Returns when the system tells neither (any more).
pub async fn watch_environment(changed: &Notify) {
    let network = async {
        if let Err(error) = watch_network(changed).await {
            tracing::warn!(%error, "changes of the network are not told");
        }
    };
    let sleep = async {
        if let Err(error) = watch_sleep(changed).await {
            tracing::info!(%error, "no logind tells of sleep");
        }
    };
    tokio::join!(network, sleep);
}

async fn watch_network(changed: &Notify) -> io::Result<()> {
    // SAFETY: an `OwnedFd` is open, and the same descriptor, until it is dropped.
    let socket = unsafe { AsyncFd::register_with_interest(subscribe()?, Interest::READABLE) }?;
    // What a message says is of no interest, so it may be cut short.
    let mut message = [0; 64];
    loop {
        let mut ready = socket.readable().await?;
        let read = ready.try_io(|socket| {
            let read = recv(socket, message.as_mut_slice(), RecvFlags::empty());
            read.map(drop).map_err(io::Error::from)
        });
        match read {
            Ok(Ok(())) => changed.notify_one(),
            // So much happened at once that some of it was dropped.
            Ok(Err(error)) if error.raw_os_error() == Some(Errno::NOBUFS.raw_os_error()) => {
                changed.notify_one();
            }
            Ok(Err(error)) => return Err(error),
            // Nothing more to read.
            Err(_) => {}
        }
    }
}

fn subscribe() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    // No protocol is 0, which is NETLINK_ROUTE.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
    bind(&socket, &SocketAddrNetlink::new(0, ADDRESSES_AND_ROUTES))?;
    Ok(socket)
}

async fn watch_sleep(changed: &Notify) -> zbus::Result<()> {
    let bus = zbus::Connection::system().await?;
    follow_sleep(&bus, changed).await
}

/// logind says `PrepareForSleep(true)` before the machine sleeps and `PrepareForSleep(false)` after.
async fn follow_sleep(bus: &zbus::Connection, changed: &Notify) -> zbus::Result<()> {
    let logind = zbus::Proxy::new(
        bus,
        "org.freedesktop.login1",
        "/org/freedesktop/login1",
        "org.freedesktop.login1.Manager",
    )
    .await?;
    let mut signals = logind.receive_signal("PrepareForSleep").await?;
    while let Some(signal) = signals.next().await {
        if matches!(signal.body().deserialize(), Ok(false)) {
            tracing::info!("the machine woke");
            changed.notify_one();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Command, Stdio};
    use std::time::Duration;
    use tokio::time::timeout;
    use zbus::connection::Builder;

    /// A bus of the test's own.
    struct Bus {
        daemon: Child,
        address: String,
    }

    impl Bus {
        fn start() -> Self {
            let mut daemon = Command::new("dbus-daemon")
                .args(["--session", "--nofork", "--nopidfile", "--print-address=1"])
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut address = String::new();
            let mut printed = BufReader::new(daemon.stdout.take().unwrap());
            printed.read_line(&mut address).unwrap();
            let address = address.trim().to_owned();
            Self { daemon, address }
        }
    }

    impl Drop for Bus {
        fn drop(&mut self) {
            let _ = self.daemon.kill();
            let _ = self.daemon.wait();
        }
    }

    #[tokio::test]
    async fn logind_is_heard_when_the_machine_wakes_and_not_when_it_falls_asleep() {
        let bus = Bus::start();
        let connect = || Builder::address(bus.address.as_str()).unwrap();
        let ours = connect().build().await.unwrap();
        let logind = connect().name("org.freedesktop.login1").unwrap();
        let logind = logind.build().await.unwrap();
        let says = async |sleeps: bool| {
            let path = "/org/freedesktop/login1";
            let interface = "org.freedesktop.login1.Manager";
            let signal =
                logind.emit_signal(None::<&str>, path, interface, "PrepareForSleep", &(sleeps));
            signal.await.unwrap();
        };
        let changed = Notify::new();
        let story = async {
            // Until the watch has subscribed, nobody hears it.
            let heard = async {
                while timeout(Duration::from_millis(100), changed.notified())
                    .await
                    .is_err()
                {
                    says(false).await;
                }
            };
            timeout(Duration::from_secs(10), heard).await.unwrap();
            says(true).await;
            let again = timeout(Duration::from_millis(300), changed.notified());
            assert!(again.await.is_err());
        };
        tokio::select! {
            ended = follow_sleep(&ours, &changed) => unreachable!("{ended:?}"),
            () = story => {}
        }
    }
}
