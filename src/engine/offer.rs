//! What we offer a server in the key exchange, and the bounds of the session that follows.

use super::identification;
use super::wear;
use russh::client::Config;
use russh::keys::{Algorithm, EcdsaCurve, HashAlg};
use russh::{Limits, Preferred, SshId, cipher, compression, kex, mac};
use std::borrow::Cow;
use std::time::Duration;

/// The window, RFC 4254 section 5.2, for a server next door.
const WINDOW_LEAST: u32 = 2 << 20;

/// The largest window. OpenSSH's sshd (9.2) reads from the target until the window is full, and where TCP is slower
/// than the target, each packet then costs it the more processor time the more it holds. With a round trip of
/// 50 ms, a window of 12 MiB brought 10 MiB/s, one of 8 MiB 29, one of 2 MiB 17.
const WINDOW_MOST: u32 = 8 << 20;

/// Bytes that one millisecond of round trip is worth: 1 Gbit/s, twice, since russh grants anew
/// only when half of the window is used up.
const WINDOW_PER_MS: u32 = 2 * 125_000;

/// When we begin new keys by ourselves.
///
/// As a rule never: while we wait for the server's KEXINIT, russh 0.65 takes no more than twice the window from
/// all channels together and then ends the session, and what is under way then is as much as the
/// network holds. The server's rekeys lose nothing where it sends nothing else after its KEXINIT
/// (RFC 4253 section 7.1), and servers know when: OpenSSH and Go after the 2³² blocks of RFC 4344 section 3.2, others each
/// GiB. For a server that never does, another session takes over well before `rekey_bytes`.
#[derive(Debug, Clone, Copy)]
pub struct SessionLimits {
    /// Bytes on one key, in either direction.
    pub rekey_bytes: u64,
    /// The age of a key.
    pub rekey_time: Duration,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            rekey_bytes: wear::KEY_MOST,
            rekey_time: Duration::MAX,
        }
    }
}

/// The configuration of a session. `known` are the host key algorithms under which the server is
/// known: they are asked for first, so that a server with several keys shows one that we know.
/// `round_trip` is the server's, by SSH.
#[must_use]
pub fn config(known: &[Algorithm], round_trip: Duration, limits: SessionLimits) -> Config {
    let rekey_bytes = usize::try_from(limits.rekey_bytes).unwrap_or(usize::MAX);
    Config {
        client_id: SshId::Raw(Cow::Borrowed(identification::LINE)),
        limits: Limits {
            rekey_write_limit: rekey_bytes,
            rekey_read_limit: rekey_bytes,
            rekey_time_limit: limits.rekey_time,
        },
        window_size: window(round_trip),
        preferred: Preferred {
            kex: Cow::Borrowed(KEX),
            key: Cow::Owned(host_key_order(known)),
            host_key_certificates: Cow::Borrowed(&[]),
            cipher: Cow::Borrowed(CIPHERS),
            mac: Cow::Borrowed(MACS),
            compression: Cow::Borrowed(&[compression::NONE]),
        },
        // The transport bounds a blocked write, authentication its own silence, and the session asks the
        // server by itself whether it is there.
        inactivity_timeout: None,
        keepalive_interval: None,
        ..Config::default()
    }
}

/// Post-quantum first, no SHA-1, no NIST curves. The last two are not methods: RFC 8308's request
/// for extension information, and strict key exchange, the counter-measure to Terrapin.
const KEX: &[kex::Name] = &[
    kex::MLKEM768X25519_SHA256,
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::DH_G18_SHA512,
    kex::DH_G16_SHA512,
    kex::DH_GEX_SHA256,
    kex::DH_G14_SHA256,
    kex::EXTENSION_SUPPORT_AS_CLIENT,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
];

/// AES-GCM first: with AES instructions it costs a third less than ChaCha20-Poly1305.
const CIPHERS: &[cipher::Name] = &[
    cipher::AES_128_GCM,
    cipher::AES_256_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_CTR,
    cipher::AES_128_CTR,
];

const MACS: &[mac::Name] = &[
    mac::HMAC_SHA512_ETM,
    mac::HMAC_SHA256_ETM,
    mac::HMAC_SHA512,
    mac::HMAC_SHA256,
];

/// Every host key algorithm that we take; `ssh-rsa`, which signs with SHA-1, is not among them.
const HOST_KEYS: &[Algorithm] = &[
    Algorithm::Ed25519,
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP256,
    },
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP384,
    },
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP521,
    },
    Algorithm::Rsa {
        hash: Some(HashAlg::Sha512),
    },
    Algorithm::Rsa {
        hash: Some(HashAlg::Sha256),
    },
];

fn host_key_order(known: &[Algorithm]) -> Vec<Algorithm> {
    let (mut first, rest): (Vec<_>, Vec<_>) = HOST_KEYS
        .iter()
        .cloned()
        .partition(|algorithm| known.contains(algorithm));
    first.extend(rest);
    first
}

/// Large enough that the round trip does not limit a download, and small enough on a short way,
/// where a large window costs cache and gives nothing.
fn window(round_trip: Duration) -> u32 {
    let milliseconds = u32::try_from(round_trip.as_millis()).unwrap_or(u32::MAX);
    milliseconds
        .saturating_mul(WINDOW_PER_MS)
        .clamp(WINDOW_LEAST, WINDOW_MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_algorithms_come_first_and_none_is_lost() {
        let rsa = Algorithm::Rsa {
            hash: Some(HashAlg::Sha256),
        };
        let order = host_key_order(std::slice::from_ref(&rsa));
        assert_eq!(order[0], rsa);
        assert_eq!(order.len(), HOST_KEYS.len());
    }

    #[test]
    fn sha1_is_never_offered_even_when_known() {
        let order = host_key_order(&[Algorithm::Rsa { hash: None }]);
        assert_eq!(order, HOST_KEYS);
    }

    #[test]
    fn strict_key_exchange_and_extension_information_are_asked_for() {
        assert!(KEX.contains(&kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT));
        assert!(KEX.contains(&kex::EXTENSION_SUPPORT_AS_CLIENT));
    }

    #[test]
    fn the_window_follows_the_round_trip_within_bounds() {
        assert_eq!(window(Duration::from_micros(300)), WINDOW_LEAST);
        assert_eq!(window(Duration::from_millis(20)), 5_000_000);
        assert_eq!(window(Duration::from_millis(100)), WINDOW_MOST);
        assert_eq!(window(Duration::from_secs(3600 * 24 * 365)), WINDOW_MOST);
    }
}
