//! Host keys: the verdict on what a server shows, by OpenSSH's rules, and Passerelle's own known_hosts.
