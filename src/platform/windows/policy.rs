//! The machine's policy: a key of the registry that only administrators can write, and that group
//! policies are applied to.

use crate::platform::{PolicyKey, PolicySource, PolicyValue};
use std::io;
use windows_registry::{Key, LOCAL_MACHINE, Type, Value};

const PATH: &str = r"Software\Policies\Passerelle";

/// Where the policy is.
#[must_use]
pub fn policy_source() -> PolicySource {
    let root = match LOCAL_MACHINE.open(PATH) {
        Ok(key) => read(&key, DEEPEST),
        Err(error) => Err(error.into()),
    };
    PolicySource::Registry {
        name: r"HKLM\Software\Policies\Passerelle",
        root: match root {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(PolicyKey::default()),
            root => root,
        },
    }
}

/// A policy has no keys below that.
const DEEPEST: usize = 6;

fn read(key: &Key, depth: usize) -> io::Result<PolicyKey> {
    let values = key.values()?.map(|(name, value)| (name, value_of(value)));
    let mut policy = PolicyKey {
        values: values.collect(),
        keys: Vec::new(),
    };
    if depth > 0 {
        for name in key.keys()? {
            let below = read(&key.open(&name)?, depth - 1)?;
            policy.keys.push((name, below));
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
