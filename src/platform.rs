//! What differs between systems, behind one set of signatures.
