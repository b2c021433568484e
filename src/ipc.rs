//! How the command line talks to the running Passerelle: one JSON object a line.
