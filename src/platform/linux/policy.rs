//! The machine's policy: a file that only root can write.

use crate::platform::PolicySource;

/// Where the policy is.
#[must_use]
pub fn policy_source() -> PolicySource {
    PolicySource::File("/etc/passerelle/policy.toml".into())
}
