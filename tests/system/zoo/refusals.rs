//! Servers that Passerelle does not talk to.

use crate::common::{Make, Passerelle, ZooServer};
use std::time::Duration;

/// It offers AES in counter mode only, and does not know strict key exchange: CVE-2023-48795.
#[test]
fn conch_is_refused_for_want_of_strict_key_exchange() {
    let server = ZooServer::start(Make::Conch);
    let passerelle = Passerelle::ready(&server, []);
    let tunnel = passerelle.wait_phase("blocked", Duration::from_secs(60));
    assert_eq!(tunnel["fault"]["code"], "no_common_algorithm", "{tunnel}");
}
