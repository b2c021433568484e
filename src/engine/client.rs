//! What we answer to a server: the russh handler of one session.

use super::transport::ConnectionControl;
use crate::hostkey::{self, KnownHosts};
use crate::model::{Fault, TunnelSettings};
use russh::client::{ChannelOpenHandle, DisconnectReason, Handler, Msg, Session};
use russh::keys::PublicKeyOrCertificate;
use russh::{Channel, ChannelId, Names, cipher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// What a session tells about its end, for whoever watches it from outside of russh.
#[derive(Debug, Clone, Default)]
pub struct Farewell {
    notes: Arc<Mutex<FarewellNotes>>,
    gone: CancellationToken,
}

#[derive(Debug, Default)]
struct FarewellNotes {
    refusal: Option<Fault>,
    end: Option<End>,
    algorithms: String,
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The server said good-bye.
    Disconnect {
        /// RFC 4253 section 11.1.
        reason: u32,
        /// The server's own words.
        message: String,
    },
    /// The server refused a credential, and takes no other kind.
    NoMethodLeft,
    /// The server went silent.
    Silence,
    /// The connection broke, or the protocol did.
    Broken(String),
}

impl Farewell {
    /// Why we refused the server's key, if we did.
    #[must_use]
    pub fn refusal(&self) -> Option<Fault> {
        self.notes().refusal.clone()
    }

    /// How the session ended, once it has.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        self.notes().end.clone()
    }

    /// Resolves when the session has ended; from then on [`Farewell::end`] tells how.
    pub async fn ended(&self) {
        self.gone.cancelled().await;
    }

    /// Whether the session has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.gone.is_cancelled()
    }

    /// Key exchange, host key and cipher that were agreed on.
    #[must_use]
    pub fn algorithms(&self) -> String {
        self.notes().algorithms.clone()
    }

    fn notes(&self) -> MutexGuard<'_, FarewellNotes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Our side of one session.
pub struct Client {
    settings: Arc<TunnelSettings>,
    known: KnownHosts,
    control: ConnectionControl,
}

impl Client {
    /// A client that judges the server's key by `known` and the pins in `settings`.
    #[must_use]
    pub fn new(
        settings: Arc<TunnelSettings>,
        known: KnownHosts,
        control: ConnectionControl,
    ) -> Self {
        Self {
            settings,
            known,
            control,
        }
    }

    fn refuse(&self, fault: Fault) -> bool {
        self.control.farewell.notes().refusal = Some(fault);
        false
    }
}

impl Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        presented: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        let (host, port) = (&self.settings.host, self.settings.port);
        let key = match presented {
            PublicKeyOrCertificate::PublicKey { key, .. } => key,
            // Never offered, so never expected.
            PublicKeyOrCertificate::Certificate(_) => {
                return Ok(self.refuse(Fault::HostCertificateUnsupported {
                    host: host.clone(),
                    source: "the server".into(),
                }));
            }
        };
        let pins = &self.settings.host_key;
        let verdict = self.known.verdict(host, port, key, pins);
        let shown = hostkey::present(host, port, key);
        Ok(match hostkey::verdict_fault(verdict, shown, pins) {
            None => true,
            Some(fault) => self.refuse(fault),
        })
    }

    async fn kex_done(
        &mut self,
        _shared_secret: Option<&[u8]>,
        names: &Names,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.control.wear.rekeyed();
        let mut notes = self.control.farewell.notes();
        let first = notes.algorithms.is_empty();
        // Terrapin, CVE-2023-48795: without strict key exchange only AES-GCM resists prefix
        // truncation. Strictness is agreed on in the first exchange alone.
        let resists = [cipher::AES_128_GCM, cipher::AES_256_GCM].contains(&names.cipher);
        if first && !names.strict_kex() && !resists {
            notes.refusal = Some(Fault::NoCommonAlgorithm {
                server: self.settings.server(),
                detail: format!(
                    "{} without strict key exchange (CVE-2023-48795)",
                    names.cipher.as_ref()
                ),
            });
            return Err(russh::Error::Kex);
        }
        notes.algorithms = format!(
            "{}, {}, {}",
            names.kex.as_ref(),
            names.key,
            names.cipher.as_ref()
        );
        Ok(())
    }

    async fn channel_open_confirmation(
        &mut self,
        _channel: ChannelId,
        _max_packet_size: u32,
        window_size: u32,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.control.turns.opened_with(window_size);
        Ok(())
    }

    // We never ask for remote forwards, agent forwarding or X11, so the server has nothing to open.
    // russh accepts by default; a reply that is dropped refuses (RFC 4254 section 5.1).

    async fn server_channel_open_session(
        &mut self,
        _channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        drop(reply);
        Ok(())
    }

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _channel: Channel<Msg>,
        _connected_address: &str,
        _connected_port: u32,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        drop(reply);
        Ok(())
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _channel: Channel<Msg>,
        _socket_path: &str,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        drop(reply);
        Ok(())
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _channel: Channel<Msg>,
        _host_to_connect: &str,
        _port_to_connect: u32,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        drop(reply);
        Ok(())
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _channel: Channel<Msg>,
        _socket_path: &str,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        drop(reply);
        Ok(())
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        drop(reply);
        Ok(())
    }

    async fn server_channel_open_x11(
        &mut self,
        _channel: Channel<Msg>,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        drop(reply);
        Ok(())
    }

    async fn disconnected(
        &mut self,
        reason: DisconnectReason<Self::Error>,
    ) -> Result<(), Self::Error> {
        let end = match reason {
            DisconnectReason::ReceivedDisconnect(info) => End::Disconnect {
                reason: info.reason_code as u32,
                message: info.message,
            },
            DisconnectReason::Error(russh::Error::KeepaliveTimeout) => End::Silence,
            DisconnectReason::Error(russh::Error::IO(error))
                if error.kind() == std::io::ErrorKind::TimedOut =>
            {
                End::Silence
            }
            DisconnectReason::Error(russh::Error::NoAuthMethod) => End::NoMethodLeft,
            DisconnectReason::Error(error) => End::Broken(error.to_string()),
        };
        self.control.farewell.notes().end.get_or_insert(end);
        self.control.farewell.gone.cancel();
        Ok(())
    }
}
