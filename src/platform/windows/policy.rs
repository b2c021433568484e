//! The machine's policy: a key of the registry that only administrators can write, and that group
//! policies are applied to.

use super::registry::system_error;
use crate::platform::{PolicyKey, PolicySource, PolicyValue};
use std::io;
use windows_registry::{Key, LOCAL_MACHINE, Type, Value};

const PATH: &str = r"Software\Policies\Passerelle";

/// Where the policy is.
#[must_use]
pub fn policy_source() -> PolicySource {
    let key = LOCAL_MACHINE.open(PATH).map_err(system_error);
    let root = match key.and_then(|key| read(&key, DEEPEST)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(PolicyKey::default()),
        root => root,
    };
    PolicySource::Registry {
        name: r"HKLM\Software\Policies\Passerelle",
        root,
    }
}

/// A policy has no keys below that.
const DEEPEST: usize = 6;

fn read(key: &Key, depth: usize) -> io::Result<PolicyKey> {
    let values = key.values().map_err(system_error)?;
    let mut policy = PolicyKey {
        values: values
            .map(|(name, value)| (name, value_of(value)))
            .collect(),
        keys: Vec::new(),
    };
    if depth > 0 {
        for name in key.keys().map_err(system_error)? {
            let below = key.open(&name).map_err(system_error)?;
            policy.keys.push((name, read(&below, depth - 1)?));
        }
    }
    Ok(policy)
}

fn value_of(value: Value) -> PolicyValue {
    let read = match value.ty() {
        Type::String | Type::ExpandString => String::try_from(value).map(PolicyValue::Text),
        Type::MultiString => Vec::<String>::try_from(value).map(PolicyValue::Lines),
        Type::U32 => u32::try_from(value).map(PolicyValue::Number),
        Type::U64 | Type::Bytes | Type::Other(_) => return PolicyValue::Other,
    };
    read.unwrap_or(PolicyValue::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_key_is_told_from_an_unreadable_one() {
        let missing = format!(r"{PATH}\There is no such key");
        let error = LOCAL_MACHINE.open(missing).map_err(system_error);
        assert_eq!(
            error.err().map(|error| error.kind()),
            Some(io::ErrorKind::NotFound)
        );
    }
}
