//! The log: a file, rotated by size, that never holds a secret.
