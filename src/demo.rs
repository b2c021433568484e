//! `passerelle demo`: the whole way on loopback, with nothing to install.
