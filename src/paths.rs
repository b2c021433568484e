//! Where Passerelle finds and keeps its files.
