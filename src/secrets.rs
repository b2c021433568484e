//! Where passwords and passphrases are kept.
